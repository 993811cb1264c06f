/* Lockfiles: writing, reading and asking them; see lockfile.h. */
#include "install/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/json_text.h"
#include "install/outfile.h"

#define ACTION "lockfile"
#define FORMAT 1
#define BYTES_MAX ((size_t)16 << 20)

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static json_t *encode_needs(const hl__app_version *version, bool optional)
{
    json_t *value = json_object();

    for (size_t i = 0; i < version->needs_len; i++) {
        if (version->needs[i].optional == optional)
            hl__json_put_text(value, version->needs[i].app, version->needs[i].range);
    }
    return value;
}

static json_t *encode_app(const hl__app *app)
{
    const hl__app_version *version = &app->active;
    json_t *value = json_object();

    hl__json_put_text(value, "app", app->name);
    hl__json_put_text(value, "version", version->version);
    hl__json_put_text(value, "type", hl__source_word(version->origin.type));
    hl__json_put_text(value, "source", version->origin.location);
    hl__json_put_text(value, "tag", version->origin.tag);
    hl__json_put_text(value, "asset", version->origin.asset);
    if (version->origin.answered[0])
        hl__json_put_text(value, "answered", version->origin.answered);
    hl__json_put_text(value, "sha256", version->sha256);
    hl__json_put_text(value, "key", version->key);
    json_object_set_new(value, "requires", encode_needs(version, false));
    json_object_set_new(value, "optional", encode_needs(version, true));
    return value;
}

/* One that lacks what found no memory cannot be read back. */
static hl_status check_whole(const char *text)
{
    hl__apps apps = {0};
    hl_status status = hl__lockfile_decode(text, strlen(text), &apps);

    hl__apps_free(&apps);
    return status;
}

hl_status hl__lockfile_encode(const hl__apps *apps, char **text)
{
    json_t *value = json_object(), *rows = json_array();
    char *dumped;
    int len;

    for (size_t i = 0; i < apps->len; i++)
        json_array_append_new(rows, encode_app(&apps->rows[i]));
    json_object_set_new(value, "lockfile", json_integer(FORMAT));
    json_object_set_new(value, "apps", rows);
    dumped = value ? json_dumps(value, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    json_decref(value);
    len = dumped ? asprintf(text, "%s\n", dumped) : -1;
    free(dumped);
    if (len < 0)
        *text = NULL;
    return len < 0 ? hl__fail_memory(ACTION) : check_whole(*text);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static hl_status refuse(const char *field, size_t row)
{
    return hl__fail(HL_ERR_LOCKFILE, ACTION, field,
                    "Field \"%s\" of app number %zu is missing or wrong; write the lockfile anew with `hookline lock`.",
                    field, row + 1);
}

static bool take_text(const json_t *object, const char *key, char **out)
{
    const char *text = json_string_value(json_object_get(object, key));

    *out = text ? strdup(text) : NULL;
    return *out != NULL;
}

static bool take_needs(const json_t *object, const char *key, bool optional, hl__app_version *out)
{
    json_t *needs = json_object_get(object, key);
    size_t room = out->needs_len + json_object_size(needs) + 1;
    hl__manifest_need *rows = json_is_object(needs) ? realloc(out->needs, room * sizeof(*rows)) : NULL;
    const char *app;
    json_t *range;

    if (!rows)
        return false;
    out->needs = rows;
    json_object_foreach (needs, app, range) {
        hl__manifest_need *need = &rows[out->needs_len++];

        *need = (hl__manifest_need){.app = strdup(app), .optional = optional};
        need->range = json_is_string(range) ? strdup(json_string_value(range)) : NULL;
        if (!need->app || !need->range)
            return false;
    }
    return true;
}

static hl_status take_origin(const json_t *value, size_t row, hl__origin *out)
{
    out->type = hl__source_of_word(json_string_value(json_object_get(value, "type")));
    if (!out->type)
        return refuse("type", row);
    if (!take_text(value, "source", &out->location))
        return refuse("source", row);
    if (!take_text(value, "tag", &out->tag))
        return refuse("tag", row);
    if (!take_text(value, "asset", &out->asset))
        return refuse("asset", row);
    return hl__origin_set_answered(out, json_string_value(json_object_get(value, "answered")))
               ? HL_OK
               : hl__fail_memory(ACTION);
}

static hl_status take_package(const json_t *value, size_t row, hl__app *out)
{
    hl__version version;

    if (!take_text(value, "app", &out->name) || hl__app_name_check(ACTION, "app", out->name) != HL_OK)
        return refuse("app", row);
    if (!take_text(value, "version", &out->active.version) || !hl__version_read(out->active.version, &version))
        return refuse("version", row);
    if (!take_text(value, "sha256", &out->active.sha256) || !hl__digest_is_text(out->active.sha256))
        return refuse("sha256", row);
    return take_text(value, "key", &out->active.key) ? HL_OK : refuse("key", row);
}

static hl_status take_app(const json_t *value, size_t row, hl__app *out)
{
    hl_status status = take_package(value, row, out);

    if (status == HL_OK)
        status = take_origin(value, row, &out->active.origin);
    if (status == HL_OK && !take_needs(value, "requires", false, &out->active))
        status = refuse("requires", row);
    if (status == HL_OK && !take_needs(value, "optional", true, &out->active))
        status = refuse("optional", row);
    return status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const hl__app *)a)->name, ((const hl__app *)b)->name);
}

static hl_status check_once(const hl__apps *apps)
{
    for (size_t i = 1; i < apps->len; i++) {
        if (strcmp(apps->rows[i - 1].name, apps->rows[i].name) == 0)
            return hl__fail(HL_ERR_LOCKFILE, ACTION, "app", "The lockfile names app %s twice.", apps->rows[i].name);
    }
    return HL_OK;
}

