/* A plugin library that lets itself be watched: see guest.h. */
#include <time.h>

#include <hookline/plugin.h>

#include "tests/engines/support/guest.h"

static hl_reply visit(void *self, void *state, const void *meta)
{
    struct timespec pause = {0, 1000000};
    guest_state *at = state;

    (void)self;
    (void)meta;
    at->code = (const void *)(uintptr_t)visit;
    __atomic_store_n(&at->inside, 1, __ATOMIC_SEQ_CST);
    if (at->act)
        at->act(at->with);
    while (__atomic_load_n(&at->stay, __ATOMIC_SEQ_CST))
        nanosleep(&pause, 0);
    __atomic_store_n(&at->inside, 0, __ATOMIC_SEQ_CST);
    return hl_next(state);
}

static const hl_plugin_spec plugins[] = {HL_PLUGIN_INIT("guest", "visits", visit)};
HL_PLUGIN_LIBRARY("engines-guest", "1.0.0", plugins)
