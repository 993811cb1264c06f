/* The dispatch cases of hookline bench: the same plugins called by a loop over pointers, by hand-written code, by the
 * reference engine and by compiled chains. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define ORDER_LEN 16384 /* more than a branch predictor remembers */
#define ORDER_MASK (ORDER_LEN - 1)
#define WINDOW_NS 2e6
#define WINDOW_ONE_NS 4e5 /* of one event: short, so that most windows meet no other process */
#define QUIET_S 5
#define PLACES 4 /* of each measuring loop, 16 bytes apart: compilers align loops to 16 bytes, processors fetch 64 */

/* What a loop over pointers reads. */
typedef struct row {
    hl_call_fn *call;
    void *self;
} row;

typedef struct rows {
    size_t len;
    row row[];
} rows;

typedef struct work {
    bench *b;
    const char *name; /* of the case */
    const bench_chain *chains;
    size_t events_len;
    uint16_t *order;
    hl_reply (**handwritten)(void *state, const void *meta); /* NULL: there is none */
    rows **loops;
    hl_runtime *reference, *compiled;
    hl_event **reference_events, **compiled_events;
    uint64_t expected; /* sum of all counters */
    uint64_t bad;      /* replies other than HL_NEXT with the state */
    uint64_t *weight;  /* what one dispatch of each event adds to the counters */
} work;

/* ---- the variants: one loop each, so that the call is inlined as in a server ------------------------------------ */

/* Where a loop lies within 64 bytes of code is worth a cycle or two of each dispatch, and any change elsewhere in the
 * program moves it. So each variant has its loop at all places, and counts with the mean of them. */
#define STEP "nop\n\t.balign 16\n\t"
#define RUN_AT(function, steps, call)                                                                                  \
    static void function(void *user, size_t times)                                                                     \
    {                                                                                                                  \
        work *w = user;                                                                                                \
        const uint16_t *order = w->order;                                                                              \
        uint64_t bad = 0;                                                                                              \
        int state;                                                                                                     \
                                                                                                                       \
        __asm__ volatile(".balign 64\n\t" steps);                                                                      \
        for (size_t i = 0; i < times; i++) {                                                                           \
            size_t event = order[i & ORDER_MASK];                                                                      \
            hl_reply reply = call;                                                                                     \
                                                                                                                       \
            bad += (reply.state != &state) | (reply.verdict != HL_NEXT);                                               \
        }                                                                                                              \
        w->bad += bad;                                                                                                 \
    }

