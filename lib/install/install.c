/* hl_install: conducts an installation from its spec to an active version, and takes everything back when a part of it
 * fails. The parts are in installation.h, in order; a plan conducts several of them at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/change.h"
#include "install/installation.h"
#include "install/journal.h"
#include "install/placing.h"
#include "install/report.h"
#include "install/spec.h"

#define ACTION "install"
#define LOCK_SLICE_MS 200

/* ---- preparing --------------------------------------------------------------------------------------------------- */

/* Another installation may take long. The caller can end the waiting. */
hl_status hl__wait_for_apps(hl__apps_place *place, const hl__course *course)
{
    hl_status status = HL_ERR_TIMEOUT;

    for (uint32_t waited_ms = 0; status == HL_ERR_TIMEOUT && waited_ms < HL__APPS_LOCK_MS; waited_ms += LOCK_SLICE_MS) {
        status = hl__apps_place_lock(place, LOCK_SLICE_MS);
        if (status == HL_ERR_TIMEOUT && hl__course_step(course, HL_STEP_RESOLVE) != HL_OK)
            status = HL_ERR_CANCELLED;
    }
    if (status == HL_ERR_TIMEOUT)
        return hl__fail(HL_ERR_TIMEOUT, ACTION, HL__APPS_LOCK,
                        "Another process has been changing the apps of %s for %d s; try again when it is done.",
                        place->store, HL__APPS_LOCK_MS / 1000);
    return status;
}

/* The policy that counts is the one of now, not of when the waiting began. */
static hl_status begin(hl__installation *in)
{
    hl_status status = hl__apps_place_open(in->runtime, &in->place);

    if (status == HL_OK)
        status = hl__wait_for_apps(&in->place, &in->course);
    if (status == HL_OK)
        status = hl__policy_load(in->place.store, &in->policy);
    if (status == HL_OK)
        status = hl__apps_read_locked(in->runtime, &in->apps);
    if (status == HL_OK)
        hl__staging_sweep(&in->place, NULL, NULL);
    return status;
}

/* ---- the parts, in order ----------------------------------------------------------------------------------------- */

static hl_status verify(hl__installation *in)
{
    hl_status status = hl__course_step(&in->course, HL_STEP_VERIFY);

    if (status == HL_OK)
        status = hl__check_trust(in);
    return status == HL_OK ? hl__admit(in) : status;
}

static hl_status unpack(hl__installation *in)
{
    hl_status status = hl__course_step(&in->course, HL_STEP_UNPACK);

    return status == HL_OK ? hl__unpack(in) : status;
}

static hl_status check_libraries(hl__installation *in)
{
    char *folder = NULL;
    hl_status status;

    in->activation = (hl__activation){.runtime = in->runtime,
                                      .course = &in->course,
                                      .place = &in->place,
                                      .what = in->old ? "upgrade" : "install",
                                      .app = in->manifest.app,
                                      .version = &in->version,
                                      .old = in->old,
                                      .flags = in->spec.flags};
    if (asprintf(&folder, "%s/" HL__STAGING_FILES, in->staging.path) < 0)
        return hl__fail_memory(ACTION);
    status = hl__activation_read(&in->activation, folder);
    free(folder);
    return status;
}

hl_status hl__bring_in(hl__installation *in)
{
    hl_status status = hl__staging_make(&in->place, in->spec.app ? in->spec.app : "package", &in->staging);

    if (status == HL_OK)
        status = hl__obtain(in);
    if (status == HL_OK)
        status = verify(in);
    if (status == HL_OK)
        status = unpack(in);
    return status == HL_OK ? check_libraries(in) : status;
}

/* The report names the folder before the commit: afterwards nothing may fail. */
static hl_status report_folder(hl__installation *in)
{
    char *folder = NULL;
    hl_status status;

    if (asprintf(&folder, "%s/%s", in->place.path, in->version.folder) < 0)
        return hl__fail_memory(ACTION);
    status = hl__report_set(&in->course.report->folder, folder);
    free(folder);
    return status;
}

