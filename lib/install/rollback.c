/* hl_rollback: the version that was active before becomes active again, by the same steps as an installation. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/error.h"
#include "install/activation.h"
#include "install/change.h"
#include "install/report.h"

#define ACTION "rollback"
#define KNOWN_FLAGS (HL_WAIT_COMPILED | HL_WAIT_IDLE)

static hl_status find_before(const hl__change *change)
{
    if (change->app->before)
        return HL_OK;
    return hl__fail(HL_ERR_NOT_FOUND, ACTION, "before",
                    "%s %s is the only version of the app; there is none before it.", change->app->name,
                    change->app->active.version);
}

/* The files have lain there for a while: they have to be those that were installed. */
hl_status hl__check_kept(const hl__app_version *version, const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    hl_status status;

    if (folder < 0)
        return hl__fail_errno(HL_ERR_CHECKSUM, errno, ACTION, "folder", "Cannot open %s.", path);
    status = hl__package_files_check(folder, &version->files);
    close(folder);
    return status;
}

static hl_status fill_report(hl__change *change, const char *path)
{
    const hl__app_version *before = change->app->before;
    hl_install_report *report = change->course.report;
    hl_status status = hl__report_set(&report->version, before->version);

    if (status == HL_OK)
        status = hl__report_set(&report->before, change->app->active.version);
    if (status == HL_OK)
        status = hl__report_set(&report->sha256, before->sha256);
    if (status == HL_OK)
        status = hl__report_set(&report->key, before->key);
    if (status == HL_OK)
        status = hl__report_set(&report->source, before->source);
    report->unpacked_bytes = before->files.bytes;
    return status == HL_OK ? hl__report_set(&report->folder, path) : status;
}

static hl_status activate(hl__change *change, const char *path)
{
    hl__activation activation = {.runtime = change->runtime,
                                 .course = &change->course,
                                 .place = &change->place,
                                 .what = ACTION,
                                 .app = change->app->name,
                                 .version = change->app->before,
                                 .old = change->app,
                                 .flags = change->flags};
    hl_status status = hl__activation_read(&activation, path);

    if (status == HL_OK)
        status = hl__activation_probe(&activation);
    if (status == HL_OK)
        status = hl__activation_prepare(&activation);
    if (status == HL_OK)
        status = hl__activation_commit(&activation);
    if (status == HL_OK)
        hl__activation_retire(&activation);
    else
        hl__activation_release(&activation);
    hl__activation_cleanup(&activation);
    return status;
}

static hl_status roll_back(hl__change *change)
{
    hl_status status = find_before(change);
    char *path = NULL;

    if (status == HL_OK && asprintf(&path, "%s/%s", change->place.path, change->app->before->folder) < 0)
        return hl__fail_memory(ACTION);
    if (status == HL_OK)
        status = fill_report(change, path);
    if (status == HL_OK)
        status = hl__course_step(&change->course, HL_STEP_VERIFY);
    if (status == HL_OK)
        status = hl__apps_check(&change->apps, change->app->name, change->app->before);
    if (status == HL_OK)
        status = hl__check_kept(change->app->before, path);
    if (status == HL_OK)
        status = activate(change, path);
    free(path);
    return status;
}

hl_status hl_rollback(hl_runtime *runtime, const char *app, unsigned flags, hl_install_report *report)
{
    return hl__change_run(runtime, &(hl__change_spec){ACTION, app, flags, KNOWN_FLAGS}, report, roll_back);
}
