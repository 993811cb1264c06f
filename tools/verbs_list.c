/* The verbs that read the registry: events, plugins, dependents, order, graph, inspect. */
#include <stdlib.h>
#include <string.h>

#include "records.h"
#include "servers.h"
#include "verbs.h"

/* ---- events ---------------------------------------------------------------------------------------------------- */

static bool add_event(const hl_event_info *info, void *events)
{
    json_array_append_new(events, record_event(info));
    return true;
}

/* One server's view of one event; NULL when it has not opened it. */
static const json_t *view_of(const json_t *answer, const char *event)
{
    size_t i;
    json_t *view;

    json_array_foreach (json_object_get(answer, "events"), i, view) {
        if (strcmp(value_text(view, "name"), event) == 0 && value_bool(view, "opened"))
            return view;
    }
    return NULL;
}

static void join_servers(json_t *events, const json_t *answers)
{
    size_t i, k;
    json_t *event, *answer;

    json_array_foreach (events, i, event) {
        json_t *servers = json_array();

        json_object_set_new(event, "servers", servers);
        json_array_foreach (answers, k, answer) {
            const json_t *view = view_of(answer, value_text(event, "name"));

            if (view)
                json_array_append_new(servers,
                                      json_pack("{s:I, s:s, s:s, s:I}", "pid", (json_int_t)value_count(answer, "pid"),
                                                "program", value_text(answer, "program"), "engine",
                                                value_text(view, "engine"), "generation",
                                                (json_int_t)value_count(view, "generation")));
        }
    }
}

static void print_event_row(struct table *table, const json_t *event)
{
    const json_t *contract = json_object_get(event, "contract");
    const json_t *servers = json_object_get(event, "servers");
    char list[256] = "";
    size_t used = 0;
    size_t i;
    json_t *server;

    json_array_foreach (servers, i, server) {
        if (used < sizeof(list))
            used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%llu %s #%llu", i > 0 ? ", " : "",
                                     (unsigned long long)value_count(server, "pid"), value_text(server, "engine"),
                                     (unsigned long long)value_count(server, "generation"));
    }
    tool_table_row(table);
    tool_table_cell(table, "%s", value_text(event, "name"));
    tool_table_cell(table, "%llu", (unsigned long long)value_count(event, "plugins"));
    tool_table_cell(table, "%llu", (unsigned long long)value_count(event, "active"));
    tool_table_cell(table, "%s", value_text(contract, "type"));
    tool_table_cell(table, "%s", list);
}

static int print_events(struct context *context, json_t *events, size_t servers_len)
{
    static const char *const titles[] = {"EVENT", "PLUGINS", "ACTIVE", "STATE", "DISPATCHED BY"};
    struct table *table;
    size_t i;
    json_t *event;

    if (context->json)
        return tool_print_json(json_pack("{s:o, s:I}", "events", events, "servers", (json_int_t)servers_len),
                               TOOL_DONE);
    table = tool_table_new(5, titles);
    json_array_foreach (events, i, event)
        print_event_row(table, event);
    tool_table_print(table, context, "The store has no events.");
    if (servers_len == 0)
        puts("No server is running on this store.");
    json_decref(events);
    return TOOL_DONE;
}

int verb_events(struct context *context, int argc, char **argv)
{
    json_t *events, *answers;
    int code = tool_open(context, TOOL_READ);

    (void)argc;
    (void)argv;
    if (code != TOOL_DONE)
        return code;
    events = json_array();
    code = hl_events(context->runtime, add_event, events) == HL_OK ? TOOL_DONE : tool_fail(context);
    if (code == TOOL_DONE)
        code = servers_ask(context, json_pack("{s:s}", "ask", "status"), &answers);
    if (code != TOOL_DONE) {
        json_decref(events);
        return code;
    }
    join_servers(events, answers);
    code = print_events(context, events, json_array_size(answers));
    json_decref(answers);
    return code;
}

/* ---- plugins and dependents ------------------------------------------------------------------------------------ */

struct listing {
    json_t *array;
    struct table *table;
};

static bool list_plugin(const hl_plugin_info *info, void *user)
{
    struct listing *listing = user;

    if (listing->array)
        json_array_append_new(listing->array, record_plugin(info));
    else
        record_row(listing->table, info, true);
    return true;
}

static int list_plugins(struct context *context, const hl_plugin_filter *filter, const char *empty)
{
    static const char *const titles[] = {"PLUGIN", "EVENT", "STATUS", "PRIORITY", "DEPENDS ON", "EXTENSION"};
    struct listing listing = {NULL, NULL};

    if (context->json)
        listing.array = json_array();
    else
        listing.table = tool_table_new(6, titles);
    if (hl_plugins(context->runtime, filter, list_plugin, &listing) != HL_OK) {
        json_decref(listing.array);
        tool_table_free(listing.table);
        return tool_fail(context);
    }
    if (context->json)
        return tool_print_json(json_pack("{s:o}", "plugins", listing.array), TOOL_DONE);
    tool_table_print(listing.table, context, empty);
    return TOOL_DONE;
}

int verb_plugins(struct context *context, int argc, char **argv)
{
    hl_plugin_filter filter = HL_PLUGIN_FILTER_INIT;
    const char *status = context->option[OPTION_STATUS];
    int code;

    (void)argc;
    (void)argv;
    filter.event = context->option[OPTION_EVENT];
    filter.extension = context->option[OPTION_EXTENSION];
    filter.name_pattern = context->option[OPTION_NAME];
    if (status && !(filter.status = tool_status_of_word(status)))
        return tool_usage(context, "\"%s\" is no status: registered, started, restarted, stopped or held", status);
    code = tool_open(context, TOOL_READ);
    return code == TOOL_DONE ? list_plugins(context, &filter, "No plugins.") : code;
}

