/* Watched calls: who is inside which plugin, since when, and what is done about a call that is over its deadline. A
 * plugin is watched when it runs in the server's process and has a deadline, or its event is watched; its step in the
 * chain then is hl__watched_call with its watch as self. What is not watched does not pay. */
#ifndef HL_CORE_WATCH_H
#define HL_CORE_WATCH_H

#include <hookline/supervise.h>

#include "core/shared.h"
#include "core/thread.h"

struct hl__binding;

#define HL__TICK_NS 10000000u /* how often the watchdog looks */
#define HL__TICK_MS 10u

/* One for each binding, embedded in it. All but the last two are set once, before the binding is used. */
typedef struct hl__watch {
    hl_call_fn *call; /* what is really called */
    void *self;
    const struct hl__binding *binding;
    uint64_t serial;      /* no other watch of the process ever has it */
    uint32_t deadline_ms; /* of a call in this process; 0: none */
    uint64_t code_begin;  /* where its library is mapped; both 0 for the host program's */
    uint64_t code_end;
    bool out;        /* a call was over its deadline: plans leave the plugin out. Under the runtime's lock */
    int32_t out_tid; /* of the thread that was in it */
} hl__watch;

/* Made with the binding, when all but its isolation is known. */
void hl__watch_init(hl__watch *watch, const struct hl__binding *binding);
/* Sets the deadline that a record's isolation gives. */
void hl__watch_isolate(hl__watch *watch, const char *isolation);

/* A hl_call_fn: writes down that the thread is in this plugin, calls it, and takes that back. */
hl_reply hl__watched_call(void *watch, void *state, const void *meta);

/* Counts the watchdog's looks, not the time: when the process or its watchdog did not get to run, calls are taken for
 * shorter than they were, never for longer. Stands still while nothing is watched. */
extern uint64_t hl__watch_tick;

/* Whole ticks that have passed since the call began: one more may have begun. */
static inline uint64_t hl__watch_passed(const hl__watched *inside)
{
    uint64_t since = __atomic_load_n(&inside->since, __ATOMIC_RELAXED) >> HL__LEVEL_BITS;

    return __atomic_load_n(&hl__watch_tick, __ATOMIC_RELAXED) - since;
}

/* A call that began in this tick and has seen more than so many is over its deadline. */
static inline uint64_t hl__watch_allowed(const hl__watch *watch)
{
    return (watch->deadline_ms + HL__TICK_MS - 1) / HL__TICK_MS;
}

/* ---- the watchdog: one thread for the process, which runs while something is watched ---- */

extern uint64_t hl__watch_tick_ns; /* atomic; CLOCK_MONOTONIC at the last tick */
hl_status hl__watchdog_acquire(void);
/* Never waits. */
void hl__watchdog_release(void);
/* Waits for the thread's end when nothing is watched any more. Without a lock. */
void hl__watchdog_settle(void);

/* Lets a plugin that was left out take part again: it was registered, restarted, enabled or isolated anew. Under the
 * runtime's lock; the caller replans the event. */
void hl__watch_forgive(hl_runtime *runtime, const char *name);

#endif
