/* A plugin library that leaves its name, as the plugins of the test programs do. Its event has no contract: the state
 * is a string with room. */
#include <string.h>

#include <hookline/plugin.h>

static hl_reply leave_name(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    strcat(state, "guest,");
    return hl_next(state);
}

static const hl_plugin_spec plugins[] = {HL_PLUGIN_INIT("guest", "e", leave_name)};
HL_PLUGIN_LIBRARY("processes-guest", "2.0.0", plugins)
