/* Documents of installed apps: JSON, as the store keeps it under "app/NAME". */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/app.h"
#include "install/json_text.h"

#define ACTION "read app"

/* ---- writing: values that could not be made are NULL, which jansson's setters refuse; the text tells in the end -- */

static json_t *encode_texts(char *const *texts, size_t len)
{
    json_t *array = json_array();

    for (size_t i = 0; i < len; i++)
        json_array_append_new(array, hl__json_text(texts[i]));
    return array;
}

static json_t *encode_needs(const hl__manifest_need *needs, size_t len)
{
    json_t *array = json_array();

    for (size_t i = 0; i < len; i++)
        json_array_append_new(array, json_pack("{s:o, s:o, s:b}", "app", hl__json_text(needs[i].app), "range",
                                               hl__json_text(needs[i].range), "optional", needs[i].optional));
    return array;
}

static json_t *encode_libraries(const hl__app_version *version)
{
    json_t *array = json_array();

    for (size_t i = 0; i < version->libraries_len; i++) {
        const hl__app_library *library = &version->libraries[i];

        json_t *row =
            json_pack("{s:o, s:o, s:o}", "file", hl__json_text(library->file), "sha256", hl__json_text(library->sha256),
                      "plugins", encode_texts(library->plugins, library->plugins_len));

        if (library->isolation)
            json_object_set_new(row, "isolation", encode_texts(library->isolation, library->plugins_len));
        json_array_append_new(array, row);
    }
    return array;
}

static json_t *encode_files(const hl__package_files *files)
{
    json_t *array = json_array();

    for (size_t i = 0; i < files->len; i++) {
        const hl__package_file *file = &files->rows[i];

        json_array_append_new(array, json_pack("{s:o, s:o, s:I, s:b}", "path", hl__json_text(file->path), "sha256",
                                               hl__json_text(file->sha256), "bytes", (json_int_t)file->bytes,
                                               "executable", file->executable));
    }
    return array;
}

static json_t *encode_origin(const hl__origin *origin)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "type", hl__source_word(origin->type), "location",
                     hl__json_text(origin->location), "tag", hl__json_text(origin->tag), "asset",
                     hl__json_text(origin->asset), "answered", hl__json_text(origin->answered));
}

static json_t *encode_version(const hl__app_version *version)
{
    json_t *value = json_object();

    hl__json_put_text(value, "version", version->version);
    hl__json_put_text(value, "folder", version->folder);
    hl__json_put_text(value, "source", version->source);
    json_object_set_new(value, "origin", encode_origin(&version->origin));
    hl__json_put_text(value, "sha256", version->sha256);
    hl__json_put_text(value, "key", version->key);
    json_object_set_new(value, "installed_at", json_integer((json_int_t)version->installed_at));
    json_object_set_new(value, "requires", encode_needs(version->needs, version->needs_len));
    json_object_set_new(value, "conflicts", encode_needs(version->conflicts, version->conflicts_len));
    json_object_set_new(value, "capabilities", encode_texts(version->capabilities, version->capabilities_len));
    json_object_set_new(value, "libraries", encode_libraries(version));
    json_object_set_new(value, "files", encode_files(&version->files));
    return value;
}

