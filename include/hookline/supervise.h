/* Seeing who works: workers, calls that are running now, and crashes. `hookline top` and `hookline crashes` show
 * them. */
#ifndef HOOKLINE_SUPERVISE_H
#define HOOKLINE_SUPERVISE_H

#include <hookline/isolation.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hl_worker_state {
    HL_WORKER_STARTING = 1,
    HL_WORKER_READY = 2,
    HL_WORKER_BUSY = 3,
    HL_WORKER_PAUSING = 4, /* it died; started again when its pause is over */
    HL_WORKER_FAILED = 5,  /* its group was restarted too often, or it may not be restarted */
    HL_WORKER_STUCK = 6    /* killed, and the kernel has not let go of it; another one took its place */
} hl_worker_state;

typedef struct hl_worker_info {
    size_t size;
    const char *name;  /* of the plugin, or the key of the module */
    const char *event; /* "" for a module */
    const char *version;
    const char *group;
    uint32_t number; /* from 0, within the pool */
    int32_t pid;     /* 0: none at the moment */
    hl_worker_state state;
    uint64_t busy_ns;  /* how long its oldest call has been running; 0: none is */
    uint64_t calls;    /* answered by it, since it was started */
    uint64_t failures; /* of the whole pool, since it was made */
    uint64_t restarts; /* of the whole pool */
    uint32_t waiting;  /* calls in the pool's queue */
    bool breaker_open;
    const char *sandbox; /* what is in force, such as "rlimits seccomp landlock-7" */
    const char *lacking; /* what was asked for and the kernel does not have; "" */
    const char *reason;  /* why it failed or pauses; "" */
    uint64_t start_ns;   /* how long its start took, until it was ready; 0: it is not yet */
} hl_worker_info;

/* Walks the workers of this process, by name and number. The callback returns false to end the walk. [any-thread] */
HL_API HL_MUST_USE hl_status hl_workers(hl_runtime *runtime, bool (*callback)(const hl_worker_info *, void *user),
                                        void *user);

/* A dispatch that is running now. */
typedef struct hl_inside_info {
    size_t size;
    int32_t tid; /* the thread */
    const char *event;
    uint64_t generation;
    const char *plugin; /* "" where the event is not watched and its chain has more than one */
    uint64_t since_ns;  /* how long it has been there, as far as it was noticed: at most that long, to 10 ms */
    int32_t worker;     /* pid of the worker that runs it; 0: it runs here */
} hl_inside_info;

/* Walks the dispatches that are running in this process. Plugins with a deadline, plugins in workers and the plugins of
 * watched events are named. [any-thread] */
HL_API HL_MUST_USE hl_status hl_inside(hl_runtime *runtime, bool (*callback)(const hl_inside_info *, void *user),
                                       void *user);

/* Has each call of the event's plugins written down, for hl_inside and for crash records; its chain is swapped. Costs
 * some 3 ns a plugin while it is on, nothing when it is off. Not stored. HL_ERR_NOT_FOUND. [any-thread] */
HL_API HL_MUST_USE hl_status hl_watch(hl_runtime *runtime, const char *event, bool on);

/* A crash: of a worker, or of an earlier process on this store (HL_OPEN_RECORD_FAULTS). */
typedef struct hl_crash_info {
    size_t size;
    const char *plugin; /* or the module's key; "" where it is not known */
    const char *version;
    const char *event;
    uint64_t generation; /* of the event's chain */
    int32_t pid;
    bool in_worker;
    int32_t signal; /* 0: it ended with `exit_status` */
    int32_t exit_status;
    uint64_t address; /* that it could not use; 0: none, or not known. What a worker says of itself */
    int64_t at;       /* seconds since 1970 */
    const char *text; /* a sentence */
} hl_crash_info;

/* Walks crashes, newest first: workers' of this process, at most the last 256, and those that are recorded in the
 * store.
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_crashes(hl_runtime *runtime, bool (*callback)(const hl_crash_info *, void *user),
                                        void *user);

#ifdef __cplusplus
}
#endif
#endif
