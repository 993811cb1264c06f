/* The report of `hookline demo` for people; with --json the same comes as it is. */
#include <string.h>

#include "demo.h"
#include "records.h"
#include "servers.h"

/* ---- small parts ----------------------------------------------------------------------------------------------- */

static void title(const struct context *context, const char *text)
{
    printf("\n%s%s%s\n", context->colour ? "\033[1m" : "", text, context->colour ? "\033[0m" : "");
}

static const char *duration_of(const json_t *object, const char *key)
{
    return json_object_get(object, key) ? tool_duration(value_count(object, key)) : "-";
}

static void print_chain(const json_t *chain)
{
    const char *arrow = "";
    size_t i;
    json_t *name;

    json_array_foreach (chain, i, name) {
        fputs(arrow, stdout);
        tool_print_text(stdout, json_string_value(name));
        arrow = " > ";
    }
    puts(json_array_size(chain) > 0 ? "" : "(empty)");
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

static void print_change(size_t number, const json_t *change)
{
    printf("%2zu. %s\n", number, value_text(change, "command"));
    printf("      %s: %s\n", value_text(change, "event"), value_text(change, "note"));
    fputs("      before  ", stdout);
    print_chain(json_object_get(change, "before"));
    fputs("      after   ", stdout);
    print_chain(json_object_get(change, "after"));
    printf("      stored after %s, visible in the server after %s, compiled after %s\n",
           duration_of(change, "stored_ns"), duration_of(change, "visible_ns"), duration_of(change, "compiled_ns"));
}

static void print_medians(const json_t *changes, const char *what)
{
    uint64_t compiled_ns = demo_times_median(changes, "compiled_ns");

    printf("%s (%zu): visible after %s, compiled after %s, the command done after %s (medians)\n", what,
           json_array_size(changes), tool_duration(demo_times_median(changes, "visible_ns")),
           compiled_ns ? tool_duration(compiled_ns) : "-", tool_duration(demo_times_median(changes, "command_ns")));
}

static void print_changes(const struct demo *demo)
{
    const json_t *changes = json_object_get(demo->report, "changes");
    const json_t *churn = json_object_get(demo->report, "churn");
    size_t i;
    json_t *change;

    title(demo->context, "CHANGES");
    puts(
        "Each is a run of the hookline command, which reaches the server through the store. Times begin when the command\n"
        "asks for the change (stored: durably on disk) and are CLOCK_MONOTONIC in both processes.\n");
    json_array_foreach (changes, i, change)
        print_change(i + 1, change);
    puts("");
    print_medians(changes, "These changes");
    if (churn)
        print_medians(churn, "Changes without pause");
}

/* ---- the upgrade ----------------------------------------------------------------------------------------------- */

static void print_step(size_t number, const json_t *step)
{
    printf("%2zu. %s\n", number, value_text(step, "command"));
    printf("      %s\n", value_text(step, "note"));
    fputs("      before  ", stdout);
    print_chain(json_object_get(step, "before"));
    fputs("      after   ", stdout);
    print_chain(json_object_get(step, "after"));
    printf("      visible in the server after %s, compiled after %s, the command done after %s\n",
           duration_of(step, "visible_ns"), duration_of(step, "compiled_ns"), duration_of(step, "command_ns"));
    printf("      an answer's X-Release: %s\n", value_text(step, "answered"));
}

static void print_upgrade(const struct demo *demo)
{
    const json_t *steps = json_object_get(demo->report, "upgrade");
    size_t i;
    json_t *step;

    if (!steps)
        return;
    title(demo->context, "AN APP INSTALLED, UPGRADED AND ROLLED BACK UNDER THE SAME LOAD");
    puts(
        "The package was made by `hookline pack`. Each version's code is loaded before the old one leaves its chain, and\n"
        "the old code is unmapped when the last call has left it.\n");
    json_array_foreach (steps, i, step)
        print_step(i + 1, step);
}

/* ---- the work meanwhile ---------------------------------------------------------------------------------------- */

static void print_engine(const struct demo *demo)
{
    const json_t *chains = json_object_get(demo->report, "chains");
    const char *event;
    json_t *chain;

    title(demo->context, "CHAINS");
    json_object_foreach ((json_t *)(uintptr_t)chains, event, chain) {
        printf("%-9s %-9s  ", event, value_text(chain, "engine"));
        print_chain(json_object_get(chain, "chain"));
    }
    if (json_object_get(demo->report, "explain")) {
        puts("\nWhy they are not compiled, as `hookline explain response` tells:");
        record_print_lines(json_object_get(demo->report, "explain"), "  ");
    }
}

static void print_requests(const struct demo *demo)
{
    const json_t *requests = json_object_get(demo->report, "requests");

    if (!requests)
        return;
    title(demo->context, "REQUESTS");
    printf("%llu served, %llu failed; %llu a second over %lu connections.\n",
           (unsigned long long)value_count(requests, "served"), (unsigned long long)value_count(requests, "failed"),
           (unsigned long long)value_count(requests, "per_second"), demo->threads);
}

static void print_dispatch(const struct demo *demo)
{
    static const char *const titles[] = {"EVENT", "CHANGES", "DISPATCHES", "P50", "P99", "P99.9"};
    const json_t *rows = json_object_get(demo->report, "dispatch");
    struct table *table;
    size_t i;
    json_t *row;

    if (json_array_size(rows) == 0)
        return;
    title(demo->context, "DISPATCH TIMES");
    table = tool_table_new(6, titles);
    json_array_foreach (rows, i, row) {
        tool_table_row(table);
        tool_table_cell(table, "%s", value_text(row, "event"));
        tool_table_cell(table, "%s", strcmp(value_text(row, "phase"), "quiet") == 0 ? "none" : "without pause");
        tool_table_cell(table, "%llu", (unsigned long long)value_count(row, "dispatches"));
        tool_table_cell(table, "%s", duration_of(row, "p50_ns"));
        tool_table_cell(table, "%s", duration_of(row, "p99_ns"));
        tool_table_cell(table, "%s", duration_of(row, "p999_ns"));
    }
    tool_table_print(table, demo->context, "");
    puts(
        "One dispatch of the event's chain, the plugins' own work and the reading of the clock included, measured in the\n"
        "server. Server, load and commands share this machine's processors: a thread that had to wait for one shows in the\n"
        "last column. `hookline bench` measures dispatch alone.");
}

static void print_counts(const char *what, const json_t *counts)
{
    const char *separator = "";
    const char *key;
    json_t *count;

    printf("%s", what);
    json_object_foreach ((json_t *)(uintptr_t)counts, key, count) {
        printf("%s%s %llu", separator, key, (unsigned long long)json_integer_value(count));
        separator = ", ";
    }
    puts("");
}

static void print_input(const struct demo *demo)
{
    const json_t *input = json_object_get(demo->report, "input");
    uint64_t lines = value_count(input, "lines");

    if (!input)
        return;
    title(demo->context, "LINES");
    printf("Lines in the file: %llu. Full passes over it: %llu. Lines run: %llu.\n",
           (unsigned long long)value_count(input, "file_lines"), (unsigned long long)value_count(input, "passes"),
           (unsigned long long)lines);
    printf("%.0f ns a line: reading it, three chains, and the changes meanwhile.\n",
           lines ? (double)value_count(input, "elapsed_ns") / (double)lines : 0.0);
    print_counts("Verdicts of request: ", json_object_get(input, "verdicts"));
    print_counts("Answers: ", json_object_get(input, "statuses"));
    if (value_count(input, "cut"))
        printf("%llu lines were longer than a path may be (255 bytes); they were cut and answered with 414.\n",
               (unsigned long long)value_count(input, "cut"));
    if (value_count(input, "with_nul"))
        printf("%llu lines held NUL bytes, which plugins saw as '?'.\n",
               (unsigned long long)value_count(input, "with_nul"));
}

void demo_report_print(const struct demo *demo)
{
    const json_t *assembly = json_object_get(demo->report, "assembly");

    print_changes(demo);
    print_engine(demo);
    if (assembly) {
        title(demo->context, "THE CHAIN OF response, AS `hookline dump response --stage asm` SHOWS IT");
        record_print_lines(assembly, "  ");
    }
    print_upgrade(demo);
    print_requests(demo);
    print_input(demo);
    print_dispatch(demo);
    puts("");
}