#define RUN(function, call)                                                                                            \
    RUN_AT(function##_0, "", call)                                                                                     \
    RUN_AT(function##_1, STEP, call)                                                                                   \
    RUN_AT(function##_2, STEP STEP, call)                                                                              \
    RUN_AT(function##_3, STEP STEP STEP, call)                                                                         \
    static void (*const function[PLACES])(void *user, size_t times) = {function##_0, function##_1, function##_2,       \
                                                                       function##_3};

static inline __attribute__((always_inline)) hl_reply call_loop(const rows *loop, void *state, const void *meta)
{
    hl_reply reply = hl_next(state);

    for (size_t i = 0; i < loop->len && reply.verdict == HL_NEXT; i++)
        reply = loop->row[i].call(loop->row[i].self, reply.state, meta);
    return reply;
}

RUN(run_loop, call_loop(w->loops[event], &state, NULL))
RUN(run_handwritten, w->handwritten[event](&state, NULL))
RUN(run_reference, hl_call(w->reference_events[event], &state, NULL))
RUN(run_compiled, hl_call(w->compiled_events[event], &state, NULL))

/* ---- answers --------------------------------------------------------------------------------------------------- */

static uint64_t sum_counters(const work *w)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < BENCH_FUNCTIONS; i++)
        sum += w->b->parts.counters[i];
    return sum;
}

static uint64_t sum_order(const work *w, size_t times)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < times; i++)
        sum += w->weight[w->order[i & ORDER_MASK]];
    return sum;
}

/* A window was run as a warm-up of a fifth of it, and the rest, both from the order's begin. */
static int check_window(void *user, size_t times)
{
    work *w = user;
    size_t warm = times / 5;

    w->expected += sum_order(w, warm) + sum_order(w, times - warm);
    if (w->bad || sum_counters(w) != w->expected)
        return bench_wrong(w->b, "%s: plugins were left out or called twice.", w->name);
    return TOOL_DONE;
}

static int check_events(work *w)
{
    int code = bench_chains_check(w->b, w->chains, w->reference_events, w->events_len);

    if (code == TOOL_DONE && w->b->compiler)
        code = bench_chains_check(w->b, w->chains, w->compiled_events, w->events_len);
    w->expected = sum_counters(w);
    return code;
}

/* ---- making the work ------------------------------------------------------------------------------------------- */

static rows *make_rows(const bench *b, const bench_chain *chain)
{
    rows *made = malloc(sizeof(*made) + chain->plugins_len * sizeof(made->row[0]));

    if (!made)
        return NULL;
    made->len = chain->plugins_len;
    for (size_t i = 0; i < made->len; i++)
        made->row[i] = (row){b->parts.functions[chain->plugins[i]], &b->parts.counters[chain->plugins[i]]};
    return made;
}

static bool make_event(work *w, size_t i)
{
    const bench_chain *chain = &w->chains[i];

    w->loops[i] = make_rows(w->b, chain);
    w->handwritten[i] = chain->call;
    for (size_t at = 0; at < chain->plugins_len; at++)
        w->weight[i] += chain->plugins[at] + UINT64_C(1);
    return w->loops[i] != NULL;
}

static bool make_tables(work *w)
{
    uint64_t seed = 0x9e3779b97f4a7c15u;
    bool made;

    w->order = malloc(ORDER_LEN * sizeof(*w->order));
    w->loops = calloc(w->events_len, sizeof(*w->loops));
    w->handwritten = calloc(w->events_len, sizeof(*w->handwritten));
    w->weight = calloc(w->events_len, sizeof(*w->weight));
    w->reference_events = calloc(w->events_len, sizeof(hl_event *));
    w->compiled_events = calloc(w->events_len, sizeof(hl_event *));
    made = w->order && w->loops && w->handwritten && w->weight && w->reference_events && w->compiled_events;
    for (size_t i = 0; made && i < w->events_len; i++)
        made = make_event(w, i);
    for (size_t i = 0; made && i < ORDER_LEN; i++)
        w->order[i] = (uint16_t)(bench_random(&seed) >> 20) % w->events_len;
    return made;
}

static void close_work(work *w)
{
    hl_close(w->compiled);
    hl_close(w->reference);
    for (size_t i = 0; w->loops && i < w->events_len; i++)
        free(w->loops[i]);
    free(w->loops);
    free(w->order);
    free(w->handwritten);
    free(w->weight);
    free(w->reference_events);
    free(w->compiled_events);
}

static int open_work(work *w)
{
    bench *b = w->b;
    int code;

    if (!make_tables(w))
        return tool_error(b->context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "There is no memory for the chains.");
    code = bench_runtime(b, "memory:", HL_ENGINE_REFERENCE, &w->reference);
    if (code == TOOL_DONE)
        code = bench_chains_register(b, w->reference, w->chains, w->events_len, w->reference_events);
    if (code == TOOL_DONE && b->compiler)
        code = bench_runtime(b, "memory:", HL_ENGINE_COMPILED, &w->compiled);
    if (code == TOOL_DONE && b->compiler)
        code = bench_chains_register(b, w->compiled, w->chains, w->events_len, w->compiled_events);
    if (code == TOOL_DONE && b->compiler)
        code = bench_chains_compiled(b, w->compiled, w->compiled_events, w->events_len);
    return code == TOOL_DONE ? check_events(w) : code;
}

/* ---- measuring ------------------------------------------------------------------------------------------------- */

enum { LOOP, REFERENCE, COMPILED, HANDWRITTEN, VARIANTS };

static void add_variants(const work *w, size_t place, bench_variant *variants, size_t *len)
{
    variants[(*len)++] = (bench_variant){.what = "loop over pointers", .engine = "none", .run = run_loop[place]};
    variants[(*len)++] = (bench_variant){.what = "hl_call", .engine = "reference", .run = run_reference[place]};
    if (w->b->compiler)
        variants[(*len)++] = (bench_variant){.what = "hl_call", .engine = "compiled", .run = run_compiled[place]};
    if (w->chains[0].call)
        variants[(*len)++] = (bench_variant){.what = "hand-written", .engine = "none", .run = run_handwritten[place]};
}

/* So many dispatches that a window of the reference engine takes about as long as wished. */
static size_t window_of(work *w)
{
    double window_ns = w->events_len == 1 ? WINDOW_ONE_NS : WINDOW_NS;
    uint64_t begin = bench_now_ns();
    size_t times;

    run_reference[0](w, ORDER_LEN);
    times = (size_t)(window_ns * ORDER_LEN / (double)(bench_now_ns() - begin + 1));
    w->expected = sum_counters(w);
    return times < 1024 ? 1024 : times / 4 * 4;
}

/* Each variant counts with the mean of its places' medians. */
static void take_means(const bench_variant *placed, bench_variant *variants, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        variants[i] = placed[i];
        for (size_t place = 1; place < PLACES; place++)
            variants[i].ns += placed[place * len + i].ns;
        variants[i].ns /= PLACES;
    }
}

