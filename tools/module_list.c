/* `hookline module list` and `functions`: what is registered, where it is loaded, and what can be called. */
#include <string.h>

#include "module_verbs.h"
#include "rows.h"
#include "servers.h"

#define ANSWER_MS 2000

/* ---- where keys are loaded --------------------------------------------------------------------------------------- */

/* Keys as text; each leads to {module, loaded: [{pid, program, worker}]}. */
static void add_worker(json_t *keys, const json_t *server, const json_t *row)
{
    const char *key = value_text(row, "key");
    json_t *found = json_object_get(keys, key);

    if (!found) {
        found = json_pack("{s:O, s:[]}", "module", json_object_get(row, "module"), "loaded");
        json_object_set_new(keys, key, found);
    }
    json_array_append_new(json_object_get(found, "loaded"),
                          json_pack("{s:O, s:O, s:O}", "pid", json_object_get(server, "pid"), "program",
                                    json_object_get(server, "program"), "worker", json_object_get(row, "worker")));
}

static void take_answer(struct context *context, const json_t *answer, json_t *keys, json_t *silent)
{
    size_t i;
    json_t *row;

    json_array_foreach (json_object_get(answer, "modules"), i, row)
        add_worker(keys, answer, row);
    if (!value_bool(answer, "silent"))
        return;
    json_array_append(silent, json_object_get(answer, "pid"));
    tool_note(context, "hookline: server %llu does not answer, so what is loaded there is not shown",
              (unsigned long long)value_count(answer, "pid"));
}

static int ask_servers(struct context *context, json_t *keys, json_t *silent)
{
    json_t *answers, *answer;
    uint32_t ms;
    size_t i;
    int code = module_read_timeout(context, &ms);

    if (code == TOOL_DONE)
        code = servers_ask_all(context, json_pack("{s:s}", "ask", "modules"), ms ? ms : ANSWER_MS, &answers);
    if (code != TOOL_DONE)
        return code;
    json_array_foreach (answers, i, answer)
        take_answer(context, answer, keys, silent);
    json_decref(answers);
    return TOOL_DONE;
}

/* ---- list -------------------------------------------------------------------------------------------------------- */

struct list {
    struct rows rows;
    json_t *keys; /* that are loaded somewhere, and not told yet */
};

static const char *code_word(const json_t *row)
{
    if (!value_bool(row, "registered"))
        return "unregistered";
    return value_bool(row, "available") ? "here" : "missing";
}

static void add_line(struct table *table, const json_t *row, const json_t *server)
{
    tool_table_row(table);
    tool_table_cell(table, "%s", value_text(row, "key"));
    tool_table_cell(table, "%s", value_text(row, "module"));
    tool_table_cell(table, "%s", value_text(row, "version"));
    tool_table_cell(table, "%s", code_word(row));
    if (!server)
        return;
    tool_table_cell(table, "%llu", (unsigned long long)value_count(server, "pid"));
    if (value_count(server, "worker"))
        tool_table_cell(table, "%llu", (unsigned long long)value_count(server, "worker"));
}

/* A line for each server, complete in itself: people look for lines. Takes the row's reference. */
static void add_row(struct list *list, json_t *row)
{
    const json_t *servers = json_object_get(row, "loaded");
    size_t i;
    json_t *server;

    if (list->rows.array) {
        json_array_append_new(list->rows.array, row);
        return;
    }
    if (json_array_size(servers) == 0)
        add_line(list->rows.table, row, NULL);
    json_array_foreach (servers, i, server)
        add_line(list->rows.table, row, server);
    json_decref(row);
}

static bool add_module(const hl_module_info *info, void *user)
{
    struct list *list = user;
    char key[HL_KEY_TEXT];
    json_t *loaded;

    hl_key_format(&info->key, key);
    loaded = json_incref(json_object_get(json_object_get(list->keys, key), "loaded"));
    json_object_del(list->keys, key);
    add_row(list, json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:b, s:o}", "key", key, "module", tool_text(info->module),
                            "version", tool_text(info->version), "path", tool_text(info->path), "sha256",
                            tool_text(info->sha256), "available", info->available, "registered", true, "loaded",
                            loaded ? loaded : json_array()));
    return true;
}

/* Those that were unregistered and are still loaded. */
static void add_unregistered(struct list *list)
{
    const char *key;
    json_t *found;

    json_object_foreach (list->keys, key, found)
        add_row(list, json_pack("{s:s, s:O, s:s, s:s, s:s, s:b, s:b, s:O}", "key", key, "module",
                                json_object_get(found, "module"), "version", "", "path", "", "sha256", "", "available",
                                false, "registered", false, "loaded", json_object_get(found, "loaded")));
}

static int print_list(struct context *context, struct list *list, json_t *silent)
{
    if (context->json)
        return tool_print_json(json_pack("{s:o, s:O}", "modules", list->rows.array, "silent", silent), TOOL_DONE);
    tool_table_print(list->rows.table, context, "No key is registered. `hookline module register new FILE` does that.");
    return TOOL_DONE;
}

static int read_list(struct context *context, struct list *list, json_t *silent)
{
    static const char *const titles[] = {"KEY", "MODULE", "VERSION", "CODE", "SERVER", "WORKER"};
    int code = ask_servers(context, list->keys, silent);

    if (code != TOOL_DONE)
        return code;
    list->rows = rows_new(context, 6, titles);
    if (hl_modules(context->runtime, add_module, list) != HL_OK) {
        json_decref(list->rows.array);
        tool_table_free(list->rows.table);
        return module_fail(context);
    }
    add_unregistered(list);
    return print_list(context, list, silent);
}

int module_list(struct context *context, int argc, char **argv)
{
    struct list list = {.keys = json_object()};
    json_t *silent = json_array();
    int code = tool_open(context, TOOL_READ);

    (void)argc;
    (void)argv;
    if (code == TOOL_DONE)
        code = read_list(context, &list, silent);
    json_decref(list.keys);
    json_decref(silent);
    return code;
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

static bool add_function(const char *name, const char *doc, void *user)
{
    struct rows *rows = user;

    if (rows->array) {
        json_array_append_new(rows->array, json_pack("{s:o, s:o}", "name", tool_text(name), "doc", tool_text(doc)));
        return true;
    }
    tool_table_row(rows->table);
    tool_table_cell(rows->table, "%s", name);
    tool_table_cell(rows->table, "%s", doc);
    return true;
}

int module_functions(struct context *context, int argc, char **argv)
{
    static const char *const titles[] = {"FUNCTION", "WHAT IT GIVES"};
    struct rows rows;
    hl_key key;
    int code = module_open_key(context, argv[0], &key);

    (void)argc;
    if (code != TOOL_DONE)
        return code;
    rows = rows_new(context, 2, titles);
    return rows_end(context, &rows, module_fail, hl_module_functions(context->runtime, &key, add_function, &rows),
                    "functions", "");
}
