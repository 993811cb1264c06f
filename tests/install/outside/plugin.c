/* A stranger's plugin library in C: adds ten. */
#include <hookline/plugin.h>

static hl_reply ten(void *self, void *state, const void *meta)
{
    (void)self, (void)meta;
    *(int *)state += 10;
    return hl_next(state);
}

static const hl_plugin_spec plugins[] = {HL_PLUGIN_INIT("ten", "sum", ten)};
HL_PLUGIN_LIBRARY("stranger", "1.0.0", plugins)
