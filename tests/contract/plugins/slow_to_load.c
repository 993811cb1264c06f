/* A plugin library that takes its time to load, so that whatever happens meanwhile can be seen. */
#include <unistd.h>

#include <hookline/plugin.h>

static hl_reply add_hundred(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    *(int *)state += 100;
    return hl_next(state);
}

static int load(void)
{
    usleep(100000);
    return 0;
}

static const hl_plugin_spec plugins[] = {HL_PLUGIN_INIT("slow-to-load", "number", add_hundred)};

HL_PLUGIN_LIBRARY_HOOKS("slow-to-load", "1.0.0", plugins, load, NULL)
