/* Where each dispatching thread is: read by the reclaimer and by those who ask who holds an old chain. The records are
 * written by hl_call (hookline/call.h) only. */
#ifndef HL_CORE_THREAD_H
#define HL_CORE_THREAD_H

#include <pthread.h>

#include <hookline/call.h>

#include "core/shared.h"

/* Whether the calling thread is inside a dispatch. */
bool hl__thread_in_plugin(void);

/* Replaces what the innermost dispatch of this thread is said to be inside of. */
void hl__thread_retag(const void *chain);

/* Number of threads that are inside `chain` now. */
size_t hl__threads_inside(const void *chain);

/* pthread_create for Hookline's own threads, which take no signal that is meant for the process: those are the host's. */
HL__SHARED int hl__thread_start(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                                void *argument);

/* The dispatches that are running now, to be waited for. */
typedef struct hl__thread_mark hl__thread_mark;
hl__thread_mark *hl__threads_mark(void); /* NULL without memory */
bool hl__threads_passed(hl__thread_mark *mark);
void hl__threads_unmark(hl__thread_mark *mark);

#endif
