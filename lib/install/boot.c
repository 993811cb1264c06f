/* Loading what is installed as a runtime opens. A process that dies over an app leaves its guard's file, which the next
 * one counts. See boot.h and guard.h. */
#include "install/boot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/guard.h"

typedef struct replay {
    hl__session *session;
    hl_runtime *runtime;
    hl__apps apps;
    hl__apps_place place;
    hl__guard guard;
} replay;

/* ---- one app ----------------------------------------------------------------------------------------------------- */

static hl_status load_library(replay *all, const hl__app *app, const hl__app_library *library)
{
    char *path = hl__app_library_path(&all->place, &app->active, library), stamp[HL__SHA256_TEXT + 8];
    hl_status status;

    if (!path)
        return hl__fail_memory("load");
    snprintf(stamp, sizeof(stamp), HL__CONTENT_STAMP "%s", library->sha256);
    status = hl__load_library(all->runtime, path, stamp);
    free(path);
    return status;
}

/* Every library, also after one that failed: the more of an app runs, the better. The first failure counts. */
static hl_status load_libraries(replay *all, const hl__app *app)
{
    hl_status first = HL_OK;
    hl__error_copy error;

    hl__guard_enter(&all->guard, app->name);
    for (size_t i = 0; i < app->active.libraries_len; i++) {
        if (load_library(all, app, &app->active.libraries[i]) == HL_OK || first != HL_OK)
            continue;
        hl__error_save(&error);
        first = error.status;
    }
    hl__guard_enter(&all->guard, "");
    return first == HL_OK ? HL_OK : hl__error_restore(&error);
}

static hl_status load_app(replay *all, const hl__app *app)
{
    hl__crashes crashes = {0};
    hl_status status = hl__crashes_read(all->runtime, app->name, &crashes);

    if (status == HL_OK)
        status = crashes.aside ? hl__crashes_refuse(app->name, &crashes) : load_libraries(all, app);
    if (status == HL_OK)
        hl__unwell_forget(all->session, app->name);
    else
        hl__unwell_note(all->session, app, crashes.aside);
    return status;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static void count_crash(void *user, const char *app)
{
    replay *all = user;
    hl__crashes crashes;
    hl_status status = hl__crashes_add(all->runtime, app, &crashes);

    if (status == HL_OK)
        hl__log(all->runtime, HL_LOG_WARNING, "install", "a process died while it was loading %s", app);
    else if (status != HL_ERR_NOT_FOUND)
        hl__log(all->runtime, HL_LOG_ERROR, "install", "a crash over %s is not counted: %s", app,
                hl_last_error()->message);
}

static void begin_guard(replay *all)
{
    if (hl__apps_place_open(all->runtime, &all->place) != HL_OK || hl__guard_open(&all->place, &all->guard) != HL_OK)
        hl__log(all->runtime, HL_LOG_WARNING, "install", "starts are not guarded: %s", hl_last_error()->message);
}

/* A runtime that must not write guards and counts nothing; what others have put aside it leaves aside too. */
static hl_status begin(replay *all, hl__session *session)
{
    *all = (replay){.session = session,
                    .runtime = session->runtime,
                    .place = {.folder = -1, .lock = -1},
                    .guard = HL__GUARD_INIT};
    if (!(all->runtime->options.flags & HL_OPEN_READ_ONLY))
        begin_guard(all);
    return all->place.path ? HL_OK : hl__apps_path(all->runtime, &all->place.path);
}

static void end(replay *all)
{
    hl__guard_close(&all->guard);
    hl__apps_place_close(&all->place);
    hl__apps_free(&all->apps);
}

static void load_all(replay *all)
{
    const hl__app **order = calloc(all->apps.len, sizeof(*order));

    if (!order) {
        hl__log(all->runtime, HL_LOG_ERROR, "install", "no memory to load what is installed");
        return;
    }
    hl__apps_order(&all->apps, order);
    for (size_t i = 0; i < all->apps.len; i++)
        (void)!load_app(all, order[i]); /* how it went is noted */
    free(order);
}

static void replay_apps(hl__session *session, hl__apps *apps)
{
    replay all;
    hl_status status = begin(&all, session);
    bool guarded = all.guard.file >= 0;

    all.apps = *apps;
    *apps = (hl__apps){0};
    if (guarded)
        hl__guard_collect(&all.guard, count_crash, &all);
    if (status == HL_OK)
        load_all(&all);
    if (status == HL_OK && guarded)
        status = hl__crashes_forget(session->runtime);
    if (status != HL_OK)
        hl__log(session->runtime, HL_LOG_ERROR, "install", "%s", hl_last_error()->message);
    end(&all);
}

void hl__boot_replay(hl__session *session)
{
    hl__error_copy error;
    hl__apps apps = {0};

    hl__error_save(&error);
    if (hl__apps_read(session->runtime, &apps) != HL_OK)
        hl__log(session->runtime, HL_LOG_ERROR, "install", "what is installed is not loaded: %s",
                hl_last_error()->message);
    else if (apps.len > 0)
        replay_apps(session, &apps);
    hl__apps_free(&apps);
    (void)!hl__error_restore(&error);
}

hl_status hl__boot_load(hl__session *session, const hl__app *app)
{
    replay one;
    hl_status status = begin(&one, session);

    if (status == HL_OK)
        status = load_app(&one, app);
    end(&one);
    return status;
}

/* ---- while the runtime is open ----------------------------------------------------------------------------------- */

static bool has_aside(hl__session *session)
{
    bool found = false;

    pthread_mutex_lock(&session->lock);
    for (const hl__unwell *row = session->unwell; row; row = row->next)
        found = found || row->aside;
    pthread_mutex_unlock(&session->lock);
    return found;
}

static bool is_noted_aside(hl__session *session, const hl__app *app)
{
    bool found = false;

    pthread_mutex_lock(&session->lock);
    for (const hl__unwell *row = session->unwell; row; row = row->next)
        found = found || (row->aside && strcmp(row->app, app->name) == 0);
    pthread_mutex_unlock(&session->lock);
    return found;
}

/* A new version's code comes by the store's own ways; the same version's has to be asked for. */
static void look_at(hl__session *session, const hl__app *app)
{
    hl__crashes crashes;

    if (is_noted_aside(session, app) && hl__crashes_read(session->runtime, app->name, &crashes) == HL_OK &&
        !crashes.aside && hl__boot_load(session, app) == HL_OK)
        hl__log(session->runtime, HL_LOG_INFO, "install", "%s %s runs again", app->name, app->active.version);
}

void hl__boot_look(hl__session *session)
{
    hl__apps apps = {0};

    if (!has_aside(session) || hl__apps_read(session->runtime, &apps) != HL_OK)
        return;
    for (size_t i = 0; i < apps.len; i++)
        look_at(session, &apps.rows[i]);
    hl__apps_free(&apps);
}

static void tell(hl_runtime *runtime, const hl__unwell *row)
{
    hl_notice notice = {.kind = HL_NOTICE_INSTALL_FAILED, .event = "", .status = row->status, .reason = row->reason};

    if (hl__lock(runtime, "notify") != HL_OK)
        return;
    hl__notify(runtime, &notice, NULL);
    hl__unlock(runtime);
}

/* Nobody can have subscribed before hl_open returned. */
void hl__boot_tell(hl__session *session)
{
    if (!hl__notices_wanted(session->runtime))
        return;
    pthread_mutex_lock(&session->lock);
    for (hl__unwell *row = session->unwell; row; row = row->next) {
        if (!row->told)
            tell(session->runtime, row);
        row->told = true;
    }
    pthread_mutex_unlock(&session->lock);
}
