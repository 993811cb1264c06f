/* The result of hookline bench: a table that grows as it measures, or one JSON object a line. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static bool has_goal(const bench_row *row)
{
    return row->goal_kind != BENCH_NO_GOAL;
}

static bool goal_met(const bench_row *row)
{
    switch (row->goal_kind) {
    case BENCH_RATIO_MOST:
        return row->ratio <= row->goal;
    case BENCH_RATIO_LEAST:
        return row->ratio >= row->goal;
    case BENCH_NS_MOST:
        return row->ns <= row->goal;
    case BENCH_VALUE_MOST:
        return row->value <= row->goal;
    case BENCH_NO_GOAL:
        break;
    }
    return true;
}

/* ---- for programs ---------------------------------------------------------------------------------------------- */

static void set_real(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, value > 0 ? json_real(value) : json_null());
}

static void set_goal(json_t *object, const bench_row *row)
{
    static const char *const kinds[] = {"", "ratio_most", "ratio_least", "ns_most", "value_most"};

    if (!has_goal(row))
        return;
    json_object_set_new(object, "goal", json_real(row->goal));
    json_object_set_new(object, "goal_kind", json_string(kinds[row->goal_kind]));
    json_object_set_new(object, "ok", json_boolean(goal_met(row)));
}

static void print_json(const bench_row *row)
{
    json_t *object = json_object();
    char *text;

    json_object_set_new(object, "case", json_string(row->name));
    json_object_set_new(object, "what", tool_text(row->what));
    json_object_set_new(object, "engine", row->engine ? json_string(row->engine) : json_null());
    json_object_set_new(object, "plugins", json_integer((json_int_t)row->plugins));
    json_object_set_new(object, "events", json_integer((json_int_t)row->events));
    set_real(object, "ns_median", row->ns);
    set_real(object, "ratio", row->ratio);
    json_object_set_new(object, "baseline", row->baseline ? tool_text(row->baseline) : json_null());
    if (row->p99_ns > 0)
        set_real(object, "p99_ns", row->p99_ns);
    if (row->p999_ns > 0)
        set_real(object, "p999_ns", row->p999_ns);
    if (row->unit) {
        json_object_set_new(object, "value", json_real(row->value));
        json_object_set_new(object, "unit", json_string(row->unit));
    }
    set_goal(object, row);
    text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(8));
    puts(text ? text : "{}");
    free(text);
    json_decref(object);
}

/* ---- for people ------------------------------------------------------------------------------------------------ */

static const char *time_text(double ns, char *out, size_t out_len)
{
    if (ns < 1000)
        snprintf(out, out_len, "%.1f ns", ns);
    else if (ns < 1e6)
        snprintf(out, out_len, "%.1f us", ns / 1e3);
    else if (ns < 1e9)
        snprintf(out, out_len, "%.1f ms", ns / 1e6);
    else
        snprintf(out, out_len, "%.2f s", ns / 1e9);
    return out;
}

static void measured_text(const bench_row *row, char *out, size_t out_len)
{
    if (row->unit)
        snprintf(out, out_len, "%.*f %s", row->value == floor(row->value) ? 0 : 1, row->value, row->unit);
    else
        time_text(row->ns, out, out_len);
}

static void ratio_text(const bench_row *row, char *out, size_t out_len)
{
    *out = '\0';
    if (row->ratio > 0)
        snprintf(out, out_len, "%.2f of %s", row->ratio, row->baseline);
}

static void goal_text(const bench_row *row, char *out, size_t out_len)
{
    char limit[32];

    *out = '\0';
    if (row->goal_kind == BENCH_RATIO_MOST)
        snprintf(out, out_len, "at most %.2f", row->goal);
    if (row->goal_kind == BENCH_RATIO_LEAST)
        snprintf(out, out_len, "at least %.2f", row->goal);
    if (row->goal_kind == BENCH_NS_MOST)
        snprintf(out, out_len, "at most %s", time_text(row->goal, limit, sizeof(limit)));
    if (row->goal_kind == BENCH_VALUE_MOST)
        snprintf(out, out_len, "at most %g %s", row->goal, row->unit);
}

static const char *verdict_text(const bench *b, const bench_row *row)
{
    if (!has_goal(row))
        return "";
    if (goal_met(row))
        return "met";
    return b->context->colour ? "\033[31mmissed\033[0m" : "missed";
}

static void print_titles(bench *b)
{
    if (!b->titles_printed)
        printf("%-14s %-42s %-11s %7s %6s %11s  %-30s %-17s %s\n", "case", "what", "engine", "plugins", "events",
               "median", "ratio", "goal", "");
    b->titles_printed = true;
}

static void print_tails(const bench_row *row)
{
    char p99[32], p999[32];

    if (row->p999_ns > 0)
        printf("%-14s   p99 %s, p99.9 %s\n", "", time_text(row->p99_ns, p99, sizeof(p99)),
               time_text(row->p999_ns, p999, sizeof(p999)));
}

static void print_line(bench *b, const bench_row *row)
{
    char measured[64], ratio[96], goal[64];

    measured_text(row, measured, sizeof(measured));
    ratio_text(row, ratio, sizeof(ratio));
    goal_text(row, goal, sizeof(goal));
    print_titles(b);
    printf("%-14s %-42s %-11s %7zu %6zu %11s  %-30s %-17s %s\n", row->name, row->what, row->engine ? row->engine : "",
           row->plugins, row->events, measured, ratio, goal, verdict_text(b, row));
    print_tails(row);
}

void bench_print(bench *b, const bench_row *row)
{
    b->goals += has_goal(row);
    b->missed += !goal_met(row);
    if (b->context->json)
        print_json(row);
    else
        print_line(b, row);
    fflush(stdout);
}

void bench_say(bench *b, const char *format, ...)
{
    va_list args;

    if (b->context->json)
        return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

int bench_wrong(bench *b, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return tool_error(b->context, TOOL_REFUSED, HL_ERR_PLUGIN, "answer", "A measured answer is wrong: %s", text);
}
