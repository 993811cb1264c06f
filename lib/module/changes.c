/* The document "module-changes"; see changes.h. */
#include "module/changes.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"

#define DOCUMENT "module-changes"

static void take_names(const json_t *array, hl__changes *out)
{
    size_t len = json_array_size(array);

    for (size_t i = len > HL__CHANGES_NAMES_MAX ? len - HL__CHANGES_NAMES_MAX : 0; i < len; i++) {
        const char *name = json_string_value(json_array_get(array, i));

        if (name && (out->names[out->names_len] = strdup(name)))
            out->names_len++;
    }
}

static hl_status take(hl_status status, char *text, hl__changes *out)
{
    json_t *value = status == HL_OK ? json_loads(text, 0, NULL) : NULL;

    memset(out, 0, sizeof(*out));
    free(text);
    out->count = (uint64_t)json_integer_value(json_object_get(value, "count"));
    take_names(json_object_get(value, "names"), out);
    json_decref(value);
    return status == HL_ERR_NOT_FOUND ? HL_OK : status;
}

hl_status hl__changes_read(hl_runtime *runtime, hl__changes *out)
{
    char *text = NULL;
    hl_status status = hl__document_get(runtime, DOCUMENT, &text);

    return take(status, text, out);
}

void hl__changes_cleanup(hl__changes *changes)
{
    for (size_t i = 0; i < changes->names_len; i++)
        free(changes->names[i]);
    memset(changes, 0, sizeof(*changes));
}

/* More than are remembered push each other out. */
static json_t *last_names(const hl__changes *before, const char *const *names, size_t len)
{
    json_t *array = json_array();
    size_t first = len > HL__CHANGES_NAMES_MAX ? len - HL__CHANGES_NAMES_MAX : 0;
    size_t room = HL__CHANGES_NAMES_MAX - (len - first);
    size_t old = before->names_len > room ? before->names_len - room : 0;
    bool good = array != NULL;

    for (size_t i = old; good && i < before->names_len; i++)
        good = json_array_append_new(array, json_string(before->names[i])) == 0;
    for (size_t i = first; good && i < len; i++)
        good = json_array_append_new(array, json_string(names[i])) == 0;
    if (good)
        return array;
    json_decref(array);
    return NULL;
}

static hl_status put(hl__documents *documents, const hl__changes *before, const char *const *names, size_t len)
{
    json_t *value =
        json_pack("{s:I, s:o}", "count", (json_int_t)(before->count + len), "names", last_names(before, names, len));
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    hl_status status = text ? hl__documents_put(documents, DOCUMENT, text) : hl__fail_memory("module");

    free(text);
    json_decref(value);
    return status;
}

hl_status hl__changes_put(hl__documents *documents, const char *const *names, size_t len)
{
    char *text = NULL;
    hl_status status = hl__documents_get(documents, DOCUMENT, &text);
    hl__changes before;

    status = take(status, text, &before);
    if (status == HL_OK)
        status = put(documents, &before, names, len);
    hl__changes_cleanup(&before);
    return status;
}
