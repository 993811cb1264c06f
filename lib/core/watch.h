/* Watched calls: who is inside which plugin, since when, and what is done about a call that is over its deadline. A plugin is
 * watched when it runs in the server's process and has a deadline, or its event is watched; its step in the chain then is
 * hl__watched_call with its watch as self. What is not watched does not pay. */
#ifndef HL_CORE_WATCH_H
#define HL_CORE_WATCH_H

#include <hookline/supervise.h>

#include "core/shared.h"

struct hl__binding;

/* One for each binding, embedded in it. */
typedef struct hl__watch {
    hl_call_fn *call; /* what is really called */
    void *self;
    uint32_t deadline_ticks; /* 0: none */
    bool out;                /* atomic; a call hangs in it: plans leave it out */
    struct hl__binding *binding;
} hl__watch;

/* A hl_call_fn: writes down that the thread is in this plugin, calls it, and takes that back. */
hl_reply hl__watched_call(void *watch, void *state, const void *meta);

/* The watchdog: one thread for the process, which runs while something is watched; counted. */
hl_status hl__watchdog_acquire(void);
void hl__watchdog_release(void);

#endif
