/* show and explain: an event as the store has it, and as each running server has it. */
#include <stdlib.h>
#include <string.h>

#include "records.h"
#include "servers.h"
#include "verbs.h"

/* ---- what the store knows -------------------------------------------------------------------------------------- */

struct view {
    const char *name;
    json_t *event;  /* NULL: there is no such event */
    json_t *chain;  /* active plugins, as they run */
    json_t *others; /* the rest */
};

static bool match_event(const hl_event_info *info, void *user)
{
    struct view *view = user;

    if (strcmp(info->name, view->name) == 0)
        view->event = record_event(info);
    return !view->event;
}

static bool sort_out(const hl_plugin_info *info, void *user)
{
    struct view *view = user;
    bool active = info->status == HL_STARTED || info->status == HL_RESTARTED;

    json_array_append_new(active ? view->chain : view->others, record_plugin(info));
    return true;
}

static size_t count_depends(const json_t *plugins)
{
    size_t len = 0;
    size_t i;
    json_t *plugin;

    json_array_foreach (plugins, i, plugin)
        len += json_array_size(json_object_get(plugin, "depends")) + 1;
    return len;
}

static void fill_rows(const json_t *plugins, hl_order_row *rows, const char **depends)
{
    size_t i, k;
    json_t *plugin, *name;

    json_array_foreach (plugins, i, plugin) {
        rows[i] = (hl_order_row){value_text(plugin, "name"), (int)value_count(plugin, "priority"), depends};
        json_array_foreach (json_object_get(plugin, "depends"), k, name)
            *depends++ = json_string_value(name);
        *depends++ = NULL;
    }
}

static json_t *find_plugin(const json_t *plugins, const char *name)
{
    size_t i;
    json_t *plugin;

    json_array_foreach (plugins, i, plugin) {
        if (strcmp(value_text(plugin, "name"), name) == 0)
            return plugin;
    }
    return NULL;
}

/* This process has no plugin code and therefore no chain, but the order is a pure function of the records. */
static hl_status order_chain(json_t **chain)
{
    size_t len = json_array_size(*chain);
    hl_order_row *rows = calloc(len + 1, sizeof(*rows));
    const char **depends = calloc(count_depends(*chain) + 1, sizeof(*depends));
    json_t *ordered = json_array();
    hl_status status = HL_ERR_NO_MEMORY;

    if (rows && depends) {
        fill_rows(*chain, rows, depends);
        status = hl_dependency_order(rows, len);
    }
    for (size_t i = 0; status == HL_OK && i < len; i++)
        json_array_append(ordered, find_plugin(*chain, rows[i].name));
    if (status == HL_OK) {
        json_decref(*chain);
        *chain = ordered;
    } else {
        json_decref(ordered);
    }
    free(rows);
    free(depends);
    return status;
}

static void view_cleanup(struct view *view)
{
    json_decref(view->event);
    json_decref(view->chain);
    json_decref(view->others);
}

static int view_read(struct context *context, const char *name, struct view *view)
{
    hl_plugin_filter filter = HL_PLUGIN_FILTER_INIT;
    hl_status status;

    *view = (struct view){name, NULL, json_array(), json_array()};
    filter.event = name;
    status = hl_events(context->runtime, match_event, view);
    if (status == HL_OK && !view->event)
        status = hl_explain(context->runtime, name, record_line, view->chain);
    if (status == HL_OK)
        status = hl_plugins(context->runtime, &filter, sort_out, view);
    if (status == HL_OK)
        status = order_chain(&view->chain);
    if (status == HL_OK)
        return TOOL_DONE;
    view_cleanup(view);
    return tool_fail_about(context, NULL, name);
}

/* ---- show, for people ------------------------------------------------------------------------------------------ */

static void print_contract(const struct context *context, const json_t *contract)
{
    static const char *const titles[] = {"FIELD", "TYPE", "OFFSET", "SIZE"};
    struct table *table;
    size_t i;
    json_t *field;

    if (json_is_null(contract)) {
        puts("It has no contract: plugins and server agree on the state by themselves.");
        return;
    }
    printf("Its state is ");
    tool_print_text(stdout, value_text(contract, "type"));
    if (value_count(contract, "state_size"))
        printf(", %llu bytes", (unsigned long long)value_count(contract, "state_size"));
    puts(".");
    table = tool_table_new(4, titles);
    json_array_foreach (json_object_get(contract, "fields"), i, field) {
        tool_table_row(table);
        tool_table_cell(table, "%s", value_text(field, "name"));
        tool_table_cell(table, "%s", value_text(field, "type"));
        tool_table_cell(table, "%llu", (unsigned long long)value_count(field, "offset"));
        tool_table_cell(table, "%llu", (unsigned long long)value_count(field, "size"));
    }
    tool_table_print(table, context, "No field of it is named.");
}

static void print_event(const struct context *context, const json_t *event)
{
    printf("Event ");
    tool_print_text(stdout, value_text(event, "name"));
    puts("");
    if (value_bool(event, "rollback"))
        puts("When its chain fails, the state is restored.");
    if (value_bool(event, "skip_missing"))
        puts("It runs without plugins whose code is missing.");
    print_contract(context, json_object_get(event, "contract"));
}

static void print_chain(const struct context *context, const json_t *chain)
{
    static const char *const titles[] = {"CHAIN", "PLUGIN", "STATUS", "PRIORITY", "EXTENSION", "RUNS IN"};
    struct table *table = tool_table_new(6, titles);
    size_t i;
    json_t *plugin;

    json_array_foreach (chain, i, plugin) {
        char place[64];

        record_place(plugin, place, sizeof(place));
        tool_table_row(table);
        tool_table_cell(table, "%zu", i + 1);
        tool_table_cell(table, "%s", value_text(plugin, "name"));
        tool_table_cell(table, "%s", value_text(plugin, "status"));
        tool_table_cell(table, "%d", (int)value_count(plugin, "priority"));
        tool_table_cell(table, "%s", value_text(plugin, "extension"));
        tool_table_cell(table, "%s", place);
    }
    puts("");
    tool_table_print(table, context, "Its chain is empty.");
}

