/* Records, event definitions and log rows from JSON text, with jansson. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/depends.h"
#include "core/error.h"
#include "store/codec.h"

#define NAME_MAX_BYTES 255

/* Reads the fields of one object; every field that is wrong adds a clause to `complaints`. */
typedef struct reader {
    json_t *object;
    const char *what;
    bool no_memory;
    const char *first_wrong;
    size_t used;
    char complaints[640];
} reader;

__attribute__((format(printf, 3, 4))) static void complain(reader *in, const char *key, const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof(in->complaints) - in->used;

    in->used += (size_t)snprintf(in->complaints + in->used, room, "%s%s ", in->first_wrong ? "; " : "", key);
    if (!in->first_wrong)
        in->first_wrong = key;
    if (in->used < sizeof(in->complaints)) {
        va_start(arguments, format);
        in->used += (size_t)vsnprintf(in->complaints + in->used, sizeof(in->complaints) - in->used, format, arguments);
        va_end(arguments);
    }
    if (in->used >= sizeof(in->complaints))
        in->used = sizeof(in->complaints) - 1;
}

static hl_status not_json(const char *what, const json_error_t *error)
{
    return hl__fail(HL_ERR_STORE_CORRUPT, "read", "store", "The %s is no JSON (%s, at byte %d); restore a backup.",
                    what, error->text, error->position);
}

static hl_status parse(reader *in, const char *text, size_t text_len, const char *what)
{
    json_error_t error;

    in->what = what;
    in->object = json_loadb(text, text_len, JSON_REJECT_DUPLICATES, &error);
    if (!in->object && json_error_code(&error) == json_error_out_of_memory)
        return hl__fail_memory("read");
    if (!in->object)
        return not_json(what, &error);
    if (json_is_object(in->object))
        return HL_OK;
    json_decref(in->object);
    return hl__fail(HL_ERR_STORE_CORRUPT, "read", "store", "The %s is JSON but no object; restore a backup.", what);
}

static hl_status verdict(const reader *in, const char *name)
{
    if (in->no_memory)
        return hl__fail_memory("read");
    if (!in->first_wrong)
        return HL_OK;
    return hl__fail(HL_ERR_STORE_CORRUPT, "read", in->first_wrong,
                    "The %s%s%s cannot be understood: %s. Restore a backup, or correct it.", in->what,
                    name && *name ? " of " : "", name ? name : "", in->complaints);
}

/* The text of a field; fallback NULL: the field must be there and not empty. */
static const char *get_text(reader *in, const char *key, size_t max_len, const char *fallback)
{
    json_t *value = json_object_get(in->object, key);
    if (!value && fallback)
        return fallback;
    if (!json_is_string(value))
        complain(in, key, value ? "must be a text" : "is missing");
    else if (!fallback && json_string_length(value) == 0)
        complain(in, key, "must not be empty");
    else if (json_string_length(value) > max_len)
        complain(in, key, "must have at most %zu bytes", max_len);
    else
        return json_string_value(value);
    return "";
}

static int64_t get_int(reader *in, const char *key, int64_t min, int64_t max)
{
    json_t *value = json_object_get(in->object, key);
    if (json_is_integer(value) && json_integer_value(value) >= min && json_integer_value(value) <= max)
        return json_integer_value(value);
    if (!value)
        complain(in, key, "is missing");
    else if (max == INT64_MAX)
        complain(in, key, "must be a whole number from %" PRId64, min);
    else
        complain(in, key, "must be a whole number in %" PRId64 "..%" PRId64, min, max);
    return min;
}

static uint64_t get_hash(reader *in, const char *key)
{
    const char *digits = get_text(in, key, HL__HASH_TEXT - 1, "");
    char *end;
    uint64_t hash = strtoull(digits, &end, 16);
    if (strspn(digits, "0123456789abcdef") != strlen(digits))
        complain(in, key, "must be hexadecimal digits");
    return hash;
}

