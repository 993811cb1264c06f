/* Types and sizes of single values. Used by manifest.c only. */
#include "install/manifest_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/names.h"

#define WARNINGS_MAX 64

hl_status hl__field_wrong(const char *field, const char *format, ...)
{
    char rule[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(rule, sizeof(rule), format, arguments);
    va_end(arguments);
    return hl__fail(HL_ERR_MANIFEST, HL__MANIFEST_ACTION, field, "The manifest's %s %s", field, rule);
}

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {"an object", "a list",        "a string",      "a number",
                                        "a number",  "a truth value", "a truth value", "null"};

    return names[json_typeof(value)];
}

hl_status hl__field_text(const char *field, const json_t *value, size_t most, char **out)
{
    const char *text;
    uint32_t code;

    if (!value)
        return hl__field_wrong(field, "is missing; it is required.");
    if (!json_is_string(value))
        return hl__field_wrong(field, "is %s; it must be a string.", type_name(value));
    text = json_string_value(value);
    if (!text[0] || strnlen(text, most + 1) > most)
        return hl__field_wrong(field, "has %zu bytes; it must have 1 to %zu.", strlen(text), most);
    for (const char *at = text; *at; at += hl__utf8_read(at, &code)) {
        if (hl__utf8_read(at, &code) == 0 || hl__is_control(code))
            return hl__field_wrong(field, "has a control character; use printable text.");
    }
    *out = strdup(text);
    return *out ? HL_OK : hl__fail_memory(HL__MANIFEST_ACTION);
}

hl_status hl__field_app_name(const char *field, const char *name)
{
    if (hl__app_name_check(HL__MANIFEST_ACTION, field, name) == HL_OK)
        return HL_OK;
    return hl__field_wrong(field,
                           "is no name of an app: it has 1 to %d bytes, begins with a lowercase letter and goes on "
                           "with lowercase letters, digits, '_' and '-'.",
                           HL__APP_NAME_MAX);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

hl_status hl__field_different(const char *field, const char **names, size_t len)
{
    char shown[HL__SHOWN_MAX];

    qsort(names, len, sizeof(*names), compare_texts);
    for (size_t i = 1; i < len; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            return hl__field_wrong(field, "names %s twice; leave one of them out.", hl__shown(names[i], shown));
    }
    return HL_OK;
}

hl_status hl__field_items(const char *field, const json_t *value, json_type type)
{
    size_t items;

    if (!value)
        return hl__field_wrong(field, "is missing; it is required.");
    if (json_typeof(value) != type)
        return hl__field_wrong(field, "is %s; it must be %s.", type_name(value),
                               type == JSON_ARRAY ? "a list" : "an object");
    items = type == JSON_ARRAY ? json_array_size(value) : json_object_size(value);
    if (items > HL__MANIFEST_ITEMS_MAX)
        return hl__fail(HL_ERR_LIMIT, HL__MANIFEST_ACTION, field, "The manifest's %s has %zu items; it may have %d.",
                        field, items, HL__MANIFEST_ITEMS_MAX);
    return HL_OK;
}

static bool is_known(const char *const *known, const char *key)
{
    while (*known && strcmp(*known, key) != 0)
        known++;
    return *known != NULL;
}

static hl_status keep_warning(hl__manifest *manifest, const char *path, const char *key)
{
    char shown[HL__SHOWN_MAX];
    char *warning;

    if (asprintf(&warning, "The manifest's field \"%s%s\" is unknown and was left aside.%s", path,
                 hl__shown(key, shown),
                 manifest->warnings_len + 1 == WARNINGS_MAX ? " There may be more of them." : "") < 0)
        return hl__fail_memory(HL__MANIFEST_ACTION);
    manifest->warnings[manifest->warnings_len++] = warning;
    return HL_OK;
}

hl_status hl__field_unknown(hl__manifest *manifest, const char *path, const json_t *object, const char *const *known)
{
    hl_status status = HL_OK;
    const char *key;
    json_t *value;

    if (!manifest->warnings)
        manifest->warnings = calloc(WARNINGS_MAX, sizeof(*manifest->warnings));
    if (!manifest->warnings)
        return hl__fail_memory(HL__MANIFEST_ACTION);
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        if (status == HL_OK && manifest->warnings_len < WARNINGS_MAX && !is_known(known, key))
            status = keep_warning(manifest, path, key);
    }
    return status;
}
