/* The churn case of hookline bench: how long dispatches take while another thread registers plugins without pause, against
 * windows without, interleaved. A sample is the time of a small group of dispatches between two readings of the clock,
 * divided by their number; it is taken alike in both. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define GROUP 8
#define SAMPLES 400000 /* in a window */
#define WARM 2000

enum { QUIET, SAME_EVENT, OTHER_EVENT, MODES };

typedef struct work {
    bench *b;
    hl_runtime *runtime;
    hl_event *events[2]; /* dispatched, other */
    float *samples[MODES];
    size_t len[MODES];
    int mode;
    bool ending;      /* atomic: the churning thread shall end */
    uint64_t changes; /* it has made */
    bool failed;
} work;

/* ---- the thread that registers --------------------------------------------------------------------------------- */

static void *churn(void *argument)
{
    work *w = argument;
    size_t event = w->mode == SAME_EVENT ? 0 : 1;
    const bench_chain *chain = &w->b->parts.events[event];
    bench_names names;

    for (uint64_t i = 0; !__atomic_load_n(&w->ending, __ATOMIC_RELAXED); i++) {
        hl_plugin_spec spec = bench_spec(w->b, chain, event, i % chain->plugins_len, &names);

        spec.priority = (int)((w->changes + i) / chain->plugins_len % 2) * 50 + (int)(i % chain->plugins_len);
        w->failed |= hl_register(w->runtime, &spec, 0) != HL_OK;
        w->changes++;
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

static bool take_samples(work *w, float *samples, size_t len)
{
    bool right = true;

    for (size_t i = 0; i < WARM; i++)
        right &= dispatch_group(w->events[0]);
    for (size_t i = 0; i < len; i++) {
        uint64_t begin = bench_now_ns();

        right &= dispatch_group(w->events[0]);
        samples[i] = (float)(bench_now_ns() - begin) / GROUP;
    }
    return right;
}

static int window(work *w, int mode)
{
    pthread_t thread;
    bool right;

    if (w->b->compiler && hl_wait_compiled(w->runtime, 60000) != HL_OK)
        return tool_fail(w->b->context);
    w->mode = mode;
    w->ending = false;
    if (mode != QUIET && pthread_create(&thread, NULL, churn, w) != 0)
        return tool_error(w->b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "", "A thread cannot be started.");
    right = take_samples(w, w->samples[mode] + w->len[mode], SAMPLES);
    w->len[mode] += SAMPLES;
    __atomic_store_n(&w->ending, true, __ATOMIC_RELAXED);
    if (mode != QUIET)
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

static void print(const work *w, const char *what, const spread *found, const spread *quiet)
{
    bench_row row = {.name = "churn",
                     .what = what,
                     .engine = w->b->compiler ? "compiled" : "reference",
                     .plugins = BENCH_EVENT_PLUGINS,
                     .events = 1,
                     .ns = found->p50,
                     .p99_ns = found->p99,
                     .p999_ns = found->p999};

    if (quiet) {
        row.ratio = found->p999 / quiet->p999;
        row.baseline = "p99.9 without";
        row.goal_kind = BENCH_RATIO_MOST;
        row.goal = 1.5;
    }
    bench_print(w->b, &row);
}

static void print_all(work *w)
{
    spread quiet = spread_of(w->samples[QUIET], w->len[QUIET]);
    spread same = spread_of(w->samples[SAME_EVENT], w->len[SAME_EVENT]);
    spread other = spread_of(w->samples[OTHER_EVENT], w->len[OTHER_EVENT]);

    print(w, "no changes", &quiet, NULL);
    print(w, "changes of another event without pause", &other, &quiet);
    print(w, "changes of this event without pause", &same, &quiet);
}

static int measure(work *w, size_t rounds)
{
    int code = TOOL_DONE;

    for (int mode = 0; mode < MODES; mode++) {
        w->samples[mode] = malloc(rounds * SAMPLES * sizeof(float));
        if (!w->samples[mode])
            return tool_error(w->b->context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "There is no memory for the samples.");
        memset(w->samples[mode], 0, rounds * SAMPLES * sizeof(float)); /* no page faults while measuring */
    }
    for (size_t round = 0; code == TOOL_DONE && round < rounds; round++)
        for (int mode = 0; code == TOOL_DONE && mode < MODES; mode++)
            code = window(w, mode);
    return code;
}

int bench_churn(bench *b)
{
    work w = {.b = b};
    int code = bench_runtime(b, "memory:", b->compiler ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE, &w.runtime);

    if (code == TOOL_DONE)
        code = bench_chains_register(b, w.runtime, b->parts.events, 2, w.events);
    if (code == TOOL_DONE)
        code = measure(&w, b->rounds ? b->rounds : b->quick ? 7 : 21);
    if (code == TOOL_DONE)
        print_all(&w);
    hl_close(w.runtime);
    for (int mode = 0; mode < MODES; mode++)
        free(w.samples[mode]);
    return code;
}
