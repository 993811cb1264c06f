/* A library with two plugins, for the packages of the tests. */
#include <hookline/plugin.h>

static hl_reply pass(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_next(state);
}

static const hl_plugin_spec plugins[] = {HL_PLUGIN_INIT("packed-a", "event", pass),
                                         HL_PLUGIN_INIT("packed-b", "event", pass)};
HL_PLUGIN_LIBRARY("packed", "1.2.0", plugins)
