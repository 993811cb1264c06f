/* A change of an app that is installed: what uninstalling and rolling back have in common. */
#ifndef HL_INSTALL_CHANGE_H
#define HL_INSTALL_CHANGE_H

#include "core/runtime.h"
#include "install/app.h"
#include "install/course.h"
#include "install/policy.h"

typedef struct hl__change_spec {
    const char *action;
    const char *app;
    unsigned flags;
    unsigned known_flags;
} hl__change_spec;

typedef struct hl__change {
    hl_runtime *runtime;
    hl__course course;
    hl__apps_place place; /* locked */
    hl__policy policy;
    hl__apps apps;
    const hl__app *app;
    unsigned flags;
} hl__change;

/* Checks the call, locks, finds the app (HL_ERR_NOT_FOUND), asks the policy, and runs `work`. A refusal goes into the
 * install log. report may be NULL. */
hl_status hl__change_run(hl_runtime *runtime, const hl__change_spec *spec, hl_install_report *report,
                         hl_status (*work)(hl__change *change));

/* rollback.c: whether the files of a version that is not active, in the folder `path`, are those that were installed:
 * HL_ERR_CHECKSUM. */
hl_status hl__check_kept(const hl__app_version *version, const char *path);

/* What every change of apps asks of a runtime: open, writable, and that this thread may wait. */
hl_status hl__check_may_change(hl_runtime *runtime, const char *action);

#endif
