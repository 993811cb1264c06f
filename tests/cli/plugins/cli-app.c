/* The library of the app that the command's tests install: one plugin on "work", which adds to the count. */
#include <hookline/plugin.h>

#include "tests/cli/support/work.h"

#ifndef CLI_APP_ADDS
#define CLI_APP_ADDS 1
#endif

static hl_reply add(void *self, struct work *state, const void *meta)
{
    (void)self;
    (void)meta;
    state->count += CLI_APP_ADDS;
    return hl_next(state);
}
HL_TYPED_PLUGIN(work, add)

static const hl_plugin_spec plugins[] = {
    {sizeof(hl_plugin_spec), "adder", "work", add_call, 0, 0, 0, 0, 0, 0, 0, 0, &work_contract, 30},
};

HL_PLUGIN_LIBRARY("cli-app", "1.0.0", plugins)
