/* store and log: looking after the store itself. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "numbers.h"
#include "verbs.h"

/* ---- backup and restore ---------------------------------------------------------------------------------------- */

static int tell_done(struct context *context, const char *action, const char *directory)
{
    if (context->json)
        return tool_print_json(json_pack("{s:s, s:o, s:o}", "done", action, "store", tool_text(context->store),
                                         "directory", tool_text(directory)),
                               TOOL_DONE);
    printf("%s %s %s %s\n", strcmp(action, "backup") == 0 ? "Copied" : "Replaced the content of", context->store,
           strcmp(action, "backup") == 0 ? "to" : "by", directory);
    return TOOL_DONE;
}

static int store_backup(struct context *context, const char *directory)
{
    return hl_store_backup(context->store, directory) == HL_OK ? tell_done(context, "backup", directory)
                                                               : tool_fail(context);
}

static int store_restore(struct context *context, const char *directory)
{
    if (hl_store_restore(context->store, directory) == HL_OK)
        return tell_done(context, "restore", directory);
    return tool_fail_with(context, TOOL_REFUSED,
                          "Nothing was changed. Name a folder that `hookline store backup` wrote.");
}

/* ---- check and info -------------------------------------------------------------------------------------------- */

static void add_problem(const char *line, void *problems)
{
    json_array_append_new(problems, tool_text(line));
}

static json_t *info_value(const hl_store_info *info)
{
    json_t *value = json_object();

    json_object_set_new(value, "url", tool_text(info->url));
    json_object_set_new(value, "id", tool_text(info->id));
    json_object_set_new(value, "schema", json_integer((json_int_t)info->schema));
    json_object_set_new(value, "revision", json_integer((json_int_t)info->revision));
    json_object_set_new(value, "plugins", json_integer((json_int_t)info->plugins_len));
    json_object_set_new(value, "events", json_integer((json_int_t)info->events_len));
    json_object_set_new(value, "documents", json_integer((json_int_t)info->documents_len));
    json_object_set_new(value, "log_entries", json_integer((json_int_t)info->log_len));
    json_object_set_new(value, "used_bytes", json_integer((json_int_t)info->used_bytes));
    json_object_set_new(value, "map_bytes", json_integer((json_int_t)info->map_bytes));
    return value;
}

static void print_info(const struct context *context, const hl_store_info *info)
{
    printf("store     %s\n", context->store);
    printf("id        %s\n", info->id);
    printf("schema    %u\n", info->schema);
    printf("revision  %llu\n", (unsigned long long)info->revision);
    printf("plugins   %llu\n", (unsigned long long)info->plugins_len);
    printf("events    %llu\n", (unsigned long long)info->events_len);
    printf("documents %llu\n", (unsigned long long)info->documents_len);
    printf("log       %llu entries\n", (unsigned long long)info->log_len);
    printf("size      %llu bytes of at most %llu\n", (unsigned long long)info->used_bytes,
           (unsigned long long)info->map_bytes);
}

static int store_info(struct context *context)
{
    hl_store_info info = {.size = sizeof(info)};

    if (hl_store_check(context->store, &info, NULL, NULL) != HL_OK)
        return tool_fail(context);
    if (context->json)
        return tool_print_json(info_value(&info), TOOL_DONE);
    print_info(context, &info);
    return TOOL_DONE;
}

static void print_problems(const hl_store_info *info, const json_t *problems)
{
    size_t i;
    json_t *line;

    json_array_foreach (problems, i, line) {
        tool_print_text(stdout, json_string_value(line));
        puts("");
    }
    printf("%llu plugins, %llu events and %llu documents read at revision %llu: ",
           (unsigned long long)info->plugins_len, (unsigned long long)info->events_len,
           (unsigned long long)info->documents_len, (unsigned long long)info->revision);
    if (info->problems_len == 0)
        puts("no problems");
    else
        printf("%llu problem%s\n", (unsigned long long)info->problems_len, info->problems_len == 1 ? "" : "s");
}

static int store_check(struct context *context)
{
    hl_store_info info = {.size = sizeof(info)};
    json_t *problems = json_array();
    json_t *value;
    int code;

    if (hl_store_check(context->store, &info, add_problem, problems) != HL_OK) {
        json_decref(problems);
        return tool_fail(context);
    }
    code = info.problems_len > 0 ? TOOL_REFUSED : TOOL_DONE;
    if (!context->json) {
        print_problems(&info, problems);
        json_decref(problems);
        return code;
    }
    value = info_value(&info);
    json_object_set_new(value, "problems", problems);
    return tool_print_json(value, code);
}

int verb_store(struct context *context, int argc, char **argv)
{
    const char *action = argv[0];
    bool backup = strcmp(action, "backup") == 0;
    bool restore = strcmp(action, "restore") == 0;
    bool check = strcmp(action, "check") == 0;
    int code;

    if (!backup && !restore && !check && strcmp(action, "info") != 0)
        return tool_usage(context, "\"%s\" is not one of backup, restore, check and info", action);
    if ((backup || restore) != (argc == 2))
        return tool_usage(context, backup || restore ? "store %s needs a folder" : "store %s takes no argument",
                          action);
    code = restore ? tool_need_store(context) : tool_need_folder(context);
    if (code != TOOL_DONE)
        return code;
    if (backup)
        return store_backup(context, argv[1]);
    if (restore)
        return store_restore(context, argv[1]);
    return check ? store_check(context) : store_info(context);
}

/* ---- log ------------------------------------------------------------------------------------------------------- */

struct log {
    json_t *array;
    struct table *table;
};

static bool add_entry(const hl_log_entry *entry, void *user)
{
    struct log *log = user;
    time_t at = (time_t)entry->at;
    struct tm parts;
    char text[32] = "";

    if (gmtime_r(&at, &parts))
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (log->array) {
        json_array_append_new(log->array,
                              json_pack("{s:I, s:s, s:I, s:o, s:o}", "revision", (json_int_t)entry->revision, "at",
                                        text, "pid", (json_int_t)entry->pid, "action", tool_text(entry->action),
                                        "subject", tool_text(entry->subject)));
        return true;
    }
    tool_table_row(log->table);
    tool_table_cell(log->table, "%llu", (unsigned long long)entry->revision);
    tool_table_cell(log->table, "%s", text);
    tool_table_cell(log->table, "%lld", (long long)entry->pid);
    tool_table_cell(log->table, "%s", entry->action);
    tool_table_cell(log->table, "%s", entry->subject);
    return true;
}

int verb_log(struct context *context, int argc, char **argv)
{
    static const char *const titles[] = {"REVISION", "AT", "PROCESS", "ACTION", "WHAT"};
    struct log log = {NULL, NULL};
    unsigned long limit;
    int code = option_number(context, OPTION_LIMIT, 0, 1000000000, &limit);

    (void)argc;
    (void)argv;
    if (code == TOOL_DONE)
        code = tool_need_folder(context);
    if (code == TOOL_DONE && context->option[OPTION_VERIFY])
        return install_log_verify(context);
    if (code == TOOL_DONE && context->option[OPTION_INSTALLS])
        return install_log_print(context);
    if (code != TOOL_DONE)
        return code;
    if (context->json)
        log.array = json_array();
    else
        log.table = tool_table_new(5, titles);
    if (hl_store_log(context->store, limit, add_entry, &log) != HL_OK) {
        json_decref(log.array);
        tool_table_free(log.table);
        return tool_fail(context);
    }
    if (context->json)
        return tool_print_json(json_pack("{s:o}", "log", log.array), TOOL_DONE);
    tool_table_print(log.table, context, "The log is empty.");
    return TOOL_DONE;
}
