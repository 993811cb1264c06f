/* The libraries of a manifest and their plugins. Used by manifest.c only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/validate.h"
#include "install/manifest_fields.h"
#include "install/names.h"

#define ACTION HL__MANIFEST_ACTION

/* A list of names that core takes as names of plugins. */
static hl_status read_plugins(const char *field, const json_t *list, hl__manifest_library *out)
{
    hl_status status = hl__field_items(field, list, JSON_ARRAY);

    if (status == HL_OK && json_array_size(list) == 0)
        return hl__field_wrong(field, "is empty; name the plugins of the library.");
    if (status == HL_OK && !(out->plugins = calloc(json_array_size(list), sizeof(*out->plugins))))
        return hl__fail_memory(ACTION);
    for (size_t i = 0; status == HL_OK && i < json_array_size(list); i++) {
        char item[HL__FIELD_MAX + 32];

        snprintf(item, sizeof(item), "%s[%zu]", field, i);
        status = hl__field_text(item, json_array_get(list, i), HL__NAME_MAX, &out->plugins[i]);
        out->plugins_len += status == HL_OK;
    }
    return status;
}

static hl_status read_library(const json_t *object, size_t number, hl__manifest *manifest, hl__manifest_library *out)
{
    static const char *const known[] = {"file", "plugins", NULL};
    char field[HL__FIELD_MAX];
    hl_status status;

    snprintf(field, sizeof(field), "libraries[%zu]", number);
    status = hl__field_items(field, object, JSON_OBJECT);
    snprintf(field, sizeof(field), "libraries[%zu].file", number);
    if (status == HL_OK)
        status = hl__field_text(field, json_object_get(object, "file"), HL__FIELD_TEXT_MAX, &out->file);
    if (status == HL_OK && !hl__path_is_library(out->file))
        status = hl__field_wrong(field, "must be the path of a file below lib/ that ends in .so, such as "
                                        "\"lib/shop.so\", without \"..\" and empty parts.");
    snprintf(field, sizeof(field), "libraries[%zu].plugins", number);
    if (status == HL_OK)
        status = read_plugins(field, json_object_get(object, "plugins"), out);
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
