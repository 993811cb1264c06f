/* Plugins: registering, their lifecycle, and asking about them.
 *
 * Every verb below is one transaction: check, durable write, then visible to every dispatch that begins later (G3, G7);
 * when it fails nothing has changed (G8). Plugins that depend on a changed plugin are held or released, across events,
 * in the same transaction (TM-09). Verbs may be called from inside a plugin unless a flag says otherwise. */
#ifndef HOOKLINE_REGISTRY_H
#define HOOKLINE_REGISTRY_H

#include <hookline/event.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HL_WAIT_COMPILED                                                                                               \
    (1u << 0) /* return after the compiled chains are live, or it is settled that there will be none.
                                      HL_ERR_IN_PLUGIN from inside a plugin, HL_ERR_ON_CONTROL from a notice callback */
#define HL_WAIT_IDLE                                                                                                   \
    (1u << 1)              /* return after the last call of what was removed has left, and it is released. Waits for
                                      every dispatch of the process that began before, of any event. Same refusals */
#define HL_START (1u << 2) /* hl_register, hl_register_library: also start what was never started (PB-04, PB-05) */

/* Registers a plugin of this process, or updates it when the name is known (LC-02, LC-03). A new plugin is registered,
 * or held when a dependency is not active (OD-07); a known one keeps its status where its dependencies allow, and an
 * operator's stop always (G9). Without a change nothing is written (LC-04). Naming another event moves it (LC-06).
 *
 * spec   strings are copied; `self` and functions must stay valid until `release` is called
 * flags  HL_START, HL_WAIT_COMPILED, HL_WAIT_IDLE
 * fails  HL_ERR_INVALID (name, event, call, priority, depends, extension, extra), HL_ERR_STRUCT_SIZE, HL_ERR_FLAGS,
 *        HL_ERR_CYCLE (depends; with the path), HL_ERR_CONTRACT, HL_ERR_CONFLICT, the HL_ERR_STORE family,
 *        HL_ERR_CLOSED, HL_ERR_FORKED, HL_ERR_NO_MEMORY. spec->on_dependency_error is called too (PD-07).
 * cost   a lock and a durable write; waits only with a HL_WAIT flag
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_register(hl_runtime *runtime, const hl_plugin_spec *spec, unsigned flags);

/* Starts a plugin (LC-07). HL_ERR_NOT_FOUND, HL_ERR_STATUS when stopped, HL_ERR_DEPENDENCY with the names.
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_start(hl_runtime *runtime, const char *name, unsigned flags);

/* Takes a plugin out of its chain until hl_enable (LC-14). HL_ERR_NOT_FOUND, HL_ERR_STATUS when stopped already. The
 * plugin's code stays (LC-21). [any-thread] */
HL_API HL_MUST_USE hl_status hl_stop(hl_runtime *runtime, const char *name, unsigned flags);

/* As hl_start, with status restarted (LC-11). [any-thread] */
HL_API HL_MUST_USE hl_status hl_restart(hl_runtime *runtime, const char *name, unsigned flags);

/* Ends an operator's stop: restarted, or held when a dependency is not active, which is success too (LC-13). On a
 * plugin that is not stopped: HL_ERR_STATUS. [any-thread] */
HL_API HL_MUST_USE hl_status hl_enable(hl_runtime *runtime, const char *name, unsigned flags);

/* Removes a plugin's record (LC-16); its code is released when the last call has left. HL_ERR_NOT_FOUND.
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_unregister(hl_runtime *runtime, const char *name, unsigned flags);

/* The verbs for every plugin of an event, as one transaction. An event without plugins is HL_ERR_NOT_FOUND.
 * start: stopped ones are skipped, those with inactive dependencies become held (LC-08). restart: those that cannot are
 * left as they are (LC-12). stop: stopped ones are skipped (LC-15). unregister: LC-17. [any-thread] */
HL_API HL_MUST_USE hl_status hl_start_event(hl_runtime *runtime, const char *event, unsigned flags);
HL_API HL_MUST_USE hl_status hl_stop_event(hl_runtime *runtime, const char *event, unsigned flags);
HL_API HL_MUST_USE hl_status hl_restart_event(hl_runtime *runtime, const char *event, unsigned flags);
HL_API HL_MUST_USE hl_status hl_unregister_event(hl_runtime *runtime, const char *event, unsigned flags);

/* The verbs for every plugin of every event, in dependency order, as one transaction (LC-09). No plugin at all is
 * success. [any-thread] */
