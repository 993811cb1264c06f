/* Writing hl_isolation as JSON, and what core asks such texts: the mode, who set it, and what to tell people. Used by
 * hl_isolate, registration, the installer, and by those who explain. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/error.h"
#include "core/isolate_fields.h"
#include "core/validate.h"

#define ACTION "isolate"

/* ---- writing ---- */

/* What is not UTF-8 becomes a value that reading refuses with the field's name. */
static json_t *text_value(const char *text)
{
    json_t *value = json_string(text);

    return value ? value : json_null();
}

static json_t *value_of_paths(const char *const *paths)
{
    json_t *array = paths ? json_array() : NULL;

    for (size_t i = 0; paths && paths[i]; i++)
        json_array_append_new(array, text_value(paths[i]));
    return array;
}

/* NULL: the field is not given. A number that is no word becomes a value that reading refuses. */
static json_t *value_of(const char *base, const hl__isolation_field *row)
{
    const char *at = base + row->offset;
    uint64_t large = 0;
    uint32_t number;
    const char *text;
    bool yes;

    switch (row->kind) {
    case HL__FIELD_WORD:
        memcpy(&number, at, sizeof(number));
        for (uint32_t i = 0; number && row->words[i]; i++) {
            if (i + 1 == number)
                return json_string(row->words[i]);
        }
        return number ? json_null() : NULL;
    case HL__FIELD_BOOLEAN:
        memcpy(&yes, at, sizeof(yes));
        return yes ? json_true() : NULL;
    case HL__FIELD_NAME:
    case HL__FIELD_PATH:
        memcpy(&text, at, sizeof(text));
        return text ? text_value(text) : NULL;
    case HL__FIELD_PATHS:
        memcpy(&text, at, sizeof(text));
        return value_of_paths((const char *const *)(const void *)text);
    case HL__FIELD_NUMBER:
        memcpy(&number, at, sizeof(number));
        large = number;
        break;
    default:
        memcpy(&large, at, sizeof(large));
    }
    return large ? json_integer(large > INT64_MAX ? -1 : (json_int_t)large) : NULL;
}

static json_t *object_of(const void *base, const hl__isolation_field *rows, size_t len)
{
    json_t *object = json_object();

    for (size_t i = 0; i < len; i++) {
        json_t *value = value_of(base, &rows[i]);

        if (value)
            json_object_set_new(object, rows[i].name, value);
    }
    return object;
}

/* Callers' structs may be older or newer than this library's. */
static hl_status copy_structs(const hl_isolation *from, hl_isolation *isolation, hl_sandbox *sandbox)
{
    hl_status status =
        hl__copy_struct(ACTION, "isolation", isolation, sizeof(*isolation), from, offsetof(hl_isolation, deadline_ms));

    if (status == HL_OK && isolation->sandbox)
        status = hl__copy_struct(ACTION, "isolation.sandbox", sandbox, sizeof(*sandbox), isolation->sandbox,
                                 offsetof(hl_sandbox, file_bytes));
    return status;
}

static hl_status write_text(const hl_isolation *isolation, const hl_sandbox *sandbox, char **json)
{
    json_t *object = object_of(isolation, hl__isolation_fields, HL__ISOLATION_FIELDS);
    json_t *inner = isolation->sandbox ? object_of(sandbox, hl__sandbox_fields, HL__SANDBOX_FIELDS) : NULL;

    if (inner)
        json_object_set_new(object, "sandbox", inner);
    *json = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return *json ? HL_OK : hl__fail_memory(ACTION);
}

static hl_status add_by(char **json)
{
    static const char by[] = ",\"by\":\"operator\"}";
    size_t len = strlen(*json) - 1;
    char *longer = realloc(*json, len + sizeof(by));

    if (!longer)
        return hl__fail_memory(ACTION);
    memcpy(longer + len, by, sizeof(by));
    *json = longer;
    return HL_OK;
}

hl_status hl__isolation_write(const hl_isolation *isolation, bool by_operator, char **json)
{
    hl_isolation copied = {.size = sizeof(copied)};
    hl_sandbox sandbox = {.size = sizeof(sandbox)};
    hl_isolation *checked = NULL;
    char *text = NULL;
    hl_status status = copy_structs(isolation, &copied, &sandbox);

    if (status == HL_OK)
        status = write_text(&copied, &sandbox, &text);
    if (status == HL_OK && hl_isolation_parse(text, &checked) != HL_OK)
        status = hl__fail_as(ACTION);
    free(checked);
    if (status == HL_OK && by_operator)
        status = add_by(&text);
    if (status == HL_OK)
        *json = text;
    else
        free(text);
    return status;
}

/* ---- what core itself asks ---- */

static bool says(const char *json, const char *name, const char *word)
{
    json_t *object = json[0] ? json_loads(json, 0, NULL) : NULL;
    const char *found = json_string_value(json_object_get(object, name));
    bool yes = found && strcmp(found, word) == 0;

    json_decref(object);
    return yes;
}

/* What cannot be understood must not run in the server's process either. */
bool hl__isolation_in_worker(const char *json)
{
    return json[0] && !says(json, "mode", "in_process");
}

bool hl__isolation_by_operator(const char *json)
{
    return says(json, "by", "operator");
}

const char *hl__isolation_kept(const hl__record *old, const char *asked)
{
    return old && hl__isolation_by_operator(old->isolation) ? old->isolation : asked;
}

void hl__isolation_describe(const char *json, char *out, size_t out_len)
{
    static const char *const failures[] = {[HL_FAIL_CHAIN] = "the chain fails",
                                           [HL_SKIP_PLUGIN] = "the plugin is skipped",
                                           [HL_HALT_CHAIN] = "the chain is halted"};
    hl_isolation *isolation = NULL;

    out[0] = '\0';
    if (!json[0])
        return;
    if (hl__isolation_read(json, &isolation) != HL_OK)
        snprintf(out, out_len, "its isolation cannot be understood");
    else if (isolation->mode == HL_IN_WORKER)
        snprintf(out, out_len, "runs in %u worker%s, deadline %u ms, on failure %s", isolation->workers,
                 isolation->workers == 1 ? "" : "s", isolation->deadline_ms, failures[isolation->on_failure]);
    else if (isolation->deadline_ms)
        snprintf(out, out_len, "deadline %u ms", isolation->deadline_ms);
    free(isolation);
}
