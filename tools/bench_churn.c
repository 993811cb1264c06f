/* The churn case of hookline bench: how long dispatches take while another thread registers plugins without pause,
 * against windows without, interleaved. A sample is the time of a small group of dispatches between two readings of the
 * clock, divided by their number; it is taken alike in all windows. A loop over function pointers that is replaced as
 * often tells what a change costs whoever does it. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define GROUP 8
#define SAMPLES 200000 /* in a window */
#define WARM 2000
#define PERIODS 4096
#define RECORD_BYTES 256       /* about what a plugin's record takes in a store */
#define LONGEST_SPIN_NS 100000 /* longer waits sleep */

/* A kind of window: which runtime's event is dispatched, and which of its events is changed meanwhile. */
enum { QUIET, OTHER_EVENT, SAME_EVENT, BY_HAND, SAME_EVENT_DURABLE, BY_HAND_DURABLE, MODES };
enum { DISPATCHED, OTHER, EVENTS };
enum { IN_MEMORY, DURABLE, RUNTIMES };

typedef struct mode {
    const char *what;
    int runtime;
    int changed;
    bool engine_stays; /* the dispatched chain is not replaced */
    bool by_hand;      /* not by Hookline, but as often as in the window before */
} mode;

static const mode modes[MODES] = {
    [QUIET] = {"no changes", IN_MEMORY, -1, true, false},
    [OTHER_EVENT] = {"changes of another event, memory store", IN_MEMORY, OTHER, true, false},
    [SAME_EVENT] = {"changes of this event, memory store", IN_MEMORY, DISPATCHED, false, false},
    [BY_HAND] = {"loop over pointers, replaced as often", IN_MEMORY, DISPATCHED, false, true},
    [SAME_EVENT_DURABLE] = {"changes of this event, LMDB store", DURABLE, DISPATCHED, false, false},
    [BY_HAND_DURABLE] = {"loop over pointers, with bare LMDB puts", DURABLE, DISPATCHED, false, true},
};

/* What a person writes who wants to replace a chain while it runs: the calls behind one pointer. */
typedef struct pointer_loop {
    size_t len;
    struct {
        hl_call_fn *call;
        void *self;
    } calls[BENCH_EVENT_PLUGINS];
} __attribute__((aligned(64))) pointer_loop;

#define LOOPS 4096 /* used in turn: the writer comes back to one long after the reader has left it */

typedef struct work {
    bench *b;
    hl_runtime *runtimes[RUNTIMES];
    hl_event *events[RUNTIMES][EVENTS];
    float *samples[MODES];
    size_t len[MODES];
    uint64_t changes[MODES];
    size_t periods;             /* ever, in the last window with registrations */
    double periods_ns[PERIODS]; /* the last ones from one change to the next */
    void *bare;                 /* LMDB */
    pointer_loop *loops;
    pointer_loop *loop; /* atomic; the one that runs; its cache line holds nothing that is written often */
    int mode;
    bool ending; /* atomic: the churning thread shall end */
    bool failed;
} work;

/* ---- the thread that registers --------------------------------------------------------------------------------- */

/* Every second turn moves the plugins behind the others, first to last; the next one moves them back before the others,
 * last to first. So each registration makes another chain. */
static bool moves_back(uint64_t number, size_t len)
{
    return number / len % 2;
}

static hl_status register_next(work *w, uint64_t number)
{
    size_t event = (size_t)modes[w->mode].changed;
    const bench_chain *chain = &w->b->parts.events[event];
    bool back = moves_back(number, chain->plugins_len);
    size_t place = back ? chain->plugins_len - 1 - number % chain->plugins_len : number % chain->plugins_len;
    bench_names names;
    hl_plugin_spec spec = bench_spec(w->b, chain, event, place, &names);

    spec.priority = (int)place + (back ? 0 : 50);
    return hl_register(w->runtimes[modes[w->mode].runtime], &spec, 0);
}

