/* Whether callers may look for their replies before they sleep: only while processors are free for that. */
#ifndef HL_WORKER_SPIN_H
#define HL_WORKER_SPIN_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

/* Reads how busy the machine is, while so many calls are in workers. On a supervisor's thread, at most once a
 * second. */
void hl__spin_sample(uint32_t calls);

/* What the last sample said; false before the first. [any-thread] */
bool hl__spin_allowed(void);

/* The processors that a process may run on; none when that is not known. */
cpu_set_t hl__spin_processors(int32_t pid);

/* Keeps a process off a processor, from which callers look for its replies, and lets it run on the others of `all`; and
 * on all of them again. What the calling thread may run on says nothing: servers keep threads on one processor each. */
void hl__spin_part(int32_t pid, const cpu_set_t *all, int processor);
void hl__spin_unpart(int32_t pid, const cpu_set_t *all);

/* Moves a process to a processor, where that is one of `all`; then it may run on all of them, as before. */
void hl__spin_gather(int32_t pid, const cpu_set_t *all, int processor);

#endif
