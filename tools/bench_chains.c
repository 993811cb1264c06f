/* Runtimes with chains of the bench's plugin functions: opening, registering, and checking that each plugin is called.
 * Used by the cases of hookline bench. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define TRANSACTION_EVENTS 500
#define COMPILE_TIMEOUT_MS 180000

int bench_runtime(bench *b, const char *store, hl_engine engine, hl_runtime **out)
{
    hl_options options = HL_OPTIONS_INIT;

    options.store = store;
    options.engine = engine;
    return hl_open(&options, out) == HL_OK ? TOOL_DONE : tool_fail(b->context);
}

void bench_event_name(char *out, size_t out_len, size_t event)
{
    snprintf(out, out_len, "bench-%05zu", event);
}

hl_plugin_spec bench_spec(const bench *b, const bench_chain *chain, size_t event, size_t place, bench_names *names)
{
    uint8_t number = chain->plugins[place];
    hl_plugin_spec spec = HL_PLUGIN_INIT(names->plugin, names->event, b->parts.functions[number]);

    bench_event_name(names->event, sizeof(names->event), event);
    snprintf(names->plugin, sizeof(names->plugin), "bench-%05zu-plugin-%02zu", event, place);
    spec.self = &b->parts.counters[number];
    spec.priority = (int)place;
    return spec;
}

/* ---- registering ----------------------------------------------------------------------------------------------- */

static hl_status register_chain(bench *b, hl_txn *txn, const bench_chain *chain, size_t event)
{
    hl_status status = HL_OK;
    bench_names names;

    for (size_t i = 0; status == HL_OK && i < chain->plugins_len; i++) {
        hl_plugin_spec spec = bench_spec(b, chain, event, i, &names);

        status = hl_txn_register(txn, &spec, HL_START);
    }
    return status;
}

static hl_status register_some(bench *b, hl_runtime *runtime, const bench_chain *chains, size_t first, size_t end)
{
    hl_txn *txn;
    hl_status status = hl_txn_begin(runtime, &txn);

    if (status != HL_OK)
        return status;
    for (size_t i = first; status == HL_OK && i < end; i++)
        status = register_chain(b, txn, &chains[i], i);
    if (status == HL_OK)
        return hl_txn_commit(txn, 0);
    hl_txn_abort(txn);
    return status;
}

static hl_status open_events(hl_runtime *runtime, hl_event **events, size_t len)
{
    hl_status status = HL_OK;
    char name[32];

    for (size_t i = 0; status == HL_OK && i < len; i++) {
        bench_event_name(name, sizeof(name), i);
        status = hl_event_open(runtime, name, &events[i]);
    }
    return status;
}

int bench_chains_register(bench *b, hl_runtime *runtime, const bench_chain *chains, size_t len, hl_event **events)
{
    hl_status status = open_events(runtime, events, len);

    for (size_t first = 0; status == HL_OK && first < len; first += TRANSACTION_EVENTS) {
        size_t end = first + TRANSACTION_EVENTS;

        status = register_some(b, runtime, chains, first, end < len ? end : len);
    }
    return status == HL_OK ? TOOL_DONE : tool_fail(b->context);
}

int bench_chains_compiled(bench *b, hl_runtime *runtime, hl_event *const *events, size_t len)
{
    if (hl_wait_compiled(runtime, COMPILE_TIMEOUT_MS) != HL_OK)
        return tool_fail(b->context);
    for (size_t i = 0; i < len; i++)
        if (hl_event_engine(events[i]) != HL_ENGINE_COMPILED)
            return tool_error(b->context, TOOL_REFUSED, HL_ERR_COMPILE, "event", "Event \"%s\" was not compiled.",
                              hl_event_name(events[i]));
    return TOOL_DONE;
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static bool called_once(const bench *b, const bench_chain *chain, uint64_t *before)
{
    for (size_t i = 0; i < chain->plugins_len; i++)
        before[chain->plugins[i]] += chain->plugins[i] + UINT64_C(1);
    return memcmp(before, b->parts.counters, sizeof(bench_counters_table)) == 0;
}

int bench_chains_check(bench *b, const bench_chain *chains, hl_event *const *events, size_t len)
{
    bench_counters_table before;
    int state;

    for (size_t i = 0; i < len; i++) {
        hl_reply reply;

        memcpy(before, b->parts.counters, sizeof(before));
        reply = hl_call(events[i], &state, NULL);
        if (reply.state != &state || reply.verdict != HL_NEXT || !called_once(b, &chains[i], before))
            return bench_wrong(b, "event \"%s\" did not call each of its plugins once.", hl_event_name(events[i]));
    }
    return TOOL_DONE;
}
