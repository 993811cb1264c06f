/* The channel between the server and one worker process: shared memory with a few slots, an eventfd to wake the worker, and
 * one for each slot to wake the caller that waits there. One request a slot; several slots may be in flight; the worker takes
 * them one at a time, in the order in which they were posted.
 *
 * The server believes nothing that lies in the memory: which slots are taken it keeps in memory of its own, every length it
 * reads is checked once and used from a copy, a reply counts only for the turn of the slot that waits for it. After a late
 * reply or a death the memory is not used again: the next worker gets a fresh channel.
 *
 * Waiting is one poll on the slot's eventfd and the worker's pidfd with the deadline; before it a short look at the memory
 * where a processor is free. Neither side makes a system call to wake one that is still looking. */
#ifndef HL_WORKER_CHANNEL_H
#define HL_WORKER_CHANNEL_H

#include <hookline/status.h>

#define HL__SLOTS_MAX 16
#define HL__CHANNEL_FDS_MAX (2 + HL__SLOTS_MAX) /* memory, to the worker, to the caller of each slot */
#define HL__CHANNEL_BYTES_MAX ((size_t)64 << 20) /* of one slot's area */

/* ---- the server's side (channel.c) ---- */

typedef struct hl__channel hl__channel;

/* slots: 1..HL__SLOTS_MAX; bytes: of a slot's area, which holds the request and then the reply. HL_ERR_SYSTEM,
 * HL_ERR_NO_MEMORY. The memory is sealed against resizing. */
hl_status hl__channel_new(uint32_t slots, size_t bytes, hl__channel **out);
void hl__channel_free(hl__channel *channel); /* no call may be waiting; NULL is a no-op */
/* The descriptors that the worker inherits, in this order; returns how many. They stay the channel's. */
size_t hl__channel_fds(const hl__channel *channel, int fds[HL__CHANNEL_FDS_MAX]);

/* Takes a free slot, or -1. Lock-free. */
int hl__channel_claim(hl__channel *channel);
void hl__channel_release(hl__channel *channel, int slot);
/* The slot's area. Its content may change at any time once the worker runs. */
void *hl__channel_area(hl__channel *channel, int slot);

typedef struct hl__request_head {
    uint32_t function; /* what is asked; the two services define their own */
    uint32_t flags;
    uint32_t len;  /* bytes in the area */
    uint32_t part; /* of which the first so many are one part; the services define it */
    uint64_t deadline_ns; /* CLOCK_MONOTONIC, for the plugin's own question */
} hl__request_head;

/* Hands the request over. */
void hl__channel_post(hl__channel *channel, int slot, const hl__request_head *head);

typedef enum hl__wait_end {
    HL__REPLIED = 1,
    HL__DIED,      /* the pidfd says so, and there is no valid reply */
    HL__LATE,      /* the deadline passed: the worker has to be killed before the slot may be used again */
    HL__DISTURBED, /* interrupted by the pool (hl__channel_disturb) */
    HL__MALFORMED  /* a reply that breaks the rules: the worker has to be killed */
} hl__wait_end;

typedef struct hl__reply_head {
    int64_t verdict;
    uint32_t len; /* checked: lies within the area */
    uint32_t flags;
} hl__reply_head;

/* Waits for the reply. spin_ns: how long to look before sleeping. */
hl__wait_end hl__channel_wait(hl__channel *channel, int slot, int pidfd, uint64_t deadline_ns, uint32_t spin_ns,
                              hl__reply_head *out);
/* Whether the worker had begun with the slot's request. It may lie; then it has only itself harmed. */
bool hl__channel_begun(const hl__channel *channel, int slot);
/* Takes back a request that the worker has not begun: true, and the worker never begins it, so the slot may be released. False:
 * the worker has it, or has replied. */
bool hl__channel_withdraw(hl__channel *channel, int slot);
/* Ends every wait on the channel. [any-thread] */
void hl__channel_disturb(hl__channel *channel);

/* What the worker's fault handler wrote before it died; all zero when nothing. Copied, and to be taken for what it is: the
 * worker's word. */
typedef struct hl__fault {
    int32_t signal;
    int32_t slot; /* whose request it was at; -1: none */
    uint64_t address;
} hl__fault;
hl__fault hl__channel_fault(const hl__channel *channel);

/* ---- the worker's side (channel_worker.c); links libc only ---- */

typedef struct hl__served {
    int slot;
    hl__request_head head; /* copied */
    void *area;
    size_t area_bytes;
} hl__served;

/* Maps the inherited descriptors from first_fd on. False: they are none. */
bool hl__serve_attach(int first_fd, size_t fds_len);
/* Waits for the next request; false when the server has gone or asks to end. other_fd (-1: none) is polled with it: when it is
 * readable, *other is set and no request is taken. */
bool hl__serve_next(int other_fd, bool *other, hl__served *out);
void hl__serve_reply(const hl__served *served, const hl__reply_head *reply);
/* Async-signal-safe: notes a fault for hl__channel_fault. */
void hl__serve_fault(int signal, uint64_t address);

#endif
