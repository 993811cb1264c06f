/* isolate: where a plugin runs, and what happens when it fails there. */
#include <stdlib.h>
#include <string.h>

#include "numbers.h"
#include "servers.h"
#include "verbs.h"

#define DEADLINE_MS_MAX 3600000
#define WORKERS_MAX 64

/* ---- putting it together --------------------------------------------------------------------------------------- */

/* What the plugin has now, without the note who said so. Of a worker's fields the server's process has the deadline
 * only. */
static json_t *current(const struct context *context, const hl_plugin_info *info)
{
    json_t *value = info->isolation[0] ? json_loads(info->isolation, 0, NULL) : NULL;
    json_t *in_process =
        json_pack("{s:s, s:O*}", "mode", "in_process", "deadline_ms", json_object_get(value, "deadline_ms"));

    if (value && !context->option[OPTION_IN_PROCESS]) {
        json_decref(in_process);
        json_object_del(value, "by");
        return value;
    }
    json_decref(value);
    return in_process;
}

static int put_number(struct context *context, json_t *isolation, enum tool_option option, unsigned long most,
                      const char *field)
{
    unsigned long number;
    int code = option_number(context, option, 0, most, &number);

    if (code == TOOL_DONE && number)
        json_object_set_new(isolation, field, json_integer((json_int_t)number));
    return code;
}

static int put_options(struct context *context, json_t *isolation)
{
    int code = put_number(context, isolation, OPTION_DEADLINE, DEADLINE_MS_MAX, "deadline_ms");

    if (code == TOOL_DONE)
        code = put_number(context, isolation, OPTION_WORKERS, WORKERS_MAX, "workers");
    if (context->option[OPTION_ON_FAILURE])
        json_object_set_new(isolation, "on_failure", json_string(context->option[OPTION_ON_FAILURE]));
    if (context->option[OPTION_WORKER])
        json_object_set_new(isolation, "mode", json_string("in_worker"));
    if (context->option[OPTION_IN_PROCESS])
        json_object_set_new(isolation, "mode", json_string("in_process"));
    return code;
}

static int make(struct context *context, const char *given, const hl_plugin_info *info, json_t **out)
{
    json_error_t problem;

    *out = given ? json_loads(given, JSON_REJECT_DUPLICATES, &problem) : current(context, info);
    if (given && !json_is_object(*out))
        return tool_usage(context, "\"%s\" is no JSON object: %s", given, *out ? "it is another value" : problem.text);
    return put_options(context, *out);
}

static int parse(struct context *context, const json_t *value, hl_isolation **out)
{
    char *text = json_dumps(value, JSON_COMPACT);
    hl_status status = hl_isolation_parse(text ? text : "", out);

    free(text);
    return status == HL_OK ? TOOL_DONE : tool_fail(context);
}

/* ---- telling --------------------------------------------------------------------------------------------------- */

static int tell(struct context *context, const hl_plugin_info *info, json_t *settled)
{
    json_t *isolation = info->isolation[0] ? json_loads(info->isolation, 0, NULL) : NULL;

    if (context->json)
        return tool_print_json(json_pack("{s:o, s:o, s:O}", "name", tool_text(info->name), "isolation",
                                         isolation ? isolation : json_null(), "settled", settled),
                               TOOL_DONE);
    json_decref(isolation);
    tool_print_text(stdout, info->name);
    fputs(info->isolation[0] ? ": " : " is not isolated", stdout);
    tool_print_text(stdout, info->isolation);
    puts("");
    return TOOL_DONE;
}

static int wait_and_tell(struct context *context, const char *name)
{
    hl_plugin_info info;
    json_t *settled = json_array(), *changes;
    int code = TOOL_DONE;

    if (hl_plugin_get(context->runtime, name, &info) != HL_OK) {
        json_decref(settled);
        return tool_fail_about(context, name, NULL);
    }
    changes = json_pack("[{s:o, s:I}]", "name", tool_text(name), "revision", (json_int_t)info.revision);
    if (context->option[OPTION_WAIT])
        code = change_settle(context, changes, settled);
    if (code == TOOL_DONE)
        code = tell(context, &info, settled);
    json_decref(changes);
    json_decref(settled);
    hl_plugin_info_cleanup(&info);
    return code;
}

/* ---- the verb -------------------------------------------------------------------------------------------------- */

static bool changes_something(const struct context *context, int argc)
{
    static const enum tool_option options[] = {OPTION_WORKER,   OPTION_IN_PROCESS, OPTION_DEFAULT,
                                               OPTION_DEADLINE, OPTION_ON_FAILURE, OPTION_WORKERS};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (context->option[options[i]])
            return true;
    }
    return argc > 1;
}

static int check_options(struct context *context, int argc)
{
    if (context->option[OPTION_WORKER] && context->option[OPTION_IN_PROCESS])
        return tool_usage(context, "--worker and --in-process exclude each other");
    if (context->option[OPTION_DEFAULT] &&
        (argc > 1 || context->option[OPTION_WORKER] || context->option[OPTION_IN_PROCESS] ||
         context->option[OPTION_DEADLINE] || context->option[OPTION_ON_FAILURE] || context->option[OPTION_WORKERS]))
        return tool_usage(context, "--default takes the operator's word back and goes with nothing else");
    return TOOL_DONE;
}

static int change(struct context *context, const char *name, const char *given)
{
    hl_isolation *isolation = NULL;
    hl_plugin_info info;
    json_t *value = NULL;
    int code;

    if (context->option[OPTION_DEFAULT])
        return hl_isolate(context->runtime, name, NULL, 0) == HL_OK ? TOOL_DONE : tool_fail_about(context, name, NULL);
    if (hl_plugin_get(context->runtime, name, &info) != HL_OK)
        return tool_fail_about(context, name, NULL);
    code = make(context, given, &info, &value);
    if (code == TOOL_DONE)
        code = parse(context, value, &isolation);
    if (code == TOOL_DONE && hl_isolate(context->runtime, name, isolation, 0) != HL_OK)
        code = tool_fail_about(context, name, NULL);
    free(isolation);
    json_decref(value);
    hl_plugin_info_cleanup(&info);
    return code;
}

int verb_isolate(struct context *context, int argc, char **argv)
{
    bool changing = changes_something(context, argc);
    int code = check_options(context, argc);

    if (code == TOOL_DONE)
        code = tool_open(context, changing ? TOOL_WRITE : TOOL_READ);
    if (code == TOOL_DONE && changing)
        code = change(context, argv[0], argc > 1 ? argv[1] : NULL);
    return code == TOOL_DONE ? wait_and_tell(context, argv[0]) : code;
}
