/* The libraries of a version that is to become active, as files: read, checked against the manifest, the runtime and
 * the other apps, then tried in a throw-away process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/validate.h"
#include "core/verbs.h"
#include "install/activation.h"

#define STAMP "sha256:"

/* ---- what a candidate is ----------------------------------------------------------------------------------------- */

static bool shares_plugin(const hl__app_library *a, const hl__app_library *b)
{
    for (size_t i = 0; i < a->plugins_len; i++) {
        for (size_t j = 0; j < b->plugins_len; j++) {
            if (strcmp(a->plugins[i], b->plugins[j]) == 0)
                return true;
        }
    }
    return false;
}

/* The old version's library of the same file name, else the one that has a plugin in common. */
static const hl__app_library *find_replaced(const hl__app *old, const hl__app_library *library)
{
    const hl__app_version *version = old ? &old->active : NULL;

    for (size_t i = 0; version && i < version->libraries_len; i++) {
        if (strcmp(version->libraries[i].file, library->file) == 0)
            return &version->libraries[i];
    }
    for (size_t i = 0; version && i < version->libraries_len; i++) {
        if (shares_plugin(&version->libraries[i], library))
            return &version->libraries[i];
    }
    return NULL;
}

static char *stamp_of(const hl__app_library *library)
{
    char *stamp = NULL;

    return asprintf(&stamp, STAMP "%s", library->sha256) < 0 ? NULL : stamp;
}

static hl_status name_candidate(const hl__activation *a, const hl__app_library *library, hl__candidate *row)
{
    const hl__app_library *replaced = find_replaced(a->old, library);

    row->library = library;
    row->path = hl__app_library_path(a->place, a->version, library);
    row->stamp = stamp_of(library);
    row->replaces_path = replaced ? hl__app_library_path(a->place, &a->old->active, replaced) : strdup("");
    row->replaces_stamp = replaced ? stamp_of(replaced) : strdup("");
    if (row->path && row->stamp && row->replaces_path && row->replaces_stamp)
        return HL_OK;
    return hl__fail_memory(a->course->action);
}

static hl_status read_candidate(const char *folder, const hl__app_library *library, hl__candidate *row)
{
    char *path = NULL;
    hl_status status;

    if (asprintf(&path, "%s/%s", folder, library->file) < 0)
        return hl__fail_memory("read library");
    status = hl__library_read(path, &row->file);
    free(path);
    return status;
}

/* ---- the manifest and the library say the same ------------------------------------------------------------------- */