static hl_plugin_status get_status(reader *in)
{
    const char *word = get_text(in, "status", 32, NULL);
    hl_plugin_status status = hl__status_of_word(word);
    if (*word && !status)
        complain(in, "status", "must be registered, started, restarted, stopped or held, not \"%s\"", word);
    return status;
}

static void get_id(reader *in, char id[HL__UUID_TEXT])
{
    const char *text = get_text(in, "id", HL__UUID_TEXT - 1, NULL);
    if (*text && strlen(text) != HL__UUID_TEXT - 1)
        complain(in, "id", "must have %d characters", HL__UUID_TEXT - 1);
    snprintf(id, HL__UUID_TEXT, "%s", text);
}

static const char **get_names(reader *in, const char *key, size_t *names_len)
{
    json_t *array = json_object_get(in->object, key);
    *names_len = json_array_size(array);
    const char **names = calloc(*names_len + 1, sizeof(*names));

    if (!names) {
        in->no_memory = true;
        *names_len = 0;
        return NULL;
    }
    if (!json_is_array(array))
        complain(in, key, array ? "must be a list" : "is missing");
    for (size_t i = 0; i < *names_len; i++) {
        names[i] = json_string_value(json_array_get(array, i));
        if (!names[i] || !*names[i] || strlen(hl__depends_name(names[i])) > NAME_MAX_BYTES) {
            complain(in, key, "must hold names of 1..%d bytes", NAME_MAX_BYTES);
            break;
        }
    }
    return names;
}

hl_status hl__record_decode(const char *text, size_t text_len, hl__record **out)
{
    reader in = {0};
    hl__record from = {0};

    hl_status status = parse(&in, text, text_len, "plugin's record");
    if (status != HL_OK)
        return status;
    from.name = get_text(&in, "name", NAME_MAX_BYTES, NULL);
    from.event = get_text(&in, "event", NAME_MAX_BYTES, NULL);
    from.status = get_status(&in);
    from.priority = (int)get_int(&in, "priority", 0, 100);
    from.depends = get_names(&in, "depends", &from.depends_len);
    from.extension = get_text(&in, "extension", SIZE_MAX, NULL);
    from.extra = get_text(&in, "extra", SIZE_MAX, "");
    get_id(&in, from.id);
    from.library = get_text(&in, "library", SIZE_MAX, "");
    from.library_stamp = get_text(&in, "library_stamp", SIZE_MAX, "");
    from.version = get_text(&in, "version", SIZE_MAX, "");
    from.contract_hash = get_hash(&in, "contract");
    from.isolation = get_text(&in, "isolation", SIZE_MAX, "");
    from.asked = get_text(&in, "isolation_asked", SIZE_MAX, "");
    from.hold = get_text(&in, "hold", SIZE_MAX, "");
    from.inserted_at = get_int(&in, "inserted_at", INT64_MIN, INT64_MAX);
    from.updated_at = get_int(&in, "updated_at", INT64_MIN, INT64_MAX);
    from.revision = (uint64_t)get_int(&in, "revision", 0, INT64_MAX);
    status = verdict(&in, from.name);
    if (status == HL_OK && !(*out = hl__record_new(&from)))
        status = hl__fail_memory("read");
    free((void *)from.depends);
    json_decref(in.object);
    return status;
}

static void get_field(reader *in, json_t *row, hl_field *out)
{
    reader inner = {.object = row, .what = in->what};
    out->name = get_text(&inner, "name", SIZE_MAX, NULL);
    out->type = get_text(&inner, "type", SIZE_MAX, NULL);
    out->offset = (uint32_t)get_int(&inner, "offset", 0, UINT32_MAX);
    out->size = (uint32_t)get_int(&inner, "size", 0, UINT32_MAX);
    if (inner.first_wrong)
        complain(in, "contract", "has a wrong field: %s", inner.complaints);
}

