/* The frame of a change of an installed app; see change.h. */
#include "install/change.h"

#include <string.h>

#include "core/error.h"
#include "core/validate.h"
#include "install/installation.h"
#include "install/journal.h"
#include "install/report.h"

hl_status hl__check_may_change(hl_runtime *runtime, const char *action)
{
    hl_status status = hl__lock(runtime, action);

    if (status != HL_OK)
        return status;
    hl__unlock(runtime);
    if (runtime->options.flags & HL_OPEN_READ_ONLY)
        return hl__fail(HL_ERR_STORE_READ_ONLY, action, "runtime",
                        "The runtime was opened with HL_OPEN_READ_ONLY; open it without to change apps.");
    return hl__check_may_wait(runtime, action);
}

/* The policy that counts is the one of now, not of when the waiting for the lock began. */
static hl_status begin(hl__change *change, const char *name)
{
    hl_status status = hl__apps_place_open(change->runtime, &change->place);

    if (status == HL_OK)
        status = hl__apps_place_lock(&change->place, HL__APPS_LOCK_MS);
    if (status == HL_OK)
        status = hl__policy_load(change->place.store, &change->policy);
    if (status == HL_OK)
        status = hl__apps_read_locked(change->runtime, &change->apps);
    if (status == HL_OK)
        status = hl__policy_check_app(&change->policy, change->course.action, name);
    if (status != HL_OK)
        return status;
    change->app = hl__apps_find(&change->apps, name);
    if (!change->app)
        return hl__fail(HL_ERR_NOT_FOUND, change->course.action, "app", "No app %s is installed.", name);
    return HL_OK;
}

static void end(hl__change *change)
{
    hl__error_copy error;

    hl__error_save(&error);
    hl__apps_free(&change->apps);
    hl__policy_cleanup(&change->policy);
    hl__apps_place_close(&change->place);
    hl__error_restore(&error);
}

static void write_refusal(hl__change *change, const char *name)
{
    const hl__app *app = change->app;
    hl__journal_entry entry = {.action = change->course.action,
                               .app = name,
                               .version = app ? app->active.version : "",
                               .before = app ? app->active.version : "",
                               .status = hl_last_error()->status,
                               .message = hl_last_error()->message};

    hl__journal_refusal(change->runtime, &entry);
}

/* What is no name is not put into the log as one. */
static hl_status check_call(hl__change *change, const hl__change_spec *spec)
{
    hl_status status = hl__app_name_check(spec->action, "app", spec->app);
    const char *name = status == HL_OK ? spec->app : "";

    if (status == HL_OK)
        status = hl__check_flags(spec->action, spec->flags, spec->known_flags);
    if (status != HL_OK)
        write_refusal(change, name);
    return status;
}

static hl_status run(hl__change *change, const hl__change_spec *spec, hl_status (*work)(hl__change *change))
{
    hl_status status = hl__report_set(&change->course.report->app, spec->app);

    if (status == HL_OK)
        status = begin(change, spec->app);
    if (status == HL_OK)
        status = work(change);
    if (status != HL_OK) {
        hl__fail_as(spec->action);
        write_refusal(change, spec->app);
    }
    end(change);
    return status;
}

hl_status hl__change_run(hl_runtime *runtime, const hl__change_spec *spec, hl_install_report *report,
                         hl_status (*work)(hl__change *change))
{
    hl_install_report own = HL_INSTALL_REPORT_INIT;
    hl__change change = {.runtime = runtime, .place = {.folder = -1, .lock = -1}, .flags = spec->flags};
    hl_status status;

    change.course = (hl__course){.action = spec->action, .report = report ? report : &own};
    status = hl__report_begin(spec->action, change.course.report);
    if (status == HL_OK)
        status = hl__check_may_change(runtime, spec->action);
    if (status == HL_OK)
        status = check_call(&change, spec);
    if (status == HL_OK)
        status = run(&change, spec, work);
    hl_install_report_cleanup(&own);
    return status;
}
