/* The thread case of hookline bench: two threads dispatching against one, on one event and on an event each. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define THREADS 2
#define WINDOW 80000 /* dispatches of a thread: about a millisecond, so that few windows meet other processes */

/* What one thread writes to is on cache lines of its own, so that only Hookline could be shared. */
typedef struct lane {
    uint64_t state __attribute__((aligned(128)));
    uint64_t selves[BENCH_EVENT_PLUGINS];
} lane;

typedef struct work {
    bench *b;
    hl_runtime *runtime;
    hl_event *shared;       /* plugins that write to the state */
    hl_event *own[THREADS]; /* plugins that write to the lane's selves */
    lane lanes[THREADS];
    uint64_t expected[THREADS];
    size_t threads_len; /* of the window that is measured */
    int mode;
    size_t waiting; /* atomic: threads that are ready to begin */
} work;

enum { ONE, TWO_ON_ONE_EVENT, TWO_ON_THEIR_OWN, ONE_BY_HAND, TWO_BY_HAND, MODES };

/* ---- a thread -------------------------------------------------------------------------------------------------- */

typedef struct job {
    work *w;
    size_t lane;
    uint64_t begin_ns, end_ns;
} job;

static void dispatch_event(hl_event *event, uint64_t *state, size_t times)
{
    for (size_t i = 0; i < times; i++)
        hl_call(event, state, NULL);
}

static void dispatch_by_hand(hl_reply (*call)(void *, const void *), uint64_t *state, size_t times)
{
    for (size_t i = 0; i < times; i++)
        call(state, NULL);
}

static void dispatch(work *w, size_t at, size_t times)
{
    if (w->mode == TWO_ON_THEIR_OWN)
        dispatch_event(w->own[at], &w->lanes[at].state, times);
    else if (w->mode == ONE || w->mode == TWO_ON_ONE_EVENT)
        dispatch_event(w->shared, &w->lanes[at].state, times);
    else
        dispatch_by_hand(w->b->parts.state->call, &w->lanes[at].state, times);
}

/* The threads meet spinning: a sleeping one would begin later. */
static void meet(work *w)
{
    __atomic_add_fetch(&w->waiting, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&w->waiting, __ATOMIC_ACQUIRE) < w->threads_len)
        ;
}

static void *run_job(void *argument)
{
    job *j = argument;
    bench_processors processors = bench_processors_now();

    /* A processor of its own for each lane, where there are enough: new threads begin on one and are spread only
     * later. */
    bench_processors_keep(&processors, 0, j->lane);
    dispatch(j->w, j->lane, WINDOW / 10);
    meet(j->w);
    j->begin_ns = bench_now_ns();
    dispatch(j->w, j->lane, WINDOW);
    j->end_ns = bench_now_ns();
    return NULL;
}

/* ---- a window -------------------------------------------------------------------------------------------------- */

static uint64_t sum_lane(const work *w, size_t at)
{
    uint64_t sum = w->lanes[at].state;

    for (size_t i = 0; i < BENCH_EVENT_PLUGINS; i++)
        sum += w->lanes[at].selves[i];
    return sum;
}

static uint64_t weight(const bench_chain *chain)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < chain->plugins_len; i++)
        sum += chain->plugins[i] + UINT64_C(1);
    return sum;
}

static int check_lanes(work *w)
{
    for (size_t i = 0; i < w->threads_len; i++) {
        w->expected[i] += (WINDOW + WINDOW / 10) * weight(w->b->parts.state);
        if (sum_lane(w, i) != w->expected[i])
            return bench_wrong(w->b, "threads: plugins were left out or called twice.");
    }
    return TOOL_DONE;
}

/* A thread that cannot be started counts as waiting, so that the others do not spin for ever. */
static bool run_jobs(work *w, job *jobs)
{
    pthread_t threads[THREADS];
    size_t started = 0;

    while (started < w->threads_len && pthread_create(&threads[started], NULL, run_job, &jobs[started]) == 0)
        started++;
    __atomic_add_fetch(&w->waiting, w->threads_len - started, __ATOMIC_ACQ_REL);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return started == w->threads_len;
}

/* Dispatches in a nanosecond, all threads together, from the first one's begin to the last one's end. */
static double rate(const job *jobs, size_t len)
{
    uint64_t begin = jobs[0].begin_ns, end = jobs[0].end_ns;

    for (size_t i = 1; i < len; i++) {
        begin = jobs[i].begin_ns < begin ? jobs[i].begin_ns : begin;
        end = jobs[i].end_ns > end ? jobs[i].end_ns : end;
    }
    return (double)(len * WINDOW) / (double)(end - begin);
}