/* Fills *out from the object's contract; the array of fields is the caller's to free. */
static hl_field *get_contract(reader *in, json_t *object, hl_contract *out)
{
    reader inner = {.object = object, .what = in->what};
    json_t *rows = json_object_get(object, "fields");
    size_t rows_len = json_array_size(rows);
    hl_field *fields = calloc(rows_len + 1, sizeof(*fields));

    if (!fields) {
        in->no_memory = true;
        return NULL;
    }
    if (!json_is_array(rows))
        complain(&inner, "fields", "must be a list");
    for (size_t i = 0; i < rows_len; i++)
        get_field(&inner, json_array_get(rows, i), &fields[i]);
    *out = (hl_contract){.size = sizeof(*out),
                         .type = get_text(&inner, "type", SIZE_MAX, NULL),
                         .state_size = (uint64_t)get_int(&inner, "state_size", 0, INT64_MAX),
                         .fields = fields,
                         .fields_len = rows_len};
    if (inner.first_wrong)
        complain(in, "contract", "is wrong: %s", inner.complaints);
    return fields;
}

hl_status hl__event_decode(const char *text, size_t text_len, hl__event_def **out)
{
    reader in = {0};
    hl_contract contract;
    hl_field *fields = NULL;

    hl_status status = parse(&in, text, text_len, "event's definition");
    if (status != HL_OK)
        return status;
    const char *name = get_text(&in, "name", NAME_MAX_BYTES, NULL);
    unsigned flags = (unsigned)get_int(&in, "flags", 0, UINT32_MAX);
    json_t *object = json_object_get(in.object, "contract");
    if (json_is_object(object))
        fields = get_contract(&in, object, &contract);
    else if (object && !json_is_null(object))
        complain(&in, "contract", "must be an object or null");
    status = verdict(&in, name);
    if (status == HL_OK && !(*out = hl__event_def_new(name, flags, fields ? &contract : NULL)))
        status = hl__fail_memory("read");
    if (status == HL_OK)
        (*out)->has_codec = json_is_true(json_object_get(object, "codec"));
    free(fields);
    json_decref(in.object);
    return status;
}

/* The writer of a wrong document is told so; what is read from a file is another matter, and its reader's to say. */
hl_status hl__document_check(const char *key, size_t key_len, const char *text, size_t text_len)
{
    json_error_t error;
    json_t *object = json_loadb(text, text_len, JSON_REJECT_DUPLICATES, &error);
    bool good = json_is_object(object);

    json_decref(object);
    if (good)
        return HL_OK;
    if (!object && json_error_code(&error) == json_error_out_of_memory)
        return hl__fail_memory("commit");
    return hl__fail(HL_ERR_INVALID, "commit", "text", "The document \"%.*s\" is no JSON object (%s).", (int)key_len,
                    key, object ? "it is another JSON value" : error.text);
}

static void copy_names(reader *in, const char *key, hl__list *out)
{
    size_t names_len;
    const char **names = get_names(in, key, &names_len);
    for (size_t i = 0; i < names_len && !in->first_wrong && !in->no_memory; i++)
        in->no_memory = !hl__names_add(out, names[i], strlen(names[i]));
    free(names);
}

hl_status hl__log_decode(const char *text, size_t text_len, hl__log_row *out)
{
    reader in = {0};

    *out = (hl__log_row){0};
    hl_status status = parse(&in, text, text_len, "log entry");
    if (status != HL_OK)
        return status;
    out->at = get_int(&in, "at", INT64_MIN, INT64_MAX);
    out->pid = get_int(&in, "pid", 0, INT64_MAX);
    out->action = strdup(get_text(&in, "action", NAME_MAX_BYTES, NULL));
    in.no_memory = !out->action;
    copy_names(&in, "plugins", &out->plugins);
    copy_names(&in, "events", &out->events);
    status = verdict(&in, NULL);
    if (status != HL_OK)
        hl__log_row_cleanup(out);
    json_decref(in.object);
    return status;
}

void hl__log_row_cleanup(hl__log_row *row)
{
    free(row->action);
    hl__names_cleanup(&row->plugins);
    hl__names_cleanup(&row->events);
    *row = (hl__log_row){0};
}
