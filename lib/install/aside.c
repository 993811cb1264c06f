/* Apps that are put aside: the documents in which starts that died are counted, and what follows from them. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/error.h"
#include "install/boot.h"
#include "install/change.h"
#include "install/journal.h"

/* ---- a document -------------------------------------------------------------------------------------------------- */

static void make_key(char out[HL__DOCUMENT_KEY_MAX + 1], const char *prefix, const char *app)
{
    snprintf(out, HL__DOCUMENT_KEY_MAX + 1, "%s%s", prefix, app);
}

/* What cannot be understood counts as no crash: a mistake here must not keep an app from running. */
static hl__crashes decode(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    json_int_t count = json_integer_value(json_object_get(value, "crashes"));
    hl__crashes crashes = {.count = count > 0 ? (uint64_t)count : 0,
                           .since = json_integer_value(json_object_get(value, "since")),
                           .aside = json_is_true(json_object_get(value, "aside"))};

    json_decref(value);
    return crashes;
}

static hl_status put(hl__documents *documents, const char *app, const hl__crashes *crashes)
{
    char key[HL__DOCUMENT_KEY_MAX + 1], text[128];

    make_key(key, HL__BOOT_KEY, app);
    snprintf(text, sizeof(text), "{\"aside\":%s,\"crashes\":%" PRIu64 ",\"since\":%" PRId64 "}",
             crashes->aside ? "true" : "false", crashes->count, crashes->since);
    return hl__documents_put(documents, key, text);
}

hl_status hl__crashes_read(hl_runtime *runtime, const char *app, hl__crashes *out)
{
    char key[HL__DOCUMENT_KEY_MAX + 1], *text = NULL;
    hl_status status;

    *out = (hl__crashes){0};
    make_key(key, HL__BOOT_KEY, app);
    status = hl__document_get(runtime, key, &text);
    if (status == HL_OK)
        *out = decode(text);
    free(text);
    return status == HL_ERR_NOT_FOUND ? HL_OK : status;
}

/* ---- counting ---------------------------------------------------------------------------------------------------- */

typedef struct counting {
    const char *name;
    hl__crashes crashes;
} counting;

static hl_status read_in_commit(hl__documents *documents, const char *name, hl__crashes *out)
{
    char key[HL__DOCUMENT_KEY_MAX + 1], *text = NULL;
    hl_status status;

    *out = (hl__crashes){0};
    make_key(key, HL__BOOT_KEY, name);
    status = hl__documents_get(documents, key, &text);
    if (status == HL_OK)
        *out = decode(text);
    free(text);
    return status == HL_ERR_NOT_FOUND ? HL_OK : status;
}

static hl_status read_app(hl__documents *documents, const char *name, hl__app *out)
{
    char key[HL__DOCUMENT_KEY_MAX + 1], *text = NULL;
    hl_status status;

    make_key(key, HL__APP_KEY, name);
    status = hl__documents_get(documents, key, &text);
    if (status == HL_OK)
        status = hl__app_decode(text, out);
    free(text);
    return status;
}

static hl_status add_entry(hl__documents *documents, const char *action, const char *name)
{
    hl__app app = {0};
    hl_status status = read_app(documents, name, &app);
    hl__journal_entry entry;

    if (status != HL_OK)
        return status;
    entry = (hl__journal_entry){.action = action,
                                .app = name,
                                .version = app.active.version,
                                .before = app.active.version,
                                .source = app.active.source,
                                .sha256 = app.active.sha256,
                                .key = app.active.key};
    status = hl__journal_add(documents, &entry, 1);
    hl__app_cleanup(&app);
    return status;
}

static hl_status count_crash(void *user, hl__documents *documents)
{
    counting *what = user;
    hl__crashes *crashes = &what->crashes;
    hl__app app = {0};
    hl_status status = read_app(documents, what->name, &app);
    bool was_aside;

    hl__app_cleanup(&app);
    if (status == HL_OK)
        status = read_in_commit(documents, what->name, crashes);
    if (status != HL_OK)
        return status;
    was_aside = crashes->aside;
    if (crashes->count++ == 0)
        crashes->since = (int64_t)time(NULL);
    crashes->aside = was_aside || crashes->count >= HL__CRASHES_MOST;
    status = put(documents, what->name, crashes);
    return status == HL_OK && crashes->aside && !was_aside ? add_entry(documents, "aside", what->name) : status;
}

hl_status hl__crashes_add(hl_runtime *runtime, const char *app, hl__crashes *out)
{
    counting what = {.name = app};
    hl_status status = hl__commit_documents(runtime, "aside", NULL, 0, count_crash, &what, 0, NULL);

    *out = what.crashes;
    return status;
}

/* ---- forgetting -------------------------------------------------------------------------------------------------- */

static hl_status forget_one(void *user, const char *key, const char *text)
{
    return decode(text).aside ? HL_OK : hl__documents_put(user, key, NULL);
}

static hl_status forget_all(void *user, hl__documents *documents)
{
    (void)user;
    return hl__documents_walk(documents, HL__BOOT_KEY, forget_one, documents);
}

static hl_status see(void *user, const char *key, const char *text)
{
    bool *any = user;

    (void)key;
    *any = *any || !decode(text).aside;
    return HL_OK;
}