static int measure(work *w, size_t rounds, bench_variant *variants, size_t *len)
{
    bench_variant placed[PLACES * VARIANTS];
    size_t placed_len = 0;
    size_t times = window_of(w);
    int code;

    for (size_t place = 0; place < PLACES; place++)
        add_variants(w, place, placed, &placed_len);
    code = bench_side_by_side(w->b, placed, placed_len, w, times, rounds, check_window);
    *len = placed_len / PLACES;
    take_means(placed, variants, *len);
    return code;
}

/* What a variant is held against. */
typedef struct aim {
    const char *against; /* another variant's name */
    double ratio;        /* 0: no goal */
} aim;

static const bench_variant *find_variant(const bench_variant *variants, size_t len, const char *what)
{
    for (size_t i = 0; i < len; i++)
        if (strcmp(variants[i].what, what) == 0)
            return &variants[i];
    return NULL;
}

static void print_variant(const work *w, const char *when, const bench_variant *variant, const bench_variant *against,
                          double goal)
{
    char what[96];
    bench_row printed = {.name = w->name,
                         .what = what,
                         .engine = variant->engine,
                         .plugins = w->chains[0].plugins_len,
                         .events = w->events_len,
                         .ns = variant->ns};

    snprintf(what, sizeof(what), "%s%s", variant->what, when);
    if (against && against != variant) {
        printed.ratio = variant->ns / against->ns;
        printed.baseline = against->what;
        printed.goal = goal;
        printed.goal_kind = goal > 0 ? BENCH_RATIO_MOST : BENCH_NO_GOAL;
    }
    bench_print(w->b, &printed);
}

/* The compiled chain is held against every aim, the others are compared with the first. */
static void print_variants(const work *w, const char *when, const bench_variant *variants, size_t len, const aim *aims,
                           size_t aims_len)
{
    for (size_t i = 0; i < len; i++) {
        bool compiled = strcmp(variants[i].engine, "compiled") == 0;

        for (size_t at = 0; at < (compiled ? aims_len : 1); at++)
            print_variant(w, when, &variants[i], find_variant(variants, len, aims[at].against),
                          compiled ? aims[at].ratio : 0);
    }
}

static int measure_and_print(work *w, const char *when, size_t rounds, const aim *aims, size_t aims_len)
{
    bench_variant variants[VARIANTS];
    size_t len;
    int code = measure(w, rounds, variants, &len);

    if (code == TOOL_DONE)
        print_variants(w, when, variants, len, aims, aims_len);
    return code;
}

/* ---- one event ------------------------------------------------------------------------------------------------- */

static int one_event(bench *b, const bench_chain *chain)
{
    aim aims[] = {{"hand-written", chain->plugins_len == 4 ? 1.15 : 1.05}, {"loop over pointers", 0}};
    work w = {.b = b, .name = "dispatch-1", .chains = chain, .events_len = 1};
    int code = open_work(&w);

    if (code == TOOL_DONE)
        code = measure_and_print(&w, "", b->quick ? 101 : 301, aims, 2);
    close_work(&w);
    return code;
}

int bench_dispatch_one(bench *b)
{
    int code = TOOL_DONE;

    for (size_t i = 0; code == TOOL_DONE && i < BENCH_SIZES; i++)
        code = one_event(b, &b->parts.sizes[i]);
    return code;
}

/* ---- a thousand events ----------------------------------------------------------------------------------------- */

static void shuffle(uint16_t *order, size_t len)
{
    uint64_t seed = 0xd1b54a32d192ed03u;

    for (size_t i = 0; i < len; i++)
        order[i] = (uint16_t)i;
    for (size_t i = len - 1; i > 0; i--) {
        size_t other = bench_random(&seed) % (i + 1);
        uint16_t kept = order[i];

        order[i] = order[other];
        order[other] = kept;
    }
}

