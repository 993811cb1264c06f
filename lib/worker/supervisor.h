/* What pools and their supervisor are made of; for the files of this room that share the work.
 *
 * A runtime has one supervisor, with one thread, which alone starts and reaps processes: a worker dies with the thread
 * that started it. It keeps groups; a group keeps pools, in the order (priority, name); a pool has seats; on a seat
 * sits one life after the other. A life is one process with its channel, and is never used again after its end.
 *
 * Locks, in this order: the runtime's, the supervisor's (groups, pools, seats), a pool's (its lives, its queue, what
 * its callers count). Callers take the pool's alone. The supervisor's thread takes the runtime's only while it holds
 * none. */
#ifndef HL_WORKER_SUPERVISOR_H
#define HL_WORKER_SUPERVISOR_H

#include <pthread.h>

#include "core/isolate.h"
#include "worker/breaker.h"
#include "worker/pool.h"
#include "worker/restart.h"
#include "worker/spin.h"

#define HL__START_NS UINT64_C(20000000000)  /* a worker that is not ready by then is killed */
#define HL__STUCK_NS UINT64_C(2000000000)   /* a killed process that is still there is set aside */
#define HL__TAKE_NS UINT64_C(2000000000)    /* for an idle worker to take an order, or to end after its last word */
#define HL__PART_AGAIN_NS UINT64_C(1000000) /* moving a process takes some 20 us */
#define HL__GATHER_AGAIN_NS UINT64_C(10000000)
#define HL__CASCADE_GRACE_MS 100 /* for workers that are restarted because of another one */

typedef struct hl__group hl__group;
typedef struct hl__supervisor hl__supervisor;

/* Why a life was told to end. */
typedef enum hl__why {
    HL__WHY_NONE = 0,  /* it was not */
    HL__WHY_LATE,      /* a call was over its deadline */
    HL__WHY_MALFORMED, /* a reply or a report broke the rules */
    HL__WHY_UNREADY,   /* it did not get ready */
    HL__WHY_DEAF,      /* it did not take the order to use newer code */
    HL__WHY_REFUSED,   /* it said that it cannot serve */
    HL__WHY_ENDING,    /* its pool ends */
    HL__WHY_GROUP      /* another worker of its group died, or the group has failed */
} hl__why;

/* A call that is in a slot. */
typedef struct hl__inside {
    int32_t tid; /* 0: the slot is free */
    uint64_t since_ns;
} hl__inside;

typedef struct hl__life {
    uint32_t refs; /* atomic */
    hl__channel *channel;
    int pidfd; /* for callers and signals; stays open to the last reference */
    int32_t pid;
    uint32_t slots;

    /* the supervisor's */
    struct hl__seat *seat; /* NULL when it is set aside */
    hl__child child;
    int report_fd;
    char *cgroup;
    uint64_t started_ns, ready_ns;
    uint64_t mute_ns;          /* when it closed its end of the report socket; 0: it has not */
    uint64_t stop_ns, told_ns; /* ends gently since (written under both locks); was told so */
    uint64_t grace_ns;
    bool cascading; /* it ends because of another one of its group */
    bool asked;     /* got SIGTERM */
    struct hl__life *next_stuck;
    char *name; /* of the pool, for one that is set aside */

    /* the pool's */
    bool serving; /* takes calls */
    bool ended;   /* `end` and `fault` are known */
    hl__why why;
    uint64_t killed_ns;
    hl__child_end end;
    hl__fault fault;
    uint64_t code;      /* whose code it runs: hl__pool.code as it was */
    uint64_t switching; /* the code that it was told to take; 0: none */
    uint64_t switching_ns;
    uint32_t calls;
    uint64_t answered;
    uint64_t parted_ns;   /* when it was last kept off its caller's processor; 0: it is not */
    cpu_set_t processors; /* where it might run before that */
    uint64_t gathered_ns; /* when it was last brought to its caller's processor */
    hl__inside inside[HL__SLOTS_MAX];
} hl__life;

