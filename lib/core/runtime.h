/* What a runtime is made of. Private to core and to the rooms that are built on it (observe).
 *
 * `lock` guards everything but what is said to be atomic. It is held during a store commit; never while waiting for a
 * dispatch to end, while plugin code or a callback runs, or while a library is loaded. */
#ifndef HL_CORE_RUNTIME_H
#define HL_CORE_RUNTIME_H

#include <pthread.h>
#include <sys/types.h>

#include <hookline/call.h>
#include <hookline/inspect.h>
#include <hookline/notice.h>
#include <hookline/runtime.h>

#include "core/binding.h"
#include "core/compiler.h"
#include "core/draft.h"
#include "core/lifecycle.h"
#include "core/loader.h"
#include "core/plan.h"
#include "core/reclaim.h"
#include "core/shared.h"
#include "store/store.h"

#define HASH_NONFATAL_OOM 1
#include <urcu/rculfhash.h>
#include <urcu/urcu-bp.h>
#include <uthash.h>

/* Where an event's chain stands on its way to code. */
typedef enum hl__compile_state {
    HL__COMPILE_NONE = 0, /* nothing to compile, or no compiler */
    HL__COMPILE_QUEUED,
    HL__COMPILE_RUNNING,
    HL__COMPILE_DONE,
    HL__COMPILE_FAILED /* `compile_reason` says why */
} hl__compile_state;

/* An event that this process has a handle on. */
struct hl__event {
    hl_event *handle;
    hl_runtime *runtime;
    char *name;
    hl__plan *plan;      /* atomic; what the reference engine runs */
    hl__chain_fn *chain; /* atomic; what a rollback wrapper runs */
    bool defined;        /* hl_event_define was called in this process */
    unsigned flags;
    bool watched; /* hl_watch, or a crash in it whose plugin is not known */
    hl_merge_fn *merge;
    hl__event_def *def;        /* counted; NULL: no contract known */
    hl__event_def *def_before; /* replaced by hl_event_define; kept for dispatches that still read it */
    uint64_t generation;       /* of the published plan */
    hl_engine engine;          /* atomic; of the published chain */
    uint64_t published_ns;
    uint64_t awaited_ns; /* when a change was asked whose code is being loaded; 0: none is */
    bool awaited_remote; /* another process made that change */
    hl__compile_state compile_state;
    char *compile_reason;
    struct hl__event *compile_next;
    uint64_t failures; /* atomic */
    bool touched;      /* by the change that is being made */
    struct hl__event *touched_next;
    hl_entry_fn plain_entry;
    UT_hash_handle hh;
    struct cds_lfht_node node; /* for hl_call_named */
};

#define HL__BATCH_MOST 32 /* chains: keeps a single change from waiting long behind a burst */

/* A chain that the compiler has. Its event lives as long as the runtime is open; its plan may be gone by now. */
typedef struct hl__compiling {
    uint64_t ticket;
    struct hl__event *event;
    uint64_t generation;
} hl__compiling;

/* A binding as the runtime keeps it. */
typedef struct hl__bound {
    hl__binding *binding;
    UT_hash_handle hh;
} hl__bound;

typedef struct hl__control hl__control;

/* What is built on core in libraries of its own, and keeps something in the runtime; see extension.h. */
typedef enum hl__extension_room { HL__ROOM_INSTALL, HL__ROOM_MODULE, HL__ROOMS } hl__extension_room;

/* Services that core is given at hl_open, so that it includes none of their rooms. */
typedef struct hl__parts {
    hl__store *store;       /* owned by the runtime once hl__runtime_new succeeded */
    hl__compiler *compiler; /* the same; NULL: reference engine only */
    const hl__loader_ops *loader;
    const struct hl__isolator *isolator; /* core/isolate.h; NULL: this build runs no workers */
    hl_status (*control_open)(hl_runtime *runtime, const char *directory,
                              hl__control **out); /* NULL: no control socket */
    int (*control_fd)(hl__control *control);
    void (*control_service)(hl__control *control);
    void (*control_close)(hl__control *control);
    void (*prepared_tick)(hl_runtime *runtime, uint64_t now_ns); /* once a second; control thread, without the lock */
    void (*prepared_close)(hl_runtime *runtime);
} hl__parts;

