/* hl_uninstall: an app's plugins, document and folder. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/change.h"
#include "install/journal.h"
#include "install/notices.h"
#include "install/removal.h"
#include "install/report.h"
#include "install/unloaded.h"

#define ACTION "uninstall"
#define TRIES 8

/* ---- the commit ----------------------------------------------------------------------------------------------------- */

static hl__journal_entry entry_of(const hl__app *app)
{
    return (hl__journal_entry){.action = ACTION,
                               .app = app->name,
                               .version = app->active.version,
                               .before = app->active.version,
                               .source = app->active.source,
                               .sha256 = app->active.sha256,
                               .key = app->active.key};
}

static hl_status remove_documents(void *user, hl__documents *documents)
{
    const hl__app *app = user;
    hl__journal_entry entry = entry_of(app);
    hl_status status = hl__app_put(documents, app->name, NULL);

    return status == HL_OK ? hl__journal_add(documents, &entry) : status;
}

static size_t make_removals(hl_runtime *runtime, const hl__app *app, hl__request *rows)
{
    size_t len = 0;

    for (size_t i = 0; i < app->active.libraries_len; i++) {
        const hl__app_library *library = &app->active.libraries[i];

        for (size_t j = 0; j < library->plugins_len; j++) {
            if (hl__app_owns_plugin(runtime, app->name, library->plugins[j]))
                rows[len++] = hl__request_removal(library->plugins[j]);
        }
    }
    return len;
}

static size_t count_plugins(const hl__app_version *version)
{
    size_t len = 0;

    for (size_t i = 0; i < version->libraries_len; i++)
        len += version->libraries[i].plugins_len;
    return len;
}

static hl_status commit_once(hl_runtime *runtime, const hl__app *app, unsigned flags, bool *again)
{
    hl__request *rows = calloc(count_plugins(&app->active) + 1, sizeof(*rows));
    size_t len, failed;
    hl_status status;

    if (!rows)
        return hl__fail_memory(ACTION);
    len = failed = make_removals(runtime, app, rows);
    status = hl__commit_documents(runtime, ACTION, rows, len, remove_documents, (void *)app, flags, &failed);
    *again = status == HL_ERR_NOT_FOUND && failed < len;
    free(rows);
    return status;
}

/* A plugin that somebody unregisters at this very moment is left out in the next try. */
static hl_status commit(hl_runtime *runtime, const hl__app *app, unsigned flags)
{
    hl_status status = HL_OK;
    bool again = true;

    for (int tries = 0; again && tries < TRIES; tries++)
        status = commit_once(runtime, app, flags, &again);
    return status;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

/* The store knows nothing of the app any more: what cannot be deleted now is left to hl_gc. */
static void retire(hl__change *change)
{
    hl_runtime *runtime = change->runtime;
    const hl__app *app = change->app;

    hl__course_step(&change->course, HL_STEP_RETIRE);
    change->course.report->unloaded = hl__version_unloaded(runtime, &change->place, &app->active);
    if (hl__folder_remove(change->place.folder, app->name) != HL_OK)
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
    change->course.report->plugins_len = count_plugins(&change->app->active);
    if (status == HL_OK)
        status = hl__course_step(&change->course, HL_STEP_ACTIVATE);
    if (status == HL_OK)
        status = commit(change->runtime, change->app, change->flags);
    if (status == HL_OK)
        retire(change);
    return status;
}

hl_status hl_uninstall(hl_runtime *runtime, const char *app, unsigned flags, hl_install_report *report)
{
    return hl__change_run(runtime, &(hl__change_spec){ACTION, app, flags, HL_WAIT_COMPILED}, report, uninstall);
}
