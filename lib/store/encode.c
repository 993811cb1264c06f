/* Records, event definitions and log rows as JSON text, with jansson. */
#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

#include "core/error.h"
#include "store/codec.h"

/* Collects the fields of one object; the first failure stays and names its field. */
typedef struct writer {
    json_t *object;
    const char *what;
    hl_status status;
} writer;

static bool is_utf8(const char *text)
{
    json_t *probe = json_string(text);
    json_decref(probe);
    return probe != NULL;
}

/* Takes the value. */
static void put(writer *out, const char *key, json_t *value)
{
    if (out->status != HL_OK)
        json_decref(value);
    else if (json_object_set_new_nocheck(out->object, key, value) != 0)
        out->status = hl__fail_memory("commit");
}

static json_t *text_value(writer *out, const char *key, const char *text)
{
    json_t *value = json_string(text);
    if (value || out->status != HL_OK)
        return value;
    if (is_utf8(text))
        out->status = hl__fail_memory("commit");
    else
        out->status = hl__fail(HL_ERR_INVALID, "commit", key, "The %s of the %s is not UTF-8; the store keeps text.",
                               key, out->what);
    return NULL;
}

static void put_text(writer *out, const char *key, const char *text)
{
    json_t *value = text_value(out, key, text);
    if (value)
        put(out, key, value);
}

/* What most records do not have is not written. */
static void put_unless_empty(writer *out, const char *key, const char *text)
{
    if (*text)
        put_text(out, key, text);
}

static void put_int(writer *out, const char *key, uint64_t value)
{
    put(out, key, json_integer((json_int_t)value));
}

/* JSON numbers are signed: hashes are written as digits. */
static void put_hash(writer *out, const char *key, uint64_t hash)
{
    char digits[HL__HASH_TEXT] = "";
    if (hash)
        snprintf(digits, sizeof(digits), "%016" PRIx64, hash);
    put_text(out, key, digits);
}

static void put_names(writer *out, const char *key, const char *const *names, size_t names_len)
{
    json_t *array = json_array();
    for (size_t i = 0; i < names_len; i++) {
        json_t *name = text_value(out, key, names[i]);
        if (name && json_array_append_new(array, name) != 0 && out->status == HL_OK)
            out->status = hl__fail_memory("commit");
    }
    put(out, key, array);
}

static hl_status finish(writer *out, char **text)
{
    if (out->status == HL_OK && !(*text = json_dumps(out->object, JSON_COMPACT)))
        out->status = hl__fail_memory("commit");
    json_decref(out->object);
    return out->status;
}

hl_status hl__record_encode(const hl__record *record, char **text)
{
    writer out = {json_object(), "plugin's record", HL_OK};
    put_text(&out, "name", record->name);
    put_text(&out, "event", record->event);
    put_text(&out, "status", hl__status_word(record->status));
    put_int(&out, "priority", (uint64_t)record->priority);
    put_names(&out, "depends", record->depends, record->depends_len);
    put_text(&out, "extension", record->extension);
    put_text(&out, "extra", record->extra);
    put_text(&out, "id", record->id);
    put_text(&out, "library", record->library);
    put_text(&out, "library_stamp", record->library_stamp);
    put_text(&out, "version", record->version);
    put_hash(&out, "contract", record->contract_hash);
    put_unless_empty(&out, "isolation", record->isolation);
    put_unless_empty(&out, "isolation_asked", record->asked);
    put_unless_empty(&out, "hold", record->hold);
    put_int(&out, "inserted_at", (uint64_t)record->inserted_at);
    put_int(&out, "updated_at", (uint64_t)record->updated_at);
    put_int(&out, "revision", record->revision);
    return finish(&out, text);
}

static json_t *field_value(writer *out, const hl_field *field)
{
    writer inner = {json_object(), out->what, out->status};
    put_text(&inner, "name", field->name);
    put_text(&inner, "type", field->type);
    put_int(&inner, "offset", field->offset);
    put_int(&inner, "size", field->size);
    out->status = inner.status;
    return inner.object;
}

static json_t *fields_value(writer *out, const hl_contract *contract)
{
    json_t *array = json_array();
    for (size_t i = 0; i < contract->fields_len; i++) {
        if (json_array_append_new(array, field_value(out, &contract->fields[i])) != 0 && out->status == HL_OK)
            out->status = hl__fail_memory("commit");
    }
    return array;
}

static json_t *contract_value(writer *out, const hl_contract *contract, bool has_codec)
{
    writer inner = {json_object(), "event's contract", out->status};
    put_text(&inner, "type", contract->type);
    put_int(&inner, "state_size", contract->state_size);
    put(&inner, "fields", fields_value(&inner, contract));
    if (has_codec)
        put(&inner, "codec", json_true());
    out->status = inner.status;
    return inner.object;
}

hl_status hl__event_encode(const hl__event_def *def, char **text)
{
    writer out = {json_object(), "event's definition", HL_OK};
    put_text(&out, "name", def->name);
    put_int(&out, "flags", def->flags);
    put(&out, "contract", def->contract ? contract_value(&out, def->contract, def->has_codec) : json_null());
    return finish(&out, text);
}

hl_status hl__log_encode(const hl__log_row *row, char **text)
{
    writer out = {json_object(), "log entry", HL_OK};
    put_int(&out, "at", (uint64_t)row->at);
    put_int(&out, "pid", (uint64_t)row->pid);
    put_text(&out, "action", row->action);
    put_names(&out, "plugins", (const char *const *)row->plugins.items, row->plugins.len);
    put_names(&out, "events", (const char *const *)row->events.items, row->events.len);
    return finish(&out, text);
}