struct hl_runtime {
    pthread_mutex_t lock;
    pthread_cond_t settled; /* a compile state changed */
    bool closing;           /* atomic; somebody called hl_close */
    bool closed;            /* atomic */
    pid_t pid;
    hl_options options;
    char *store_url;
    hl__parts parts;
    hl__control *control;
    void *extension_slots[HL__ROOMS];        /* see extension.h */
    struct hl__faults *faults;               /* see fault.h; NULL: faults are not recorded */
    struct hl__crash_watches *crash_watches; /* see crash.h; NULL: none */
    void *supervisor;                        /* of lib/worker; atomic; NULL before the first worker */

    hl__registry *registry;
    uint64_t revision; /* of the store, that the registry shows */
    bool stale;        /* the registry must be loaded anew */
    hl__bound *bindings;
    struct hl__event *events;
    struct cds_lfht *by_name;

    struct hl__event *touched; /* list of events that the change in progress touches */
    struct hl__event *compile_first, **compile_end;
    hl__compiling compiling[HL__BATCH_MOST]; /* what the compiler has */
    size_t compiling_len;
    uint64_t last_ticket;
    bool compiler_blocked; /* it refused; retried when idle again */

    struct hl__notices *notices;
    hl_counters counters;
    uint64_t reclaimed; /* atomic; belongs to the counters */

    pthread_t thread; /* the control thread */
    int wake_fd;
    bool ending;
    uint64_t next_tick_ns;
    hl_runtime *next_shell; /* closed runtimes stay as shells, for late callers */
};

/* Takes the lock if the runtime may be used for lifecycle calls: HL_ERR_INVALID, HL_ERR_FORKED, HL_ERR_CLOSED. */
HL__SHARED hl_status hl__lock(hl_runtime *runtime, const char *action);
HL__SHARED void hl__unlock(hl_runtime *runtime);

/* Refuses waiting flags where waiting could not end: HL_ERR_IN_PLUGIN, HL_ERR_ON_CONTROL. */
HL__SHARED hl_status hl__check_may_wait(hl_runtime *runtime, const char *action);

hl_status hl__runtime_new(const hl_options *options, const hl__parts *parts, hl_runtime **out);

