/* top, crashes, and watch EVENT on|off: who is inside what, and who has crashed. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "numbers.h"
#include "records.h"
#include "servers.h"
#include "verbs.h"

#define TOP_MS 1000

/* ---- top ------------------------------------------------------------------------------------------------------- */

static void add_inside(struct table *table, const json_t *row)
{
    tool_table_row(table);
    tool_table_cell(table, "  %llu", (unsigned long long)value_count(row, "tid"));
    tool_table_cell(table, "%s", value_text(row, "event"));
    tool_table_cell(table, "%llu", (unsigned long long)value_count(row, "generation"));
    tool_table_cell(table, "%s", value_text(row, "plugin")[0] ? value_text(row, "plugin") : "?");
    tool_table_cell(table, "%s", tool_duration(value_count(row, "since_ns")));
    if (value_count(row, "worker"))
        tool_table_cell(table, "%llu", (unsigned long long)value_count(row, "worker"));
}

static void print_inside(const struct context *context, const json_t *rows)
{
    static const char *const titles[] = {"  THREAD", "EVENT", "GENERATION", "PLUGIN", "SINCE", "WORKER"};
    struct table *table = tool_table_new(6, titles);
    size_t i;
    json_t *row;

    json_array_foreach (rows, i, row)
        add_inside(table, row);
    tool_table_print(table, context, "  No thread is in a plugin.");
}

static void add_worker(struct table *table, const json_t *row)
{
    tool_table_row(table);
    tool_table_cell(table, "  %s", value_text(row, "name"));
    tool_table_cell(table, "%s", value_text(row, "event"));
    tool_table_cell(table, "%llu", (unsigned long long)value_count(row, "number"));
    tool_table_cell(table, "%llu", (unsigned long long)value_count(row, "pid"));
    tool_table_cell(table, "%s", value_text(row, "state"));
    tool_table_cell(table, "%s", value_count(row, "busy_ns") ? tool_duration(value_count(row, "busy_ns")) : "");
    tool_table_cell(table, "%llu", (unsigned long long)value_count(row, "calls"));
    tool_table_cell(table, "%llu", (unsigned long long)value_count(row, "failures"));
    tool_table_cell(table, "%llu", (unsigned long long)value_count(row, "restarts"));
    tool_table_cell(table, "%llu", (unsigned long long)value_count(row, "waiting"));
    tool_table_cell(table, "%s", value_bool(row, "breaker_open") ? "open" : "");
    tool_table_cell(table, "%s%s%s", value_text(row, "sandbox"), value_text(row, "lacking")[0] ? ", without " : "",
                    value_text(row, "lacking"));
    tool_table_cell(table, "%s", value_text(row, "reason"));
}

static void print_workers(const struct context *context, const json_t *rows)
{
    static const char *const titles[] = {"  WORKER OF", "EVENT",    "NO",      "PID",     "STATE",   "BUSY",  "CALLS",
                                         "FAILURES",    "RESTARTS", "WAITING", "BREAKER", "SANDBOX", "REASON"};
    struct table *table = tool_table_new(13, titles);
    size_t i;
    json_t *row;

    json_array_foreach (rows, i, row)
        add_worker(table, row);
    tool_table_print(table, context, "  It has no workers.");
}

static void print_server(const struct context *context, const json_t *answer)
{
    char title[128];

    servers_title(answer, title, sizeof(title));
    tool_print_text(stdout, title);
    puts(":");
    if (servers_error(answer)) {
        fputs("  ", stdout);
        tool_print_text(stdout, servers_error(answer));
        puts("");
        return;
    }
    print_inside(context, json_object_get(answer, "inside"));
    puts("");
    print_workers(context, json_object_get(answer, "workers"));
}

/* On a terminal each picture takes the place of the one before. */
static int show_top(struct context *context)
{
    json_t *answers, *answer;
    size_t i;
    int code = servers_need(context, json_pack("{s:s}", "ask", "top"), &answers);

    if (code != TOOL_DONE)
        return code;
    if (context->json)
        return tool_print_json(json_pack("{s:o}", "servers", answers), TOOL_DONE);
    if (!context->option[OPTION_ONCE] && isatty(STDOUT_FILENO))
        fputs("\033[H\033[J", stdout);
    json_array_foreach (answers, i, answer)
        print_server(context, answer);
    json_decref(answers);
    return fflush(stdout) == 0 ? TOOL_DONE : TOOL_REFUSED;
}

/* Until interrupted: true. */
static bool interrupted(int signals)
{
    struct pollfd wait = {signals, POLLIN, 0};

    return poll(&wait, 1, TOP_MS) > 0;
}

static int open_signals(struct context *context, int *signals)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    *signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    if (*signals >= 0)
        return TOOL_DONE;
    return tool_error(context, TOOL_REFUSED, HL_ERR_SYSTEM, "", "Cannot wait for signals: %s.", strerror(errno));
}

int verb_top(struct context *context, int argc, char **argv)
{
    bool once = context->option[OPTION_ONCE] || context->json;
    unsigned long left;
    int signals = -1;
    int code = option_number(context, OPTION_COUNT, once ? 1 : (unsigned long)-1, 1000000000, &left);

    (void)argc;
    (void)argv;
    if (code == TOOL_DONE)
        code = open_signals(context, &signals);
    while (code == TOOL_DONE) {
        code = show_top(context);
        if (code != TOOL_DONE || --left == 0 || interrupted(signals))
            break;
    }
    if (signals >= 0)
        close(signals);
    return code;
}

