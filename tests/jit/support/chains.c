/* See chains.h. */
#include "tests/jit/support/chains.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

chain_trace trace;

hl_reply chain_plugin(void *self, void *state, const void *meta)
{
    const chain_self *me = self;
    hl_reply reply = {(void *)((uintptr_t)state + (uintptr_t)me->adds), me->verdict}; /* also for NULL */

    assert(trace.calls_len <= CHAIN_STEPS_MAX);
    trace.selves[trace.calls_len] = self;
    trace.metas[trace.calls_len] = meta;
    trace.states[trace.calls_len++] = state;
    return reply;
}

static hl_reply stop(void *input, void *state, int64_t verdict, uint64_t index, const void *of)
{
    const chain *c = of;
    hl_reply reply = {CHAIN_STOPPED, -77};

    trace.stops++;
    trace.stop_of = of;
    trace.stop_index = c->unit.steps_len <= HL__SHORT_CHAIN ? (uint8_t)index : index;
    trace.stop_input = input;
    trace.stop_state = state;
    trace.stop_verdict = verdict;
    return reply;
}

chain *chain_new(const char *symbol, size_t steps_len)
{
    chain *c = calloc(1, sizeof(*c));

    assert(c && steps_len <= CHAIN_STEPS_MAX);
    snprintf(c->symbol, sizeof(c->symbol), "%s", symbol);
    for (size_t i = 0; i < steps_len; i++) {
        c->selves[i].adds = 1;
        c->steps[i] = (hl__step){chain_plugin, &c->selves[i]};
    }
    c->unit = (hl__unit){0, c->symbol, c, stop, c->steps, steps_len};
    return c;
}

hl_reply chain_run(const hl__compiled *compiled, void *state, const void *meta)
{
    memset(&trace, 0, sizeof(trace));
    return compiled->entry(NULL, state, meta);
}
