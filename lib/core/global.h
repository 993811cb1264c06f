/* The lock of the few things that the runtimes of a process share: handles of events, plain entries, closed runtimes.
 * It is held for moments, never while another lock is taken, and around fork, so that a child finds it free. */
#ifndef HL_CORE_GLOBAL_H
#define HL_CORE_GLOBAL_H

void hl__global_lock(void);
void hl__global_unlock(void);

#endif
