/* The plugin functions of hookline bench: 256 small ones, each with code of its own, in a library apart from those who
 * call them. Opened by tools/bench_parts.c and linked by the hand-written chains. */
#include "tools/bench_parts.h"

HL_API bench_counters_table bench_counters __attribute__((aligned(64)));

#define PLUGIN(high, low)                                                                                              \
    HL_API hl_call_fn bench_plugin_##high##low;                                                                        \
    hl_reply bench_plugin_##high##low(void *self, void *state, const void *meta)                                       \
    {                                                                                                                  \
        (void)meta;                                                                                                    \
        *(uint64_t *)self += 0x##high##low + 1;                                                                        \
        return hl_next(state);                                                                                         \
    }

#define STATE_PLUGIN(high, low)                                                                                        \
    HL_API hl_call_fn bench_state_plugin_##low;                                                                        \
    hl_reply bench_state_plugin_##low(void *self, void *state, const void *meta)                                       \
    {                                                                                                                  \
        (void)self;                                                                                                    \
        (void)meta;                                                                                                    \
        *(uint64_t *)state += 0x##low + 1;                                                                             \
        return hl_next(state);                                                                                         \
    }

#define NAME(high, low) bench_plugin_##high##low,
#define STATE_NAME(high, low) bench_state_plugin_##low,

#define ROW(what, high)                                                                                                \
    what(high, 0) what(high, 1) what(high, 2) what(high, 3) what(high, 4) what(high, 5) what(high, 6) what(high, 7)    \
        what(high, 8) what(high, 9) what(high, a) what(high, b) what(high, c) what(high, d) what(high, e)              \
            what(high, f)

/* clang-format off */
#define EVERY(what)                                                                                                    \
    ROW(what, 0) ROW(what, 1) ROW(what, 2) ROW(what, 3) ROW(what, 4) ROW(what, 5) ROW(what, 6) ROW(what, 7)            \
    ROW(what, 8) ROW(what, 9) ROW(what, a) ROW(what, b) ROW(what, c) ROW(what, d) ROW(what, e) ROW(what, f)
/* clang-format on */

EVERY(PLUGIN)
ROW(STATE_PLUGIN, 0)

HL_API const bench_functions_table bench_functions = {EVERY(NAME)};
HL_API const bench_state_functions_table bench_state_functions = {ROW(STATE_NAME, 0)};
