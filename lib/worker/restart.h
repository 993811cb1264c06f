/* When a worker that has ended is started again: how often, and after which pause. Pure calculation, for the
 * supervisor. */
#ifndef HL_WORKER_RESTART_H
#define HL_WORKER_RESTART_H

#include <hookline/isolation.h>

/* When the workers of a group had to be started again, as far as it still counts. */
typedef struct hl__restarts {
    uint64_t *at_ns; /* oldest first */
    size_t len, room;
} hl__restarts;

/* Notes one more restart; false: that is more than `most` within the period, and it is not noted. */
bool hl__restarts_note(hl__restarts *restarts, uint64_t now_ns, uint32_t most, uint64_t period_ns);
void hl__restarts_clear(hl__restarts *restarts); /* also frees what it holds */

/* The pause before the restart number `row` (from 1) in a row: none before the first, then backoff_ms, doubled with
 * each up to backoff_most_ms, of which `random` leaves between half and all. */
uint64_t hl__backoff_ns(const hl_isolation *isolation, uint32_t row, uint64_t random);

#endif
