/* All that a plugin needs. A plugin library includes this header and links nothing.
 *
 * A plugin is a function on an event's state, and a record that says where in the chain it belongs:
 *
 *     static hl_reply add_header(void *self, void *state, const void *meta) { ...; return hl_next(state); }
 *     static const hl_plugin_spec plugins[] = { HL_PLUGIN_INIT("add-header", "response", add_header) };
 *     HL_PLUGIN_LIBRARY("headers", "1.0.0", plugins)
 */
#ifndef HOOKLINE_PLUGIN_H
#define HOOKLINE_PLUGIN_H

#include <hookline/deadline.h>
#include <hookline/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- replying ------------------------------------------------------------------------------------------------- */

/* What a plugin answers, and what a dispatch gives back. The C ABI returns it in two registers. */
typedef struct hl_reply {
    void *state;     /* the next plugin's input, or the chain's result */
    int64_t verdict; /* HL_NEXT, HL_HALT, or a negative hl_status */
} hl_reply;

#define HL_NEXT INT64_C(0) /* go on with the next plugin; as a dispatch's verdict: the chain ran to its end (CA-05) */
#define HL_HALT INT64_C(1) /* end the chain here with this state as its result (CA-06) */

/* Go on with `state`. [plugin] */
static inline hl_reply hl_next(void *state)
{
    hl_reply reply;
    reply.state = state;
    reply.verdict = HL_NEXT;
    return reply;
}

/* End the chain with `state` as its result. [plugin] */
static inline hl_reply hl_halt(void *state)
{
    hl_reply reply;
    reply.state = state;
    reply.verdict = HL_HALT;
    return reply;
}

/* Fail the chain: the caller gets `status` (negative) and its own input pointer back (CA-13, CA-14). [plugin] */
static inline hl_reply hl_fail(hl_status status)
{
    hl_reply reply;
    reply.state = NULL;
    reply.verdict = status;
    return reply;
}

/* ---- contracts ------------------------------------------------------------------------------------------------ */

/* One named field of an event's state. */
typedef struct hl_field {
    const char *name;
    const char *type; /* the C type's spelling */
    uint32_t offset;  /* bytes from the state's start */
    uint32_t size;    /* bytes */
} hl_field;

/* Carries a state that has no fixed size to a worker and back (hookline/isolation.h). Made by whoever declares the
 * event, and compiled into the server and into each plugin, like the contract that names it. */
typedef struct hl_codec {
    size_t size; /* sizeof(hl_codec) */
    /* Writes at most `room` bytes and returns how many there are (asked again with more room when they are more, at
     * most 16 MiB), or a negative hl_status. */
    int64_t (*encode)(const void *state, void *bytes, size_t room);
    /* Makes a state of the bytes (state NULL, in the worker), or gives the state their content (in the server; it must
     * not change anything when it refuses). NULL refuses the bytes: the server gets them from a process that it does
     * not trust. */
    void *(*decode)(void *state, const void *bytes, size_t len);
    void (*release)(void *state); /* frees what decode made */
} hl_codec;

/* What an event's state looks like. Host and plugin are built from the same declaration (typed.h makes it); a plugin
 * whose contract differs from the event's is refused, field by field, before any of its code runs. */
typedef struct hl_contract {
    size_t size;         /* sizeof(hl_contract) */
    const char *type;    /* the state's C type, for people */
    uint64_t state_size; /* bytes; 0 when the state has no fixed size */
    const hl_field *fields;
    size_t fields_len;
    const hl_codec *codec; /* NULL: the state is flat, or its plugins cannot run in workers */
    uint64_t meta_size;    /* bytes of `meta` that plugins in workers get; 0: they get NULL */
} hl_contract;

/* ---- the record ----------------------------------------------------------------------------------------------- */

/* Statuses of a plugin (LC-01). Only started and restarted plugins are in their event's chain. */
typedef enum hl_plugin_status {
    HL_REGISTERED = 1, /* known, never started */
    HL_STARTED = 2,    /* active */
    HL_RESTARTED = 3,  /* active, after restart, enable or a released hold */
    HL_STOPPED = 4,    /* the operator's decision: only enable ends it */
    HL_HELD = 5        /* the library's decision: a dependency is not active, or it crashed too often */
} hl_plugin_status;

typedef enum hl_health_state { HL_HEALTH_OK = 0, HL_HEALTH_DEGRADED = 1, HL_HEALTH_FAILED = 2 } hl_health_state;

/* The plugin's work. `meta` is the caller's side information, read only, possibly NULL. [plugin] */
typedef hl_reply hl_call_fn(void *self, void *state, const void *meta);

/* Tells how the plugin is. May write a reason of at most reason_len bytes with its end mark. Runs on a thread of its
 * own, time-boxed by the asker, beside running calls; a health function that hangs loses only its own report (PD-06,
 * HL-01). [plugin] */
typedef hl_health_state hl_health_fn(void *self, char *reason, size_t reason_len);

/* Called on the registering thread when hl_register refuses the plugin (PD-07). [plugin] */
typedef void hl_dependency_error_fn(void *self, const hl_error *error);

