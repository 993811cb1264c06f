/* The dispatches that are running now (inside.c). */
#ifndef HL_CORE_INSIDE_H
#define HL_CORE_INSIDE_H

/* Looks which dispatches are still the ones that it saw before, so that it can be told for how long they have been
 * running. Under the lock of chains.h. */
void hl__inside_sample(void);

#endif
