/* The churn case of hookline bench: how long dispatches take while another thread registers plugins without pause,
 * against windows without, interleaved. A sample is the time of a small group of dispatches between two readings of the
 * clock, divided by their number; it is taken alike in both. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define GROUP 8
#define SAMPLES 200000 /* in a window */
#define WARM 2000

/* A kind of window: which runtime's event is dispatched, and which of its events is changed meanwhile. */
enum { QUIET, OTHER_EVENT, SAME_EVENT, SAME_EVENT_DURABLE, MODES };
enum { DISPATCHED, OTHER, EVENTS };
enum { IN_MEMORY, DURABLE, RUNTIMES };

typedef struct mode {
    const char *what;
    int runtime;
    int changed;
    bool engine_stays; /* the dispatched chain is not replaced */
} mode;

static const mode modes[MODES] = {
    [QUIET] = {"no changes", IN_MEMORY, -1, true},
    [OTHER_EVENT] = {"changes of another event, memory store", IN_MEMORY, OTHER, true},
    [SAME_EVENT] = {"changes of this event, memory store", IN_MEMORY, DISPATCHED, false},
    [SAME_EVENT_DURABLE] = {"changes of this event, LMDB store", DURABLE, DISPATCHED, false},
};

typedef struct work {
    bench *b;
    hl_runtime *runtimes[RUNTIMES];
    hl_event *events[RUNTIMES][EVENTS];
    float *samples[MODES];
    size_t len[MODES];
    uint64_t changes[MODES];
    int mode;
    bool ending; /* atomic: the churning thread shall end */
    bool failed;
} work;

/* ---- the thread that registers --------------------------------------------------------------------------------- */

/* Every second turn moves the plugins behind the others, first to last; the next one moves them back before the others,
 * last to first. So each registration makes another chain. */
static hl_status register_next(work *w, uint64_t number)
{
    size_t event = (size_t)modes[w->mode].changed;
    const bench_chain *chain = &w->b->parts.events[event];
    bool back = number / chain->plugins_len % 2;
    size_t place = back ? chain->plugins_len - 1 - number % chain->plugins_len : number % chain->plugins_len;
    bench_names names;
    hl_plugin_spec spec = bench_spec(w->b, chain, event, place, &names);

    spec.priority = (int)place + (back ? 0 : 50);
    return hl_register(w->runtimes[modes[w->mode].runtime], &spec, 0);
}

static void *churn(void *argument)
{
    work *w = argument;

    for (uint64_t i = 0; !__atomic_load_n(&w->ending, __ATOMIC_RELAXED); i++) {
        w->failed |= register_next(w, i) != HL_OK;
        w->changes[w->mode]++;
    }
    return NULL;
}

/* ---- a window -------------------------------------------------------------------------------------------------- */

static bool dispatch_group(hl_event *event)
{
    int64_t verdicts = 0;
    int state;

    for (int i = 0; i < GROUP; i++)
        verdicts |= hl_call(event, &state, NULL).verdict;
    return verdicts == HL_NEXT;
}

static bool take_samples(hl_event *event, float *samples, size_t len)
{
    bool right = true;

    for (size_t i = 0; i < WARM; i++)
        right &= dispatch_group(event);
    for (size_t i = 0; i < len; i++) {
        uint64_t begin = bench_now_ns();

        right &= dispatch_group(event);
        samples[i] = (float)(bench_now_ns() - begin) / GROUP;
    }
    return right;
}

static int wait_compiled(work *w)
{
    for (int i = 0; w->b->compiler && i < RUNTIMES; i++)
        if (hl_wait_compiled(w->runtimes[i], 60000) != HL_OK)
            return tool_fail(w->b->context);
    return TOOL_DONE;
}

static int window(work *w, int at)
{
    bool churned = modes[at].changed >= 0;
    pthread_t thread;
    bool right;

    if (wait_compiled(w) != TOOL_DONE)
        return TOOL_REFUSED;
    w->mode = at;
    w->ending = false;
    if (churned && pthread_create(&thread, NULL, churn, w) != 0)
        return tool_error(w->b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "", "A thread cannot be started.");
    right = take_samples(w->events[modes[at].runtime][DISPATCHED], w->samples[at] + w->len[at], SAMPLES);
    w->len[at] += SAMPLES;
    __atomic_store_n(&w->ending, true, __ATOMIC_RELAXED);
    if (churned)
        pthread_join(thread, NULL);
    return right && !w->failed ? TOOL_DONE : bench_wrong(w->b, "churn: a dispatch or a registration failed.");
}

