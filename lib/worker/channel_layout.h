/* What lies in a channel's memory. Read and written by channel.c (the server) and channel_worker.c (the worker), word
 * by word and atomically: the other side may be changing it, and the server's other side may be lying. */
#ifndef HL_WORKER_CHANNEL_LAYOUT_H
#define HL_WORKER_CHANNEL_LAYOUT_H

#include <stdint.h>

#include "worker/channel.h"

#define HL__CHANNEL_MAGIC UINT32_C(0x484c4331)
#define HL__CACHE_LINE 64

/* posted[slot] is twice the turn of a request that waits there, and one more once the worker has it. Turns count all
 * requests of the channel from 1: the smallest one was posted first. */
#define HL__POSTED(turn) ((uint64_t)(turn) << 1)
#define HL__BEGUN UINT64_C(1)

typedef struct hl__shared_request {
    _Alignas(HL__CACHE_LINE) hl__request_head head;
    uint32_t waiting; /* the caller sleeps, or is about to */
} hl__shared_request;

typedef struct hl__shared_reply {
    _Alignas(HL__CACHE_LINE) uint64_t turn; /* of the request that was answered; written last */
    int64_t verdict;
    uint32_t len;
    uint32_t flags;
} hl__shared_reply;

typedef struct hl__shared {
    /* For the worker, before it starts. */
    uint32_t magic;
    uint32_t slots;
    uint64_t area_bytes;
    uint64_t areas_at; /* offset of slot 0's area; the next ones follow */
    /* Written by the server; a request is taken by the worker, or taken back by the server, with compare and
     * exchange. */
    _Alignas(HL__CACHE_LINE) uint64_t posted[HL__SLOTS_MAX];
    uint32_t look_ns; /* how long the worker looks for a request before it sleeps */
    uint32_t orders;  /* counts calls of hl__channel_attend */
    /* Written by the worker; who wakes it clears `asleep`. */
    _Alignas(HL__CACHE_LINE) uint32_t asleep;
    int32_t processor; /* on which it took its last request; a hint */
    hl__fault fault;
    hl__shared_request requests[HL__SLOTS_MAX]; /* written by the server */
    hl__shared_reply replies[HL__SLOTS_MAX];    /* written by the worker */
} hl__shared;

#endif
