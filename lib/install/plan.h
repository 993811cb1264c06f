/* Several changes of apps in one commit: what a lockfile asks for. Each app is brought in and made ready like one that
 * is installed alone; what apps demand of each other is checked for the state that there will be in the end. */
#ifndef HL_INSTALL_PLAN_H
#define HL_INSTALL_PLAN_H

#include "install/installation.h"

typedef enum hl__apps_plan_kind {
    HL__APPS_INSTALL, /* also an upgrade */
    HL__APPS_ROLLBACK,
    HL__APPS_REMOVE
} hl__apps_plan_kind;

typedef struct hl__apps_step {
    hl__apps_plan_kind kind;
    const hl__app *wanted; /* by the lockfile; NULL: it goes */
    hl__installation in;   /* of a rollback and a removal: only its report, its old app and its activation */
    hl_install_report report;
    char *package, *signature; /* a bundle's members; NULL: from its source */
} hl__apps_step;

typedef struct hl__apps_plan {
    hl_runtime *runtime;
    hl_install_spec spec; /* the caller's progress, user and flags */
    hl__apps_place place; /* locked */
    hl__policy policy;
    hl__apps apps;       /* as they are installed */
    hl__apps wanted;     /* as the lockfile names them */
    char *bundle;        /* told as the source; NULL: there is none */
    const char *members; /* the folder where it was unpacked */
    hl__apps_step *rows; /* in the order of the requirements, removals last */
    size_t len;
} hl__apps_plan;

/* Decides what has to be done for each app. */
hl_status hl__apps_plan_decide(hl__apps_plan *plan);
/* Does it, all or nothing. Refusals are in the install log. */
hl_status hl__apps_plan_run(hl__apps_plan *plan);
void hl__apps_plan_cleanup(hl__apps_plan *plan); /* its steps only */

/* plan_check.c: what is brought in, together with what stays: HL_ERR_REQUIRES, HL_ERR_CONFLICTS. */
hl_status hl__apps_plan_check(const hl__apps_plan *plan);

/* plan_step.c */
hl_status hl__apps_step_begin(const hl__apps_plan *plan, hl__apps_step *step);
hl_status hl__apps_step_bring_in(hl__apps_step *step);
hl_status hl__apps_step_make_ready(hl__apps_step *step);
void hl__apps_step_retire(hl__apps_step *step);
void hl__apps_step_cleanup(hl__apps_step *step);
/* What becomes active by it; NULL: the app goes. */
const hl__app_version *hl__apps_step_version(const hl__apps_step *step);
const char *hl__apps_step_app(const hl__apps_step *step);
/* For the install log. */
const char *hl__apps_step_action(const hl__apps_step *step);

#endif
