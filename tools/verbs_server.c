/* dump, health and profile: what only a running server can tell. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disassemble.h"
#include "records.h"
#include "servers.h"
#include "verbs.h"

#define PROBE_MS 1000

static void print_title(const json_t *answer)
{
    char title[128];

    servers_title(answer, title, sizeof(title));
    tool_print_text(stdout, title);
    puts(":");
    if (!servers_error(answer))
        return;
    fputs("  ", stdout);
    tool_print_text(stdout, servers_error(answer));
    puts("");
}

static int print_answers(struct context *context, json_t *answers,
                         void (*print)(const struct context *, const json_t *))
{
    size_t i;
    json_t *answer;

    if (context->json)
        return tool_print_json(json_pack("{s:o}", "servers", answers), TOOL_DONE);
    json_array_foreach (answers, i, answer) {
        print_title(answer);
        if (!servers_error(answer))
            print(context, answer);
    }
    json_decref(answers);
    return TOOL_DONE;
}

/* ---- dump ------------------------------------------------------------------------------------------------------ */

static void print_dump(const struct context *context, const json_t *answer)
{
    (void)context;
    record_print_lines(json_object_get(answer, "lines"), "  ");
}

static const json_t *lines_of_server(const json_t *answers, uint64_t pid)
{
    size_t i;
    json_t *answer;

    json_array_foreach (answers, i, answer) {
        if (value_count(answer, "pid") == pid)
            return json_object_get(answer, "lines");
    }
    return NULL;
}

/* Replaces the code bytes of every answer by their disassembly, or adds a hint that it could not be made. */
static void disassemble_all(struct context *context, json_t *answers, const json_t *plans)
{
    size_t i;
    json_t *answer;

    json_array_foreach (answers, i, answer) {
        json_t *lines = servers_error(answer) ? NULL : disassemble(json_object_get(answer, "lines"));

        if (lines) {
            disassemble_name_calls(lines, lines_of_server(plans, value_count(answer, "pid")));
            json_object_set_new(answer, "lines", lines);
        } else if (!servers_error(answer))
            tool_note(context, "hookline: objdump could not be run, so these are the bytes; install binutils to see "
                               "instructions");
    }
}

static json_t *dump_request(const char *event, const char *stage)
{
    return json_pack("{s:s, s:o, s:s}", "ask", "dump", "event", tool_text(event), "stage", stage);
}

int verb_dump(struct context *context, int argc, char **argv)
{
    const char *stage = context->option[OPTION_STAGE] ? context->option[OPTION_STAGE] : "plan";
    bool assembly = strcmp(stage, "asm") == 0;
    json_t *answers, *plans;
    int code;

    (void)argc;
    if (!assembly && strcmp(stage, "plan") != 0 && strcmp(stage, "steps") != 0 && strcmp(stage, "code") != 0)
        return tool_usage(context, "\"%s\" is no stage: plan, steps, code or asm", stage);
    code = servers_need(context, dump_request(argv[0], assembly ? "code" : stage), &answers);
    if (code != TOOL_DONE || !assembly)
        return code == TOOL_DONE ? print_answers(context, answers, print_dump) : code;
    code = servers_ask(context, dump_request(argv[0], "plan"), &plans);
    if (code != TOOL_DONE) {
        json_decref(answers);
        return code;
    }
    disassemble_all(context, answers, plans);
    json_decref(plans);
    return print_answers(context, answers, print_dump);
}

/* ---- health ---------------------------------------------------------------------------------------------------- */

static const char *health_word(const json_t *event)
{
    if (value_bool(event, "empty"))
        return "empty";
    return value_bool(event, "healthy") ? "healthy" : "unhealthy";
}

static void health_row(struct table *table, const json_t *event, const json_t *plugin)
{
    tool_table_row(table);
    tool_table_cell(table, "  %s", value_text(event, "name"));
    tool_table_cell(table, "%s", plugin ? value_text(plugin, "name") : "");
    tool_table_cell(table, "%s", plugin ? value_text(plugin, "status") : "");
    tool_table_cell(table, "%s", plugin ? value_text(plugin, "probe") : "");
    tool_table_cell(table, "%s",
                    plugin ? (value_bool(plugin, "healthy")    ? "healthy"
                              : value_bool(plugin, "expected") ? "unhealthy"
                                                               : "")
                           : health_word(event));
    tool_table_cell(table, "%s", plugin ? value_text(plugin, "reason") : "");
}