/* A place for one worker. */
typedef struct hl__seat {
    hl__pool *pool;
    uint32_t number;
    hl__life *life; /* written under both locks */
    bool failed;
    uint32_t row;    /* ends in a row */
    uint64_t due_ns; /* when the next life may begin */
    char in_force[96], lacking[160];
    char reason[256];
} hl__seat;

/* Somebody who waits in the queue; lives on the caller's stack. */
typedef struct hl__waiter {
    struct hl__waiter *next, *before;
    pthread_cond_t woken;
} hl__waiter;

struct hl__pool {
    hl__supervisor *supervisor;
    hl__group *group;
    hl__pool *next; /* in the group */
    hl__worker_kind kind;
    char *name, *event, *entry;
    int priority;
    size_t area_bytes;
    uint32_t slots; /* of each life */
    hl_isolation *isolation;
    void *plan; /* the sandbox's */
    size_t plan_len;
    uint64_t deadline_ns; /* of a call */
    uint32_t look_ns;     /* before a caller sleeps, where a processor is free */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a life became ready, or ended; the pool failed */
    char *version;
    int library_fd;
    char *beside;
    size_t beside_len;
    uint64_t code; /* counts hl__pool_switch; written under both locks */
    bool ending;   /* atomic; grace_ms is set before */
    uint32_t grace_ms;
    hl_status failed; /* atomic; HL_OK: it has not */
    char reason[512]; /* why it failed */
    bool was_ready;
    uint32_t lives; /* seats that have one */
    uint32_t calls; /* atomic; that are in a slot or wait */
    hl__waiter *first_waiter, *last_waiter;
    uint32_t waiting;
    hl__breaker breaker;
    uint64_t answered, failures, restarts;
    int32_t ready_pid; /* atomic */
    hl__seat seats[];
};

struct hl__group {
    hl__group *next;
    char *name; /* NULL: of one pool alone */
    hl_group_strategy strategy;
    hl__pool *pools; /* by (priority, name) */
    hl__restarts restarts;
};

#define HL__CRASHES_KEPT 256

/* Something to tell once no lock is held, and, of crashes, to keep. */
typedef struct hl__news {
    struct hl__news *next;
    hl_notice_kind kind;
    bool plugin; /* the name is a plugin's */
    hl_status status;
    hl_crash_info crash; /* the texts lie behind; `text` is the reason */
} hl__news;

struct hl__supervisor {
    hl_runtime *runtime;
    pthread_mutex_t lock;
    pthread_t thread;
    unsigned forks; /* hl__pool_forks, as it was made */
    int epoll_fd, wake_fd;
    bool ending; /* atomic */
    hl__group *groups;
    hl__life *stuck;
    hl__news *news, **news_end;
    hl__news *crashes[HL__CRASHES_KEPT]; /* a ring; guarded by the lock */
    size_t crashes_len, crashes_next;
    bool sampling; /* atomic; how busy the machine is is looked at once a second */
    uint64_t sample_ns;
    uint64_t sampled_calls;
};

/* The pid for those who ask without a lock: of the first worker that is ready (seat.c). The pool's lock held. */
void hl__pool_note_ready(hl__pool *pool);

/* ---- lives (life.c) ---- */
hl__life *hl__life_ref(hl__life *life);
void hl__life_unref(hl__life *life);
/* SIGKILL, at once; the first reason counts. Nothing when it has ended. The pool's lock held. */
void hl__life_kill(hl__life *life, hl__why why);
void hl__life_signal(const hl__life *life, int signal);
/* Learns how the process ended, as far as it has; it is not reaped. The pool's lock held. */
void hl__life_look(hl__life *life);
/* A sentence's end: "died by SIGSEGV at address 0x10". */
void hl__life_describe(const hl__life *life, char *out, size_t out_len);

/* ---- the supervisor (supervisor.c); lock held where nothing else is said ----------------------------------------- */
/* The runtime's, made at the first question. Without the lock. */
hl_status hl__supervisor_of(hl_runtime *runtime, hl__supervisor **out);
/* The runtime's, or NULL. [any-thread] */
hl__supervisor *hl__supervisor_known(hl_runtime *runtime);
/* Makes the thread look around. [any-thread] */
void hl__supervisor_wake(hl__supervisor *supervisor);
hl_status hl__supervisor_watch(hl__supervisor *supervisor, hl__life *life);
void hl__supervisor_unwatch(hl__supervisor *supervisor, hl__life *life);
void hl__supervisor_unhear(hl__supervisor *supervisor, hl__life *life); /* its report socket only */

