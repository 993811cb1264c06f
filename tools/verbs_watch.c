/* watch: change notices as they come. `watch EVENT on|off` is in verbs_top.c. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "numbers.h"
#include "records.h"
#include "verbs.h"

static const char *kind_word(hl_notice_kind kind)
{
    static const char *const words[] = {NULL,           "registered",     "status",
                                        "unregistered", "register-error", "swapped",
                                        "compiled",     "compile-failed", "loaded",
                                        "load-failed",  "unloaded",       "lost",
                                        "installed",    "install-failed", "uninstalled",
                                        "crashed",      "worker-failed",  "overdue",
                                        "isolated"};

    return kind > 0 && (size_t)kind < sizeof(words) / sizeof(words[0]) ? words[kind] : "unknown";
}

static bool has_before(const hl_notice *notice)
{
    return notice->kind == HL_NOTICE_STATUS || notice->kind == HL_NOTICE_UNREGISTERED;
}

static void print_json_line(const hl_notice *notice)
{
    json_t *value = json_object();

    json_object_set_new(value, "sequence", json_integer((json_int_t)notice->sequence));
    json_object_set_new(value, "kind", json_string(kind_word(notice->kind)));
    json_object_set_new(value, "event", tool_text(notice->event));
    json_object_set_new(value, "plugin", notice->plugin ? record_plugin(notice->plugin) : json_null());
    json_object_set_new(value, "before",
                        has_before(notice) ? json_string(tool_status_word(notice->before)) : json_null());
    json_object_set_new(value, "status", json_string(hl_status_name(notice->status)));
    json_object_set_new(value, "reason", tool_text(notice->reason));
    json_object_set_new(value, "generation", json_integer((json_int_t)notice->generation));
    json_object_set_new(value, "elapsed_ns", json_integer((json_int_t)notice->elapsed_ns));
    json_object_set_new(value, "lost", json_integer((json_int_t)notice->lost));
    json_object_set_new(value, "remote", json_boolean(notice->remote));
    json_dumpf(value, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(value);
}

static void print_line(const hl_notice *notice)
{
    char at[16] = "";
    time_t now = time(NULL);
    struct tm parts;

    if (localtime_r(&now, &parts))
        strftime(at, sizeof(at), "%H:%M:%S", &parts);
    printf("%s  %-14s  ", at, kind_word(notice->kind));
    tool_print_text(stdout, notice->event);
    if (notice->plugin) {
        fputs("  ", stdout);
        tool_print_text(stdout, notice->plugin->name);
    }
    if (notice->kind == HL_NOTICE_STATUS)
        printf("  %s -> %s", tool_status_word(notice->before), tool_status_word(notice->plugin->status));
    if (notice->kind == HL_NOTICE_LOST)
        printf("  %llu notices", (unsigned long long)notice->lost);
    if (notice->reason[0]) {
        fputs("  ", stdout);
        tool_print_text(stdout, notice->reason);
    }
    putchar('\n');
}

/* Prints what waits; true when `left` is used up. */
static bool print_waiting(struct context *context, hl_subscription *subscription, unsigned long *left)
{
    const char *event = context->option[OPTION_EVENT];
    const hl_notice *notice;

    while (*left > 0 && hl_notice_next(subscription, &notice) == HL_OK) {
        if (event && notice->kind != HL_NOTICE_LOST && strcmp(event, notice->event) != 0)
            continue;
        if (context->json)
            print_json_line(notice);
        else
            print_line(notice);
        (*left)--;
    }
    fflush(stdout);
    return *left == 0;
}

static void watch_until(struct context *context, hl_subscription *subscription, int notices, int signals,
                        unsigned long count)
{
    struct pollfd waits[] = {{notices, POLLIN, 0}, {signals, POLLIN, 0}};

    while (!print_waiting(context, subscription, &count) && !ferror(stdout))
        if (poll(waits, 2, -1) > 0 && waits[1].revents)
            return;
}

int verb_watch(struct context *context, int argc, char **argv)
{
    unsigned long count;
    hl_subscription *subscription;
    sigset_t ends;
    int notices, signals;
    int code = option_number(context, OPTION_COUNT, (unsigned long)-1, 1000000000, &count);

    if (argc == 2)
        return watch_event(context, argc, argv);
    if (argc == 1)
        return tool_usage(context, "hookline watch %s on, or off", argv[0]);
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    if (code == TOOL_DONE)
        code = tool_open(context, TOOL_READ);
    if (code != TOOL_DONE)
        return code;
    signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0)
        return tool_error(context, TOOL_REFUSED, HL_ERR_SYSTEM, "", "Cannot wait for signals: %s.", strerror(errno));
    if (hl_subscribe_fd(context->runtime, 0, &notices, &subscription) != HL_OK) {
        close(signals);
        return tool_fail(context);
    }
    tool_note(context, "Watching %s; interrupt to end.", context->store);
    watch_until(context, subscription, notices, signals, count);
    hl_unsubscribe(subscription);
    close(signals);
    return TOOL_DONE;
}
