/* `hookline module execute` and `run`: calling. It happens in a worker of the command's own process and ends with it; the workers
 * of running servers are theirs (module_servers.c). */
#include <stdlib.h>
#include <string.h>

#include "module_verbs.h"

/* ---- calling ----------------------------------------------------------------------------------------------------- */

/* A result is data: what the locale cannot show is escaped, not replaced. */
static void print_value(const char *text, const json_t *value)
{
    char *escaped = tool_shows(text) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);

    tool_print_text(stdout, escaped ? escaped : text);
    putchar('\n');
    free(escaped);
}

static int print_result(struct context *context, const hl_value *result)
{
    char *text = NULL;
    json_t *value;
    int code = TOOL_DONE;

    if (hl_value_to_json(result, &text) != HL_OK)
        return tool_fail(context);
    value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (context->json)
        code = tool_print_json(json_pack("{s:O}", "result", value), TOOL_DONE);
    else
        print_value(text, value);
    json_decref(value);
    free(text);
    return code;
}

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
        code = call(context, &key, argv[1], args, run);
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
