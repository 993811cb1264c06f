/* What a plugin or a module may ask about the call that it is in. Included by plugin.h and module.h. */
#ifndef HOOKLINE_DEADLINE_H
#define HOOKLINE_DEADLINE_H

#include <hookline/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the host can tell: nanoseconds of CLOCK_MONOTONIC at which the call that this thread is in should have ended;
 * 0: it has no deadline; and whether that has passed. [plugin] */
extern uint64_t hl_call_deadline_ns(void) __attribute__((weak));
extern bool hl_call_is_late(void) __attribute__((weak));

/* Whether this call is over its deadline and should end: the only clean way to stop a plugin that runs in the server's
 * process, where it is told to the precision of some 10 ms. [plugin] */
static inline bool hl_should_stop(void)
{
    return hl_call_is_late && hl_call_is_late();
}

#ifdef __cplusplus
}
#endif
#endif