static void *churn(void *argument)
{
    work *w = argument;
    uint64_t begin = bench_now_ns();

    w->periods = 0;
    for (uint64_t i = 0; !__atomic_load_n(&w->ending, __ATOMIC_RELAXED); i++) {
        uint64_t before = begin;

        w->failed |= register_next(w, i) != HL_OK;
        w->changes[w->mode]++;
        begin = bench_now_ns();
        w->periods_ns[w->periods++ % PERIODS] = (double)(begin - before);
    }
    return NULL;
}

/* ---- the same by hand -------------------------------------------------------------------------------------------- */

static void fill_loop(const work *w, pointer_loop *loop)
{
    const bench_chain *chain = &w->b->parts.events[DISPATCHED];

    loop->len = chain->plugins_len;
    for (size_t i = 0; i < loop->len; i++) {
        loop->calls[i].call = w->b->parts.functions[chain->plugins[i]];
        loop->calls[i].self = &w->b->parts.counters[chain->plugins[i]];
    }
}

/* The call that register_next would move is always the first one, or on the way back the last one. */
static void replace_loop(work *w, uint64_t number)
{
    const pointer_loop *old = w->loop;
    pointer_loop *new = &w->loops[(number + 1) % LOOPS];
    size_t from = moves_back(number, old->len) ? old->len - 1 : 1;

    new->len = old->len;
    for (size_t i = 0; i < old->len; i++)
        new->calls[i] = old->calls[(i + from) % old->len];
    __atomic_store_n(&w->loop, new, __ATOMIC_RELEASE);
}

static void wait_until(uint64_t ns)
{
    uint64_t now = bench_now_ns();
    struct timespec nap = {.tv_nsec = LONGEST_SPIN_NS};

    for (; now < ns; now = bench_now_ns())
        if (ns - now > 2 * LONGEST_SPIN_NS)
            nanosleep(&nap, NULL);
}

/* A durable change writes to the disk, and that alone disturbs whoever dispatches beside it. */
static int put_bare(work *w, uint64_t number)
{
    char record[RECORD_BYTES];

    memset(record, 'a' + (int)(number % 26), sizeof(record));
    return w->b->parts.lmdb->put(w->bare, (unsigned)(number % BENCH_EVENT_PLUGINS), record, sizeof(record));
}

/* The median tells how often registrations make changes while their thread runs; what is missed while this one does not
 * run is not made up for, since it would come all at once. */
static void *churn_by_hand(void *argument)
{
    work *w = argument;
    uint64_t period;

    if (w->periods == 0)
        return NULL;
    period = (uint64_t)bench_median(w->periods_ns, w->periods < PERIODS ? w->periods : PERIODS);
    for (uint64_t i = w->changes[w->mode]; !__atomic_load_n(&w->ending, __ATOMIC_RELAXED); i++) {
        uint64_t begin = bench_now_ns();

        if (modes[w->mode].runtime == DURABLE)
            w->failed |= put_bare(w, i) != 0;
        replace_loop(w, i);
        w->changes[w->mode]++;
        wait_until(begin + period);
    }
    return NULL;
}

/* ---- a window -------------------------------------------------------------------------------------------------- */

static inline bool dispatch_group(void *event)
{
    int64_t verdicts = 0;
    int state;

    for (int i = 0; i < GROUP; i++)
        verdicts |= hl_call(event, &state, NULL).verdict;
    return verdicts == HL_NEXT;
}

/* Unrolled like the reference engine, so that the processor expects each call by its place. */
static __attribute__((noinline)) hl_reply run_loop(pointer_loop **place, void *state, const void *meta)
{
    const pointer_loop *loop = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    hl_reply reply = {state, HL_NEXT};

#pragma GCC unroll 8
    for (size_t i = 0; i < BENCH_EVENT_PLUGINS; i++) {
        if (i == loop->len)
            break;
        reply = loop->calls[i].call(loop->calls[i].self, reply.state, meta);
        if (HL_UNLIKELY(reply.verdict != HL_NEXT))
            break;
    }
    return reply;
}

static inline bool loop_group(void *place)
{
    int64_t verdicts = 0;
    int state;

    for (int i = 0; i < GROUP; i++)
        verdicts |= run_loop(place, &state, NULL).verdict;
    return verdicts == HL_NEXT;
}

