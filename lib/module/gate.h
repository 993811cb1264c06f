/* One gate for each key that somebody loads, reloads or releases: those who do it one after the other, of other keys at
 * the same time. */
#ifndef HL_MODULE_GATE_H
#define HL_MODULE_GATE_H

#include <hookline/modules.h>

typedef struct hl__gates hl__gates;
typedef struct hl__gate hl__gate;

hl__gates *hl__gates_new(void);
void hl__gates_free(hl__gates *gates); /* nobody may be inside */

#define HL__GATE_NO_DEADLINE UINT64_MAX

/* Waits until the key's gate is free, until CLOCK_MONOTONIC deadline_ns: HL_ERR_TIMEOUT, HL_ERR_NO_MEMORY. */
hl_status hl__gate_enter(hl__gates *gates, const hl_key *key, uint64_t deadline_ns, hl__gate **out);
/* The same, but who does not get in leaves word for the one inside, who then learns of it as it leaves. */
hl_status hl__gate_enter_or_ask(hl__gates *gates, const hl_key *key, uint64_t deadline_ns, hl__gate **out);
/* False: somebody has asked since the last time; look, and leave again. */
bool hl__gate_leave(hl__gates *gates, hl__gate *gate);

#endif
