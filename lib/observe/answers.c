/* From a request of the control protocol to its answer: which question it asks, who answers it, and the answer's text.
 * See answers.h; the requests are listed in hookline/control.h. */
#include "observe/answers.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/extension.h"
#include "observe/frame.h"
#include "observe/supervise.h"
#include "observe/values.h"

#define ACTION "answer"
#define WAIT_MS_MAX 60000

uint32_t hl__wanted_ms(const json_t *request)
{
    json_int_t ms = json_integer_value(json_object_get(request, "timeout_ms"));

    return ms <= 0 ? 0 : ms > WAIT_MS_MAX ? WAIT_MS_MAX : (uint32_t)ms;
}

static const hl__question own_questions[] = {
    {"status", hl__answer_status},   {"show", hl__answer_show},
    {"explain", hl__answer_explain}, {"dump", hl__answer_dump},
    {"health", hl__answer_health},   {"profile", hl__answer_profile},
    {"settle", hl__answer_settle},   {"prepare", hl__answer_prepare},
    {"release", hl__answer_release}, {"libraries", hl__answer_libraries},
    {"top", hl__answer_top},         {"crashes", hl__answer_crashes},
    {"watch", hl__answer_watch},     {NULL, NULL},
};

static const hl__question *find_question(const hl__question *questions, const char *ask)
{
    for (; questions && questions->ask; questions++)
        if (strcmp(questions->ask, ask) == 0)
            return questions;
    return NULL;
}

static json_t *answer_request(hl_runtime *runtime, const json_t *request)
{
    const char *asked = json_string_value(json_object_get(request, "ask"));
    const char *ask = asked ? asked : "";
    const hl__extension *extension = hl__extension_get();
    const hl__question *question = find_question(own_questions, ask);

    if (!question && extension)
        question = find_question(extension->questions, ask);
    if (question)
        return question->answer(runtime, request);
    hl__fail(HL_ERR_UNSUPPORTED, ACTION, "ask", "This server does not know the question \"%.64s\".", ask);
    return NULL;
}

static json_t *error_value(void)
{
    const hl_error *error = hl_last_error();
    json_t *inner = json_object();
    json_t *answer = json_object();

    hl__put_text(inner, "status", hl_status_name(error->status));
    hl__put_text(inner, "action", error->action);
    hl__put_text(inner, "field", error->field);
    hl__put_text(inner, "message", error->message);
    hl__put(answer, "error", inner);
    return answer;
}

static char *finish(json_t *answer)
{
    char *written;

    hl__put(answer, "pid", json_integer(getpid()));
    hl__put_text(answer, "program", program_invocation_short_name);
    written = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    return written;
}

char *hl__control_answer(hl_runtime *runtime, const char *request_text, size_t len)
{
    json_error_t problem;
    json_t *request = json_loadb(request_text, len, JSON_REJECT_DUPLICATES, &problem);
    json_t *answer = NULL;
    char *written;

    if (json_is_object(request))
        answer = answer_request(runtime, request);
    else
        hl__fail(HL_ERR_INVALID, ACTION, "request", "The request is not a JSON object.");
    written = finish(answer ? answer : error_value());
    if (written && strlen(written) > HL__FRAME_ANSWER_MAX) {
        free(written);
        hl__fail(HL_ERR_LIMIT, ACTION, "", "The answer is larger than 16 MiB; ask for one event.");
        written = finish(error_value());
    }
    json_decref(request);
    return written;
}
