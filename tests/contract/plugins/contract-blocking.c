/* A library whose plugin stays inside its call until it is let go, and which says through the state what became of
 * it. */
#include <hookline/plugin.h>

/* Shared with g4_quiescence.c. */
struct gate {
    int inside; /* atomic: calls that are inside */
    int open;   /* atomic: they may leave */
};

static hl_reply wait_inside(void *self, void *state, const void *meta)
{
    struct gate *gate = state;

    (void)self;
    (void)meta;
    __atomic_add_fetch(&gate->inside, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&gate->open, __ATOMIC_SEQ_CST))
        ;
    __atomic_sub_fetch(&gate->inside, 1, __ATOMIC_SEQ_CST);
    return hl_next(state);
}

static const hl_plugin_spec plugins[] = {HL_PLUGIN_INIT("blocking", "e", wait_inside)};
HL_PLUGIN_LIBRARY("contract-blocking", "1.0.0", plugins)
