/* Events: opening them, giving them a contract and a policy, listing them. */
#ifndef HOOKLINE_EVENT_H
#define HOOKLINE_EVENT_H

#include <hookline/plugin.h>
#include <hookline/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hl_event hl_event;

/* Runs a chain; private to the library. */
typedef hl_reply hl__chain_fn(const hl_event *event, void *state, const void *meta);

/* An event's handle. Only hl_call reads it; everything in it is private. It stays valid memory for ever, also after
 * hl_close, so that a late dispatch gets HL_ERR_CLOSED. */
struct hl_event {
    hl__chain_fn *entry;
    struct hl__event *inner;
};

/* Adds the caller's private data to a chain's result, after the chain, unseen by plugins (CA-09). Returns the result
 * to hand to the caller. Not called when the chain failed or the input is to be returned. [plugin] */
typedef void *hl_merge_fn(void *result, const void *private_data);

#define HL_EVENT_SKIP_MISSING (1u << 0) /* run without plugins whose code is missing (default: HL_ERR_NOT_LOADED) */
#define HL_EVENT_ROLLBACK (1u << 1) /* restore the state's bytes when the chain fails; needs a contract's state_size */

/* The largest state_size with which HL_EVENT_ROLLBACK or HL_CALL_RETURN_INPUT can be used: copies live on the stack. */
#define HL_STATE_COPY_MAX 65536

typedef struct hl_event_spec {
    size_t size; /* sizeof(hl_event_spec) */
    const char *name;
    const hl_contract *contract; /* NULL: none; kept in the store so that plugin authors can list it */
    hl_merge_fn *merge;          /* NULL: private data is ignored */
    unsigned flags;              /* HL_EVENT_... */
} hl_event_spec;

#define HL_EVENT_INIT(event_name)                                                                                      \
    {                                                                                                                  \
        sizeof(hl_event_spec), (event_name), NULL, NULL, 0                                                             \
    }

/* Opens an event by its exact name; makes it when it is new. Opening again gives the same handle. The handle belongs
 * to the runtime. Fails with HL_ERR_INVALID (name), HL_ERR_CLOSED, HL_ERR_FORKED, HL_ERR_NO_MEMORY.
 * cost: a lock; the first opening loads the event's plugin libraries. [any-thread] */
HL_API HL_MUST_USE hl_status hl_event_open(hl_runtime *runtime, const char *name, hl_event **out);

/* Opens an event and fixes its contract and policy, which are recorded in the store. Defining it again with the same
 * contract and policy is a no-op; in the same process another contract is HL_ERR_CONTRACT, and other flags or another
 * merge function are HL_ERR_INVALID. A process that defines another contract than the store has replaces it: plugins
 * built for the old one become missing code. [any-thread] */
HL_API HL_MUST_USE hl_status hl_event_define(hl_runtime *runtime, const hl_event_spec *spec, hl_event **out);

/* One event as listed. Strings and fields are borrowed for the callback's time. */
typedef struct hl_event_info {
    size_t size;
    const char *name;
    const hl_contract *contract; /* NULL: none */
    uint64_t contract_hash;      /* hl_contract_hash; 0: none */
    unsigned flags;
    size_t plugins_len;  /* records on this event, whatever their status */
    size_t active_len;   /* those that are started or restarted */
    bool opened;         /* this process has a handle on it */
    hl_engine engine;    /* of the published chain; meaningless unless opened */
    uint64_t generation; /* of the published chain, counted per event; 0 unless opened */
} hl_event_info;

/* Walks every event that has a definition, a plugin or a handle, by name (RG-12). The callback returns false to end
 * the walk; no lock is held while it runs. [any-thread] */
HL_API HL_MUST_USE hl_status hl_events(hl_runtime *runtime, bool (*callback)(const hl_event_info *, void *user),
                                       void *user);

/* The engine of the chain that a dispatch beginning now would run. An event without active plugins has nothing to
 * compile and says HL_ENGINE_REFERENCE. [dispatch] */
HL_API hl_engine hl_event_engine(const hl_event *event);

/* The event's name. Borrowed, lives until hl_close; "" afterwards. [any-thread] */
HL_API const char *hl_event_name(const hl_event *event);

/* Hash of everything in a contract that matters for the ABI: size, and each field's name, type, offset and size.
 * Not 0. [any-thread] */
HL_API uint64_t hl_contract_hash(const hl_contract *contract);

#ifdef __cplusplus
}
#endif
#endif