static bool has_spec(const hl_library_info *info, const char *name)
{
    for (size_t i = 0; i < info->specs_len; i++) {
        if (strcmp(info->specs[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool is_listed(const hl__app_library *library, const char *name)
{
    for (size_t i = 0; i < library->plugins_len; i++) {
        if (strcmp(library->plugins[i], name) == 0)
            return true;
    }
    return false;
}

static hl_status check_lists(const hl__activation *a, const hl__app_library *library, const hl_library_info *info)
{
    if (info->specs_len == 0)
        return hl__fail(HL_ERR_INVALID, a->course->action, "specs", "The library %s has no plugins.", library->file);
    for (size_t i = 0; i < library->plugins_len; i++) {
        if (!has_spec(info, library->plugins[i]))
            return hl__fail(HL_ERR_MANIFEST, a->course->action, "plugins",
                            "The manifest names plugin \"%s\", which %s does not have.", library->plugins[i],
                            library->file);
    }
    for (size_t i = 0; i < info->specs_len; i++) {
        if (!is_listed(library, info->specs[i].name))
            return hl__fail(HL_ERR_MANIFEST, a->course->action, "plugins",
                            "%s has plugin \"%s\", which the manifest does not name.", library->file,
                            info->specs[i].name);
    }
    return HL_OK;
}

/* ---- plugins ----------------------------------------------------------------------------------------------------- */

/* A spec read from a file has no functions. */
static hl_reply stand_in(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_next(state);
}

static hl_status check_spec(const hl__activation *a, const hl_plugin_spec *read)
{
    hl_plugin_spec spec = *read, checked;
    hl_status status;

    spec.call = stand_in;
    spec.extension = a->app;
    status = hl__check_spec(a->course->action, &spec, &checked);
    return status == HL_OK ? hl__check_contract_of(a->runtime, a->course->action, &checked) : status;
}

/* A name belongs to whoever registered it: the app itself, another app, or the program. */
static hl_status check_owner(const hl__activation *a, const char *name)
{
    hl_plugin_info info;
    hl_status status = hl_plugin_get(a->runtime, name, &info);

    if (status == HL_ERR_NOT_FOUND)
        return HL_OK;
    if (status == HL_OK && strcmp(info.extension, a->app) != 0)
        status = hl__fail(HL_ERR_CONFLICTS, a->course->action, "plugins",
                          "Plugin \"%s\" belongs to %s already; one of the two has to be renamed or removed.", name,
                          info.extension);
    hl_plugin_info_cleanup(&info);
    return status;
}

static hl_status check_once(const hl__activation *a, size_t library, const char *name)
{
    for (size_t i = 0; i < library; i++) {
        if (is_listed(&a->version->libraries[i], name))
            return hl__fail(HL_ERR_MANIFEST, a->course->action, "plugins",
                            "Plugin \"%s\" is in two libraries of the package.", name);
    }
    return HL_OK;
}

static hl_status check_plugins(const hl__activation *a, size_t library, const hl_library_info *info)
{
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < info->specs_len; i++) {
        status = check_spec(a, &info->specs[i]);
        if (status == HL_OK)
            status = check_once(a, library, info->specs[i].name);
        if (status == HL_OK)
            status = check_owner(a, info->specs[i].name);
    }
    return status;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static hl_status read_row(hl__activation *a, size_t i, const char *folder)
{
    const hl__app_library *library = &a->version->libraries[i];
    hl__candidate *row = &a->rows[a->len++];
    hl_status status = name_candidate(a, library, row);

    if (status == HL_OK)
        status = read_candidate(folder, library, row);
    if (status == HL_OK)
        status = hl__library_check_needed(row->file);
    if (status == HL_OK)
        status = hl__library_check_unload(row->file);
    if (status == HL_OK)
        status = check_lists(a, library, hl__library_info(row->file));
    if (status == HL_OK)
        status = check_plugins(a, i, hl__library_info(row->file));
    return status == HL_OK ? hl__activation_isolate(a, row) : status;
}

hl_status hl__activation_read(hl__activation *a, const char *folder)
{
    hl_status status = hl__course_step(a->course, HL_STEP_CHECK);

    if (status != HL_OK)
        return status;
    a->rows = calloc(a->version->libraries_len + 1, sizeof(*a->rows));
    if (!a->rows)
        return hl__fail_memory(a->course->action);
    for (size_t i = 0; status == HL_OK && i < a->version->libraries_len; i++) {
        status = read_row(a, i, folder);
        if (status == HL_OK)
            a->course->report->plugins_len += hl__library_info(a->rows[i].file)->specs_len;
    }
    return status;
}

hl_status hl__activation_probe(hl__activation *a)
{
    hl_status status = hl__course_step(a->course, HL_STEP_PROBE);

    for (size_t i = 0; status == HL_OK && i < a->len; i++)
        status = hl__library_probe(a->rows[i].file);
    return status;
}

void hl__activation_cleanup(hl__activation *a)
{
    for (size_t i = 0; i < a->len; i++) {
        hl__library_file_free(a->rows[i].file);
        free(a->rows[i].path);
        free(a->rows[i].stamp);
        free(a->rows[i].replaces_path);
        free(a->rows[i].replaces_stamp);
    }
    free(a->rows);
    free(a->prepared);
    a->rows = NULL;
    a->prepared = NULL;
    a->prepared_len = 0;
    a->len = 0;
}
