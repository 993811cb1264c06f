/* hl_installed: what is installed, as people and programs ask for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/app.h"
#include "install/boot.h"

#define ACTION "installed"

typedef bool info_fn(const hl_app_info *, void *user);

/* One app's info; the lists are made for the callback's time. */
typedef struct row {
    hl_app_info info;
    char **requires; /* NULL-terminated */
    char reason[1024];
} row;

static char **make_requires(const hl__app_version *version)
{
    char **texts = calloc(version->needs_len + 1, sizeof(*texts));

    for (size_t i = 0; texts && i < version->needs_len; i++) {
        if (asprintf(&texts[i], "%s %s", version->needs[i].app, version->needs[i].range) < 0)
            texts[i] = NULL;
    }
    return texts;
}

static void free_requires(char **texts, size_t len)
{
    for (size_t i = 0; texts && i < len; i++)
        free(texts[i]);
    free(texts);
}

static size_t count_plugins(const hl__app_version *version)
{
    size_t len = 0;

    for (size_t i = 0; i < version->libraries_len; i++)
        len += version->libraries[i].plugins_len;
    return len;
}

static void fill(hl_runtime *runtime, const hl__app *app, const char *folder, row *out)
{
    const hl__app_version *active = &app->active;

    out->info = (hl_app_info){.size = sizeof(hl_app_info),
                              .app = app->name,
                              .version = active->version,
                              .before = app->before ? app->before->version : "",
                              .folder = folder,
                              .source = active->source,
                              .sha256 = active->sha256,
                              .key = active->key,
                              .requires_apps = (const char *const *)out->requires,
                              .capabilities = (const char *const *)active->capabilities,
                              .plugins_len = count_plugins(active),
                              .installed_at = active->installed_at,
                              .reason = out->reason};
    out->info.state = hl__boot_state(runtime, app, out->reason, sizeof(out->reason));
}

static hl_status show(hl_runtime *runtime, const char *apps_path, const hl__app *app, info_fn *callback, void *user,
                      bool *more)
{
    row shown = {.requires = make_requires(&app->active)};
    char *folder = NULL;
    hl_status status = HL_OK;

    if (!shown.requires || asprintf(&folder, "%s/%s", apps_path, app->active.folder) < 0) {
        status = hl__fail_memory(ACTION);
    } else {
        fill(runtime, app, folder, &shown);
        *more = callback(&shown.info, user);
    }
    free(folder);
    free_requires(shown.requires, app->active.needs_len);
    return status;
}

hl_status hl_installed(hl_runtime *runtime, bool (*callback)(const hl_app_info *, void *user), void *user)
{
    hl__apps apps = {0};
    char *path = NULL;
    bool more = true;
    hl_status status;

    if (!callback)
        return hl__fail(HL_ERR_INVALID, ACTION, "callback", "The callback is NULL; give a function.");
    status = hl__apps_read(runtime, &apps);
    if (status == HL_OK && apps.len > 0)
        status = hl__apps_path(runtime, &path);
    for (size_t i = 0; status == HL_OK && more && i < apps.len; i++)
        status = show(runtime, path, &apps.rows[i], callback, user, &more);
    free(path);
    hl__apps_free(&apps);
    return status == HL_OK ? HL_OK : hl__fail_as(ACTION);
}
