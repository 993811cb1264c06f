/* The state that the plugin library "worker-guest" is called with: what its plugin shall do to the process that it runs
 * in, and what it answers when that process survives it. */
#ifndef HL_TEST_WORKER_GUEST_H
#define HL_TEST_WORKER_GUEST_H

#include <stdint.h>

typedef enum guest_act {
    GUEST_ANSWER = 0,
    GUEST_CRASH,    /* writes to address 16 */
    GUEST_ABORT,    /* abort() */
    GUEST_EXIT,     /* _exit(number) */
    GUEST_HANG,     /* never returns, and takes processor time */
    GUEST_SLEEP,    /* `number` milliseconds, then answers */
    GUEST_STOP,     /* SIGSTOP to itself */
    GUEST_FLOOD,    /* takes memory and uses it, until there is none */
    GUEST_OVERFLOW, /* recurses without end */
    GUEST_GARBAGE,  /* writes over what lies before its state, then answers */
    GUEST_FORK,     /* starts processes until it cannot; answers how many there were in `number` */
    GUEST_FAIL,     /* replies hl_fail(HL_ERR_LIMIT) */
    GUEST_HALT,     /* replies hl_halt */
    GUEST_STRANGE,  /* replies with verdict 77 */
    GUEST_FORGET,   /* replies hl_next(NULL) */
    GUEST_DROP,     /* replies hl_halt(NULL) */
    GUEST_REPORT,   /* tells the supervisor again and again that it is ready, and never returns */
    GUEST_FAMILY,   /* starts `number` processes named GUEST_KIN that want to outlive it; answers how many began */
    GUEST_BOMB,     /* the same without end, each starting more; at most GUEST_BOMB_MOST tries in all; never returns */
    GUEST_CHILDREN  /* waits for all of its children; answers how many there were in `number` */
} guest_act;

/* The name of processes that a worker has started; %d: the worker's pid. */
#define GUEST_KIN "kin-%d"
/* Whatever goes wrong, they end by themselves. */
#define GUEST_KIN_SECONDS 15
#define GUEST_BOMB_MOST 300

typedef struct guest_state {
    uint64_t id;
    uint64_t answer; /* id * 3 + 1 */
    uint32_t act;
    int32_t number;
    int32_t pid;    /* of who answered */
    uint32_t calls; /* that the process has answered */
    char text[32];
} guest_state;

#endif
