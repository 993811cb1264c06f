/* Reading hl_isolation from its JSON form, with every check that there is. Used by those who start workers, by
 * hl_isolate for what it writes, and by the installer for manifests. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/error.h"
#include "core/isolate_fields.h"
#include "core/validate.h"

#define ACTION "isolate"
#define TEXT_MAX 65536 /* bytes of a whole isolation */
#define PATHS_MAX 64
#define PATH_LEN_MAX 4095

/* ---- reading ---- */

/* A struct that is being filled in. */
typedef struct filling {
    const char *prefix; /* for errors: "isolation", "isolation.sandbox" */
    char *base;
    char *next; /* free room of the block, for strings */
} filling;

static hl_status refuse(const filling *to, const char *name, const char *rule)
{
    char path[128];

    snprintf(path, sizeof(path), "%s.%s", to->prefix, name);
    return hl__fail(HL_ERR_INVALID, ACTION, path, "The field %s %s", path, rule);
}

static const char *put(filling *to, const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = memcpy(to->next, text, len);

    to->next += len;
    return copy;
}

static hl_status read_word(filling *to, const hl__isolation_field *row, const json_t *value)
{
    const char *word = json_string_value(value);
    char rule[128] = "must be one of";

    for (uint32_t i = 0; row->words[i]; i++) {
        uint32_t number = i + 1;

        if (word && strcmp(word, row->words[i]) == 0) {
            memcpy(to->base + row->offset, &number, sizeof(number));
            return HL_OK;
        }
        snprintf(rule + strlen(rule), sizeof(rule) - strlen(rule), " \"%s\"", row->words[i]);
    }
    snprintf(rule + strlen(rule), sizeof(rule) - strlen(rule), ".");
    return refuse(to, row->name, rule);
}

static hl_status read_number(filling *to, const hl__isolation_field *row, const json_t *value)
{
    json_int_t number = json_integer_value(value);
    uint32_t small = (uint32_t)number;
    char rule[64];

    if (!json_is_integer(value) || number < 0 || (uint64_t)number > row->most) {
        snprintf(rule, sizeof(rule), "must be a whole number of 0..%llu.", (unsigned long long)row->most);
        return refuse(to, row->name, rule);
    }
    if (row->kind == HL__FIELD_NUMBER)
        memcpy(to->base + row->offset, &small, sizeof(small));
    else
        memcpy(to->base + row->offset, &(uint64_t){(uint64_t)number}, sizeof(uint64_t));
    return HL_OK;
}

static hl_status read_boolean(filling *to, const hl__isolation_field *row, const json_t *value)
{
    bool yes = json_is_true(value);

    if (!json_is_boolean(value))
        return refuse(to, row->name, "must be true or false.");
    memcpy(to->base + row->offset, &yes, sizeof(yes));
    return HL_OK;
}

static hl_status read_name(filling *to, const hl__isolation_field *row, const json_t *value)
{
    const char *text = json_string_value(value);
    char path[128];

    snprintf(path, sizeof(path), "%s.%s", to->prefix, row->name);
    if (hl__check_name(ACTION, path, text) != HL_OK)
        return HL_ERR_INVALID;
    text = put(to, text);
    memcpy(to->base + row->offset, &text, sizeof(text));
    return HL_OK;
}

static bool is_path(const char *text)
{
    return text && text[0] == '/' && strlen(text) <= PATH_LEN_MAX;
}

static hl_status read_path(filling *to, const hl__isolation_field *row, const json_t *value)
{
    const char *text = json_string_value(value);

    if (!is_path(text))
        return refuse(to, row->name, "must be an absolute path.");
    text = put(to, text);
    memcpy(to->base + row->offset, &text, sizeof(text));
    return HL_OK;
}

/* The array lies in the block before all strings: see size_of. */
static hl_status read_paths(filling *to, const hl__isolation_field *row, const json_t *value, const char ***arrays)
{
    size_t len = json_array_size(value);
    const char **paths = *arrays;
    char name[64];

    if (!json_is_array(value) || len > PATHS_MAX)
        return refuse(to, row->name, "must be a list of at most 64 absolute paths.");
    for (size_t i = 0; i < len; i++) {
        const char *text = json_string_value(json_array_get(value, i));

        snprintf(name, sizeof(name), "%s[%zu]", row->name, i);
        if (!is_path(text))
            return refuse(to, name, "must be an absolute path.");
        paths[i] = put(to, text);
    }
    *arrays += len + 1;
    memcpy(to->base + row->offset, &paths, sizeof(paths));
    return HL_OK;
}

static hl_status read_field(filling *to, const hl__isolation_field *row, const json_t *value, const char ***arrays)
{
    switch (row->kind) {
    case HL__FIELD_WORD:
        return read_word(to, row, value);
    case HL__FIELD_BOOLEAN:
        return read_boolean(to, row, value);
    case HL__FIELD_NAME:
        return read_name(to, row, value);
    case HL__FIELD_PATH:
        return read_path(to, row, value);
    case HL__FIELD_PATHS:
        return read_paths(to, row, value, arrays);
    default:
        return read_number(to, row, value);
    }
}

