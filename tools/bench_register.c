/* The registration case of hookline bench: until a change is visible, durable, compiled; one at a time and a thousand
 * at once. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define BURST_EVENTS 100
#define BURST_PLUGINS 10

/* A chain of 16 whose first plugin is registered anew: with another priority and another self. */
typedef struct work {
    bench *b;
    const bench_chain *chain;
    hl_runtime *runtime;
    hl_event *event;
    uint64_t selves[2];
    size_t changes;
} work;

static int open_work(work *w, bench *b, const char *store, hl_engine engine)
{
    int code;

    *w = (work){.b = b, .chain = &b->parts.sizes[1]};
    code = bench_runtime(b, store, engine, &w->runtime);
    if (code == TOOL_DONE)
        code = bench_chains_register(b, w->runtime, w->chain, 1, &w->event);
    if (code == TOOL_DONE && engine == HL_ENGINE_COMPILED)
        code = bench_chains_compiled(b, w->runtime, &w->event, 1);
    return code;
}

static hl_status change(work *w, unsigned flags)
{
    bench_names names;
    hl_plugin_spec spec = bench_spec(w->b, w->chain, 0, 0, &names);

    w->changes++;
    spec.priority = w->changes % 2 ? 99 : 0;
    spec.self = &w->selves[w->changes % 2];
    return hl_register(w->runtime, &spec, flags);
}

/* A dispatch after the change must use the new self, and nothing else the old one. */
static int check_visible(work *w)
{
    uint64_t before[2] = {w->selves[0], w->selves[1]};
    size_t at = w->changes % 2;
    int state;
    hl_reply reply = hl_call(w->event, &state, NULL);

    if (reply.verdict == HL_NEXT && w->selves[at] == before[at] + w->chain->plugins[0] + 1 &&
        w->selves[1 - at] == before[1 - at])
        return TOOL_DONE;
    return bench_wrong(w->b, "register: a dispatch after a registration did not run the new chain.");
}

static int measure_change(work *w, unsigned flags, double *ns)
{
    uint64_t begin = bench_now_ns();
    hl_status status = change(w, flags);

    *ns = (double)(bench_now_ns() - begin);
    return status == HL_OK ? check_visible(w) : tool_fail(w->b->context);
}

static size_t rounds_of(const bench *b, size_t full, size_t quick)
{
    return b->rounds ? b->rounds : b->quick ? quick : full;
}

static int no_memory(bench *b)
{
    return tool_error(b->context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "There is no memory for the rounds.");
}

/* ---- one at a time, in memory ---------------------------------------------------------------------------------- */

static int measure_changes(work *w, unsigned flags, size_t len, double *median)
{
    double *ns = malloc(len * sizeof(*ns));
    int code = ns ? TOOL_DONE : no_memory(w->b);

    for (size_t i = 0; code == TOOL_DONE && i < len; i++)
        code = measure_change(w, flags, &ns[i]);
    if (code == TOOL_DONE)
        *median = bench_median(ns, len);
    free(ns);
    return code;
}

static int visible(bench *b)
{
    work w;
    double median;
    int code = open_work(&w, b, "memory:", b->compiler ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE);

    if (code == TOOL_DONE)
        code = measure_changes(&w, 0, rounds_of(b, 2000, 500), &median);
    if (code == TOOL_DONE)
        bench_print(b, &(bench_row){.name = "register",
                                    .what = "visible, memory store",
                                    .engine = "reference",
                                    .plugins = w.chain->plugins_len,
                                    .events = 1,
                                    .ns = median,
                                    .goal_kind = BENCH_NS_MOST,
                                    .goal = 20e3});
    hl_close(w.runtime);
    return code;
}

static int compiled(bench *b)
{
    work w;
    double median;
    int code = open_work(&w, b, "memory:", HL_ENGINE_COMPILED);

    if (code == TOOL_DONE)
        code = measure_changes(&w, HL_WAIT_COMPILED, rounds_of(b, 101, 31), &median);
    if (code == TOOL_DONE)
        bench_print(b, &(bench_row){.name = "register",
                                    .what = "compiled code live, memory store",
                                    .engine = "compiled",
                                    .plugins = w.chain->plugins_len,
                                    .events = 1,
                                    .ns = median,
                                    .goal_kind = BENCH_NS_MOST,
                                    .goal = 30e6});
    hl_close(w.runtime);
    return code;
}

/* ---- durable, against bare LMDB -------------------------------------------------------------------------------- */

/* What a plugin's record takes in the store, told by a store that is closed again. */
static int record_bytes(bench *b, const char *store, size_t *out)
{
    work w;
    int code = open_work(&w, b, store, HL_ENGINE_REFERENCE);
    int error = 0;

    hl_close(w.runtime);
    if (code == TOOL_DONE)
        error = b->parts.lmdb->record_bytes(store + strlen("lmdb:"), out);
    return error ? bench_bare_fail(b, error) : code;
}

static int measure_put(work *w, void *bare, unsigned round, size_t bytes, double *ns)
{
    char value[65536];
    uint64_t begin;
    int error;

    memset(value, 'a' + (int)(round % 26), bytes);
    begin = bench_now_ns();
    error = w->b->parts.lmdb->put(bare, round % 16, value, bytes);
    *ns = (double)(bench_now_ns() - begin);
    return error ? bench_bare_fail(w->b, error) : TOOL_DONE;
}

