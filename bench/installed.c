/* The plugin library that the packages of `hookline bench install` are made of; see tools/bench_parts.h. Its names hold
 * marks, which the bench replaces in copies of the file, so that nothing has to be compiled for each app. */
#include <stdlib.h>

#include "tools/bench_parts.h"

static uint64_t number;

/* A new app's number is known as text only. */
static int load(void)
{
    static const char *const volatile text = BENCH_APP_MARK;

    number = strtoul(text, NULL, 10);
    return 0;
}

#define PLUGIN(k)                                                                                                      \
    static hl_reply plugin_##k(void *self, void *state, const void *meta)                                              \
    {                                                                                                                  \
        (void)self;                                                                                                    \
        (void)meta;                                                                                                    \
        *(uint64_t *)state += number * 10 + k;                                                                         \
        return hl_next(state);                                                                                         \
    }
#define SPEC(k) HL_PLUGIN_INIT("bench-" BENCH_APP_MARK "-" #k, "installed-" BENCH_GROUP_MARK "-" #k, plugin_##k)

PLUGIN(0)
#if BENCH_INSTALLED_PLUGINS == 10
PLUGIN(1)
PLUGIN(2)
PLUGIN(3)
PLUGIN(4)
PLUGIN(5)
PLUGIN(6)
PLUGIN(7)
PLUGIN(8)
PLUGIN(9)
#endif

static const hl_plugin_spec plugins[] = {
    SPEC(0),
#if BENCH_INSTALLED_PLUGINS == 10
    SPEC(1), SPEC(2), SPEC(3), SPEC(4), SPEC(5), SPEC(6), SPEC(7), SPEC(8), SPEC(9),
#endif
};

HL_PLUGIN_LIBRARY_HOOKS("bench-" BENCH_APP_MARK, "1.0.0", plugins, load, NULL)