/* Inlined with the group that is given, so that nothing but the dispatches is between the readings. It looks at nothing
 * in `work`, which the changing thread writes. */
static inline __attribute__((always_inline)) bool sample(bool (*group)(void *chain), void *chain, float *samples)
{
    bool right = true;

    for (size_t i = 0; i < WARM; i++)
        right &= group(chain);
    for (size_t i = 0; i < SAMPLES; i++) {
        uint64_t begin = bench_now_ns();

        right &= group(chain);
        samples[i] = (float)(bench_now_ns() - begin) / GROUP;
    }
    return right;
}

static bool take_samples(work *w)
{
    hl_event *event = w->events[modes[w->mode].runtime][DISPATCHED];
    float *samples = w->samples[w->mode] + w->len[w->mode];

    w->len[w->mode] += SAMPLES;
    return modes[w->mode].by_hand ? sample(loop_group, &w->loop, samples) : sample(dispatch_group, event, samples);
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
    if (churned && pthread_create(&thread, NULL, modes[at].by_hand ? churn_by_hand : churn, w) != 0)
        return tool_error(w->b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "", "A thread cannot be started.");
    right = take_samples(w);
    __atomic_store_n(&w->ending, true, __ATOMIC_RELAXED);
    if (churned)
        pthread_join(thread, NULL);
    return right && !w->failed ? TOOL_DONE : bench_wrong(w->b, "churn: a dispatch, a registration or a put failed.");
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
    bool compiled = w->b->compiler && modes[at].engine_stays, by_hand = modes[at].by_hand;
    bench_row row = {.name = "churn",
                     .what = modes[at].what,
                     .engine = by_hand    ? "none"
                               : compiled ? "compiled"
                                          : "reference",
                     .plugins = BENCH_EVENT_PLUGINS,
                     .events = 1,
                     .ns = found->p50,
                     .p99_ns = found->p99,
                     .p999_ns = found->p999};

    if (at != QUIET) {
        row.ratio = found->p999 / quiet->p999;
        row.baseline = "p99.9 without";
        row.goal_kind = by_hand ? BENCH_NO_GOAL : BENCH_RATIO_MOST;
        row.goal = by_hand ? 0 : 1.5;
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
            bench_say(w->b, "%-14s   %llu changes in %zu windows", "", (unsigned long long)w->changes[at],
                      w->len[at] / SAMPLES);
    }
}

/* Registrations that change nothing would be no churn. */
static int check_swaps(const work *w)
{
    uint64_t changes = 0, swaps = 0;

    for (int at = 0; at < MODES; at++)
        changes += modes[at].by_hand ? 0 : w->changes[at];
    for (int i = 0; i < RUNTIMES; i++) {
        hl_counters counters = {.size = sizeof(counters)};

        if (hl_counters_get(w->runtimes[i], &counters) != HL_OK)
            return tool_fail(w->b->context);
        swaps += counters.swaps;
    }
    return swaps > changes / 10 * 9 ? TOOL_DONE : bench_wrong(w->b, "churn: the chains did not change.");
}

static int no_memory(const work *w)
{
    return tool_error(w->b->context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "There is no memory for the samples.");
}

static int measure(work *w, size_t rounds)
{
    int code = TOOL_DONE;

    w->loops = aligned_alloc(_Alignof(pointer_loop), LOOPS * sizeof(*w->loops));
    if (!w->loops)
        return no_memory(w);
    w->loop = w->loops;
    fill_loop(w, w->loop);
    for (int at = 0; at < MODES; at++) {
        w->samples[at] = malloc(rounds * SAMPLES * sizeof(float));
        if (!w->samples[at])
            return no_memory(w);
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
        code = bench_bare_open(b, "churn-bare", &w.bare);
    if (code == TOOL_DONE)
        code = measure(&w, b->rounds ? b->rounds : b->quick ? 9 : 31);
    if (code == TOOL_DONE)
        print_all(&w);
    for (int i = 0; i < RUNTIMES; i++)
        hl_close(w.runtimes[i]);
    b->parts.lmdb->close(w.bare);
    for (int at = 0; at < MODES; at++)
        free(w.samples[at]);
    free(w.loops);
    return code;
}