hl_status hl__make_ready(hl__installation *in)
{
    hl_status status = hl__activation_probe(&in->activation);

    if (status == HL_OK)
        status = hl__put_in_place(in);
    if (status == HL_OK)
        status = report_folder(in);
    return status == HL_OK ? hl__activation_prepare(&in->activation) : status;
}

static hl_status make_active(hl__installation *in)
{
    hl_status status = hl__make_ready(in);

    if (status == HL_OK)
        status = hl__activation_commit(&in->activation);
    if (status == HL_OK)
        hl__activation_retire(&in->activation);
    return status;
}

/* ---- taking back ------------------------------------------------------------------------------------------------- */

void hl__take_back(hl__installation *in)
{
    hl__error_copy error;

    hl__error_save(&error);
    hl__activation_release(&in->activation);
    hl__take_out_of_place(in);
    free(in->course.report->folder);
    in->course.report->folder = strdup("");
    hl__error_restore(&error);
}

static void write_refusal(hl__installation *in)
{
    const hl_install_report *report = in->course.report;
    hl__journal_entry entry = {.action = in->old ? "upgrade" : "install",
                               .app = report->app[0] ? report->app : in->spec.app,
                               .version = report->version,
                               .before = report->before,
                               .source = report->source,
                               .sha256 = report->sha256,
                               .key = report->key,
                               .status = hl_last_error()->status,
                               .message = hl_last_error()->message};

    if (!(in->spec.flags & HL_INSTALL_VERIFY_ONLY))
        hl__journal_refusal(in->runtime, &entry);
}

void hl__installation_cleanup(hl__installation *in)
{
    hl__error_copy error;

    hl__error_save(&error);
    hl__activation_cleanup(&in->activation);
    hl__manifest_cleanup(&in->manifest);
    hl__app_version_cleanup(&in->version);
    hl__origin_cleanup(&in->origin);
    hl__staging_remove(&in->staging);
    if (in->package >= 0)
        close(in->package);
    if (in->folder >= 0)
        close(in->folder);
    free(in->signature);
    hl__error_restore(&error);
}

static void end(hl__installation *in)
{
    hl__error_copy error;

    hl__error_save(&error);
    hl__installation_cleanup(in);
    hl__apps_free(&in->apps);
    hl__policy_cleanup(&in->policy);
    hl__apps_place_close(&in->place);
    hl__error_restore(&error);
}

static hl_status run(hl__installation *in)
{
    hl_status status = begin(in);

    if (status == HL_OK)
        status = hl__bring_in(in);
    if (status == HL_OK && !(in->spec.flags & HL_INSTALL_VERIFY_ONLY)) {
        status = make_active(in);
        if (status != HL_OK)
            hl__take_back(in);
    }
    if (status != HL_OK) {
        hl__fail_as(ACTION);
        write_refusal(in);
    }
    end(in);
    return status;
}

static hl_status check_spec(hl__installation *in, const hl_install_spec *spec)
{
    hl_status status = hl__install_spec_check(ACTION, spec, &in->spec);

    if (status == HL_OK)
        return HL_OK;
    in->spec.app = NULL; /* it need not be a name */
    write_refusal(in);
    return status;
}

hl_status hl_install(hl_runtime *runtime, const hl_install_spec *spec, hl_install_report *report)
{
    hl_install_report own = HL_INSTALL_REPORT_INIT;
    hl__installation in = HL__INSTALLATION_INIT;
    hl_status status;

    in.runtime = runtime;
    in.course = (hl__course){.action = ACTION, .report = report ? report : &own};
    status = hl__report_begin(ACTION, in.course.report);
    if (status == HL_OK)
        status = hl__check_may_change(runtime, ACTION);
    if (status == HL_OK)
        status = check_spec(&in, spec);
    if (status == HL_OK) {
        in.course.progress = in.spec.progress;
        in.course.user = in.spec.user;
        status = run(&in);
    }
    hl_install_report_cleanup(&own);
    return status;
}
