/* The server's side of a channel, for channel.c and channel_wait.c. What is read here lies in memory that no worker
 * sees. */
#ifndef HL_WORKER_CHANNEL_SERVER_H
#define HL_WORKER_CHANNEL_SERVER_H

#include <pthread.h>

#include "worker/channel_layout.h"

struct hl__channel {
    hl__shared *shared;
    size_t shared_bytes; /* of the mapping */
    size_t area_bytes;
    size_t areas_at;
    uint32_t slots;
    uint32_t free;                /* atomic; a bit for each slot that nobody has */
    uint64_t turns;               /* atomic; of the last request */
    uint64_t turn[HL__SLOTS_MAX]; /* atomic; of the slot's request; written by its holder */
    int memory;                   /* until the worker has it */
    int bell_reader;              /* kept open: writing to a pipe without readers raises SIGPIPE */
    int bell;
    int woken[HL__SLOTS_MAX];       /* what wakes who waits at the slot */
    int wakers[HL__SLOTS_MAX];      /* their other ends, until the worker has them */
    int disturbance;                /* an eventfd; readable once the channel is disturbed */
    int sets[HL__SLOTS_MAX];        /* epoll sets of all that ends a wait at the slot */
    int pidfds[HL__SLOTS_MAX];      /* that is in the set; -1: none is yet; its holder's */
    uint32_t sleeps[HL__SLOTS_MAX]; /* since what had woken was read; its holder's */
    bool disturbed;                 /* atomic */
    /* One timer ends the sleeps at all slots: it is set anew only when it has passed, or is too late for somebody. */
    int timer;
    uint64_t timer_ns;                 /* atomic; when it ends; written under its lock */
    uint64_t deadlines[HL__SLOTS_MAX]; /* atomic; of who sleeps at the slot; 0: nobody */
    pthread_mutex_t timer_lock;
    /* Whether looking helps: hints, written by whoever waits. */
    bool may_look;
    uint32_t look_ns; /* what the worker was told */
    uint32_t look_misses;
    bool look_met;       /* the last look helped: the worker looks too */
    uint32_t look_pause; /* calls that do not look before it is tried again */
};

#endif
