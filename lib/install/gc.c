/* hl_gc: deletes what no app needs: versions that cannot come back, what killed processes left, ended jobs. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/app.h"
#include "install/change.h"
#include "install/folder.h"
#include "install/installation.h"
#include "install/placing.h"
#include "install/queue.h"

#define ACTION "gc"
#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

typedef struct collection {
    hl_runtime *runtime;
    hl__apps_place place;
    hl__policy policy;
    hl__apps apps;
    hl_gc_report report;
} collection;

/* ---- versions that the policy does not keep ---------------------------------------------------------------------- */

static hl_status forget_before(void *user, hl__documents *documents)
{
    const hl__apps *apps = user;
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < apps->len; i++) {
        char key[HL__DOCUMENT_KEY_MAX + 1], *text = NULL;
        hl__app app = apps->rows[i];

        if (!app.before)
            continue;
        app.before = NULL;
        snprintf(key, sizeof(key), HL__APP_KEY "%s", app.name);
        status = hl__app_encode(&app, &text);
        if (status == HL_OK)
            status = hl__documents_put(documents, key, text);
        free(text);
    }
    return status;
}

static bool has_before(const hl__apps *apps)
{
    for (size_t i = 0; i < apps->len; i++) {
        if (apps->rows[i].before)
            return true;
    }
    return false;
}

/* The store forgets them first: a document never names a folder that is gone. */
static hl_status forget(collection *all)
{
    hl_status status;

    if (all->policy.keep > 0 || !has_before(&all->apps))
        return HL_OK;
    status = hl__commit_documents(all->runtime, ACTION, NULL, 0, forget_before, &all->apps, 0, NULL);
    if (status != HL_OK)
        return status;
    hl__apps_free(&all->apps);
    return hl__apps_read(all->runtime, &all->apps);
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

static bool delete (collection *all, int parent, const char *name)
{
    uint64_t bytes = hl__folder_bytes(parent, name);

    if (hl__folder_remove(parent, name) != HL_OK) {
        hl__log(all->runtime, HL_LOG_WARNING, "install", "%s", hl_last_error()->message);
        return false;
    }
    all->report.bytes += bytes;
    return true;
}

static bool is_folder_of(const hl__app_version *version, const char *name)
{
    const char *slash = version ? strrchr(version->folder, '/') : NULL;

    return slash && strcmp(slash + 1, name) == 0;
}

static bool is_needed(const hl__app *app, const char *name)
{
    return strcmp(name, HL__APP_DATA) == 0 || hl__is_package_of(&app->active, name) ||
           hl__is_package_of(app->before, name) || is_folder_of(&app->active, name) || is_folder_of(app->before, name);
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *open_entries(int parent, const char *name)
{
    int folder = openat(parent, name, OPEN_FOLDER);
    DIR *entries = folder < 0 ? NULL : fdopendir(folder);

    if (!entries && folder >= 0)
        close(folder);
    return entries;
}

static void collect_app(collection *all, const hl__app *app)
{
    DIR *entries = open_entries(all->place.folder, app->name);
    struct dirent *entry;

    while (entries && (entry = readdir(entries))) {
        const char *name = entry->d_name;

        if (is_dots(name) || is_needed(app, name) || !delete (all, dirfd(entries), name))
            continue;
        if (strstr(name, HL__PACKAGE_SUFFIX))
            continue;
        if (name[0] >= '0' && name[0] <= '9')
            all->report.versions_len++;
        else
            all->report.leftovers_len++;
    }
    if (entries)
        closedir(entries);
}

static void collect_all(collection *all)
{
    DIR *entries = open_entries(all->place.folder, ".");
    struct dirent *entry;

    while (entries && (entry = readdir(entries))) {
        const hl__app *app = hl__apps_find(&all->apps, entry->d_name);

        if (app)
            collect_app(all, app);
        else if (!is_dots(entry->d_name) && !hl__apps_name_is_own(entry->d_name) &&
                 delete (all, all->place.folder, entry->d_name))
            all->report.leftovers_len++;
    }
    if (entries)
        closedir(entries);
    hl__staging_sweep(&all->place, &all->report.leftovers_len, &all->report.bytes);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static hl_status collect(collection *all)
{
    hl_status status = hl__apps_place_open(all->runtime, &all->place);

    if (status == HL_OK)
        status = hl__policy_load(all->place.store, &all->policy);
    if (status == HL_OK)
        status = hl__apps_place_lock(&all->place, HL__APPS_LOCK_MS);
    if (status == HL_OK)
        status = hl__apps_read_locked(all->runtime, &all->apps);
    if (status == HL_OK)
        status = forget(all);
    if (status == HL_OK)
        collect_all(all);
    return status == HL_OK ? hl__jobs_forget_ended(all->runtime) : status;
}

hl_status hl_gc(hl_runtime *runtime, hl_gc_report *report)
{
    collection all = {.runtime = runtime, .place = {.folder = -1, .lock = -1}};
    hl_status status = HL_OK;

    if (report && report->size < sizeof(*report))
        status = hl__fail(HL_ERR_STRUCT_SIZE, ACTION, "report", "Set the report's size to sizeof(hl_gc_report).");
    if (status == HL_OK)
        status = hl__check_may_change(runtime, ACTION);
    if (status != HL_OK)
        return status;
    status = collect(&all);
    hl__apps_free(&all.apps);
    hl__policy_cleanup(&all.policy);
    hl__apps_place_close(&all.place);
    if (report) {
        all.report.size = report->size;
        *report = all.report;
    }
    return status == HL_OK ? HL_OK : hl__fail_as(ACTION);
}