hl_status hl__crashes_forget(hl_runtime *runtime)
{
    bool any = false;
    hl_status status = hl__document_walk(runtime, HL__BOOT_KEY, see, &any);

    if (status != HL_OK || !any)
        return status;
    return hl__commit_documents(runtime, "aside", NULL, 0, forget_all, NULL, 0, NULL);
}

/* ---- refusing ---------------------------------------------------------------------------------------------------- */

hl_status hl__crashes_refuse(const char *app, const hl__crashes *crashes)
{
    char since[64] = "";
    time_t time = (time_t)crashes->since;
    struct tm parts;

    if (gmtime_r(&time, &parts))
        strftime(since, sizeof(since), "%Y-%m-%d %H:%M:%S", &parts);
    return hl__fail(HL_ERR_LIBRARY, "load", "app",
                    "%" PRIu64 " starts in a row since %s UTC died while they were loading it, so it is aside. "
                    "`hookline retry %s` tries again; so does installing another version.",
                    crashes->count, since, app);
}

/* The name of the app that a path below STORE/apps/ belongs to. */
static bool name_of(hl_runtime *runtime, const char *path, char out[HL__APP_NAME_MAX + 1])
{
    char *apps = NULL;
    size_t len = 0;

    if (hl__apps_path(runtime, &apps) == HL_OK && strncmp(path, apps, strlen(apps)) == 0 && path[strlen(apps)] == '/') {
        path += strlen(apps) + 1;
        len = strcspn(path, "/");
    }
    free(apps);
    if (len == 0 || len > HL__APP_NAME_MAX)
        return false;
    memcpy(out, path, len);
    out[len] = '\0';
    return true;
}

hl_status hl__boot_may_load(hl_runtime *runtime, const char *library_path)
{
    char app[HL__APP_NAME_MAX + 1];
    hl__crashes crashes;

    if (!name_of(runtime, library_path, app) || hl__crashes_read(runtime, app, &crashes) != HL_OK || !crashes.aside)
        return HL_OK;
    return hl__crashes_refuse(app, &crashes);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static bool is_broken(hl__session *session, const hl__app *app, char *reason, size_t reason_len)
{
    bool broken = false;

    pthread_mutex_lock(&session->lock);
    for (const hl__unwell *row = session->unwell; row; row = row->next) {
        if (strcmp(row->app, app->name) != 0 || strcmp(row->folder, app->active.folder) != 0)
            continue;
        broken = true;
        snprintf(reason, reason_len, "%s", row->reason);
    }
    pthread_mutex_unlock(&session->lock);
    return broken;
}

hl_app_state hl__boot_state(hl_runtime *runtime, const hl__app *app, char *reason, size_t reason_len)
{
    hl__session *session = hl__session_of(runtime);
    hl__error_copy error;
    hl__crashes crashes;
    hl_app_state state = HL_APP_ACTIVE;

    hl__error_save(&error);
    reason[0] = '\0';
    if (hl__crashes_read(runtime, app->name, &crashes) == HL_OK && crashes.aside) {
        (void)!hl__crashes_refuse(app->name, &crashes);
        snprintf(reason, reason_len, "%s", hl_last_error()->message);
        state = HL_APP_ASIDE;
    } else if (session && is_broken(session, app, reason, reason_len)) {
        state = HL_APP_BROKEN;
    }
    (void)!hl__error_restore(&error);
    return state;
}

/* ---- hl_app_retry ------------------------------------------------------------------------------------------------ */

#define ACTION "retry"

static hl_status take_back(void *user, hl__documents *documents)
{
    const char *name = user;
    char key[HL__DOCUMENT_KEY_MAX + 1];
    hl__crashes crashes = {0};
    hl_status status = add_entry(documents, ACTION, name);

    if (status == HL_ERR_NOT_FOUND)
        return hl__fail(status, ACTION, "app", "No app %s is installed.", name);
    if (status == HL_OK)
        status = read_in_commit(documents, name, &crashes);
    if (status != HL_OK)
        return status;
    if (!crashes.aside)
        return hl__fail(HL_ERR_STATUS, ACTION, "app", "%s is not aside; there is nothing to try again.", name);
    make_key(key, HL__BOOT_KEY, name);
    return hl__documents_put(documents, key, NULL);
}

/* Here at once; other servers look within a second. */
static hl_status load_here(hl_runtime *runtime, const char *name)
{
    hl__session *session = hl__session_of(runtime);
    hl__apps apps = {0};
    const hl__app *app;
    hl_status status;

    if (!session)
        return HL_OK;
    status = hl__apps_read(runtime, &apps);
    app = hl__apps_find(&apps, name);
    if (status == HL_OK && app)
        status = hl__boot_load(session, app);
    hl__apps_free(&apps);
    return status;
}

hl_status hl_app_retry(hl_runtime *runtime, const char *app)
{
    hl_status status = hl__app_name_check(ACTION, "app", app);

    if (status == HL_OK)
        status = hl__check_may_change(runtime, ACTION);
    if (status == HL_OK)
        status = hl__commit_documents(runtime, ACTION, NULL, 0, take_back, (void *)(uintptr_t)app, 0, NULL);
    if (status == HL_OK) {
        hl__log(runtime, HL_LOG_INFO, "install", "%s is tried again", app);
        status = load_here(runtime, app);
    }
    return status == HL_OK ? HL_OK : hl__fail_as(ACTION);
}
