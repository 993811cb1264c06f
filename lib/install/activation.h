/* Making a version of an app the active one: an installation's second half, and a rollback's. The version's files lie
 * in their place, or will by the time that prepare is called. */
#ifndef HL_INSTALL_ACTIVATION_H
#define HL_INSTALL_ACTIVATION_H

#include "core/runtime.h"
#include "install/app.h"
#include "install/course.h"
#include "install/servers.h"
#include "library/library.h"

/* A library of the version. */
typedef struct hl__candidate {
    char *path;          /* where it lies when it is active, absolute */
    char *stamp;         /* "sha256:HEX" */
    char *replaces_path; /* the old version's library in whose place it comes; "" when there is none */
    char *replaces_stamp;
    hl__library_file *file; /* as it was read and checked */
    const hl__app_library *library;
    bool mapped; /* by servers: not all of its plugins run in workers */
} hl__candidate;

typedef struct hl__activation {
    hl_runtime *runtime;
    const hl__course *course;
    const hl__apps_place *place;
    const char *what; /* for the install log: "install", "upgrade", "rollback" */
    const char *app;
    const hl__app_version *version; /* becomes active */
    const hl__app *old;             /* as it is installed now; NULL: it is not */
    unsigned flags;                 /* of hl_install or hl_rollback */
    hl__candidate *rows;            /* one for each of the version's libraries */
    size_t len;
    hl__prepared *prepared; /* those that are mapped, as prepare wants them; NULL: nothing is prepared */
    size_t prepared_len;
} hl__activation;

/* activation_isolation.c: how one of the library's plugins will be isolated: as the operator said, else as the package
 * asks. Owned by the caller; NULL without memory. */
char *hl__activation_isolation(const hl__activation *a, const hl__app_library *library, const char *plugin);
/* Decides whether the candidate is mapped, checks that states can be carried to those that are not, and tells in the
 * report how plugins are isolated. */
hl_status hl__activation_isolate(hl__activation *a, hl__candidate *row);

/* activation_read.c: reads the libraries in `folder` (absolute) and checks all that can be told without running
 * code. */
hl_status hl__activation_read(hl__activation *a, const char *folder);
/* Loads each in a throw-away process. */
hl_status hl__activation_probe(hl__activation *a);

/* prepare.c: loads them in this process and in every running server, carrying state over. */
hl_status hl__activation_prepare(hl__activation *a);
/* Gives up what is prepared; without effect on what a commit has bound. */
void hl__activation_release(hl__activation *a);

/* activate.c: the one commit. */
hl_status hl__activation_commit(hl__activation *a);

/* What else one commit can change: several versions that become active, and apps that go. */
typedef struct hl__apps_change {
    hl_runtime *runtime;
    const char *action;
    hl__activation *const *active;
    size_t active_len;
    const hl__app *const *removed;
    size_t removed_len;
    unsigned flags; /* of which HL_WAIT_COMPILED and HL_WAIT_IDLE count */
} hl__apps_change;

hl_status hl__apps_commit(const hl__apps_change *change);

/* retire.c: waits a while until the old code has gone, and deletes the version that is not kept any more. Nothing in it
 * can fail the call. */
void hl__activation_retire(hl__activation *a);

void hl__activation_cleanup(hl__activation *a);

#endif