static const hl__isolation_field *find_field(const hl__isolation_field *rows, size_t len, const char *name)
{
    for (size_t i = 0; i < len; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

static hl_status read_sandbox(filling *outer, json_t *object, hl_sandbox *sandbox, const char ***arrays)
{
    filling to = {"isolation.sandbox", (char *)sandbox, outer->next};
    hl_status status = HL_OK;
    const char *name;
    json_t *value;

    if (!json_is_object(object))
        return refuse(outer, "sandbox", "must be an object.");
    json_object_foreach (object, name, value) {
        const hl__isolation_field *row = find_field(hl__sandbox_fields, HL__SANDBOX_FIELDS, name);

        status = row ? read_field(&to, row, value, arrays)
                     : refuse(&to, name, "is unknown; a limit that is not understood is not kept.");
        if (status != HL_OK)
            break;
    }
    outer->next = to.next;
    return status;
}

/* What a whole isolation is read into: one block with everything. */
typedef struct block {
    hl_isolation isolation;
    hl_sandbox sandbox;
    const char *arrays[];
} block;

/* Every string of the text has two quotes there, so that all of them fit with their end marks into what the text
 * has. */
static size_t size_of(const json_t *object, const char *text, size_t *arrays_len)
{
    const json_t *sandbox = json_object_get(object, "sandbox");

    *arrays_len =
        json_array_size(json_object_get(sandbox, "read")) + json_array_size(json_object_get(sandbox, "write")) + 2;
    return sizeof(block) + *arrays_len * sizeof(char *) + strlen(text) + 1;
}

/* Stored texts may also say who set them. */
static hl_status read_other(filling *to, const char *name, json_t *value, block *into, const char ***arrays,
                            bool stored)
{
    if (strcmp(name, "sandbox") == 0) {
        into->isolation.sandbox = &into->sandbox;
        return read_sandbox(to, value, &into->sandbox, arrays);
    }
    if (stored && strcmp(name, "by") == 0)
        return HL_OK;
    return refuse(to, name, "is unknown; a limit that is not understood is not kept.");
}

static hl_status check_mode(const filling *to, const block *into, const json_t *object)
{
    if (!into->isolation.mode)
        return refuse(to, "mode", "is missing; say \"in_process\" or \"in_worker\".");
    if (into->isolation.mode == HL_IN_WORKER)
        return HL_OK;
    for (size_t i = HL__BOTH_MODES; i < HL__ISOLATION_FIELDS; i++) {
        if (json_object_get(object, hl__isolation_fields[i].name))
            return refuse(to, hl__isolation_fields[i].name, "has a meaning with \"in_worker\" only; leave it out.");
    }
    if (into->isolation.sandbox)
        return refuse(to, "sandbox", "cannot be kept in the server's process; use \"in_worker\".");
    return HL_OK;
}

static hl_status read_object(json_t *object, bool stored, block *into, size_t arrays_len)
{
    const char **arrays = into->arrays;
    filling to = {"isolation", (char *)&into->isolation, (char *)(into->arrays + arrays_len)};
    hl_status status = HL_OK;
    const char *name;
    json_t *value;

    into->isolation.size = sizeof(into->isolation);
    into->sandbox.size = sizeof(into->sandbox);
    json_object_foreach (object, name, value) {
        const hl__isolation_field *row = find_field(hl__isolation_fields, HL__ISOLATION_FIELDS, name);

        status = row ? read_field(&to, row, value, &arrays) : read_other(&to, name, value, into, &arrays, stored);
        if (status != HL_OK)
            return status;
    }
    return check_mode(&to, into, object);
}

static hl_status load(const char *text, json_t **out)
{
    json_error_t error;

    if (strnlen(text, TEXT_MAX + 1) > TEXT_MAX)
        return hl__fail(HL_ERR_INVALID, ACTION, "isolation", "The isolation has more than %d bytes.", TEXT_MAX);
    *out = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(*out))
        return HL_OK;
    json_decref(*out);
    return hl__fail(HL_ERR_INVALID, ACTION, "isolation",
                    "The isolation is no JSON object (%s); write one such as {\"mode\":\"in_worker\"}.", error.text);
}

static hl_status parse(const char *text, bool stored, block **out)
{
    json_t *object = NULL;
    size_t arrays_len;
    hl_status status = load(text, &object);

    if (status != HL_OK)
        return status;
    *out = calloc(1, size_of(object, text, &arrays_len));
    status = *out ? read_object(object, stored, *out, arrays_len) : hl__fail_memory(ACTION);
    json_decref(object);
    if (status != HL_OK)
        free(*out);
    return status;
}

hl_status hl_isolation_parse(const char *json, hl_isolation **out)
{
    block *made = NULL;
    hl_status status;

    if (!json || !out)
        return hl__fail(HL_ERR_INVALID, "isolation_parse", json ? "out" : "json", "The %s is NULL.",
                        json ? "place for the isolation" : "text");
    status = parse(json, false, &made);
    if (status != HL_OK)
        return hl__fail_as("isolation_parse");
    *out = &made->isolation;
    return HL_OK;
}

hl_status hl__isolation_read(const char *json, hl_isolation **out)
{
    block *made = NULL;
    hl_status status = parse(json, true, &made);

    if (status != HL_OK)
        return status;
    hl__isolation_fill(&made->isolation, &made->sandbox);
    made->isolation.sandbox = &made->sandbox;
    *out = &made->isolation;
    return HL_OK;
}
