/* Isolation: how far a plugin is trusted. The same plugin library runs in the server's process or in supervised worker
 * processes, as the operator says; the plugin is not built differently and cannot tell.
 *
 * In a worker nothing that the plugin does ends or blocks the server beyond the plugin's deadline (G10): the chain
 * calls a stub, which carries the event's state through shared memory. That asks the event for a contract with a state
 * size, or with a codec where the state has pointers. In the server's process a deadline can only be noticed: the
 * plugin is taken out of the chain for later calls, and the call that hangs goes on hanging. */
#ifndef HOOKLINE_ISOLATION_H
#define HOOKLINE_ISOLATION_H

#include <hookline/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hl_isolation_mode {
    HL_IN_PROCESS = 1, /* calls are watched when there is a deadline */
    HL_IN_WORKER = 2   /* calls go to worker processes; only for plugins of a library */
} hl_isolation_mode;

/* What the chain does when a call in a worker fails: the worker died, the deadline passed, the queue was full, the
 * breaker is open, or the workers cannot be started. What a plugin replies itself is no failure, but for hl_next(NULL)
 * where it was given a state: those behind it may rely on theirs. */
typedef enum hl_on_failure {
    HL_FAIL_CHAIN = 1,  /* as if the plugin had replied hl_fail: HL_ERR_PLUGIN, HL_ERR_TIMEOUT or HL_ERR_LIMIT */
    HL_SKIP_PLUGIN = 2, /* as if it had replied hl_next with the state that it was given */
    HL_HALT_CHAIN = 3   /* as if it had replied hl_halt with the state that it was given */
} hl_on_failure;

/* What a call does when every worker is busy and the queue is full. */
typedef enum hl_when_full {
    HL_SHED = 1,      /* it fails at once with HL_ERR_LIMIT */
    HL_WAIT = 2,      /* it waits for a place, at most until its deadline */
    HL_RUN_INLINE = 3 /* it runs in the server's process, which has to map the library too: only for trusted code */
} hl_when_full;

/* When a worker that has ended is started again. */
typedef enum hl_restart_rule {
    HL_PERMANENT = 1, /* always */
    HL_TRANSIENT = 2, /* unless it ended by itself with exit status 0 */
    HL_TEMPORARY = 3  /* never */
} hl_restart_rule;

/* Which workers of a group are started again when one has died. The order in a group is that of chains: (priority,
 * name). */
typedef enum hl_group_strategy {
    HL_ONE_FOR_ONE = 1,
    HL_ONE_FOR_ALL = 2,
    HL_REST_FOR_ONE = 3 /* it, and those after it */
} hl_group_strategy;

/* What a worker may do. Limits that the kernel does not have are reported by hl_workers, or refused with `require`.
 * Always: no new privileges, no capabilities, no core files, no signals to other processes, no tracing, none of the
 * server's descriptors, and of its environment only search paths, language, time zone, TMPDIR and what tunes the
 * allocator. Without `write` no file can be opened for writing, not even /dev/null. */
typedef struct hl_sandbox {
    size_t size;              /* sizeof(hl_sandbox) */
    uint64_t memory_bytes;    /* address space; 0: 1 GiB */
    uint64_t file_bytes;      /* largest file it may write; 0: none may be written */
    uint32_t files;           /* open files; 0: 64 */
    uint32_t processes;       /* processes and threads it may start; 0: none. They end with the worker, and with the
                                 server, also when that is killed. The kernel counts them by user, together with what
                                 that user has besides; root's not at all. So a worker of a server that runs as root
                                 gets a real user id of its own, and what it executes may run as that user; it keeps
                                 root's where `cgroup` counts */
    uint32_t cpu_seconds;     /* processor time in all; 0: no limit */
    bool network;             /* may use sockets */
    const char *const *read;  /* NULL-terminated absolute paths that it may read; NULL: system libraries only */
    const char *const *write; /* the same for writing */
    const char *cgroup;       /* a delegated cgroup folder below which each worker gets its own: of version 2 with
                                 memory and pids, or of version 1 with pids, which limits processes only; NULL: none */
    bool require;             /* what the kernel lacks is HL_ERR_UNSUPPORTED instead of a report */
} hl_sandbox;