HL_API HL_MUST_USE hl_status hl_start_all(hl_runtime *runtime, unsigned flags);
HL_API HL_MUST_USE hl_status hl_stop_all(hl_runtime *runtime, unsigned flags);
HL_API HL_MUST_USE hl_status hl_restart_all(hl_runtime *runtime, unsigned flags);
HL_API HL_MUST_USE hl_status hl_unregister_all(hl_runtime *runtime, unsigned flags);

/* A plugin's record, as copied out for the asker. */
typedef struct hl_plugin_info {
    size_t size;
    const char *id; /* UUID version 4, 36 lowercase characters (HP-01) */
    const char *name;
    const char *event;
    const char *extension;
    const char *extra;          /* "" when there is none */
    const char *const *depends; /* NULL-terminated, as registered: optional ones with their ? */
    size_t depends_len;
    int priority;
    hl_plugin_status status;
    const char *library;    /* path of the library its code comes from; "" for a plugin of the host program */
    const char *version;    /* the library's version; "" for the host's */
    uint64_t contract_hash; /* of the event contract it was built for; 0: none */
    int64_t inserted_at;    /* seconds since 1970 */
    int64_t updated_at;
    uint64_t revision;     /* of the store, when the record last changed */
    bool loaded;           /* this process, or its workers, have its code */
    const char *reason;    /* why it is not in its chain, or has no code here; "" when it runs */
    const char *isolation; /* how it is isolated, as JSON (hookline/isolation.h); "" not at all */
    const char *hold;      /* why Hookline keeps it held, such as repeated crashes; "" it does not */
} hl_plugin_info;

/* Copies a plugin's record to *info (RG-08). The strings live in one block that the caller frees with
 * hl_plugin_info_cleanup. HL_ERR_NOT_FOUND where there is none; *info is then zeroed, so that cleanup is harmless.
 * info->size need not be set. Like every question about the registry it sees the newest commits of other processes.
 * cost: a lock, a look at the store's revision, one allocation. [any-thread] */
HL_API HL_MUST_USE hl_status hl_plugin_get(hl_runtime *runtime, const char *name, hl_plugin_info *info);
HL_API void hl_plugin_info_cleanup(hl_plugin_info *info);

/* Which plugins to walk. Fields left NULL or 0 do not restrict. */
typedef struct hl_plugin_filter {
    size_t size; /* sizeof(hl_plugin_filter) */
    const char *event;
    const char *extension;
    const char *name_pattern;  /* shell pattern with * ? and [..] */
    const char *dependents_of; /* only plugins that list this one in depends, optionally too, on any event (OD-12) */
    hl_plugin_status status;
} hl_plugin_filter;

#define HL_PLUGIN_FILTER_INIT                                                                                          \
    {                                                                                                                  \
        sizeof(hl_plugin_filter), NULL, NULL, NULL, NULL, (hl_plugin_status)0                                          \
    }

/* Walks plugins by event, then priority, then name (RG-06, RG-09). filter NULL: all. info is borrowed for the
 * callback's time; the callback returns false to end the walk. No lock is held while it runs, so it may call anything;
 * the walk sees one state of the registry, with the newest commits of other processes. [any-thread] */
HL_API HL_MUST_USE hl_status hl_plugins(hl_runtime *runtime, const hl_plugin_filter *filter,
                                        bool (*callback)(const hl_plugin_info *, void *user), void *user);

/* Walks the published chain of an event in the order in which it runs (CM-04): what a dispatch beginning now would run,
 * even if another process has committed something newer. Else as hl_plugins. [any-thread] */
HL_API HL_MUST_USE hl_status hl_chain(hl_event *event, bool (*callback)(const hl_plugin_info *, void *user),
                                      void *user);

/* A row for hl_dependency_order. */
typedef struct hl_order_row {
    const char *name;
    int priority;
    const char *const *depends; /* NULL-terminated, or NULL */
} hl_order_row;

/* Sorts rows as a chain would run them: dependencies first, else by (priority, name) (OD-03, OD-10). A pure function.
 * HL_ERR_CYCLE names the path and leaves rows as they are. Dependencies that are not among the rows do not count.
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_dependency_order(hl_order_row *rows, size_t rows_len);

/* Whether `name` could depend on `depends` without closing a cycle (OD-06): HL_OK, or HL_ERR_CYCLE with the path.
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_no_dependency_cycle(hl_runtime *runtime, const char *name, const char *const *depends);

#ifdef __cplusplus
}
#endif
#endif
