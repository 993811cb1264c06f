/* Bindings: a plugin's name tied to code in this process, from the host program or from a mapped library. Counted:
 * chains hold the bindings they call. */
#ifndef HL_CORE_BINDING_H
#define HL_CORE_BINDING_H

#include "core/loader.h"
#include "core/reclaim.h"
#include "core/record.h"
#include "core/shared.h"
#include "core/watch.h"

typedef struct hl__binding {
    uint32_t refs;
    const char *name;
    hl_call_fn *call; /* NULL: there is no code, and `reason` says why */
    void *self;
    hl_health_fn *health;
    hl_dependency_error_fn *on_dependency_error;
    hl_status_fn *on_status;
    hl_release_fn *release;
    bool owns_self;          /* release is called for a binding that was never accepted too: a stub's workers end */
    hl__event_def *contract; /* what it was built for, as a definition without a name; NULL: fits all */
    const hl__loader_ops *loader; /* of the library below */
    hl__library *library;         /* counted; NULL: the host's */
    const char *library_path;     /* "" for the host's */
    const char *library_stamp;    /* of the record that asked for it; "" for the host's */
    char *isolation;              /* of that record; "" until hl__binding_isolate */
    hl__event_def *def;           /* in a worker: of the event when it was bound; NULL: none was known */
    char *reason;                 /* NULL when there is code */
    bool probing;                 /* atomic: its health function is running */
    bool hanging;                 /* atomic: and was given up */
    void (*unmapped)(void *user, const char *library_path); /* called when the library's last code goes; may be NULL */
    void *unmapped_user;
    hl__watch watch;
    hl__retired retired; /* for bindings.c */
} hl__binding;

/* A binding of a spec, with one reference; takes a reference on the library. Path and stamp are those of
 * the record that asks for it, "" for the host's. Strings are copied. */
hl__binding *hl__binding_new(const hl_plugin_spec *spec, const hl__loader_ops *loader, hl__library *library,
                             const char *library_path, const char *library_stamp);

/* A name whose code could not be had. */
hl__binding *hl__binding_broken(const char *name, const char *library_path, const char *library_stamp,
                                const char *reason);

/* Tells the binding the isolation of the record that it is for. False without memory. */
bool hl__binding_isolate(hl__binding *binding, const char *isolation);

/* The same code again, for a record that differs in its isolation only. `release` moves to the copy when that is
 * bound. */
hl__binding *hl__binding_copy(const hl__binding *binding);

/* Whether it was made for what the record asks for: path, stamp and isolation are the same. */
bool hl__binding_is_for(const hl__binding *binding, const hl__record *record);

hl__binding *hl__binding_ref(hl__binding *binding);

/* The last reference calls release(self) and lets go of the library: only when no dispatch can be inside. */
void hl__binding_unref(hl__binding *binding);

/* Whether both are the same code with the same self, perhaps for different records. */
bool hl__binding_same_code(const hl__binding *a, const hl__binding *b);

/* Whether calling through either is the same call. */
bool hl__binding_same(const hl__binding *a, const hl__binding *b);

/* Gives up a binding that was never accepted: release is called only where it owns its self. */
HL__SHARED void hl__binding_discard(hl__binding *binding);

#endif
