/* `hookline module execute` and `run`: calling. It happens in a worker of the command's own process, which ends with
 * it, or with --in in a worker of a running server. */
#include <stdlib.h>
#include <string.h>

#include "module_verbs.h"
#include "servers.h"

#define CALL_MS 5000   /* where --timeout gives no time: as hl_module_execute */
#define ANSWER_MS 2000 /* for the answer, beside the call */

/* ---- the result -------------------------------------------------------------------------------------------------- */

/* A result is data: what the locale cannot show is escaped, not replaced. */
static void print_value(const char *text, const json_t *value)
{
    char *escaped = tool_shows(text) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);

    tool_print_text(stdout, escaped ? escaped : text);
    putchar('\n');
    free(escaped);
}

static int print_result_text(struct context *context, const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    int code = TOOL_DONE;

    if (context->json)
        code = tool_print_json(json_pack("{s:O}", "result", value), TOOL_DONE);
    else
        print_value(text, value);
    json_decref(value);
    return code;
}

static int print_result(struct context *context, const hl_value *result)
{
    char *text = NULL;
    int code = hl_value_to_json(result, &text) == HL_OK ? print_result_text(context, text) : tool_fail(context);

    free(text);
    return code;
}

/* ---- in a worker of the command ---------------------------------------------------------------------------------- */

typedef hl_status call_fn(hl_runtime *runtime, const hl_key *key, const char *function, const hl_value *args,
                          uint32_t timeout_ms, hl_value **result);

static int call(struct context *context, const hl_key *key, const char *function, const hl_value *args, call_fn *run)
{
    hl_value *result = NULL;
    uint32_t timeout_ms;
    int code = module_read_timeout(context, &timeout_ms);

    if (code != TOOL_DONE)
        return code;
    code = run(context->runtime, key, function, args, timeout_ms, &result) == HL_OK ? print_result(context, result)
                                                                                    : module_fail(context);
    hl_value_free(result);
    return code;
}

/* ---- in a worker of a server ------------------------------------------------------------------------------------- */

static json_t *request_of(const hl_key *key, const char *function, const char *args, uint32_t timeout_ms)
{
    char text[HL_KEY_TEXT];
    json_t *request;

    hl_key_format(key, text);
    request = json_pack("{s:s, s:s, s:o, s:I}", "do", "execute", "key", text, "function", tool_text(function),
                        "timeout_ms", (json_int_t)timeout_ms);
    if (args)
        json_object_set_new(request, "args", json_string(args));
    return request;
}

/* Of a process with several runtimes on the store, that of one that has the key loaded. */
static const json_t *best_answer(const json_t *answers)
{
    size_t i;
    json_t *answer;

    json_array_foreach (answers, i, answer) {
        if (!servers_error(answer))
            return answer;
    }
    return json_array_get(answers, 0);
}

static int print_answer(struct context *context, const json_t *answer)
{
    char title[128];

    if (!servers_error(answer))
        return print_result_text(context, value_text(answer, "result"));
    servers_title(answer, title, sizeof(title));
    return tool_error(context, value_bool(answer, "silent") ? TOOL_NO_SERVER : TOOL_REFUSED, servers_status(answer),
                      value_text(json_object_get(answer, "error"), "field"), "%s: %s", title, servers_error(answer));
}

static int call_in_server(struct context *context, const hl_key *key, const char *function, const hl_value *args)
{
    json_t *answers = NULL;
    size_t without_modules;
    char *text = NULL;
    uint32_t ms;
    int code = module_read_timeout(context, &ms);

    if (code == TOOL_DONE && args && hl_value_to_json(args, &text) != HL_OK)
        code = tool_fail(context);
    if (code == TOOL_DONE)
        code = module_ask(context, request_of(key, function, text, ms ? ms : CALL_MS), (ms ? ms : CALL_MS) + ANSWER_MS,
                          &answers, &without_modules);
    if (code == TOOL_DONE)
        code = json_array_size(answers) > 0 ? print_answer(context, best_answer(answers))
                                            : module_no_server(context, without_modules);
    json_decref(answers);
    free(text);
    return code;
}

/* ---- the words --------------------------------------------------------------------------------------------------- */

/* The arguments are a JSON list; any other value stands for the list that holds it. */
static int read_arguments(struct context *context, const char *json, hl_value **out)
{
    hl_value *value = NULL;
    hl_value *list;

    *out = NULL;
    if (!json)
        return TOOL_DONE;
    if (hl_value_from_json(json, &value) != HL_OK)
        return tool_fail_with(context, TOOL_USAGE, "Give the arguments as one JSON list: '[1, \"two\"]'.");
    if (hl_value_kind_of(value) == HL_VALUE_LIST) {
        *out = value;
        return TOOL_DONE;
    }
    list = hl_value_list();
    if (!list)
        hl_value_free(value);
    if (!list || hl_value_append(list, value) != HL_OK) {
        hl_value_free(list);
        return tool_error(context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "There is no memory for the arguments.");
    }
    *out = list;
    return TOOL_DONE;
}

static int call_function(struct context *context, int argc, char **argv, call_fn *run)
{
    hl_value *args = NULL;
    hl_key key;
    int code = read_arguments(context, argc > 2 ? argv[2] : NULL, &args);

    if (code == TOOL_DONE)
        code = module_open_key(context, argv[0], &key);
    if (code == TOOL_DONE)
        code = context->option[OPTION_IN] ? call_in_server(context, &key, argv[1], args)
                                          : call(context, &key, argv[1], args, run);
    hl_value_free(args);
    return code;
}

/* As a server would: load, execute, release. */
static hl_status load_and_execute(hl_runtime *runtime, const hl_key *key, const char *function, const hl_value *args,
                                  uint32_t timeout_ms, hl_value **result)
{
    hl_status status = hl_module_load(runtime, key);

    if (status == HL_OK)
        status = hl_module_execute(runtime, key, function, args, timeout_ms, result);
    return status;
}

int module_execute(struct context *context, int argc, char **argv)
{
    return call_function(context, argc, argv, load_and_execute);
}

int module_run(struct context *context, int argc, char **argv)
{
    return call_function(context, argc, argv, hl_module_run_and_release);
}
