/* Values as JSON, for people and the command: through jansson, which the module's worker does not link. What JSON does
 * not have is said: bytes are {"$bytes": BASE64}, so a map of just that key cannot be written, nor can infinities. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/base64.h"
#include "module/value_json.h"
#include "module/value_tree.h"

#define BYTES_KEY HL__JSON_BYTES_KEY
#define JSON_BYTES_MAX (2 * HL_VALUE_BYTES_MAX)

/* ---- reading ----------------------------------------------------------------------------------------------------- */

#define READ HL__JSON_READ

static hl_status read_value(const json_t *json, hl_value **out);

static hl_status made(hl_value *value, hl_value **out)
{
    *out = value;
    return value ? HL_OK : hl__fail_memory(READ);
}

/* Of how many bytes the text is the base64. */
static size_t decoded_len(const char *text, size_t len)
{
    size_t bytes = len / 4 * 3;

    for (size_t i = len; i > 0 && len - i < 2 && text[i - 1] == '='; i--)
        bytes--;
    return bytes;
}

static hl_status read_bytes(const json_t *text, hl_value **out)
{
    size_t len = json_string_length(text);
    size_t bytes_len = decoded_len(json_string_value(text), len);
    char *bytes = malloc(bytes_len + 1);

    if (!bytes)
        return hl__fail_memory(READ);
    if (!hl__base64_read(json_string_value(text), len, (uint8_t *)bytes, bytes_len)) {
        free(bytes);
        return hl__fail(HL_ERR_INVALID, READ, BYTES_KEY,
                        "The text beside \"" BYTES_KEY "\" is no base64 with padding.");
    }
    return made(hl__value_take(HL_VALUE_BYTES, bytes, bytes_len), out);
}

static hl_status read_list(const json_t *json, hl_value **out)
{
    hl_status status = made(hl_value_list(), out);
    const json_t *item;
    size_t i;

    json_array_foreach (json, i, item) {
        hl_value *value = NULL;

        if (status == HL_OK)
            status = read_value(item, &value);
        if (status == HL_OK)
            status = hl_value_append(*out, value);
    }
    return status;
}

static hl_status read_map(json_t *json, hl_value **out)
{
    hl_status status = made(hl_value_map(), out);
    const char *key;
    json_t *item;

    json_object_foreach (json, key, item) {
        hl_value *value = NULL;

        if (status == HL_OK)
            status = read_value(item, &value);
        if (status == HL_OK)
            status = hl_value_set(*out, key, value);
    }
    return status;
}

static hl_status read_object(const json_t *json, hl_value **out)
{
    const json_t *bytes = json_object_get(json, BYTES_KEY);

    if (json_object_size(json) == 1 && json_is_string(bytes))
        return read_bytes(bytes, out);
    return read_map((json_t *)(uintptr_t)json, out);
}

static hl_status read_plain(const json_t *json, hl_value **out)
{
    switch (json_typeof(json)) {
    case JSON_STRING:
        return made(hl_value_text_n(json_string_value(json), json_string_length(json)), out);
    case JSON_INTEGER:
        return made(hl_value_int(json_integer_value(json)), out);
    case JSON_REAL:
        return made(hl_value_float(json_real_value(json)), out);
    case JSON_TRUE:
    case JSON_FALSE:
        return made(hl_value_bool(json_is_true(json)), out);
    default:
        return made(hl_value_null(), out);
    }
}

/* On failure nothing is left. The depth was bounded before; the limit of values is met as their lists are joined. */
static hl_status read_value(const json_t *json, hl_value **out)
{
    hl_status status;

    *out = NULL;
    if (json_is_array(json))
        status = read_list(json, out);
    else if (json_is_object(json))
        status = read_object(json, out);
    else
        status = read_plain(json, out);
    if (status == HL_OK)
        return HL_OK;
    hl_value_free(*out);
    *out = NULL;
    return status;
}