/* Called after each change of the plugin's status, in order, by processes that hold its code. [control] */
typedef void hl_status_fn(void *self, hl_plugin_status before, hl_plugin_status after);

/* Called once when no dispatch can still be using `self` (G4): after the plugin was unregistered or replaced, or its
 * runtime closed. Runs on the reclaiming thread, which must not be made to wait for Hookline. [plugin] */
typedef void hl_release_fn(void *self);

/* What is registered. Strings are copied; `self` and the functions are used as they are (PD-01, RG-01). */
typedef struct hl_plugin_spec {
    size_t size;                /* sizeof(hl_plugin_spec) */
    const char *name;           /* unique in the store; 1..255 bytes of UTF-8, no control characters */
    const char *event;          /* same rules; compared byte by byte, never normalised */
    hl_call_fn *call;           /* required */
    void *self;                 /* handed to every function of the plugin; may be NULL */
    const char *const *depends; /* NULL-terminated names of plugins on any event; "?name": optional, it orders where it
                                   runs and never holds; NULL: none */
    const char *extension;      /* the library or product it belongs to; NULL: the library's name, "host" */
    const char *extra;          /* free text kept with the record, at most 64 KiB; NULL: none (PD-11) */
    hl_health_fn *health;       /* NULL: health is unknown */
    hl_dependency_error_fn *on_dependency_error; /* NULL: none */
    hl_status_fn *on_status;                     /* NULL: none */
    hl_release_fn *release;                      /* NULL: none */
    const hl_contract *contract;                 /* NULL: fits every event */
    int priority;                                /* 0..100, smaller runs first (OD-01) */
} hl_plugin_spec;

#define HL_PRIORITY_DEFAULT 100

/* Initialiser with the defaults: hl_plugin_spec s = HL_PLUGIN_INIT("name", "event", call); */
#define HL_PLUGIN_INIT(plugin_name, event_name, call_fn)                                                               \
    {                                                                                                                  \
        sizeof(hl_plugin_spec), (plugin_name), (event_name), (call_fn), NULL, NULL, NULL, NULL, NULL, NULL, NULL,      \
            NULL, NULL, HL_PRIORITY_DEFAULT                                                                            \
    }

/* ---- a plugin library ----------------------------------------------------------------------------------------- */

/* Carrying state from one version of a library to the next, in each process that has the old one mapped. save runs in
 * the old version while it still serves calls; it writes at most `room` bytes and returns how many there are (it is
 * asked again with more room when they are more), or a negative hl_status. restore runs in the new one, after load and
 * before its first call; not 0 refuses the upgrade. What the old version's calls change in between is not carried
 * over. */
typedef int64_t hl_save_fn(void *bytes, size_t room);
typedef int hl_restore_fn(const void *bytes, size_t len, const char *from_version);
#define HL_SAVED_STATE_MAX ((size_t)64 << 20) /* bytes */

/* What a library exports as `hookline_plugin`. Hookline reads it from the file before it loads the library, so it must
 * be constant data: no pointer in it may be computed by code. */
typedef struct hl_plugin_entry {
    uint32_t size;       /* sizeof(hl_plugin_entry) */
    uint32_t abi;        /* HL_ABI */
    const char *name;    /* the library's name; the plugins' extension when they name none */
    const char *version; /* semantic version */
    const hl_plugin_spec *specs;
    size_t specs_len;
    int (*load)(void);    /* runs once after the library is mapped and before any call; not 0 refuses it; may be NULL */
    void (*unload)(void); /* runs once before the library is unmapped, when no call is inside; may be NULL */
    hl_save_fn *save;     /* may be NULL: the library has no state to carry over */
    hl_restore_fn *restore; /* may be NULL: what the old version saved is dropped */
} hl_plugin_entry;

#ifdef __cplusplus
#define HL__EXTERN_C extern "C"
#else
#define HL__EXTERN_C extern
#endif

/* Exports an array of specs as a plugin library. */
#define HL_PLUGIN_LIBRARY(library_name, library_version, specs_array)                                                  \
    HL_PLUGIN_LIBRARY_HOOKS(library_name, library_version, specs_array, NULL, NULL)

/* The same with load and unload functions. */
#define HL_PLUGIN_LIBRARY_HOOKS(library_name, library_version, specs_array, load_fn, unload_fn)                        \
    HL_PLUGIN_LIBRARY_STATE(library_name, library_version, specs_array, load_fn, unload_fn, NULL, NULL)

/* The same with functions that carry state over to the next version. */
#define HL_PLUGIN_LIBRARY_STATE(library_name, library_version, specs_array, load_fn, unload_fn, save_fn, restore_fn)   \
    HL__EXTERN_C HL_API const hl_plugin_entry hookline_plugin;                                                         \
    const hl_plugin_entry hookline_plugin = {sizeof(hl_plugin_entry),                                                  \
                                             HL_ABI,                                                                   \
                                             (library_name),                                                           \
                                             (library_version),                                                        \
                                             (specs_array),                                                            \
                                             sizeof(specs_array) / sizeof((specs_array)[0]),                           \
                                             (load_fn),                                                                \
                                             (unload_fn),                                                              \
                                             (save_fn),                                                                \
                                             (restore_fn)};

#ifdef __cplusplus
}
#endif
#endif
