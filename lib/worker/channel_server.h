/* The server's side of a channel, for channel.c and channel_wait.c. What is read here lies in memory that no worker sees. */
#ifndef HL_WORKER_CHANNEL_SERVER_H
#define HL_WORKER_CHANNEL_SERVER_H

#include "worker/channel_layout.h"

struct hl__channel {
    hl__shared *shared;
    size_t shared_bytes; /* of the mapping */
    size_t area_bytes;
    size_t areas_at;
    uint32_t slots;
    uint32_t free;                /* atomic; a bit for each slot that nobody has */
    uint64_t turns;               /* atomic; of the last request */
    uint64_t turn[HL__SLOTS_MAX]; /* of the slot's request; its holder's */
    int memory;                   /* until the worker has it */
    int bell_reader;              /* kept open: writing to a pipe without readers raises SIGPIPE */
    int bell;
    int woken[HL__SLOTS_MAX];  /* read by who waits at the slot */
    int wakers[HL__SLOTS_MAX]; /* their other ends, until the worker has them */
    int disturbance;           /* an eventfd; readable once the channel is disturbed */
    bool disturbed;            /* atomic */
    /* Whether looking helps: hints, written by whoever waits. */
    bool may_look;
    uint32_t look_ns; /* what the worker was told */
    uint32_t look_misses;
    uint32_t look_pause; /* calls that do not look before it is tried again */
};

#endif