static int measure(work *w, int mode, double *out)
{
    job jobs[THREADS] = {{.w = w, .lane = 0}, {.w = w, .lane = 1}};

    w->mode = mode;
    w->threads_len = mode == ONE || mode == ONE_BY_HAND ? 1 : THREADS;
    w->waiting = 0;
    if (!run_jobs(w, jobs))
        return tool_error(w->b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "", "A thread cannot be started.");
    *out = rate(jobs, w->threads_len);
    return check_lanes(w);
}

/* ---- the events ------------------------------------------------------------------------------------------------ */

static hl_status register_event(work *w, const char *name, hl_call_fn *const *functions, uint64_t *selves,
                                hl_event **out)
{
    hl_status status = hl_event_open(w->runtime, name, out);
    char plugin[64];

    for (int i = 0; status == HL_OK && i < BENCH_EVENT_PLUGINS; i++) {
        hl_plugin_spec spec = HL_PLUGIN_INIT(plugin, name, functions[i]);

        snprintf(plugin, sizeof(plugin), "%s-plugin-%d", name, i);
        spec.priority = i;
        spec.self = selves ? &selves[i] : NULL;
        status = hl_register(w->runtime, &spec, HL_START);
    }
    return status;
}

static int open_events(work *w)
{
    bench *b = w->b;
    int code = bench_runtime(b, "memory:", b->compiler ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE, &w->runtime);
    hl_event *all[THREADS + 1];

    if (code != TOOL_DONE)
        return code;
    if (register_event(w, "shared", b->parts.state_functions, NULL, &w->shared) != HL_OK ||
        register_event(w, "own-0", b->parts.functions, w->lanes[0].selves, &w->own[0]) != HL_OK ||
        register_event(w, "own-1", b->parts.functions, w->lanes[1].selves, &w->own[1]) != HL_OK)
        return tool_fail(b->context);
    memcpy(all, (hl_event *[]){w->shared, w->own[0], w->own[1]}, sizeof(all));
    return b->compiler ? bench_chains_compiled(b, w->runtime, all, THREADS + 1) : TOOL_DONE;
}

/* ---- the case -------------------------------------------------------------------------------------------------- */

static void print(const work *w, const char *what, bool by_hand, double ns, double ratio, double goal)
{
    bench_row row = {.name = "threads",
                     .what = what,
                     .engine = by_hand          ? "none"
                               : w->b->compiler ? "compiled"
                                                : "reference",
                     .plugins = BENCH_EVENT_PLUGINS,
                     .events = 1,
                     .ns = ns,
                     .ratio = ratio,
                     .baseline = "the rate of 1 thread",
                     .goal = goal,
                     .goal_kind = goal > 0 ? BENCH_RATIO_LEAST : BENCH_NO_GOAL};

    bench_print(w->b, &row);
}

static void print_all(const work *w, const double *rates)
{
    print(w, "1 thread", false, 1 / rates[ONE], 0, 0);
    print(w, "2 threads, one event", false, 1 / rates[TWO_ON_ONE_EVENT], rates[TWO_ON_ONE_EVENT] / rates[ONE], 1.9);
    print(w, "2 threads, an event each", false, 1 / rates[TWO_ON_THEIR_OWN], rates[TWO_ON_THEIR_OWN] / rates[ONE], 1.9);
    print(w, "1 thread, hand-written", true, 1 / rates[ONE_BY_HAND], 0, 0);
    print(w, "2 threads, hand-written", true, 1 / rates[TWO_BY_HAND], rates[TWO_BY_HAND] / rates[ONE_BY_HAND], 0);
}

static int measure_rounds(work *w)
{
    size_t rounds = w->b->rounds ? w->b->rounds : w->b->quick ? 101 : 401;
    double *rates = malloc(MODES * rounds * sizeof(*rates));
    double medians[MODES];
    int code = rates ? TOOL_DONE : TOOL_REFUSED;

    for (size_t round = 0; code == TOOL_DONE && round < rounds; round++)
        for (int mode = 0; code == TOOL_DONE && mode < MODES; mode++)
            code = measure(w, mode, &rates[(size_t)mode * rounds + round]);
    for (size_t mode = 0; code == TOOL_DONE && mode < MODES; mode++)
        medians[mode] = bench_median(&rates[mode * rounds], rounds);
    if (code == TOOL_DONE)
        print_all(w, medians);
    free(rates);
    return code;
}

int bench_threads(bench *b)
{
    work *w = aligned_alloc(128, sizeof(*w));
    int code;

    if (!w)
        return tool_error(b->context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "There is no memory for the threads.");
    *w = (work){.b = b};
    code = open_events(w);
    if (code == TOOL_DONE)
        code = measure_rounds(w);
    hl_close(w->runtime);
    free(w);
    return code;
}
