/* hl_install_locked: all that a lockfile names, each the very package that was locked, from its source or from a
 * bundle, in one plan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/validate.h"
#include "install/bundle.h"
#include "install/change.h"
#include "install/journal.h"
#include "install/lockfile.h"
#include "install/plan.h"
#include "install/report.h"

#define ACTION "install"
#define KNOWN_FLAGS                                                                                                    \
    (HL_WAIT_COMPILED | HL_WAIT_IDLE | HL_INSTALL_LOCKED | HL_INSTALL_VERIFY_ONLY | HL_INSTALL_NO_START |              \
     HL_INSTALL_PRUNE)

typedef struct locked {
    hl__apps_plan plan;
    hl_install_report report; /* of waiting for the lock */
    hl__course course;
    hl__staging staging; /* where the bundle is unpacked */
} locked;

/* What is refused before any app is looked at. */
static void write_refusal(const locked *all, const char *source)
{
    hl__journal_entry entry = {.action = ACTION,
                               .source = source,
                               .status = hl_last_error()->status,
                               .message = hl_last_error()->message};

    if (!(all->plan.spec.flags & HL_INSTALL_VERIFY_ONLY))
        hl__journal_refusal(all->plan.runtime, &entry);
}

static hl_status check_spec(const hl_install_spec *spec, hl_install_spec *out)
{
    hl_status status;

    *out = (hl_install_spec)HL_INSTALL_INIT((hl_source_type)0, NULL);
    if (!spec)
        return HL_OK;
    status = hl__copy_struct(ACTION, "spec", out, sizeof(*out), spec, sizeof(*out));
    return status == HL_OK ? hl__check_flags(ACTION, out->flags, KNOWN_FLAGS) : status;
}

static hl_status unpack_bundle(locked *all, const char *bundle)
{
    hl__apps_plan *plan = &all->plan;
    hl_status status = hl__staging_make(&plan->place, "bundle", &all->staging);

    plan->bundle = realpath(bundle, NULL);
    plan->members = all->staging.path;
    if (status == HL_OK)
        status = hl__bundle_unpack(bundle, all->staging.folder, &plan->policy.archive);
    if (status == HL_OK && !plan->bundle)
        status = hl__fail_memory(ACTION);
    return status;
}

/* The one that is named, else the bundle's, else the store's. */
static hl_status read_lockfile(locked *all, const char *lockfile)
{
    hl__apps_plan *plan = &all->plan;
    const char *folder = plan->bundle ? all->staging.path : plan->place.store;
    char *path = NULL, *shown = NULL;
    hl_status status;

    if (lockfile)
        return hl__lockfile_read(lockfile, lockfile, &plan->wanted);
    if (asprintf(&path, "%s/" HL__LOCKFILE_NAME, folder) < 0)
        return hl__fail_memory(ACTION);
    if (!plan->bundle)
        status = hl__lockfile_read(path, path, &plan->wanted);
    else if (asprintf(&shown, HL__LOCKFILE_NAME " of the bundle %s", plan->bundle) < 0)
        status = hl__fail_memory(ACTION);
    else
        status = hl__lockfile_read(path, shown, &plan->wanted);
    free(shown);
    free(path);
    return status;
}

/* The policy and the apps are those of now, not of when the waiting began. */
static hl_status take_place(locked *all)
{
    hl__apps_plan *plan = &all->plan;
    hl_status status = hl__apps_place_open(plan->runtime, &plan->place);

    if (status == HL_OK)
        status = hl__wait_for_apps(&plan->place, &all->course);
    if (status == HL_OK)
        status = hl__policy_load(plan->place.store, &plan->policy);
    if (status == HL_OK)
        status = hl__apps_read_locked(plan->runtime, &plan->apps);
    if (status == HL_OK)
        hl__staging_sweep(&plan->place, NULL, NULL);
    return status;
}

static hl_status begin(locked *all, const char *lockfile, const char *bundle, const hl_install_spec *spec)
{
    hl_status status = check_spec(spec, &all->plan.spec);

    all->course.progress = all->plan.spec.progress;
    all->course.user = all->plan.spec.user;
    if (status == HL_OK)
        status = take_place(all);
    if (status == HL_OK && bundle)
        status = unpack_bundle(all, bundle);
    return status == HL_OK ? read_lockfile(all, lockfile) : status;
}

static void end(locked *all)
{
    hl__apps_plan *plan = &all->plan;
    hl__error_copy error;

    hl__error_save(&error);
    hl__apps_plan_cleanup(plan);
    hl__apps_free(&plan->wanted);
    hl__apps_free(&plan->apps);
    hl__staging_remove(&all->staging);
    hl__policy_cleanup(&plan->policy);
    hl__apps_place_close(&plan->place);
    free(plan->bundle);
    hl_install_report_cleanup(&all->report);
    (void)!hl__error_restore(&error);
}

static hl_status run(locked *all, const char *lockfile, const char *bundle, const hl_install_spec *spec)
{
    hl_status status = begin(all, lockfile, bundle, spec);

    if (status != HL_OK) {
        hl__fail_as(ACTION);
        write_refusal(all, bundle ? bundle : lockfile);
        return status;
    }
    status = hl__apps_plan_decide(&all->plan);
    return status == HL_OK ? hl__apps_plan_run(&all->plan) : status;
}

hl_status hl_install_locked(hl_runtime *runtime, const char *lockfile, const char *bundle, const hl_install_spec *spec)
{
    locked all = {.plan = {.runtime = runtime, .place = {.folder = -1, .lock = -1}},
                  .report = HL_INSTALL_REPORT_INIT,
                  .staging = HL__STAGING_INIT};
    hl_status status = hl__check_may_change(runtime, ACTION);

    if (status != HL_OK)
        return status;
    all.course = (hl__course){.action = ACTION, .report = &all.report};
    status = hl__report_begin(ACTION, &all.report);
    if (status == HL_OK)
        status = run(&all, lockfile, bundle, spec);
    end(&all);
    return status == HL_OK ? HL_OK : hl__fail_as(ACTION);
}