int verb_dependents(struct context *context, int argc, char **argv)
{
    hl_plugin_filter filter = HL_PLUGIN_FILTER_INIT;
    hl_plugin_info info;
    hl_status status;
    int code = tool_open(context, TOOL_READ);

    (void)argc;
    if (code != TOOL_DONE)
        return code;
    status = hl_plugin_get(context->runtime, argv[0], &info);
    hl_plugin_info_cleanup(&info);
    if (status != HL_OK)
        return tool_fail_about(context, argv[0], NULL);
    filter.dependents_of = argv[0];
    return list_plugins(context, &filter, "No plugin depends on it.");
}

/* ---- order and graph ------------------------------------------------------------------------------------------- */

static int print_lines(struct context *context, json_t *lines)
{
    if (context->json)
        return tool_print_json(json_pack("{s:o}", "lines", lines), TOOL_DONE);
    record_print_lines(lines, "");
    json_decref(lines);
    return TOOL_DONE;
}

/* Which of two names is the unknown one. */
static const char *unknown_of(struct context *context, const char *first, const char *second)
{
    hl_plugin_info info;
    bool known = hl_plugin_get(context->runtime, first, &info) == HL_OK;

    hl_plugin_info_cleanup(&info);
    return known ? second : first;
}

int verb_order(struct context *context, int argc, char **argv)
{
    json_t *lines;
    int code = tool_open(context, TOOL_READ);

    (void)argc;
    if (code != TOOL_DONE)
        return code;
    lines = json_array();
    if (hl_explain_order(context->runtime, argv[0], argv[1], record_line, lines) == HL_OK)
        return print_lines(context, lines);
    json_decref(lines);
    if (hl_last_error()->status != HL_ERR_NOT_FOUND)
        return tool_fail(context);
    return tool_fail_about(context, unknown_of(context, argv[0], argv[1]), NULL);
}

int verb_graph(struct context *context, int argc, char **argv)
{
    const char *event = argc > 0 ? argv[0] : NULL;
    json_t *lines;
    int code = tool_open(context, TOOL_READ);

    if (code != TOOL_DONE)
        return code;
    lines = json_array();
    if (hl_graph(context->runtime, event, record_line, lines) == HL_OK)
        return print_lines(context, lines);
    json_decref(lines);
    return tool_fail_about(context, NULL, event);
}

/* ---- inspect --------------------------------------------------------------------------------------------------- */

static json_t *spec_value(const hl_plugin_spec *spec)
{
    json_t *depends = json_array();

    for (size_t i = 0; spec->depends && spec->depends[i]; i++)
        json_array_append_new(depends, tool_text(spec->depends[i]));
    return json_pack("{s:o, s:o, s:i, s:o, s:o, s:o, s:o}", "name", tool_text(spec->name), "event",
                     tool_text(spec->event), "priority", spec->priority, "depends", depends, "extension",
                     tool_text(spec->extension), "extra", tool_text(spec->extra), "contract",
                     record_contract(spec->contract, spec->contract ? hl_contract_hash(spec->contract) : 0));
}

static json_t *library_value(const hl_library_info *info)
{
    json_t *plugins = json_array();

    for (size_t i = 0; i < info->specs_len; i++)
        json_array_append_new(plugins, spec_value(&info->specs[i]));
    return json_pack("{s:o, s:o, s:o, s:I, s:o}", "path", tool_text(info->path), "name", tool_text(info->name),
                     "version", tool_text(info->version), "abi", (json_int_t)info->abi, "plugins", plugins);
}

static void print_library(const struct context *context, const hl_library_info *info)
{
    static const char *const titles[] = {"PLUGIN", "EVENT", "PRIORITY", "DEPENDS ON", "STATE"};
    struct table *table = tool_table_new(5, titles);

    tool_print_text(stdout, info->name);
    putchar(' ');
    tool_print_text(stdout, info->version);
    printf(", for plugin ABI %u\n\n", info->abi);
    for (size_t i = 0; i < info->specs_len; i++) {
        const hl_plugin_spec *spec = &info->specs[i];
        char *depends = record_names(spec->depends);

        tool_table_row(table);
        tool_table_cell(table, "%s", spec->name);
        tool_table_cell(table, "%s", spec->event);
        tool_table_cell(table, "%d", spec->priority);
        tool_table_cell(table, "%s", depends ? depends : "");
        tool_table_cell(table, "%s", spec->contract ? spec->contract->type : "any");
        free(depends);
    }
    tool_table_print(table, context, "The library has no plugins.");
}

struct inspection {
    struct context *context;
    int code;
};

static void show_library(const hl_library_info *info, void *user)
{
    struct inspection *inspection = user;

    if (inspection->context->json)
        inspection->code = tool_print_json(library_value(info), TOOL_DONE);
    else
        print_library(inspection->context, info);
}

int verb_inspect(struct context *context, int argc, char **argv)
{
    struct inspection inspection = {context, TOOL_DONE};

    (void)argc;
    if (hl_library_inspect(argv[0], show_library, &inspection) != HL_OK)
        return tool_fail(context);
    return inspection.code;
}
