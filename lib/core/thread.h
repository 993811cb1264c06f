/* Where each dispatching thread is: read by the reclaimer, the watchdog, and those who ask. The records are written by
 * the threads themselves: by hl_call (hookline/call.h) and, around plugins that are watched, by watch.c. */
#ifndef HL_CORE_THREAD_H
#define HL_CORE_THREAD_H

#include <pthread.h>

#include <hookline/call.h>

#include "core/shared.h"

struct hl__watch;

/* A watched plugin that a thread is in; see watch.h. */
typedef struct hl__watched {
    uint64_t since; /* the watchdog's tick as it was called, and in the low byte the depth of its dispatch */
    struct hl__watch *watch;
} hl__watched;

#define HL__LEVEL_BITS 8

/* All that is known of a thread; hl__thread_self points to the public part. */
typedef struct hl__thread_row {
    struct hl__thread public;
    uint32_t watched_len; /* nested deeper than HL__DEPTH_MAX, calls are counted and not written down */
    int32_t tid;
    hl__watched watched[HL__DEPTH_MAX];
    /* ---- the thread does not touch what follows */
    uint64_t told[HL__DEPTH_MAX]; /* by the watchdog: `since` of the calls that it has dealt with */
    uint64_t seen;                /* the outermost dispatch, as `place` counts them, that was seen last */
    uint64_t seen_ns;             /* and when for the first time; both under the lock of chains.h */
    void *stack;                  /* for signals, when it is ours (fault.c) */
    struct hl__thread_row *next;
    bool used;
} __attribute__((aligned(64))) hl__thread_row;

/* The first of all rows. The list only grows; rows of threads that have ended are outside of every dispatch. */
hl__thread_row *hl__thread_rows(void);

/* The watched plugin of the dispatch that is nested `level` deep; NULL when it is in none. */
const hl__watched *hl__thread_watched(const hl__thread_row *row, uint64_t level);

/* The calling thread's; NULL before its first dispatch, and for a thread for which there was no memory. */
extern __thread hl__thread_row *hl__thread_row_self __attribute__((tls_model("initial-exec")));

/* Whether the calling thread is inside a dispatch. */
bool hl__thread_in_plugin(void);

/* Replaces what the innermost dispatch of this thread is said to be inside of. */
void hl__thread_retag(const void *chain);

/* Number of threads that are inside `chain` now. */
size_t hl__threads_inside(const void *chain);

/* pthread_create for Hookline's own threads, which take no signal that is meant for the process: those are the
 * host's. */
HL__SHARED int hl__thread_start(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                                void *argument);

/* The dispatches that are running now, to be waited for. */
typedef struct hl__thread_mark hl__thread_mark;
hl__thread_mark *hl__threads_mark(void); /* NULL without memory */
bool hl__threads_passed(hl__thread_mark *mark);
void hl__threads_unmark(hl__thread_mark *mark);

#endif