/* ---- crashes --------------------------------------------------------------------------------------------------- */

static bool add_crash(const hl_crash_info *info, void *user)
{
    json_array_append_new(user, json_pack("{s:o, s:o, s:o, s:I, s:i, s:b, s:i, s:i, s:I, s:I, s:o}", "plugin",
                                          tool_text(info->plugin), "version", tool_text(info->version), "event",
                                          tool_text(info->event), "generation", (json_int_t)info->generation, "pid",
                                          (int)info->pid, "in_worker", info->in_worker, "signal", (int)info->signal,
                                          "exit_status", (int)info->exit_status, "address", (json_int_t)info->address,
                                          "at", (json_int_t)info->at, "text", tool_text(info->text)));
    return true;
}

/* Newest first. */
static void insert_by_time(json_t *crashes, json_t *crash)
{
    size_t place = 0;

    while (place < json_array_size(crashes) &&
           value_count(json_array_get(crashes, place), "at") >= value_count(crash, "at"))
        place++;
    json_array_insert(crashes, place, crash);
}

/* Those of workers are known to their server alone. */
static int add_workers_crashes(struct context *context, json_t *crashes)
{
    json_t *answers, *answer, *crash;
    size_t i, k;
    int code = servers_ask(context, json_pack("{s:s}", "ask", "crashes"), &answers);

    if (code != TOOL_DONE)
        return code;
    json_array_foreach (answers, i, answer) {
        json_array_foreach (json_object_get(answer, "crashes"), k, crash) {
            if (value_bool(crash, "in_worker"))
                insert_by_time(crashes, crash);
        }
    }
    json_decref(answers);
    return TOOL_DONE;
}

static void print_crash(struct table *table, const json_t *crash)
{
    time_t at = (time_t)value_count(crash, "at");
    char when[32] = "";
    struct tm parts;

    if (localtime_r(&at, &parts))
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &parts);
    tool_table_row(table);
    tool_table_cell(table, "%s", when);
    tool_table_cell(table, "%s", value_text(crash, "plugin")[0] ? value_text(crash, "plugin") : "?");
    tool_table_cell(table, "%s", value_text(crash, "version"));
    tool_table_cell(table, "%s", value_text(crash, "event"));
    tool_table_cell(table, "%s %llu", value_bool(crash, "in_worker") ? "worker" : "process",
                    (unsigned long long)value_count(crash, "pid"));
    tool_table_cell(table, "%s", value_text(crash, "text"));
}

static int print_crashes(struct context *context, json_t *crashes)
{
    static const char *const titles[] = {"WHEN", "PLUGIN", "VERSION", "EVENT", "WHO", "WHAT"};
    struct table *table;
    size_t i;
    json_t *crash;

    if (context->json) {
        json_array_foreach (crashes, i, crash)
            json_object_set_new(crash, "at", record_time((int64_t)value_count(crash, "at")));
        return tool_print_json(json_pack("{s:O}", "crashes", crashes), TOOL_DONE);
    }
    table = tool_table_new(6, titles);
    json_array_foreach (crashes, i, crash)
        print_crash(table, crash);
    tool_table_print(table, context, "Nothing has crashed.");
    return TOOL_DONE;
}

int verb_crashes(struct context *context, int argc, char **argv)
{
    json_t *crashes = json_array();
    unsigned long most;
    int code = option_number(context, OPTION_LIMIT, (unsigned long)-1, 1000000000, &most);

    (void)argc;
    (void)argv;
    if (code == TOOL_DONE)
        code = tool_open(context, TOOL_READ);
    if (code == TOOL_DONE && hl_crashes(context->runtime, add_crash, crashes) != HL_OK)
        code = tool_fail(context);
    if (code == TOOL_DONE)
        code = add_workers_crashes(context, crashes);
    while (json_array_size(crashes) > most)
        json_array_remove(crashes, json_array_size(crashes) - 1);
    if (code == TOOL_DONE)
        code = print_crashes(context, crashes);
    json_decref(crashes);
    return code;
}

/* ---- watch EVENT on|off ---------------------------------------------------------------------------------------- */

static int tell_watched(struct context *context, json_t *answers, const char *event, bool on)
{
    size_t i;
    json_t *answer;

    if (context->json)
        return tool_print_json(json_pack("{s:o}", "servers", answers), TOOL_DONE);
    json_array_foreach (answers, i, answer) {
        char title[128];

        servers_title(answer, title, sizeof(title));
        tool_print_text(stdout, title);
        fputs(servers_error(answer) ? ": " : on ? " watches " : " no longer watches ", stdout);
        tool_print_text(stdout, servers_error(answer) ? servers_error(answer) : event);
        puts("");
    }
    json_decref(answers);
    return TOOL_DONE;
}

int watch_event(struct context *context, int argc, char **argv)
{
    bool on = strcmp(argv[1], "on") == 0;
    json_t *answers;
    int code;

    (void)argc;
    if (!on && strcmp(argv[1], "off") != 0)
        return tool_usage(context, "\"%s\" is neither on nor off", argv[1]);
    code = servers_need(context, json_pack("{s:s, s:o, s:b}", "ask", "watch", "event", tool_text(argv[0]), "on", on),
                        &answers);
    return code == TOOL_DONE ? tell_watched(context, answers, argv[0], on) : code;
}