static void print_durable(bench *b, size_t plugins, size_t bytes, double registered_ns, double put_ns)
{
    char what[64];

    snprintf(what, sizeof(what), "bare LMDB put of %zu bytes", bytes);
    bench_print(b, &(bench_row){.name = "register", .what = what, .engine = "none", .ns = put_ns});
    bench_print(b, &(bench_row){.name = "register",
                                .what = "visible, LMDB store",
                                .engine = "reference",
                                .plugins = plugins,
                                .events = 1,
                                .ns = registered_ns,
                                .ratio = registered_ns / put_ns,
                                .baseline = "one bare LMDB put",
                                .goal_kind = BENCH_RATIO_MOST,
                                .goal = 1.5});
}

static int measure_durable(work *w, void *bare, size_t bytes)
{
    size_t len = rounds_of(w->b, 1001, 301);
    double *ns = malloc(2 * len * sizeof(*ns));
    int code = ns ? TOOL_DONE : no_memory(w->b);

    for (size_t i = 0; code == TOOL_DONE && i < len; i++) {
        code = measure_change(w, 0, &ns[i]);
        if (code == TOOL_DONE)
            code = measure_put(w, bare, (unsigned)i, bytes, &ns[len + i]);
    }
    if (code == TOOL_DONE)
        print_durable(w->b, w->chain->plugins_len, bytes, bench_median(ns, len), bench_median(&ns[len], len));
    free(ns);
    return code;
}

static int durable(bench *b)
{
    char sizing[sizeof(b->work) + 16], store[sizeof(b->work) + 16];
    void *bare = NULL;
    size_t bytes = 0;
    work w = {0};
    int code = record_bytes(b, bench_store_url(b, "sizing", sizing, sizeof(sizing)), &bytes);

    if (code == TOOL_DONE && (bytes == 0 || bytes > 65536))
        code = bench_wrong(b, "register: a record takes %zu bytes in the store.", bytes);
    if (code == TOOL_DONE)
        code = bench_bare_open(b, "bare", &bare);
    if (code == TOOL_DONE)
        code = open_work(&w, b, bench_store_url(b, "register", store, sizeof(store)),
                         b->compiler ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE);
    if (code == TOOL_DONE)
        code = measure_durable(&w, bare, bytes);
    hl_close(w.runtime);
    b->parts.lmdb->close(bare);
    return code;
}

/* ---- a thousand at once ---------------------------------------------------------------------------------------- */

static void burst_chains(bench *b, bench_chain *chains)
{
    for (size_t i = 0; i < BURST_EVENTS; i++)
        chains[i] = (bench_chain){NULL, BURST_PLUGINS, b->parts.sizes[2].plugins + i % (64 - BURST_PLUGINS)};
}

/* The events are open before, as a server's are. The transaction's steps count as well as its commit. */
static int burst_once(bench *b, const bench_chain *chains, double *visible_ns, double *compiled_ns)
{
    hl_runtime *runtime = NULL;
    hl_event *events[BURST_EVENTS];
    char name[32];
    uint64_t begin;
    int code = bench_runtime(b, "memory:", b->compiler ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE, &runtime);

    for (size_t i = 0; code == TOOL_DONE && i < BURST_EVENTS; i++) {
        bench_event_name(name, sizeof(name), i);
        code = hl_event_open(runtime, name, &events[i]) == HL_OK ? TOOL_DONE : tool_fail(b->context);
    }
    begin = bench_now_ns();
    if (code == TOOL_DONE)
        code = bench_chains_register(b, runtime, chains, BURST_EVENTS, events);
    *visible_ns = (double)(bench_now_ns() - begin);
    if (code == TOOL_DONE)
        code = bench_chains_check(b, chains, events, BURST_EVENTS);
    if (code == TOOL_DONE && b->compiler)
        code = bench_chains_compiled(b, runtime, events, BURST_EVENTS);
    *compiled_ns = (double)(bench_now_ns() - begin);
    if (code == TOOL_DONE)
        code = bench_chains_check(b, chains, events, BURST_EVENTS);
    hl_close(runtime);
    return code;
}

#define BURSTS 5

static int burst(bench *b)
{
    bench_chain chains[BURST_EVENTS];
    double visible_ns[BURSTS], compiled_ns[BURSTS];
    int code = TOOL_DONE;
    bench_row row = {.name = "register",
                     .what = "1,000 in one transaction, visible",
                     .engine = "reference",
                     .plugins = BURST_PLUGINS,
                     .events = BURST_EVENTS,
                     .goal_kind = BENCH_NS_MOST,
                     .goal = 50e6};

    burst_chains(b, chains);
    for (size_t i = 0; code == TOOL_DONE && i < BURSTS; i++)
        code = burst_once(b, chains, &visible_ns[i], &compiled_ns[i]);
    if (code != TOOL_DONE)
        return code;
    row.ns = bench_median(visible_ns, BURSTS);
    bench_print(b, &row);
    if (!b->compiler)
        return TOOL_DONE;
    row.what = "1,000 in one transaction, all compiled";
    row.engine = "compiled";
    row.ns = bench_median(compiled_ns, BURSTS);
    row.goal = 2e9;
    bench_print(b, &row);
    return TOOL_DONE;
}

int bench_register(bench *b)
{
    int code = visible(b);

    if (code == TOOL_DONE)
        code = durable(b);
    if (code == TOOL_DONE && b->compiler)
        code = compiled(b);
    return code == TOOL_DONE ? burst(b) : code;
}
