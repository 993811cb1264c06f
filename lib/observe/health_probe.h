/* A health function on a thread of its own, for health.c (HL-01, HL-02). */
#ifndef HL_OBSERVE_HEALTH_PROBE_H
#define HL_OBSERVE_HEALTH_PROBE_H

#include <hookline/health.h>

#include "core/runtime.h"

#define HL__PROBE_REASON 256

typedef struct hl__probe hl__probe;

/* Starts the function; binding->probing is true, and is made false when it comes back. NULL when no thread could be
 * had. */
hl__probe *hl__probe_start(hl__binding *binding);

/* Waits until timeout_ms after the start at most, and lets go of the probe; one that hangs goes on alone, and keeps its
 * plugin's code. reason has HL__PROBE_REASON bytes. */
hl_probe_result hl__probe_end(hl__probe *probe, uint32_t timeout_ms, char *reason, uint64_t *elapsed_ns);

#endif