/* ---- the case -------------------------------------------------------------------------------------------------- */

typedef struct spread {
    double p50, p99, p999;
} spread;

static int compare(const void *a, const void *b)
{
    float left = *(const float *)a, right = *(const float *)b;

    return (left > right) - (left < right);
}

static spread spread_of(float *samples, size_t len)
{
    qsort(samples, len, sizeof(*samples), compare);
    return (spread){samples[len / 2], samples[len / 100 * 99], samples[len / 1000 * 999]};
}

static void print(const work *w, int at, const spread *found, const spread *quiet)
{
    bool compiled = w->b->compiler && modes[at].engine_stays;
    bench_row row = {.name = "churn",
                     .what = modes[at].what,
                     .engine = compiled ? "compiled" : "reference",
                     .plugins = BENCH_EVENT_PLUGINS,
                     .events = 1,
                     .ns = found->p50,
                     .p99_ns = found->p99,
                     .p999_ns = found->p999};

    if (at != QUIET) {
        row.ratio = found->p999 / quiet->p999;
        row.baseline = "p99.9 without";
        row.goal_kind = BENCH_RATIO_MOST;
        row.goal = 1.5;
    }
    bench_print(w->b, &row);
}

static void print_all(work *w)
{
    spread found[MODES];

    for (int at = 0; at < MODES; at++) {
        found[at] = spread_of(w->samples[at], w->len[at]);
        print(w, at, &found[at], &found[QUIET]);
        if (at != QUIET)
            bench_say(w->b, "%-14s   %llu registrations in %zu windows", "", (unsigned long long)w->changes[at],
                      w->len[at] / SAMPLES);
    }
}

/* Registrations that change nothing would be no churn. */
static int check_swaps(const work *w)
{
    uint64_t changes = 0, swaps = 0;

    for (int at = 0; at < MODES; at++)
        changes += w->changes[at];
    for (int i = 0; i < RUNTIMES; i++) {
        hl_counters counters = {.size = sizeof(counters)};

        if (hl_counters_get(w->runtimes[i], &counters) != HL_OK)
            return tool_fail(w->b->context);
        swaps += counters.swaps;
    }
    return swaps > changes / 10 * 9 ? TOOL_DONE : bench_wrong(w->b, "churn: the chains did not change.");
}

static int measure(work *w, size_t rounds)
{
    int code = TOOL_DONE;

    for (int at = 0; at < MODES; at++) {
        w->samples[at] = malloc(rounds * SAMPLES * sizeof(float));
        if (!w->samples[at])
            return tool_error(w->b->context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "There is no memory for the samples.");
        memset(w->samples[at], 0, rounds * SAMPLES * sizeof(float)); /* no page faults while measuring */
    }
    for (size_t round = 0; code == TOOL_DONE && round < rounds; round++)
        for (int at = 0; code == TOOL_DONE && at < MODES; at++)
            code = window(w, at);
    return code == TOOL_DONE ? check_swaps(w) : code;
}

static int open_runtimes(work *w)
{
    hl_engine engine = w->b->compiler ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE;
    char store[sizeof(w->b->work) + 16];
    int code = bench_runtime(w->b, "memory:", engine, &w->runtimes[IN_MEMORY]);

    if (code == TOOL_DONE)
        code = bench_runtime(w->b, bench_store_url(w->b, "churn", store, sizeof(store)), engine, &w->runtimes[DURABLE]);
    for (int i = 0; code == TOOL_DONE && i < RUNTIMES; i++)
        code = bench_chains_register(w->b, w->runtimes[i], w->b->parts.events, EVENTS, w->events[i]);
    return code;
}

int bench_churn(bench *b)
{
    work w = {.b = b};
    int code = open_runtimes(&w);

    if (code == TOOL_DONE)
        code = measure(&w, b->rounds ? b->rounds : b->quick ? 9 : 31);
    if (code == TOOL_DONE)
        print_all(&w);
    for (int i = 0; i < RUNTIMES; i++)
        hl_close(w.runtimes[i]);
    for (int at = 0; at < MODES; at++)
        free(w.samples[at]);
    return code;
}