/* ---- groups (group.c); the supervisor's lock held ---- */
/* HL_ERR_INVALID when a group of that name has another strategy. */
hl_status hl__group_join(hl__supervisor *supervisor, hl__pool *pool);
void hl__group_leave(hl__supervisor *supervisor, hl__pool *pool);
static inline bool hl__pool_is_ending(const hl__pool *pool)
{
    return __atomic_load_n(&pool->ending, __ATOMIC_ACQUIRE);
}
/* Whether a seat's life may begin now, as far as the order of its group is concerned. */
bool hl__group_lets_start(const hl__seat *seat);
/* Ends the other workers that have to be restarted because this one died. */
void hl__group_cascade(hl__seat *dead, uint64_t now_ns);
/* Every pool of the group fails. */
void hl__group_fail(hl__group *group, hl_status status, const char *reason, uint64_t now_ns);
void hl__group_forgive(hl__group *group, uint64_t now_ns);

/* ---- seats (seat.c); the supervisor's thread, its lock held ------------------------------------------------------ */
/* Does what is due on a seat; *next_ns becomes when to look again, when that is earlier. */
void hl__seat_turn(hl__seat *seat, uint64_t now_ns, uint64_t *next_ns);
void hl__seat_heard(hl__life *life, uint64_t now_ns);
void hl__seat_ended(hl__life *life, uint64_t now_ns);
/* Lets a life end: running calls may, then it is told, asked, and killed. Never the pool's lock held. */
void hl__life_stop(hl__life *life, hl__why why, uint32_t grace_ms, uint64_t now_ns);
void hl__pool_fail(hl__pool *pool, hl_status status, const char *reason);

/* ---- how busy the machine is (sampling.c) ---- */
/* There are calls: how busy the machine is counts from now on. [any-thread] */
void hl__supervisor_sample(hl__supervisor *supervisor);
/* Looks, when that is due; *next_ns becomes when to look again, when that is earlier. The supervisor's thread, its lock
 * held. */
void hl__sampling_turn(hl__supervisor *supervisor, uint64_t *next_ns);

/* ---- killed workers that do not end (stuck.c); the supervisor's lock held, or its thread has ended ---- */
/* The life has no seat from now on. */
void hl__stuck_keep(hl__supervisor *supervisor, hl__life *life);
/* One that was set aside has ended after all. */
void hl__stuck_bury(hl__supervisor *supervisor, hl__life *life);
/* Lets go of those that are left. */
void hl__stuck_free(hl__supervisor *supervisor);

/* ---- what is told (news.c) ---- */
void hl__news_crashed(const hl__seat *seat, const hl__life *life, const char *text);
void hl__news_failed(const hl__pool *pool);
/* Gives the news to the runtime's subscribers. No lock held. */
void hl__news_deliver(hl__supervisor *supervisor, hl__news *news);
void hl__crashes_walk(hl_runtime *runtime, bool (*callback)(const hl_crash_info *, void *user), void *user);
void hl__crashes_free(hl__supervisor *supervisor);

/* ---- the queue (queue.c); the pool's lock held ---- */
/* Waits at the queue's end, or in front, until woken or the deadline; false: the deadline passed. */
void hl__queue_enter(hl__pool *pool, hl__waiter *waiter, bool in_front);
bool hl__queue_wait(hl__pool *pool, hl__waiter *waiter, uint64_t deadline_ns);
void hl__queue_leave(hl__pool *pool, hl__waiter *waiter);
/* Wakes who is first, or everybody. */
void hl__queue_wake(hl__pool *pool);
void hl__queue_wake_all(hl__pool *pool);

/* Differs from now on between a process and its forked children, to whom the workers do not belong (pool_call.c). */
unsigned hl__pool_forks(void);
/* The calls that are in workers (workers.c). */
void hl__inside_walk(hl_runtime *runtime, bool (*callback)(const hl_inside_info *, void *user), void *user);

#endif