HL__SHARED void hl__log(hl_runtime *runtime, hl_log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Makes the control thread look around. Any thread. */
void hl__wake(hl_runtime *runtime);

unsigned long hl__event_hash(const char *name); /* dispatch.c */

/* ---- events (event.c); lock held ---- */
struct hl__event *hl__event_find(hl_runtime *runtime, const char *name);
/* The definition that this process goes by; NULL: none. */
const hl__event_def *hl__event_def_of(hl_runtime *runtime, const char *name);
bool hl__event_known(hl_runtime *runtime, const char *name); /* it has a handle, a definition or a plugin */
hl_status hl__event_need(hl_runtime *runtime, const char *name, struct hl__event **out);
void hl__events_close(hl_runtime *runtime);   /* every handle answers HL_ERR_CLOSED from now on */
void hl__events_destroy(hl_runtime *runtime); /* after the dispatches have ended */

/* Locks the runtime of a handle: HL_ERR_CLOSED when it has none any more (ask.c). */
hl_status hl__event_lock(hl_event *event, const char *action, struct hl__event **out);

/* ---- bindings (bindings.c); lock held ---- */
hl__binding *hl__bound_find(hl_runtime *runtime, const char *name);
/* Takes the reference; the old binding is retired. Returns whether calls change. */
hl_status hl__bind(hl_runtime *runtime, hl__binding *binding, bool *changed);
void hl__unbind(hl_runtime *runtime, const char *name);
/* The record's isolation may have changed: code that stays in this process goes on under it. */
void hl__rebind(hl_runtime *runtime, const hl__record *record);
void hl__unbind_all(hl_runtime *runtime);
void hl__notify_loaded(hl_runtime *runtime, const char *library_path);
/* Loads the libraries that an event (NULL: every event with a handle) needs and that are not loaded. Without the
 * lock. */
void hl__load_missing(hl_runtime *runtime, struct hl__event *event);
/* The code of one plugin of a library, mapped or in workers as its record says, as a binding that is bound nowhere yet.
 * Without the lock. Fails as hl_register_library, and with HL_ERR_CONTRACT or HL_ERR_UNSUPPORTED where it is to run in
 * a worker. */
HL__SHARED hl_status hl__code_of(hl_runtime *runtime, const hl__record *record, hl__binding **out);
/* Whether this process has the code that the record asks for, in the way in which it asks. Under the lock. */
HL__SHARED bool hl__has_code(hl_runtime *runtime, const hl__record *record);
/* Whether an active plugin of the event has code that hl__load_missing has not tried yet. Under the lock. */
bool hl__awaits_code(hl_runtime *runtime, const struct hl__event *event);

/* ---- publishing (publish.c); lock held ---- */
/* Builds the event's plan anew and publishes it if it is another one. asked_ns: when the change was asked for. */
hl_status hl__replan(hl_runtime *runtime, struct hl__event *event, uint64_t asked_ns, bool remote);
/* The compiled chain takes over from the reference engine; the plan must be the published one. */
void hl__publish_compiled(hl_runtime *runtime, struct hl__event *event, const hl__compiled *compiled);
/* Sets what dispatches run, through the rollback wrapper where the event asks for it. */
void hl__publish_chain(struct hl__event *event, hl__chain_fn *chain);
/* Retires what is published, as the runtime closes. */
void hl__unpublish(hl_runtime *runtime, struct hl__event *event);

/* ---- the compile queue (compile.c); lock held ---- */
#define HL__SYMBOL_MAX 288 /* an event name, "#", a generation */
void hl__compile_want(hl_runtime *runtime, struct hl__event *event);
/* Whether it is known how the event's published chain will run: compiled, or not to be compiled. */
bool hl__compile_settled(const struct hl__event *event);
/* Control thread, without the lock: feeds the compiler and takes its results. */
void hl__compile_turn(hl_runtime *runtime);

/* ---- commits (commit.c) ---- */
typedef struct hl__request {
    hl__op op;
    hl__binding *binding; /* register: what to bind on success; NULL for records-only runtimes */
} hl__request;

/* Runs operations as one transaction. Takes over the bindings, whatever the outcome: on failure they are discarded.
 * *failed (may be NULL) is the index of the refused operation. Called without the lock. */
hl_status hl__commit(hl_runtime *runtime, const char *action, hl__request *requests, size_t len, unsigned flags,
                     size_t *failed);
/* Stores an event's definition; lock held. */
hl_status hl__commit_def(hl_runtime *runtime, const hl__event_def *def);
/* Settles held plugins as the runtime opens, and bulk-starts when asked; lock held. */
hl_status hl__commit_at_open(hl_runtime *runtime);

/* ---- following the store (follow.c); lock held ---- */
/* Brings the registry up to the store's revision. */
hl_status hl__follow(hl_runtime *runtime);
hl_status hl__load_all(hl_runtime *runtime);

/* ---- making a draft the registry's content (accept.c); lock held ---- */
/* The draft is what the store now holds: registry, bindings of removed plugins, notices and chains follow it. Touched
 * events are left in runtime->touched for the caller, until hl__touched_clear. */
void hl__accept(hl_runtime *runtime, const hl__draft *draft, uint64_t asked_ns, bool remote);
void hl__touch(hl_runtime *runtime, const char *event);
void hl__replan_touched(hl_runtime *runtime, uint64_t asked_ns, bool remote);
void hl__touched_clear(hl_runtime *runtime);

/* ---- notices (notice.c) ---- */
hl_status hl__notices_new(hl_runtime *runtime);
void hl__notices_destroy(hl_runtime *runtime);
/* Hands a notice to the subscribers; record (may be NULL) becomes notice->plugin. Lock held if there is a record. */
HL__SHARED void hl__notify(hl_runtime *runtime, const hl_notice *notice, const hl__record *record);
/* Whether anybody has subscribed. */
HL__SHARED bool hl__notices_wanted(hl_runtime *runtime);
/* Has the plugin's on_status called on the control thread. Lock held. */
void hl__notify_status(hl_runtime *runtime, hl__binding *binding, hl_plugin_status before, hl_plugin_status after);
/* Control thread, without the lock: calls subscribers, status functions and the log. */
void hl__notices_turn(hl_runtime *runtime);

/* ---- answers (ask.c); lock held ---- */
/* hl__lock, with the newest commits of other processes in the registry. */
hl_status hl__lock_fresh(hl_runtime *runtime, const char *action);
hl_status hl__info_copy(hl_runtime *runtime, const hl__record *record, hl_plugin_info *out);
/* Why a record is not in its chain, or has no code here; "" when it runs. */
void hl__reason(hl_runtime *runtime, const hl__record *record, char *out, size_t out_len);

/* ---- the control thread (control.c) ---- */
hl_status hl__control_start(hl_runtime *runtime);
void hl__control_stop(hl_runtime *runtime);
bool hl__on_control(const hl_runtime *runtime);

#endif
