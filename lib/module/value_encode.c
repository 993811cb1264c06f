/* Values as CBOR (RFC 8949): shortest integers and lengths, definite lengths, floats as doubles. Linked by libhookline
 * and by the module's worker. The length is measured first, so that a value can be written to where it is needed. */
#include <cbor.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "module/value_tree.h"

/* ---- measuring --------------------------------------------------------------------------------------------------- */

typedef struct measure {
    size_t len;
    size_t items;
} measure;

/* Of an item's first byte and the number that belongs to it. */
static size_t head_len(uint64_t number)
{
    if (number < 24)
        return 1;
    if (number <= UINT8_MAX)
        return 2;
    if (number <= UINT16_MAX)
        return 3;
    return number <= UINT32_MAX ? 5 : 9;
}

/* CBOR's number for a negative one is how far it is below -1. */
static uint64_t magnitude(int64_t integer)
{
    return integer < 0 ? (uint64_t) - (integer + 1) : (uint64_t)integer;
}

static size_t own_len(const hl_value *value)
{
    switch (hl_value_kind_of(value)) {
    case HL_VALUE_INT:
        return head_len(magnitude(value->integer));
    case HL_VALUE_FLOAT:
        return 9;
    case HL_VALUE_TEXT:
    case HL_VALUE_BYTES:
        return head_len(value->bytes.len) + value->bytes.len;
    case HL_VALUE_LIST:
    case HL_VALUE_MAP:
        return head_len(value->many.len);
    default:
        return 1;
    }
}

/* Stops counting once it is too much. */
static void add(measure *sum, const hl_value *value)
{
    sum->len += own_len(value);
    sum->items++;
    if (!value || !hl__value_is_many(value))
        return;
    for (uint32_t i = 0; i < value->many.len && sum->len <= HL_VALUE_BYTES_MAX; i++) {
        const hl_value *item = value->many.items[i];
        size_t key_len = item->key ? strlen(item->key) : 0;

        if (item->key)
            sum->len += head_len(key_len) + key_len;
        add(sum, item);
    }
}

hl_status hl__value_measure(const hl_value *value, size_t *len)
{
    measure sum = {0};

    add(&sum, value);
    *len = sum.len;
    if (sum.len > HL_VALUE_BYTES_MAX)
        return hl__fail(HL_ERR_LIMIT, "value_encode", "value",
                        "A value may have at most %zu bytes in CBOR; this has more.", HL_VALUE_BYTES_MAX);
    if (sum.items > HL_VALUE_ITEMS_MAX)
        return hl__fail(HL_ERR_LIMIT, "value_encode", "value", "A value may consist of at most %zu values, not %zu.",
                        HL_VALUE_ITEMS_MAX, sum.items);
    return HL_OK;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

typedef struct writing {
    uint8_t *at;
    size_t left;
} writing;

static void pass(writing *to, size_t len)
{
    to->at += len;
    to->left -= len;
}

static void write_int(writing *to, int64_t integer)
{
    if (integer < 0)
        pass(to, cbor_encode_negint(magnitude(integer), to->at, to->left));
    else
        pass(to, cbor_encode_uint(magnitude(integer), to->at, to->left));
}

static void write_raw(writing *to, const char *bytes, size_t len)
{
    if (len > 0)
        memcpy(to->at, bytes, len);
    pass(to, len);
}

static void write_text(writing *to, const char *text, size_t len)
{
    pass(to, cbor_encode_string_start(len, to->at, to->left));
    write_raw(to, text, len);
}

static void write_bytes(writing *to, const char *bytes, size_t len)
{
    pass(to, cbor_encode_bytestring_start(len, to->at, to->left));
    write_raw(to, bytes, len);
}

static void write_value(writing *to, const hl_value *value);

static void write_items(writing *to, const hl_value *value)
{
    for (uint32_t i = 0; i < value->many.len; i++) {
        const hl_value *item = value->many.items[i];

        if (item->key)
            write_text(to, item->key, strlen(item->key));
        write_value(to, item);
    }
}

static void write_value(writing *to, const hl_value *value)
{
    switch (hl_value_kind_of(value)) {
    case HL_VALUE_BOOL:
        pass(to, cbor_encode_bool(value->boolean, to->at, to->left));
        break;
    case HL_VALUE_INT:
        write_int(to, value->integer);
        break;
    case HL_VALUE_FLOAT:
        pass(to, cbor_encode_double(value->number, to->at, to->left));
        break;
    case HL_VALUE_TEXT:
        write_text(to, value->bytes.at, value->bytes.len);
        break;
    case HL_VALUE_BYTES:
        write_bytes(to, value->bytes.at, value->bytes.len);
        break;
    case HL_VALUE_LIST:
        pass(to, cbor_encode_array_start(value->many.len, to->at, to->left));
        write_items(to, value);
        break;
    case HL_VALUE_MAP:
        pass(to, cbor_encode_map_start(value->many.len, to->at, to->left));
        write_items(to, value);
        break;
    default:
        pass(to, cbor_encode_null(to->at, to->left));
        break;
    }
}

void hl__value_write(const hl_value *value, void *bytes, size_t len)
{
    writing to = {bytes, len};

    write_value(&to, value);
}

hl_status hl_value_encode(const hl_value *value, void **bytes, size_t *len)
{
    hl_status status;

    if (!bytes || !len)
        return hl__fail(HL_ERR_INVALID, "value_encode", bytes ? "len" : "bytes", "The place for the result is NULL.");
    *bytes = NULL;
    status = hl__value_measure(value, len);
    if (status != HL_OK)
        return status;
    *bytes = malloc(*len);
    if (!*bytes)
        return hl__fail_memory("value_encode");
    hl__value_write(value, *bytes, *len);
    return HL_OK;
}
