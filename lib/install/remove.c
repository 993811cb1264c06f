/* hl_uninstall: an app's plugins, document and folder. */
#include "core/error.h"
#include "install/activation.h"
#include "install/change.h"
#include "install/notices.h"
#include "install/removal.h"
#include "install/report.h"
#include "install/servers.h"
#include "install/unloaded.h"

#define ACTION "uninstall"

/* The store knows nothing of the app any more: what cannot be deleted now is left to hl_gc. */
void hl__removal_retire(hl_runtime *runtime, const hl__apps_place *place, const hl__app *app, hl_install_report *report)
{
    report->step = HL_STEP_RETIRE;
    report->servers_len = hl__servers_len(runtime);
    report->unloaded = hl__version_unloaded(runtime, place, &app->active);
    if (hl__folder_remove(place->folder, app->name) != HL_OK)
        hl__log(runtime, HL_LOG_WARNING, "install", "%s; hl_gc will try again.", hl_last_error()->message);
    hl__notify_app(runtime, HL_NOTICE_UNINSTALLED, app->name, app->active.version);
    hl__log(runtime, HL_LOG_INFO, "install", "uninstalled %s %s", app->name, app->active.version);
}

static hl_status uninstall(hl__change *change)
{
    hl_status status = hl__apps_check_removal(&change->apps, change->app->name);

    if (status == HL_OK)
        status = hl__report_set(&change->course.report->version, change->app->active.version);
    if (status == HL_OK)
        status = hl__report_set(&change->course.report->before, change->app->active.version);
    change->course.report->plugins_len = hl__app_plugins_len(&change->app->active);
    if (status == HL_OK)
        status = hl__course_step(&change->course, HL_STEP_ACTIVATE);
    if (status == HL_OK)
        status = hl__apps_commit(&(hl__apps_change){.runtime = change->runtime,
                                                    .action = ACTION,
                                                    .removed = &change->app,
                                                    .removed_len = 1,
                                                    .flags = change->flags});
    if (status == HL_OK)
        hl__removal_retire(change->runtime, &change->place, change->app, change->course.report);
    return status;
}

hl_status hl_uninstall(hl_runtime *runtime, const char *app, unsigned flags, hl_install_report *report)
{
    return hl__change_run(runtime, &(hl__change_spec){ACTION, app, flags, HL_WAIT_COMPILED}, report, uninstall);
}