/* The first plugin becomes the last: the chain is another one, with the same calls. */
static hl_status change_event(work *w, size_t event, unsigned flags)
{
    bench_names names;
    hl_plugin_spec spec = bench_spec(w->b, &w->chains[event], event, 0, &names);

    spec.priority = 90;
    return hl_register(w->compiled, &spec, flags);
}

static uint64_t compiled_so_far(const work *w)
{
    hl_counters counters = {.size = sizeof(counters)};

    return hl_counters_get(w->compiled, &counters) == HL_OK ? counters.compiled : 0;
}

/* Changes every event on its own. Each change waits for its code, unless the run is to be quick. */
static int change_every_event(work *w)
{
    uint16_t *order = malloc(w->events_len * sizeof(*order));
    uint64_t before = compiled_so_far(w);
    hl_status status = HL_OK;

    if (!order)
        return tool_error(w->b->context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "There is no memory for the order.");
    shuffle(order, w->events_len);
    for (size_t i = 0; status == HL_OK && i < w->events_len; i++)
        status = change_event(w, order[i], w->b->quick ? 0 : HL_WAIT_COMPILED);
    free(order);
    if (status != HL_OK)
        return tool_fail(w->b->context);
    if (bench_chains_compiled(w->b, w->compiled, w->compiled_events, w->events_len) != TOOL_DONE)
        return TOOL_REFUSED;
    if (compiled_so_far(w) - before < w->events_len)
        return bench_wrong(w->b, "not every event was compiled again.");
    return check_events(w);
}

static void wait_quiet(bench *b)
{
    struct timespec time = {.tv_sec = QUIET_S};

    bench_say(b, "(%d seconds of quiet, in which chains may be laid out anew)", QUIET_S);
    nanosleep(&time, NULL);
}

static int thousand_events(work *w)
{
    static const aim aims[] = {{"loop over pointers", 0.50}, {"hand-written", 1.10}};
    size_t rounds = w->b->quick ? 9 : 31;
    int code = open_work(w);

    if (code == TOOL_DONE)
        code = measure_and_print(w, "", rounds, aims, 2);
    if (code != TOOL_DONE || !w->b->compiler)
        return code;
    bench_say(w->b, "(every event is changed once more on its own, in random order)");
    code = change_every_event(w);
    if (code != TOOL_DONE)
        return code;
    wait_quiet(w->b);
    return measure_and_print(w, ", after changes", rounds, aims, 2);
}

int bench_dispatch_thousand(bench *b)
{
    work w = {.b = b, .name = "dispatch-1000", .chains = b->parts.events, .events_len = BENCH_EVENTS};
    int code = thousand_events(&w);

    close_work(&w);
    return code;
}

/* ---- ten thousand events --------------------------------------------------------------------------------------- */

#define MANY 10000

static void pick_plugins(uint8_t *plugins, uint64_t *seed)
{
    uint8_t step = (uint8_t)(bench_random(seed) | 1);
    uint8_t at = (uint8_t)(bench_random(seed) >> 8);

    for (size_t i = 0; i < BENCH_EVENT_PLUGINS; i++)
        plugins[i] = (uint8_t)(at + i * step);
}

int bench_dispatch_ten_thousand(bench *b)
{
    static const aim aims[] = {{"loop over pointers", 1.00}};
    bench_chain *chains = calloc(MANY, sizeof(*chains));
    uint8_t *plugins = malloc(MANY * BENCH_EVENT_PLUGINS);
    work w = {.b = b, .name = "dispatch-10000", .chains = chains, .events_len = MANY};
    uint64_t seed = 88172645463325252u;
    int code = TOOL_REFUSED;

    if (!chains || !plugins)
        goto out;
    for (size_t i = 0; i < MANY; i++) {
        pick_plugins(&plugins[i * BENCH_EVENT_PLUGINS], &seed);
        chains[i] = (bench_chain){NULL, BENCH_EVENT_PLUGINS, &plugins[i * BENCH_EVENT_PLUGINS]};
    }
    bench_say(b, "(compiling 10,000 chains)");
    code = open_work(&w);
    if (code == TOOL_DONE)
        code = measure_and_print(&w, "", b->quick ? 9 : 21, aims, 1);
out:
    close_work(&w);
    free(plugins);
    free(chains);
    return code;
}