/* What could not be encoded for lack of memory is missing in the text: it is read back to see. */
hl_status hl__app_encode(const hl__app *app, char **text)
{
    json_t *value = json_object();
    hl__app copy;

    hl__json_put_text(value, "app", app->name);
    json_object_set_new(value, "active", encode_version(&app->active));
    json_object_set_new(value, "before", app->before ? encode_version(app->before) : json_null());
    *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(value);
    if (!*text)
        return hl__fail_memory("install");
    if (hl__app_decode(*text, &copy) != HL_OK) {
        free(*text);
        *text = NULL;
        return hl__fail_memory("install");
    }
    hl__app_cleanup(&copy);
    return HL_OK;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool take_text(const json_t *object, const char *key, char **out)
{
    const char *text = json_string_value(json_object_get(object, key));

    *out = text ? strdup(text) : NULL;
    return *out != NULL;
}

static bool take_digest(const json_t *object, char out[HL__SHA256_TEXT])
{
    const char *text = json_string_value(json_object_get(object, "sha256"));

    if (!text || !hl__digest_is_text(text))
        return false;
    memcpy(out, text, HL__SHA256_TEXT);
    return true;
}

static bool take_count(const json_t *object, const char *key, uint64_t *out)
{
    const json_t *value = json_object_get(object, key);

    *out = (uint64_t)json_integer_value(value);
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

/* An array and room for its items, at least one so that NULL means no memory. */
static void *take_array(const json_t *object, const char *key, size_t item_size, const json_t **array)
{
    *array = json_object_get(object, key);
    return json_is_array(*array) ? calloc(json_array_size(*array) + 1, item_size) : NULL;
}

static bool take_texts(const json_t *object, const char *key, char ***out, size_t *len)
{
    const json_t *array;

    *out = take_array(object, key, sizeof(**out), &array);
    if (!*out)
        return false;
    for (; *len < json_array_size(array); ++*len) {
        const char *text = json_string_value(json_array_get(array, *len));

        if (!text || !((*out)[*len] = strdup(text)))
            return false;
    }
    return true;
}

static bool take_needs(const json_t *object, const char *key, hl__manifest_need **out, size_t *len)
{
    const json_t *array;

    *out = take_array(object, key, sizeof(**out), &array);
    if (!*out)
        return false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *row = json_array_get(array, i);
        hl__manifest_need *need = &(*out)[(*len)++];

        need->optional = json_is_true(json_object_get(row, "optional"));
        if (!take_text(row, "app", &need->app) || !take_text(row, "range", &need->range))
            return false;
    }
    return true;
}

/* One text for each plugin. Versions that were installed before there was isolation have none. */
static bool take_isolation(const json_t *row, hl__app_library *library)
{
    size_t len = 0;

    if (!json_object_get(row, "isolation"))
        return true;
    if (take_texts(row, "isolation", &library->isolation, &len) && len == library->plugins_len)
        return true;
    hl__manifest_names_free(library->isolation, len);
    library->isolation = NULL;
    return false;
}

static bool take_libraries(const json_t *object, hl__app_version *version)
{
    const json_t *array;

    version->libraries = take_array(object, "libraries", sizeof(*version->libraries), &array);
    if (!version->libraries)
        return false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *row = json_array_get(array, i);
        hl__app_library *library = &version->libraries[version->libraries_len++];

        if (!take_text(row, "file", &library->file) || !take_digest(row, library->sha256) ||
            !take_texts(row, "plugins", &library->plugins, &library->plugins_len) || !take_isolation(row, library))
            return false;
    }
    return true;
}

static bool take_files(const json_t *object, hl__package_files *files)
{
    const json_t *array;

    files->rows = take_array(object, "files", sizeof(*files->rows), &array);
    if (!files->rows)
        return false;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *row = json_array_get(array, i);
        hl__package_file *file = &files->rows[files->len++];

        file->executable = json_is_true(json_object_get(row, "executable"));
        if (!take_text(row, "path", &file->path) || !take_digest(row, file->sha256) ||
            !take_count(row, "bytes", &file->bytes))
            return false;
        files->bytes += file->bytes;
    }
    return true;
}

static bool take_origin(const json_t *object, hl__origin *out)
{
    out->type = hl__source_of_word(json_string_value(json_object_get(object, "type")));
    return out->type && take_text(object, "location", &out->location) && take_text(object, "tag", &out->tag) &&
           take_text(object, "asset", &out->asset) &&
           hl__origin_set_answered(out, json_string_value(json_object_get(object, "answered")));
}

static bool take_version(const json_t *object, hl__app_version *out)
{
    uint64_t installed_at;
    bool taken = take_text(object, "version", &out->version) && take_text(object, "folder", &out->folder) &&
                 take_text(object, "source", &out->source) && take_text(object, "sha256", &out->sha256) &&
                 take_origin(json_object_get(object, "origin"), &out->origin) && take_text(object, "key", &out->key) &&
                 take_count(object, "installed_at", &installed_at) &&
                 take_needs(object, "requires", &out->needs, &out->needs_len) &&
                 take_needs(object, "conflicts", &out->conflicts, &out->conflicts_len) &&
                 take_texts(object, "capabilities", &out->capabilities, &out->capabilities_len) &&
                 take_libraries(object, out) && take_files(object, &out->files);

    if (taken)
        out->installed_at = (int64_t)installed_at;
    return taken;
}

static bool take_app(const json_t *value, hl__app *out)
{
    const json_t *before = json_object_get(value, "before");

    if (!take_text(value, "app", &out->name) || !take_version(json_object_get(value, "active"), &out->active))
        return false;
    if (!json_is_object(before))
        return json_is_null(before);
    out->before = calloc(1, sizeof(*out->before));
    return out->before && take_version(before, out->before);
}

hl_status hl__app_decode(const char *text, hl__app *out)
{
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool taken;

    memset(out, 0, sizeof(*out));
    taken = value && take_app(value, out);
    json_decref(value);
    if (taken)
        return HL_OK;
    hl__app_cleanup(out);
    return hl__fail(HL_ERR_STORE_CORRUPT, ACTION, "app", "The document of an installed app cannot be understood.");
}
