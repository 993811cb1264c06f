/* The notice case of hookline bench: another process stops and enables a plugin in a shared store; how long until
 * dispatches here run the changed chain. Both processes read the same clock. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define CHANGES 200
#define PAUSE_NS 5000000 /* between changes, so that each is seen for itself */
#define PLUGIN "bench-00000-plugin-00"

/* ---- the process that makes changes ---------------------------------------------------------------------------- */

static hl_status make_change(hl_runtime *runtime, int number)
{
    struct timespec time = {.tv_nsec = PAUSE_NS};
    uint64_t begin = bench_now_ns();
    hl_status status = number % 2 ? hl_enable(runtime, PLUGIN, 0) : hl_stop(runtime, PLUGIN, 0);

    printf("%llu %llu\n", (unsigned long long)begin, (unsigned long long)bench_now_ns());
    nanosleep(&time, NULL);
    return status;
}

int bench_notice_child(bench *b, int argc, char **argv)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime = NULL;
    hl_status status;

    if (argc != 1)
        return tool_usage(b->context, "the child takes a store");
    options.store = argv[0];
    options.flags = HL_OPEN_RECORDS_ONLY;
    status = hl_open(&options, &runtime);
    for (int i = 0; status == HL_OK && i < CHANGES; i++)
        status = make_change(runtime, i);
    if (status != HL_OK)
        tool_fail(b->context);
    hl_close(runtime);
    fflush(stdout);
    return status == HL_OK ? TOOL_DONE : TOOL_REFUSED;
}

/* ---- here ------------------------------------------------------------------------------------------------------ */

typedef struct seen {
    hl_event *event;
    uint64_t at_ns[CHANGES];
    size_t len; /* atomic */
} seen;

/* A notice comes when its change is visible. */
static void on_notice(const hl_notice *notice, void *user)
{
    seen *s = user;

    if (notice->kind != HL_NOTICE_SWAPPED || !notice->remote || s->len == CHANGES)
        return;
    s->at_ns[s->len] = bench_now_ns();
    __atomic_store_n(&s->len, s->len + 1, __ATOMIC_RELEASE);
}

/* Reads the child's times; the pipe's end is its end. */
static size_t read_times(int out, double *asked, double *made)
{
    FILE *lines = fdopen(out, "r");
    size_t len = 0;

    if (!lines) {
        close(out);
        return 0;
    }
    while (len < CHANGES && fscanf(lines, "%lf %lf", &asked[len], &made[len]) == 2)
        len++;
    fclose(lines);
    return len;
}

static void wait_for_last(const seen *s)
{
    struct timespec time = {.tv_nsec = 10000000};

    for (int i = 0; i < 100 && __atomic_load_n(&s->len, __ATOMIC_ACQUIRE) < CHANGES; i++)
        nanosleep(&time, NULL);
}

static void print(bench *b, const char *what, double ns, double goal)
{
    bench_print(b, &(bench_row){.name = "notice",
                                .what = what,
                                .engine = "reference",
                                .plugins = BENCH_EVENT_PLUGINS,
                                .events = 1,
                                .ns = ns,
                                .goal_kind = goal > 0 ? BENCH_NS_MOST : BENCH_NO_GOAL,
                                .goal = goal});
}

static void print_latencies(bench *b, const seen *s, double *asked, double *made)
{
    for (size_t i = 0; i < CHANGES; i++) {
        asked[i] = (double)s->at_ns[i] - asked[i];
        made[i] = (double)s->at_ns[i] - made[i];
    }
    print(b, "seen here, since it was asked for there", bench_median(asked, CHANGES), 5e6);
    print(b, "seen here, since it was durable there", fmax(bench_median(made, CHANGES), 1), 0);
}

static int follow_child(bench *b, const char *store, seen *s)
{
    static double asked[CHANGES], made[CHANGES];
    size_t len;
    pid_t pid;
    int out, code = bench_child_start(b, "notice", store, &pid, &out);

    if (code != TOOL_DONE)
        return code;
    len = read_times(out, asked, made);
    code = bench_child_end(b, pid);
    wait_for_last(s);
    if (code == TOOL_DONE && (len != CHANGES || s->len != CHANGES))
        code = bench_wrong(b, "notice: %zu changes were made and %zu were seen.", len, s->len);
    if (code == TOOL_DONE)
        print_latencies(b, s, asked, made);
    return code;
}

int bench_notice(bench *b)
{
    static seen s;
    char store[sizeof(b->work) + 16];
    hl_subscription *subscription = NULL;
    hl_runtime *runtime = NULL;
    int code = bench_runtime(b, bench_store_url(b, "notice", store, sizeof(store)),
                             b->compiler ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE, &runtime);

    s = (seen){0};
    if (code == TOOL_DONE)
        code = bench_chains_register(b, runtime, b->parts.events, 1, &s.event);
    if (code == TOOL_DONE && hl_subscribe(runtime, on_notice, &s, &subscription) != HL_OK)
        code = tool_fail(b->context);
    if (code == TOOL_DONE)
        code = follow_child(b, store, &s);
    if (code == TOOL_DONE)
        code = bench_chains_check(b, b->parts.events, &s.event, 1);
    hl_unsubscribe(subscription);
    hl_close(runtime);
    return code;
}