static void print_health(const struct context *context, const json_t *answer)
{
    static const char *const titles[] = {"  EVENT", "PLUGIN", "STATUS", "PROBE", "HEALTH", "REASON"};
    struct table *table = tool_table_new(6, titles);
    size_t i, k;
    json_t *event, *plugin;

    json_array_foreach (json_object_get(answer, "events"), i, event) {
        health_row(table, event, NULL);
        json_array_foreach (json_object_get(event, "plugins"), k, plugin)
            health_row(table, event, plugin);
    }
    tool_table_print(table, context, "  It has no events.");
}

/* Without a server, the statuses at least. */
static bool store_row(const hl_plugin_info *info, void *table)
{
    record_row(table, info, true);
    return true;
}

static void print_store_statuses(struct context *context, const char *event)
{
    static const char *const titles[] = {"PLUGIN", "EVENT", "STATUS", "PRIORITY", "DEPENDS ON", "EXTENSION"};
    hl_plugin_filter filter = HL_PLUGIN_FILTER_INIT;
    struct table *table = tool_table_new(6, titles);

    filter.event = event;
    if (hl_plugins(context->runtime, &filter, store_row, table) == HL_OK)
        tool_table_print(table, context, "The store has no such plugin.");
    else
        tool_table_free(table);
}

static int no_server_for_health(struct context *context, const char *event)
{
    if (!context->json)
        print_store_statuses(context, event);
    return tool_error(context, TOOL_NO_SERVER, HL_ERR_PEER, "store",
                      "No running server answered on the store %s, and only a server can probe its plugins%s",
                      context->store, context->json ? "." : ": the table is what the store knows.");
}

static json_t *health_request(const char *event, uint32_t ms)
{
    json_t *request = json_pack("{s:s, s:i}", "ask", "health", "timeout_ms", (int)ms);

    if (event)
        json_object_set_new(request, "event", tool_text(event));
    return request;
}

int verb_health(struct context *context, int argc, char **argv)
{
    const char *event = argc > 0 ? argv[0] : NULL;
    uint32_t ms;
    json_t *answers;
    int code = servers_timeout(context, PROBE_MS, &ms);

    if (code == TOOL_DONE)
        code = tool_open(context, TOOL_READ);
    if (code == TOOL_DONE)
        code = servers_ask(context, health_request(event, ms), &answers);
    if (code != TOOL_DONE)
        return code;
    if (json_array_size(answers) == 0) {
        json_decref(answers);
        return no_server_for_health(context, event);
    }
    code = servers_check(context, answers);
    if (code == TOOL_DONE)
        return print_answers(context, answers, print_health);
    json_decref(answers);
    return code;
}

/* ---- profile --------------------------------------------------------------------------------------------------- */

static void verdict_text(int64_t verdict, char *out, size_t out_len)
{
    if (verdict == HL_NEXT)
        snprintf(out, out_len, "next");
    else if (verdict == HL_HALT)
        snprintf(out, out_len, "halt");
    else
        snprintf(out, out_len, "%lld %s", (long long)verdict, verdict < 0 ? hl_status_name((hl_status)verdict) : "");
}

static void print_profile(const struct context *context, const json_t *answer)
{
    static const char *const titles[] = {"  PLUGIN", "TIME", "VERDICT"};
    struct table *table = tool_table_new(3, titles);
    char verdict[64];
    uint64_t sum = 0;
    size_t i;
    json_t *row;

    json_array_foreach (json_object_get(answer, "rows"), i, row) {
        verdict_text((int64_t)value_count(row, "verdict"), verdict, sizeof(verdict));
        sum += value_count(row, "elapsed_ns");
        tool_table_row(table);
        tool_table_cell(table, "  %s", value_text(row, "name"));
        tool_table_cell(table, "%s", tool_duration(value_count(row, "elapsed_ns")));
        tool_table_cell(table, "%s", verdict);
    }
    tool_table_print(table, context, "  The chain is empty.");
    verdict_text((int64_t)value_count(answer, "verdict"), verdict, sizeof(verdict));
    printf("  %s in all; the chain's verdict: %s\n", tool_duration(sum), verdict);
}

int verb_profile(struct context *context, int argc, char **argv)
{
    json_t *answers;
    uint32_t ms;
    int code = servers_timeout(context, PROBE_MS, &ms);

    (void)argc;
    if (code == TOOL_DONE)
        code = servers_need(context,
                            json_pack("{s:s, s:o, s:i}", "ask", "profile", "event", tool_text(argv[0]), "timeout_ms",
                                      (int)ms),
                            &answers);
    return code == TOOL_DONE ? print_answers(context, answers, print_profile) : code;
}
