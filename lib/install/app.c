/* Installed apps in memory: freeing them, finding them, and the order in which they depend on each other. */
#include "install/app.h"

#include <stdlib.h>
#include <string.h>

/* ---- freeing ----------------------------------------------------------------------------------------------------- */

static void free_libraries(hl__app_library *libraries, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        free(libraries[i].file);
        hl__manifest_names_free(libraries[i].isolation, libraries[i].isolation ? libraries[i].plugins_len : 0);
        hl__manifest_names_free(libraries[i].plugins, libraries[i].plugins_len);
    }
    free(libraries);
}

static char *copy_of(const char *text)
{
    return strdup(text ? text : "");
}

void hl__origin_cleanup(hl__origin *origin)
{
    free(origin->location);
    free(origin->tag);
    free(origin->asset);
    free(origin->answered);
    *origin = (hl__origin){0};
}

bool hl__origin_set(hl__origin *origin, hl_source_type type, const char *location, const char *tag, const char *asset)
{
    hl__origin made = {type, copy_of(location), copy_of(tag), copy_of(asset), copy_of(NULL)};

    hl__origin_cleanup(origin);
    *origin = made;
    return made.location && made.tag && made.asset && made.answered;
}

bool hl__origin_set_answered(hl__origin *origin, const char *answered)
{
    char *copy = copy_of(answered);

    if (!copy)
        return false;
    free(origin->answered);
    origin->answered = copy;
    return true;
}

void hl__app_version_cleanup(hl__app_version *version)
{
    hl__origin_cleanup(&version->origin);
    free(version->version);
    free(version->folder);
    free(version->source);
    free(version->sha256);
    free(version->key);
    hl__manifest_needs_free(version->needs, version->needs_len);
    hl__manifest_needs_free(version->conflicts, version->conflicts_len);
    hl__manifest_names_free(version->capabilities, version->capabilities_len);
    free_libraries(version->libraries, version->libraries_len);
    hl__package_files_free(&version->files);
    memset(version, 0, sizeof(*version));
}

const char *hl__app_isolation(const hl__app_library *library, const char *plugin)
{
    for (size_t i = 0; library->isolation && i < library->plugins_len; i++) {
        if (strcmp(library->plugins[i], plugin) == 0)
            return library->isolation[i];
    }
    return "";
}

size_t hl__app_plugins_len(const hl__app_version *version)
{
    size_t len = 0;

    for (size_t i = 0; i < version->libraries_len; i++)
        len += version->libraries[i].plugins_len;
    return len;
}

bool hl__app_has_plugin(const hl__app_version *version, const char *name)
{
    for (size_t i = 0; i < version->libraries_len; i++) {
        for (size_t j = 0; j < version->libraries[i].plugins_len; j++) {
            if (strcmp(version->libraries[i].plugins[j], name) == 0)
                return true;
        }
    }
    return false;
}

void hl__app_cleanup(hl__app *app)
{
    free(app->name);
    hl__app_version_cleanup(&app->active);
    if (app->before)
        hl__app_version_cleanup(app->before);
    free(app->before);
    memset(app, 0, sizeof(*app));
}

void hl__apps_free(hl__apps *apps)
{
    for (size_t i = 0; i < apps->len; i++)
        hl__app_cleanup(&apps->rows[i]);
    free(apps->rows);
    memset(apps, 0, sizeof(*apps));
}

/* ---- sources ----------------------------------------------------------------------------------------------------- */

static const char *const source_words[] = {"", "path", "url", "github_tag", "github_latest"};

const char *hl__source_word(hl_source_type type)
{
    return source_words[type];
}

hl_source_type hl__source_of_word(const char *word)
{
    for (int i = HL_SOURCE_PATH; word && i <= HL_SOURCE_GITHUB_LATEST; i++) {
        if (strcmp(source_words[i], word) == 0)
            return (hl_source_type)i;
    }
    return (hl_source_type)0;
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

const hl__app *hl__apps_find(const hl__apps *apps, const char *name)
{
    for (size_t i = 0; i < apps->len; i++) {
        if (strcmp(apps->rows[i].name, name) == 0)
            return &apps->rows[i];
    }
    return NULL;
}

/* ---- order (X-027) ----------------------------------------------------------------------------------------------- */

static bool is_placed(const hl__app *const *order, size_t len, const hl__app *app)
{
    for (size_t i = 0; i < len; i++) {
        if (order[i] == app)
            return true;
    }
    return false;
}

/* Whether everything installed that the app needs is in its place before it. */
static bool is_ready(const hl__apps *apps, const hl__app *const *order, size_t len, const hl__app *app)
{
    for (size_t i = 0; i < app->active.needs_len; i++) {
        const hl__app *needed = hl__apps_find(apps, app->active.needs[i].app);

        if (needed && needed != app && !is_placed(order, len, needed))
            return false;
    }
    return true;
}

/* The first by name that is ready; in a circle the first that is left. */
static const hl__app *next_app(const hl__apps *apps, const hl__app *const *order, size_t len)
{
    const hl__app *left = NULL;

    for (size_t i = 0; i < apps->len; i++) {
        const hl__app *app = &apps->rows[i];

        if (is_placed(order, len, app))
            continue;
        if (is_ready(apps, order, len, app))
            return app;
        if (!left)
            left = app;
    }
    return left;
}

void hl__apps_order(const hl__apps *apps, const hl__app **order)
{
    for (size_t len = 0; len < apps->len; len++)
        order[len] = next_app(apps, order, len);
}