static hl_status take_apps(const json_t *value, hl__apps *out)
{
    const json_t *rows = json_object_get(value, "apps");
    hl_status status = HL_OK;

    if (json_integer_value(json_object_get(value, "lockfile")) != FORMAT)
        return hl__fail(HL_ERR_LOCKFILE, ACTION, "lockfile",
                        "This is no lockfile that this version of Hookline can read: \"lockfile\" is not %d.", FORMAT);
    if (!json_is_array(rows))
        return hl__fail(HL_ERR_LOCKFILE, ACTION, "apps", "The lockfile has no list \"apps\".");
    out->rows = calloc(json_array_size(rows) + 1, sizeof(*out->rows));
    if (!out->rows)
        return hl__fail_memory(ACTION);
    while (status == HL_OK && out->len < json_array_size(rows)) {
        size_t row = out->len++;

        status = take_app(json_array_get(rows, row), row, &out->rows[row]);
    }
    if (status != HL_OK)
        return status;
    qsort(out->rows, out->len, sizeof(*out->rows), by_name);
    return check_once(out);
}

hl_status hl__lockfile_decode(const char *text, size_t len, hl__apps *out)
{
    json_error_t error = {0};
    json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    hl_status status;

    *out = (hl__apps){0};
    if (!value)
        return hl__fail(HL_ERR_LOCKFILE, ACTION, "lockfile", "The lockfile is no JSON: line %d, %s.", error.line,
                        error.text);
    status = take_apps(value, out);
    json_decref(value);
    return status;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static hl_status read_text(int fd, const char *shown, char **text, size_t *len)
{
    char *bytes = malloc(BYTES_MAX + 1);
    ssize_t got = 1;

    *text = bytes;
    *len = 0;
    if (!bytes)
        return hl__fail_memory(ACTION);
    while (got > 0 && *len <= BYTES_MAX) {
        got = pread(fd, bytes + *len, BYTES_MAX + 1 - *len, (off_t)*len);
        *len += got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "lockfile", "Cannot read %s.", shown);
    if (*len > BYTES_MAX)
        return hl__fail(HL_ERR_LIMIT, ACTION, "lockfile", "%s has more than %zu bytes.", shown, BYTES_MAX);
    return HL_OK;
}

hl_status hl__lockfile_read(const char *path, const char *shown, hl__apps *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = NULL;
    hl_status status;
    size_t len = 0;

    *out = (hl__apps){0};
    if (fd < 0)
        return hl__fail_errno(HL_ERR_LOCKFILE, errno, ACTION, "lockfile",
                              "Cannot open the lockfile %s; `hookline lock` writes one.", shown);
    status = read_text(fd, shown, &text, &len);
    close(fd);
    if (status == HL_OK)
        status = hl__lockfile_decode(text, len, out);
    free(text);
    return status;
}

hl_status hl__lockfile_check(const char *path, const char *app, const char *version, const char *sha256)
{
    hl__apps apps;
    hl_status status = hl__lockfile_read(path, path, &apps);
    const hl__app *locked = hl__apps_find(&apps, app);

    if (status == HL_OK && !locked)
        status = hl__fail(HL_ERR_LOCKFILE, ACTION, "app",
                          "%s does not name %s; install it without --locked and write the lockfile anew.", path, app);
    else if (status == HL_OK && strcmp(locked->active.version, version) != 0)
        status = hl__fail(HL_ERR_LOCKFILE, ACTION, "version", "%s names %s %s, and the package has version %s.", path,
                          app, locked->active.version, version);
    else if (status == HL_OK && !hl__digest_same(locked->active.sha256, sha256))
        status =
            hl__fail(HL_ERR_LOCKFILE, ACTION, "sha256", "%s names %s %s with the checksum %s, and the package has %s.",
                     path, app, version, locked->active.sha256, sha256);
    hl__apps_free(&apps);
    return status;
}

/* ---- hl_lock_write ----------------------------------------------------------------------------------------------- */

static hl_status write_text(const char *path, const char *text)
{
    hl__outfile file;
    size_t len = strlen(text), at = 0;
    hl_status status = hl__outfile_begin("lock", path, &file);

    while (status == HL_OK && at < len) {
        ssize_t written = write(file.fd, text + at, len - at);

        if (written < 0 && errno != EINTR)
            status = hl__fail_errno(HL_ERR_SYSTEM, errno, "lock", "path", "Cannot write %s.", path);
        at += written > 0 ? (size_t)written : 0;
    }
    if (status == HL_OK)
        status = hl__outfile_place("lock", &file);
    hl__outfile_cleanup(&file);
    return status;
}

/* Beside the folder of apps, which need not be there. */
static hl_status default_path(hl_runtime *runtime, char **out)
{
    char *apps = NULL;
    hl_status status = hl__apps_path(runtime, &apps);

    *out = NULL;
    if (status == HL_OK)
        *strrchr(apps, '/') = '\0';
    if (status == HL_OK && asprintf(out, "%s/" HL__LOCKFILE_NAME, apps) < 0) {
        *out = NULL;
        status = hl__fail_memory("lock");
    }
    free(apps);
    return status;
}

hl_status hl_lock_write(hl_runtime *runtime, const char *path)
{
    hl__apps apps = {0};
    char *text = NULL, *own = NULL;
    hl_status status = hl__apps_read(runtime, &apps);

    if (status == HL_OK)
        status = hl__lockfile_encode(&apps, &text);
    if (status == HL_OK && !path)
        status = default_path(runtime, &own);
    if (status == HL_OK)
        status = write_text(path ? path : own, text);
    free(own);
    free(text);
    hl__apps_free(&apps);
    return status == HL_OK ? HL_OK : hl__fail_as("lock");
}
