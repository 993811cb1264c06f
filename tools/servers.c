/* Asking the running servers. See servers.h. */
#include "servers.h"

#include <stdlib.h>
#include <string.h>

#include "numbers.h"

/* Health probes and profiles take their own time in the server before it can answer. */
#define ANSWER_MS 2000
#define TIMEOUT_MS_MAX 60000

/* ---- values ---------------------------------------------------------------------------------------------------- */

const char *value_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

uint64_t value_count(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

bool value_bool(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

const char *servers_error(const json_t *answer)
{
    return json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
}

void servers_title(const json_t *answer, char *out, size_t out_len)
{
    const char *program = value_text(answer, "program");

    snprintf(out, out_len, "Server %llu%s%s%s", (unsigned long long)value_count(answer, "pid"), program[0] ? " (" : "",
             program, program[0] ? ")" : "");
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */

int servers_timeout(struct context *context, uint32_t otherwise, uint32_t *out)
{
    unsigned long ms;
    int code = option_number(context, OPTION_TIMEOUT, otherwise, TIMEOUT_MS_MAX, &ms);

    *out = (uint32_t)ms;
    return code;
}

/* Keeps answers in the order of their pids. */
static bool add_answer(const char *text, void *user)
{
    json_t *answers = user;
    json_t *answer = json_loads(text, 0, NULL);
    size_t place = 0;

    if (!json_is_object(answer)) {
        json_decref(answer);
        return true;
    }
    while (place < json_array_size(answers) &&
           value_count(json_array_get(answers, place), "pid") <= value_count(answer, "pid"))
        place++;
    json_array_insert_new(answers, place, answer);
    return true;
}

int servers_ask_all(struct context *context, json_t *request, uint32_t timeout_ms, json_t **answers)
{
    char *text = json_dumps(request, JSON_COMPACT);
    hl_status status;

    json_decref(request);
    *answers = json_array();
    status = hl_control_ask_all(context->store, text ? text : "", timeout_ms, add_answer, *answers);
    free(text);
    if (status == HL_OK || status == HL_ERR_PEER || status == HL_ERR_UNSUPPORTED)
        return TOOL_DONE;
    json_decref(*answers);
    *answers = NULL;
    return tool_fail(context);
}

int servers_ask(struct context *context, json_t *request, json_t **answers)
{
    uint32_t ms = (uint32_t)value_count(request, "timeout_ms") + ANSWER_MS;

    return servers_ask_all(context, request, ms, answers);
}

static hl_status status_of_name(const char *name)
{
#define HL_STATUS(status_name, value, sentence, seeds)                                                                 \
    if (strcmp(name, #status_name) == 0)                                                                               \
        return status_name;
#include <hookline/status.def>
#undef HL_STATUS
    return HL_ERR_PEER;
}

hl_status servers_status(const json_t *answer)
{
    const json_t *error = json_object_get(answer, "error");

    return error ? status_of_name(value_text(error, "status")) : HL_OK;
}

int servers_check(struct context *context, const json_t *answers)
{
    const json_t *told = json_array_get(answers, 0);
    size_t i;
    json_t *answer;

    json_array_foreach (answers, i, answer) {
        if (!servers_error(answer))
            return TOOL_DONE;
        if (value_bool(told, "silent"))
            told = answer;
    }
    return tool_error(context, value_bool(told, "silent") ? TOOL_NO_SERVER : TOOL_REFUSED, servers_status(told),
                      value_text(json_object_get(told, "error"), "field"), "Server %llu: %s",
                      (unsigned long long)value_count(told, "pid"), servers_error(told));
}

int servers_need(struct context *context, json_t *request, json_t **answers)
{
    int code = tool_need_store(context);

    if (code != TOOL_DONE) {
        json_decref(request);
        return code;
    }
    code = servers_ask(context, request, answers);
    if (code != TOOL_DONE)
        return code;
    code = json_array_size(*answers) > 0
               ? servers_check(context, *answers)
               : tool_error(context, TOOL_NO_SERVER, HL_ERR_PEER, "store",
                            "No running server answered on the store %s, and only a server knows this. "
                            "Start the server that uses this store, or name another store.",
                            context->store);
    if (code != TOOL_DONE) {
        json_decref(*answers);
        *answers = NULL;
    }
    return code;
}
