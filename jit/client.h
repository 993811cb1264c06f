/* The compiler behind core/compiler.h: makes chains by way of the program hookline-jit. Called by whatever opens a
 * runtime with the compiled engine. */
#ifndef HL_JIT_CLIENT_H
#define HL_JIT_CLIENT_H

#include "core/compiler.h"

typedef struct hl__jit_options {
    const char *program;    /* path of hookline-jit; NULL: $HOOKLINE_JIT, else beside the library; copied */
    uint32_t timeout_ms;    /* for a batch; 0: 10,000 */
    uint32_t recycle_after; /* chains of some 16 plugins that a helper compiles before it is replaced; 0: 128 */
    bool perf_map;          /* tell perf(1) about chains in /tmp/perf-PID.map */
} hl__jit_options;

/* Makes a compiler. Nothing is started before the first submit, so all that can fail is memory. Folders that killed
 * servers and helpers have left are swept.
 *
 * After its helper has died or hung, or could not be started, the compiler backs off: idle is false and submit fails
 * with the reason until wake_at_ns has passed; 100 ms first, twice as long each time, at most 30 s. */
hl_status hl__jit_new(const hl__jit_options *options, hl__compiler **out);

#endif