hl_status hl_value_from_json(const char *json, hl_value **out)
{
    json_error_t error;
    json_t *root;
    hl_status status;

    if (!json || !out)
        return hl__fail(HL_ERR_INVALID, READ, json ? "out" : "json", "The pointer is NULL.");
    *out = NULL;
    if (strnlen(json, JSON_BYTES_MAX + 1) > JSON_BYTES_MAX)
        return hl__fail(HL_ERR_LIMIT, READ, "json", "A value in JSON may have at most %zu bytes.", JSON_BYTES_MAX);
    status = hl__json_check_limits(json);
    if (status != HL_OK)
        return status;
    root = json_loads(json, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!root)
        return hl__fail(HL_ERR_INVALID, READ, "json", "Line %d, column %d: %s.", error.line, error.column, error.text);
    status = read_value(root, out);
    json_decref(root);
    return status == HL_OK ? HL_OK : hl__fail_as(READ);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

#define WRITE "value_to_json"

/* How many digits bring every float of the tree back as it was. */
static size_t digits_for(const hl_value *value)
{
    size_t digits = 15;
    char text[40];

    if (hl_value_kind_of(value) == HL_VALUE_FLOAT) {
        do
            snprintf(text, sizeof(text), "%.*g", (int)digits, value->number);
        while (strtod(text, NULL) != value->number && ++digits < 17);
    }
    for (size_t i = 0; hl_value_at(value, i) && digits < 17; i++) {
        size_t more = digits_for(hl_value_at(value, i));

        digits = more > digits ? more : digits;
    }
    return digits;
}

static json_t *write_value(const hl_value *value, hl_status *status);

static json_t *write_float(double number, hl_status *status)
{
    if (isfinite(number))
        return json_real(number);
    *status = hl__fail(HL_ERR_INVALID, WRITE, "value", "JSON has no %s.", isnan(number) ? "NaN" : "infinity");
    return NULL;
}

static json_t *write_bytes(const hl_value *value)
{
    size_t len = (value->bytes.len + 2) / 3 * 4;
    char *text = malloc(len + 1);
    json_t *object = json_object();

    if (text && object) {
        hl__base64_write((const uint8_t *)value->bytes.at, value->bytes.len, text);
        json_object_set_new(object, BYTES_KEY, json_stringn(text, len));
    }
    free(text);
    if (json_object_size(object) == 1)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *write_list(const hl_value *value, hl_status *status)
{
    json_t *array = json_array();
    bool good = array != NULL;

    for (uint32_t i = 0; good && i < value->many.len; i++)
        good = json_array_append_new(array, write_value(value->many.items[i], status)) == 0;
    if (good)
        return array;
    json_decref(array);
    return NULL;
}

static json_t *write_map(const hl_value *value, hl_status *status)
{
    json_t *object;
    bool good;

    if (value->many.len == 1 && hl_value_as_text(hl_value_get(value, BYTES_KEY), NULL)) {
        *status = hl__fail(HL_ERR_INVALID, WRITE, BYTES_KEY,
                           "A map of just a text \"" BYTES_KEY "\" stands for bytes in JSON; name the key otherwise.");
        return NULL;
    }
    object = json_object();
    good = object != NULL;
    for (uint32_t i = 0; good && i < value->many.len; i++) {
        const hl_value *item = value->many.items[i];

        good = json_object_set_new_nocheck(object, item->key, write_value(item, status)) == 0;
    }
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

/* NULL with *status, or without it when memory is missing. */
static json_t *write_value(const hl_value *value, hl_status *status)
{
    switch (hl_value_kind_of(value)) {
    case HL_VALUE_BOOL:
        return json_boolean(value->boolean);
    case HL_VALUE_INT:
        return json_integer(value->integer);
    case HL_VALUE_FLOAT:
        return write_float(value->number, status);
    case HL_VALUE_TEXT:
        return json_stringn_nocheck(value->bytes.at, value->bytes.len);
    case HL_VALUE_BYTES:
        return write_bytes(value);
    case HL_VALUE_LIST:
        return write_list(value, status);
    case HL_VALUE_MAP:
        return write_map(value, status);
    default:
        return json_null();
    }
}

hl_status hl_value_to_json(const hl_value *value, char **json)
{
    hl_status status = HL_OK;
    json_t *root;

    if (!json)
        return hl__fail(HL_ERR_INVALID, WRITE, "json", "The place for the text is NULL.");
    *json = NULL;
    root = write_value(value, &status);
    if (root)
        *json = json_dumps(root, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits_for(value)));
    json_decref(root);
    if (*json)
        return HL_OK;
    return status == HL_OK ? hl__fail_memory(WRITE) : status;
}
