/* What a runtime answers to a question of the control protocol. hl__control_answer is for control.c, and for tests that
 * feed it garbage; the rest is for the files that answer, answers_*.c, which use public calls and those for prepared
 * libraries only.
 *
 * A function that answers returns a new JSON object, or NULL with the thread's error set, which becomes the answer's
 * "error". JSON values that could not be made (no memory) are NULL, which jansson's setters take and refuse: the one
 * check is at the end, when the text is written. */
#ifndef HL_OBSERVE_ANSWERS_H
#define HL_OBSERVE_ANSWERS_H

#include <jansson.h>

#include <hookline/runtime.h>

/* The answer to a request, as JSON text that the caller frees; NULL without memory. Anything that is not a good request
 * is answered with an "error". Runs on a thread that may wait: never on the control thread. */
char *hl__control_answer(hl_runtime *runtime, const char *request, size_t len);

/* How long the request lets its answer wait; at most a minute. */
uint32_t hl__wanted_ms(const json_t *request);

/* ---- events and their chains (answers_events.c) ---- */
typedef struct hl__found_event {
    const char *name;
    json_t *value;
    bool opened;
    uint64_t state_size;
} hl__found_event;

const char *hl__engine_word(hl_engine engine);
/* Looks for the request's event without making it; found->value is owned by the caller. */
bool hl__find_event(hl_runtime *runtime, const json_t *request, hl__found_event *found);
json_t *hl__answer_status(hl_runtime *runtime, const json_t *request);
json_t *hl__answer_show(hl_runtime *runtime, const json_t *request);
json_t *hl__answer_explain(hl_runtime *runtime, const json_t *request);
json_t *hl__answer_dump(hl_runtime *runtime, const json_t *request);

/* ---- how plugins do (answers_health.c) ---- */
json_t *hl__answer_health(hl_runtime *runtime, const json_t *request);
json_t *hl__answer_profile(hl_runtime *runtime, const json_t *request);

/* ---- a change that is to arrive (answers_settle.c) ---- */
json_t *hl__answer_settle(hl_runtime *runtime, const json_t *request);

/* ---- code that is about to change (answers_libraries.c) ---- */
json_t *hl__answer_prepare(hl_runtime *runtime, const json_t *request);
json_t *hl__answer_release(hl_runtime *runtime, const json_t *request);
json_t *hl__answer_libraries(hl_runtime *runtime, const json_t *request);

#endif
