/* A plugin library that writes to address 16 when its event's state, a number, says so: in its own code, or in the C
 * library's. */
#include <string.h>

#include <hookline/plugin.h>

#include "tests/processes/support/crasher.h"

static char *volatile nowhere = (char *)16;
static void *(*volatile fill)(void *, int, size_t) = memset; /* not inlined */

static hl_reply crash_when_asked(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    if (*(int *)state == CRASH_IN_LIBRARY)
        *nowhere = 1;
    if (*(int *)state == CRASH_IN_LIBC)
        fill(nowhere, 1, 100);
    return hl_next(state);
}

static const hl_plugin_spec plugins[] = {HL_PLUGIN_INIT("crasher", "e", crash_when_asked)};
HL_PLUGIN_LIBRARY("processes-crasher", "3.1.0", plugins)
