/* Pools: the workers of one plugin or module, and calling them. A pool belongs to the supervisor of its runtime, which
 * starts its workers, and starts them again by the rules of its isolation.
 *
 * A caller takes a slot of the worker with the fewest calls, writes its request there, and waits; where none is free it
 * waits in the pool's queue, is shed, or is told to run inline. A call whose worker dies before it had begun is given
 * to another one, within its deadline; one that had begun fails, so that nothing is done twice. */
#ifndef HL_WORKER_POOL_H
#define HL_WORKER_POOL_H

#include "core/runtime.h"
#include "worker/start.h"

typedef struct hl__pool hl__pool;

typedef struct hl__pool_spec {
    hl_runtime *runtime;
    hl__worker_kind kind;
    const char *name;    /* for reports: the plugin's, or the key's text; copied, as all texts */
    const char *event;   /* "" for a module */
    const char *version; /* of the code */
    const char *entry;   /* as hl__start_spec */
    int priority;        /* its place in its group, before the name */
    int library_fd;      /* duplicated */
    const char *beside;  /* as hl__start_spec; copied */
    size_t beside_len;
    size_t area_bytes;             /* of a slot */
    const hl_isolation *isolation; /* every default filled in; copied */
} hl__pool_spec;

/* Makes the pool and has its workers started; does not wait. HL_ERR_INVALID (isolation.strategy against the group's),
 * HL_ERR_UNSUPPORTED (sandbox), HL_ERR_SYSTEM, HL_ERR_NO_MEMORY. [not on the supervisor's thread] */
HL__SHARED hl_status hl__pool_new(const hl__pool_spec *spec, hl__pool **out);
/* Waits until a worker is ready: HL_OK; HL_ERR_PLUGIN or what the worker reported, with its sentence, when none can be;
 * HL_ERR_TIMEOUT. */
HL__SHARED hl_status hl__pool_ready(hl__pool *pool, uint64_t deadline_ns);
/* No new calls: those that come, and those that wait, get HL_ERR_NOT_LOADED. Running ones may end within grace_ms; then
 * workers are told to end, get SIGTERM, and after grace_ms more SIGKILL. Returns when no worker is left. */
HL__SHARED void hl__pool_end(hl__pool *pool, uint32_t grace_ms);
/* The memory, once no call can be inside any more. */
HL__SHARED void hl__pool_free(hl__pool *pool);
/* Failures are forgotten, workers that may not be restarted are started again. */
HL__SHARED void hl__pool_forgive(hl__pool *pool);
/* Newer code for a module's workers, from the next call on; workers keep their pid. */
HL__SHARED hl_status hl__pool_switch(hl__pool *pool, int library_fd, const char *version);
/* The pid of the first worker that is ready, 0: none. Lock-free. */
HL__SHARED int32_t hl__pool_pid(const hl__pool *pool);
/* Its workers are not started again, until it is forgiven. Lock-free. */
HL__SHARED bool hl__pool_has_failed(const hl__pool *pool);
HL__SHARED uint64_t hl__pool_calls(const hl__pool *pool);
/* Failed: its workers are not started again; degraded: a worker is missing, or the breaker is open. The reason is
 * ended. */
HL__SHARED hl_health_state hl__pool_health(hl__pool *pool, char *reason, size_t reason_len);

typedef struct hl__pool_call {
    uint32_t function;
    uint32_t flags;
    uint32_t part;
    /* Writes the request into the area, and returns its length, or a negative hl_status with its error set. May be
     * called again for another worker. */
    int64_t (*fill)(void *user, void *area, size_t area_bytes, uint32_t *part);
    /* Takes the reply; the area is still shared, so what it reads it copies first. */
    hl_status (*take)(void *user, const hl__reply_head *reply, const void *area);
    void *user;
    uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: the isolation's deadline from now on */
    bool *begun;          /* set where a worker has ended that had begun with it; NULL: nobody asks */
} hl__pool_call;

/* Calls a worker. HL_OK: `take` was called, and returned that. HL_ERR_PLUGIN (died, with the signal; or its reply broke
 * the rules), HL_ERR_TIMEOUT, HL_ERR_LIMIT (shed, breaker open), HL_ERR_NOT_LOADED (ended, or failed for good),
 * HL_ERR_UNSUPPORTED (HL_RUN_INLINE: run it yourself), or what fill or take said. Allocates nothing. [any-thread] */
HL__SHARED hl_status hl__pool_call_worker(hl__pool *pool, const hl__pool_call *call);

/* ---- the supervisor of a runtime (supervisor.c) ---- */

/* Ends what is left and the supervisor's thread. */
void hl__supervisor_closed(hl_runtime *runtime);
/* The pools of this name begin anew, with their groups. */
void hl__supervisor_forgive(hl_runtime *runtime, const char *name);

#endif
