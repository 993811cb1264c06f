/* The libraries of a manifest and their plugins. Used by manifest.c only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/isolate.h"
#include "core/validate.h"
#include "install/manifest_fields.h"
#include "install/names.h"

#define ACTION HL__MANIFEST_ACTION

/* ---- isolation --------------------------------------------------------------------------------------------------- */

/* The reader's field begins with "isolation", as the manifest's does below `parent`. */
static hl_status refuse_isolation(const char *parent)
{
    hl__error_copy error;
    char field[2 * HL__FIELD_MAX];

    hl__error_save(&error);
    snprintf(field, sizeof(field), "%s.%s", parent, error.field);
    return hl__fail(HL_ERR_MANIFEST, ACTION, field, "The manifest's %s is wrong. %s", field, error.message);
}

/* The text in one form, so that the same isolation is the same text in the store. */
static hl_status read_isolation(const char *parent, const json_t *value, char **out)
{
    char *given = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    hl_isolation *isolation = NULL;
    hl_status status;

    if (!given)
        return hl__fail_memory(ACTION);
    status = hl_isolation_parse(given, &isolation);
    free(given);
    if (status == HL_OK)
        status = hl__isolation_write(isolation, false, out);
    free(isolation);
    return status == HL_ERR_INVALID ? refuse_isolation(parent) : status;
}

/* A plugin's own word, else its library's. */
static hl_status take_isolation(const char *item, const json_t *own, const char *of_library, char **out)
{
    if (own)
        return read_isolation(item, own, out);
    *out = strdup(of_library);
    return *out ? HL_OK : hl__fail_memory(ACTION);
}

/* ---- plugins ----------------------------------------------------------------------------------------------------- */

/* A name, or an object that has one. */
static hl_status read_plugin(const char *item, const json_t *value, const char *of_library, hl__manifest *manifest,
                             hl__manifest_library *out)
{
    static const char *const known[] = {"name", "isolation", NULL};
    bool object = json_is_object(value);
    size_t i = out->plugins_len;
    char field[HL__FIELD_MAX + 40];
    hl_status status;

    snprintf(field, sizeof(field), object ? "%s.name" : "%s", item);
    status = hl__field_text(field, object ? json_object_get(value, "name") : value, HL__NAME_MAX, &out->plugins[i]);
    if (status != HL_OK)
        return status;
    out->plugins_len++;
    status = take_isolation(item, object ? json_object_get(value, "isolation") : NULL, of_library, &out->isolation[i]);
    if (status != HL_OK || !object)
        return status;
    snprintf(field, sizeof(field), "%s.", item);
    return hl__field_unknown(manifest, field, value, known);
}

/* A list of names that core takes as names of plugins. */
static hl_status read_plugins(const char *field, const json_t *list, const char *of_library, hl__manifest *manifest,
                              hl__manifest_library *out)
{
    hl_status status = hl__field_items(field, list, JSON_ARRAY);

    if (status == HL_OK && json_array_size(list) == 0)
        return hl__field_wrong(field, "is empty; name the plugins of the library.");
    if (status != HL_OK)
        return status;
    out->plugins = calloc(json_array_size(list), sizeof(*out->plugins));
    out->isolation = calloc(json_array_size(list), sizeof(*out->isolation));
    if (!out->plugins || !out->isolation)
        return hl__fail_memory(ACTION);
    for (size_t i = 0; status == HL_OK && i < json_array_size(list); i++) {
        char item[HL__FIELD_MAX + 32];

        snprintf(item, sizeof(item), "%s[%zu]", field, i);
        status = read_plugin(item, json_array_get(list, i), of_library, manifest, out);
    }
    return status;
}

static hl_status read_library(const json_t *object, size_t number, hl__manifest *manifest, hl__manifest_library *out)
{
    static const char *const known[] = {"file", "plugins", "isolation", NULL};
    const json_t *isolation = json_object_get(object, "isolation");
    char field[HL__FIELD_MAX], *of_library = NULL;
    hl_status status;

    snprintf(field, sizeof(field), "libraries[%zu]", number);
    status = hl__field_items(field, object, JSON_OBJECT);
    snprintf(field, sizeof(field), "libraries[%zu].file", number);
    if (status == HL_OK)
        status = hl__field_text(field, json_object_get(object, "file"), HL__FIELD_TEXT_MAX, &out->file);
    if (status == HL_OK && !hl__path_is_library(out->file))
        status = hl__field_wrong(field, "must be the path of a file below lib/ that ends in .so, such as "
                                        "\"lib/shop.so\", without \"..\" and empty parts.");
    snprintf(field, sizeof(field), "libraries[%zu]", number);
    if (status == HL_OK)
        status = take_isolation(field, isolation, "", &of_library);
    snprintf(field, sizeof(field), "libraries[%zu].plugins", number);
    if (status == HL_OK)
        status = read_plugins(field, json_object_get(object, "plugins"), of_library, manifest, out);
    free(of_library);
    snprintf(field, sizeof(field), "libraries[%zu].", number);
    return status == HL_OK ? hl__field_unknown(manifest, field, object, known) : status;
}

/* Files, and plugins over all libraries. */
static hl_status check_libraries(const hl__manifest *manifest)
{
    size_t len = 0, plugins_len = 0;
    const char **names;
    hl_status status;

    for (size_t i = 0; i < manifest->libraries_len; i++)
        plugins_len += manifest->libraries[i].plugins_len;
    names = calloc(plugins_len + manifest->libraries_len, sizeof(*names));
    if (!names)
        return hl__fail_memory(ACTION);
    for (size_t i = 0; i < manifest->libraries_len; i++)
        names[i] = manifest->libraries[i].file;
    status = hl__field_different("libraries", names, manifest->libraries_len);
    for (size_t i = 0; i < manifest->libraries_len; i++) {
        for (size_t k = 0; k < manifest->libraries[i].plugins_len; k++)
            names[len++] = manifest->libraries[i].plugins[k];
    }
    if (status == HL_OK)
        status = hl__field_different("libraries[].plugins", names, len);
    free(names);
    return status;
}

hl_status hl__manifest_read_libraries(const json_t *object, hl__manifest *out)
{
    const json_t *list = json_object_get(object, "libraries");
    hl_status status = hl__field_items("libraries", list, JSON_ARRAY);

    if (status != HL_OK)
        return status;
    if (json_array_size(list) == 0)
        return hl__field_wrong("libraries", "is empty; a package has at least one plugin library.");
    out->libraries = calloc(json_array_size(list), sizeof(*out->libraries));
    if (!out->libraries)
        return hl__fail_memory(ACTION);
    for (size_t i = 0; status == HL_OK && i < json_array_size(list); i++)
        status = read_library(json_array_get(list, i), out->libraries_len++, out, &out->libraries[i]);
    return status == HL_OK ? check_libraries(out) : status;
}