static void print_others(const struct context *context, const json_t *others)
{
    static const char *const titles[] = {"NOT IN IT", "STATUS", "WHY"};
    struct table *table = tool_table_new(3, titles);
    size_t i;
    json_t *plugin;

    json_array_foreach (others, i, plugin) {
        tool_table_row(table);
        tool_table_cell(table, "%s", value_text(plugin, "name"));
        tool_table_cell(table, "%s", value_text(plugin, "status"));
        tool_table_cell(table, "%s", value_text(plugin, "reason"));
    }
    puts("");
    tool_table_print(table, context, "No other plugin is registered on it.");
}

static void print_held(const json_t *held)
{
    size_t i;
    json_t *old;

    json_array_foreach (held, i, old) {
        unsigned long long threads = (unsigned long long)value_count(old, "threads");

        printf("  generation %llu (%s) is still held, for %s so far, by %llu thread%s%s\n",
               (unsigned long long)value_count(old, "generation"), value_text(old, "engine"),
               tool_duration(value_count(old, "held_ns")), threads, threads == 1 ? "" : "s",
               threads ? "" : ": only waiting for readers to pass");
    }
}

static void print_missing(const json_t *plugins)
{
    size_t i;
    json_t *plugin;

    json_array_foreach (plugins, i, plugin) {
        const char *status = value_text(plugin, "status");
        const char *reason = value_text(plugin, "reason");

        if (!*reason || (strcmp(status, "started") != 0 && strcmp(status, "restarted") != 0))
            continue;
        fputs("  ", stdout);
        tool_print_text(stdout, value_text(plugin, "name"));
        fputs(" does not run here: ", stdout);
        tool_print_text(stdout, reason);
        puts("");
    }
}

static void print_server_view(const json_t *answer)
{
    const json_t *event = json_object_get(answer, "event");
    char title[128];

    servers_title(answer, title, sizeof(title));
    tool_print_text(stdout, title);
    if (servers_error(answer)) {
        fputs(": ", stdout);
        tool_print_text(stdout, servers_error(answer));
        puts("");
        return;
    }
    if (!value_bool(event, "opened")) {
        puts(" has not opened it");
        return;
    }
    printf(" runs generation %llu with %zu plugin%s, engine %s\n", (unsigned long long)value_count(event, "generation"),
           json_array_size(json_object_get(answer, "chain")),
           json_array_size(json_object_get(answer, "chain")) == 1 ? "" : "s", value_text(event, "engine"));
    print_missing(json_object_get(answer, "plugins"));
    print_held(json_object_get(answer, "held"));
}

static void print_servers(const json_t *answers)
{
    size_t i;
    json_t *answer;

    puts("");
    if (json_array_size(answers) == 0)
        puts("No server is running on this store.");
    json_array_foreach (answers, i, answer)
        print_server_view(answer);
}

int verb_show(struct context *context, int argc, char **argv)
{
    struct view view;
    json_t *answers;
    int code = tool_open(context, TOOL_READ);

    (void)argc;
    if (code == TOOL_DONE)
        code = view_read(context, argv[0], &view);
    if (code != TOOL_DONE)
        return code;
    code = servers_ask(context, json_pack("{s:s, s:s}", "ask", "show", "event", argv[0]), &answers);
    if (code != TOOL_DONE)
        goto out;
    if (context->json) {
        code = tool_print_json(json_pack("{s:O, s:O, s:O, s:O}", "event", view.event, "chain", view.chain, "others",
                                         view.others, "servers", answers),
                               TOOL_DONE);
    } else {
        print_event(context, view.event);
        print_chain(context, view.chain);
        print_others(context, view.others);
        print_servers(answers);
    }
    json_decref(answers);
out:
    view_cleanup(&view);
    return code;
}

/* ---- explain --------------------------------------------------------------------------------------------------- */

static void print_explanations(const json_t *own, const json_t *answers)
{
    char title[128];
    size_t i;
    json_t *answer;

    if (json_array_size(answers) == 0) {
        record_print_lines(own, "");
        puts("No server is running on this store: this is what the records say.");
    }
    json_array_foreach (answers, i, answer) {
        servers_title(answer, title, sizeof(title));
        tool_print_text(stdout, title);
        puts(":");
        if (servers_error(answer)) {
            fputs("  ", stdout);
            tool_print_text(stdout, servers_error(answer));
            puts("");
        }
        record_print_lines(json_object_get(answer, "lines"), "  ");
    }
}

int verb_explain(struct context *context, int argc, char **argv)
{
    json_t *own, *answers;
    int code = tool_open(context, TOOL_READ);

    (void)argc;
    if (code != TOOL_DONE)
        return code;
    own = json_array();
    code = hl_explain(context->runtime, argv[0], record_line, own) == HL_OK ? TOOL_DONE
                                                                            : tool_fail_about(context, NULL, argv[0]);
    if (code == TOOL_DONE)
        code = servers_ask(context, json_pack("{s:s, s:s}", "ask", "explain", "event", argv[0]), &answers);
    if (code != TOOL_DONE)
        goto out;
    if (context->json)
        code = tool_print_json(json_pack("{s:s, s:O, s:O}", "event", argv[0], "lines", own, "servers", answers),
                               TOOL_DONE);
    else
        print_explanations(own, answers);
    json_decref(answers);
out:
    json_decref(own);
    return code;
}
