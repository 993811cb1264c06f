/* The channel between the server and one worker process: shared memory with a few slots, a pipe to wake the worker, and
 * one for each slot to wake the caller that waits there. One request a slot; several slots may be in flight; the worker
 * takes them one at a time, in the order in which they were posted.
 *
 * The server believes nothing that lies in the memory: which slots are taken it keeps in memory of its own, every
 * length it reads is checked once and used from a copy, a reply counts only for the turn of the slot that waits for it.
 * After a late reply or a death the memory is not used again: the next worker gets a fresh channel.
 *
 * Waiting is one epoll_wait for the slot's pipe and the worker's pidfd with the deadline; before it a short look at the
 * memory where a processor is free. Neither side makes a system call to wake one that is still looking.
 *
 * Pipes and not eventfds, which are as fast: both sides of an eventfd have one open file, so that a worker could fill
 * it, make it blocking, and have the server's next write wait for ever. Of a pipe each side has its own. */
#ifndef HL_WORKER_CHANNEL_H
#define HL_WORKER_CHANNEL_H

#include <hookline/status.h>

#define HL__SLOTS_MAX 16
#define HL__CHANNEL_FDS_MAX (2 + HL__SLOTS_MAX)  /* memory, what wakes the worker, what wakes the caller of each slot */
#define HL__CHANNEL_BYTES_MAX ((size_t)64 << 20) /* of one slot's area */

/* ---- the server's side (channel.c) ---- */

typedef struct hl__channel hl__channel;

/* slots: 1..HL__SLOTS_MAX; bytes: of a slot's area, which holds the request and then the reply. HL_ERR_SYSTEM,
 * HL_ERR_NO_MEMORY. The memory is sealed against resizing. */
hl_status hl__channel_new(uint32_t slots, size_t bytes, hl__channel **out);
void hl__channel_free(hl__channel *channel); /* no call may be waiting; NULL is a no-op */
/* The descriptors that the worker gets, in this order; returns how many. They stay the channel's, until the worker has
 * them: hl__channel_given closes here what only the worker needs. */
size_t hl__channel_fds(const hl__channel *channel, int fds[HL__CHANNEL_FDS_MAX]);
void hl__channel_given(hl__channel *channel);

/* Takes a free slot, or -1. Lock-free. */
int hl__channel_claim(hl__channel *channel);
void hl__channel_release(hl__channel *channel, int slot);
/* The slot's area. Its content may change at any time once the worker runs. */
void *hl__channel_area(hl__channel *channel, int slot);
size_t hl__channel_area_bytes(const hl__channel *channel);

typedef struct hl__request_head {
    uint32_t function; /* what is asked; the two services define their own */
    uint32_t flags;
    uint32_t len;         /* bytes in the area */
    uint32_t part;        /* of which the first so many are one part; the services define it */
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

/* Waits for the reply. spin_ns: how long to look before sleeping; as long the worker looks for its next request. Where
 * looking did not help some times in a row, or there is one processor only, it is left out for a while. */
hl__wait_end hl__channel_wait(hl__channel *channel, int slot, int pidfd, uint64_t deadline_ns, uint32_t spin_ns,
                              hl__reply_head *out);
/* Whether the worker had begun with the slot's request. It may lie; then it has only itself harmed. */
bool hl__channel_begun(const hl__channel *channel, int slot);
/* Takes back a request that the worker has not begun: true, and the worker never begins it, so the slot may be
 * released. False: the worker has it, or has replied. */
bool hl__channel_withdraw(hl__channel *channel, int slot);
/* The processor on which the worker took its last request. It may lie; then looking is of no use to its callers. */
int32_t hl__channel_processor(const hl__channel *channel);
/* Whether the next wait would look before it sleeps, where it is given time for that. */
bool hl__channel_would_look(const hl__channel *channel);
/* Ends every wait on the channel, for good. [any-thread] */
void hl__channel_disturb(hl__channel *channel);
/* Has the worker look at its report socket before it takes another request. */
void hl__channel_attend(hl__channel *channel);

/* What the worker's fault handler wrote before it died; all zero when nothing. Copied, and to be taken for what it is:
 * the worker's word. */
typedef struct hl__fault {
    int32_t signal;
    int32_t slot; /* whose request it was at; -1: none */
    uint64_t address;
} hl__fault;
hl__fault hl__channel_fault(const hl__channel *channel);

/* ---- the worker's side (channel_worker.c); links libc only ------------------------------------------------------- */

typedef struct hl__served {
    int slot;
    hl__request_head head; /* copied */
    void *area;
    size_t area_bytes;
} hl__served;

/* Maps the channel of these descriptors, which are owned from now on. False: they are none. *bytes: what is mapped. */
bool hl__serve_attach(const int *fds, size_t fds_len, size_t *bytes);
/* Waits for the next request; false when the server has gone. After hl__channel_attend *ordered is set instead, and no
 * request is taken. */
bool hl__serve_next(bool *ordered, hl__served *out);
void hl__serve_reply(const hl__served *served, const hl__reply_head *reply);
/* Async-signal-safe: notes a fault for hl__channel_fault. */
void hl__serve_fault(int signal, uint64_t address);

#endif
