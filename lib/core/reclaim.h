/* Reclamation (G4): what was published is released after every dispatch that could see it has ended. One thread for the
 * process does it. */
#ifndef HL_CORE_RECLAIM_H
#define HL_CORE_RECLAIM_H

#include <hookline/inspect.h>

#include "core/shared.h"

/* Something to be released. Embedded in what it releases. */
typedef struct hl__retired {
    struct hl__retired *next;
    void (*release)(struct hl__retired *retired);
    hl_runtime *runtime;
    const char *event; /* for those who ask; NULL: not a chain. Valid until release */
    const void *chain; /* what hl__threads_inside is asked about: the plan, and its code */
    const void *code;
    uint64_t generation;
    hl_engine engine;
    uint64_t retired_ns;
} hl__retired;

/* Starts and ends the use of the reclaiming thread; counted. */
hl_status hl__reclaim_acquire(void);
void hl__reclaim_release(void);

/* Hands over something that is no longer published. Never waits, never fails; may be called inside a dispatch. */
HL__SHARED void hl__retire(hl__retired *retired);

/* Waits until everything retired so far is released. Not inside a dispatch. */
HL__SHARED void hl__reclaim_wait(void);

/* Walks what is not released yet, oldest first. The callback must not call Hookline. */
void hl__retired_walk(const hl_runtime *runtime, void (*callback)(const hl__retired *retired, void *user), void *user);

HL__SHARED uint64_t hl__now_ns(void); /* CLOCK_MONOTONIC */

#endif
