/* Pools of workers that run the plugin library "worker-guest", and calls of them, for tests of lib/worker. */
#ifndef HL_TEST_WORKER_POOLS_H
#define HL_TEST_WORKER_POOLS_H

#include "tests/support/support.h"
#include "tests/support/worker_guest.h"

#include "worker/pool.h"

extern hl_runtime *pools_runtime; /* set by pools_open, a memory runtime */
int pools_open(void **state);     /* for each case */
int pools_close(void **state);    /* also checks that no process and no descriptor is left */

/* A pool of the guest's plugin; json: its isolation, without "mode". */
hl__pool *pools_new(const char *name, int priority, const char *json);
hl__pool *pools_of(const char *entry, const char *name, int priority, const char *json);
hl__pool *pools_ready(const char *name, const char *json); /* and waits until it is ready */
void pools_end(hl__pool *pool);

/* Calls it; the answer is checked where there is one. deadline_ms 0: the isolation's. */
hl_status pools_call(hl__pool *pool, guest_state *state, uint32_t deadline_ms);
hl_status pools_act(hl__pool *pool, guest_act act, int32_t number);
/* The pid that answers; the call must go well. */
int32_t pools_pid(hl__pool *pool);

/* A call on a thread of its own. */
typedef struct pools_caller {
    hl__pool *pool;
    guest_state state;
    uint32_t deadline_ms;
    hl_status status;
    uint64_t took_ns;
    char message[512];
    pthread_t thread;
} pools_caller;
void pools_begin(pools_caller *caller, hl__pool *pool, guest_act act, int32_t number, uint32_t deadline_ms);
void pools_finish(pools_caller *caller);

/* hl_workers as text: "guest/0=ready guest/1=failed ". Static memory. */
const char *pools_states(void);
hl_worker_info pools_info(const char *name, uint32_t number); /* its texts are static: the last 8 are good */
size_t pools_children(void);                                  /* of this process, zombies too */
size_t pools_fds(void);

#endif
