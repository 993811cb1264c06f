/* What all stores of the process share: one lock over their registries, and a count of forks, so that a child process
 * knows what it inherited and must not touch. Used by the store backends only. */
#ifndef HL_STORE_PROCESS_H
#define HL_STORE_PROCESS_H

/* Guards the lists of open stores. Held across fork, so that a child finds it free. */
void hl__process_lock(void);
void hl__process_unlock(void);

/* Differs between a process and its forked children. Call hl__process_lock once before. No system call. */
unsigned hl__process_generation(void);

#endif
