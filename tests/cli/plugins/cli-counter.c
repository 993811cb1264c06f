/* A typed plugin on "work", one that depends on it, and one on another event that depends on that. */
#include <hookline/plugin.h>

#include "tests/cli/support/work.h"

static hl_reply count(void *self, struct work *state, const void *meta)
{
    (void)self;
    (void)meta;
    state->count++;
    return hl_next(state);
}
HL_TYPED_PLUGIN(work, count)

static hl_reply pass(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_next(state);
}

static const char *const on_counter[] = {"counter", 0};
static const char *const on_doubler[] = {"doubler", 0};

static const hl_plugin_spec plugins[] = {
    {sizeof(hl_plugin_spec), "counter", "work", count_call, 0, 0, 0, "text kept", 0, 0, 0, 0, &work_contract, 20},
    {sizeof(hl_plugin_spec), "doubler", "work", count_call, 0, on_counter, 0, 0, 0, 0, 0, 0, &work_contract, 10},
    {sizeof(hl_plugin_spec), "farther", "bare", pass, 0, on_doubler, 0, 0, 0, 0, 0, 0, 0, 50},
};

HL_PLUGIN_LIBRARY("cli-counter", "1.2.3", plugins)
