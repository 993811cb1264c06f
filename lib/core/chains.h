/* Which chains dispatches may be inside of, published or waiting for their last reader: how the watchdog, hl_inside and
 * the fault handler learn what the address that a thread has written down stands for, and compiled code which plan is
 * its. */
#ifndef HL_CORE_CHAINS_H
#define HL_CORE_CHAINS_H

#include "core/plan.h"

/* A place in the table. The table only grows, so that the fault handler may read it at any time. */
typedef struct hl__chain_place {
    hl__plan *plan;   /* atomic; NULL: the place is free */
    const void *code; /* atomic; of its compiled chain; NULL: none yet */
    struct hl__chain_place *next_free;
} hl__chain_place;

/* A plan that is about to be published; later its code. Without memory it stays unknown and is not compiled. */
void hl__chains_add(hl__plan *plan);
void hl__chains_add_code(hl__plan *plan, const void *code);
/* It is about to be freed: no dispatch is inside. Waits for the lock below. */
void hl__chains_remove(hl__plan *plan);

/* While it is held no known plan goes away, nor what it refers to. For moments; inside it no other lock is taken. */
void hl__chains_lock(void);
void hl__chains_unlock(void);

/* The plan of what a thread says that it is inside of; NULL for what is none. With the lock; or without a lock, in the
 * thread itself, from inside the dispatch. Async-signal-safe. */
hl__plan *hl__chains_find(const void *chain);

#endif
