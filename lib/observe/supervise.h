/* Answers about who works and what crashed: the questions "top", "crashes" and "watch" of the control protocol. As all
 * that answer: a new JSON object, or NULL with the thread's error set. */
#ifndef HL_OBSERVE_SUPERVISE_H
#define HL_OBSERVE_SUPERVISE_H

#include <jansson.h>

#include <hookline/runtime.h>

json_t *hl__answer_top(hl_runtime *runtime, const json_t *request);
json_t *hl__answer_crashes(hl_runtime *runtime, const json_t *request);
json_t *hl__answer_watch(hl_runtime *runtime, const json_t *request);

#endif