/* How one plugin is isolated. 0 and NULL stand for the default named at each field. In JSON, as stored and as in a
 * package's manifest, the fields have the same names, and the words of enums are in small letters without HL_:
 * {"mode":"in_worker","deadline_ms":50,"on_failure":"skip_plugin","sandbox":{"memory_bytes":67108864}}. */
typedef struct hl_isolation {
    size_t size; /* sizeof(hl_isolation) */
    hl_isolation_mode mode;
    uint32_t deadline_ms;       /* of one call; 0: 1,000 in a worker, none in process. At most 3,600,000 */
    hl_on_failure on_failure;   /* HL_FAIL_CHAIN */
    uint32_t workers;           /* processes; 1. At most 64 */
    uint32_t queue;             /* calls that may wait beside those that run; 64. At most 4,096 */
    hl_when_full when_full;     /* HL_SHED */
    hl_restart_rule restart;    /* HL_PERMANENT */
    uint32_t restarts_most;     /* in `period_ms`, of the whole group; one more, and the group has failed. 5 */
    uint32_t period_ms;         /* 5,000 */
    uint32_t backoff_ms;        /* before the second restart in a row, with jitter, doubled with each; 10 */
    uint32_t backoff_most_ms;   /* 10,000 */
    uint32_t stable_ms;         /* a worker that lived this long begins with the shortest pause again; 10,000 */
    const char *group;          /* plugins with the same text are supervised together; NULL: the plugin alone */
    hl_group_strategy strategy; /* of the group, the same in all its plugins; HL_ONE_FOR_ONE */
    uint32_t breaker_failures;  /* failures in a row that open the breaker; 0: there is no breaker */
    uint32_t breaker_open_ms;   /* then calls fail at once for so long; after it one call tries again. 1,000 */
    uint32_t spin_us;           /* waiting for a reply begins with looking, where a processor is free; 5. At most 100 */
    bool no_spin;
    const hl_sandbox *sandbox; /* NULL: the defaults */
} hl_isolation;

#define HL_ISOLATION_INIT(isolation_mode)                                                                              \
    {                                                                                                                  \
        sizeof(hl_isolation), (isolation_mode), 0, (hl_on_failure)0, 0, 0, (hl_when_full)0, (hl_restart_rule)0, 0, 0,  \
            0, 0, 0, NULL, (hl_group_strategy)0, 0, 0, 0, false, NULL                                                  \
    }

/* Sets how a plugin is isolated, durably, for every process on the store; its event is swapped to the new way of
 * calling once the workers are ready. The operator's word: registering the plugin again or upgrading its package does
 * not change it. isolation NULL takes the word back: what registration or package asked for counts again. Also begins
 * anew with a plugin whose workers had failed.
 *
 * flags  HL_WAIT_COMPILED, HL_WAIT_IDLE
 * fails  HL_ERR_NOT_FOUND, HL_ERR_INVALID (isolation.FIELD), HL_ERR_UNSUPPORTED (HL_IN_WORKER for a plugin of the host
 *        program), HL_ERR_CONTRACT (the event's state has neither size nor codec), and as hl_start
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_isolate(hl_runtime *runtime, const char *name, const hl_isolation *isolation,
                                        unsigned flags);

/* Flag of hl_register_library: its plugins run in workers with the defaults, and its code is never mapped here. */
#define HL_ISOLATED (1u << 3)

/* Reads the JSON form: HL_ERR_INVALID naming the field. *out is one block, freed with free(). [any-thread] */
HL_API HL_MUST_USE hl_status hl_isolation_parse(const char *json, hl_isolation **out);

#ifdef __cplusplus
}
#endif
#endif
