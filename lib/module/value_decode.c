/* CBOR to values, for bytes of anybody: item by item through libcbor's streaming decoder, with a stack of its own
 * (value_gather.c). Linked by libhookline and by the module's worker. No length that the bytes claim is believed before
 * as many bytes are there. */
#include <cbor.h>

#include "core/error.h"
#include "module/value_gather.h"
#include "worker/look.h"

#define ACTION HL__DECODE_ACTION
#define ITEMS_A_LOOK 1024 /* between two looks at the clock */

/* ---- numbers and simple values ----------------------------------------------------------------------------------- */

static void take_unsigned(void *user, uint64_t number)
{
    if (number > INT64_MAX)
        hl__gather_refuse(user, "an integer is beyond 64 bits with sign");
    else
        hl__gather_plain(user, hl_value_int((int64_t)number));
}

static void take_negative(void *user, uint64_t number)
{
    if (number > INT64_MAX)
        hl__gather_refuse(user, "an integer is beyond 64 bits with sign");
    else
        hl__gather_plain(user, hl_value_int(-1 - (int64_t)number));
}

static void on_uint8(void *user, uint8_t number)
{
    take_unsigned(user, number);
}

static void on_uint16(void *user, uint16_t number)
{
    take_unsigned(user, number);
}

static void on_uint32(void *user, uint32_t number)
{
    take_unsigned(user, number);
}

static void on_negint8(void *user, uint8_t number)
{
    take_negative(user, number);
}

static void on_negint16(void *user, uint16_t number)
{
    take_negative(user, number);
}

static void on_negint32(void *user, uint32_t number)
{
    take_negative(user, number);
}

static void on_float(void *user, float number)
{
    hl__gather_plain(user, hl_value_float((double)number));
}

static void on_double(void *user, double number)
{
    hl__gather_plain(user, hl_value_float(number));
}

static void on_bool(void *user, bool value)
{
    hl__gather_plain(user, hl_value_bool(value));
}

static void on_null(void *user)
{
    hl__gather_plain(user, hl_value_null());
}

static void on_undefined(void *user)
{
    hl__gather_refuse(user, "\"undefined\" is no value here");
}

static void on_tag(void *user, uint64_t tag)
{
    (void)tag;
    hl__gather_refuse(user, "a tag stands; values have none");
}

/* ---- texts and bytes --------------------------------------------------------------------------------------------- */

static void on_text(void *user, cbor_data bytes, size_t len)
{
    hl__gather_string(user, HL_VALUE_TEXT, bytes, len);
}

static void on_bytes(void *user, cbor_data bytes, size_t len)
{
    hl__gather_string(user, HL_VALUE_BYTES, bytes, len);
}

static void on_text_start(void *user)
{
    hl__gather_pieces(user, HL_VALUE_TEXT);
}

static void on_bytes_start(void *user)
{
    hl__gather_pieces(user, HL_VALUE_BYTES);
}

/* ---- lists and maps ---------------------------------------------------------------------------------------------- */

static void on_list(void *user, size_t len)
{
    hl__gathering *to = user;

    if (len > to->left)
        hl__gather_refuse(to, "a list claims more items than there are bytes");
    else
        hl__gather_many(to, hl_value_list(), len);
}

static void on_map(void *user, size_t len)
{
    hl__gathering *to = user;

    if (len > to->left / 2)
        hl__gather_refuse(to, "a map claims more items than there are bytes");
    else
        hl__gather_many(to, hl_value_map(), (uint64_t)len * 2);
}

static void on_list_start(void *user)
{
    hl__gather_many(user, hl_value_list(), HL__UNTIL_BREAK);
}

static void on_map_start(void *user)
{
    hl__gather_many(user, hl_value_map(), HL__UNTIL_BREAK);
}

static void on_break(void *user)
{
    hl__gather_break(user);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = take_unsigned,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = take_negative,
    .byte_string_start = on_bytes_start,
    .byte_string = on_bytes,
    .string_start = on_text_start,
    .string = on_text,
    .indef_array_start = on_list_start,
    .array_start = on_list,
    .indef_map_start = on_map_start,
    .map_start = on_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_undefined,
    .null = on_null,
    .boolean = on_bool,
    .indef_break = on_break,
};

static void decode_item(hl__gathering *to, const uint8_t *bytes, size_t len)
{
    struct cbor_decoder_result result;

    to->left = len - to->at;
    result = cbor_stream_decode(bytes + to->at, to->left, &callbacks, to);
    if (result.status == CBOR_DECODER_NEDATA)
        hl__gather_refuse(to, "an item begins that the bytes end before");
    else if (result.status != CBOR_DECODER_FINISHED)
        hl__gather_refuse(to, "nothing stands that is a value");
    if (to->status == HL_OK)
        to->at += result.read;
}

/* A value of few items is taken in whatever the time. */
static void keep_time(hl__gathering *to, size_t items, uint64_t until_ns)
{
    if (until_ns && items % ITEMS_A_LOOK == 0 && to->status == HL_OK && hl__look_now_ns() >= until_ns)
        to->status = hl__fail(HL_ERR_TIMEOUT, ACTION, "bytes", "The value is so large that it was not read in time.");
}

hl_status hl_value_decode(const void *bytes, size_t len, hl_value **out)
{
    return hl__value_decode_until(bytes, len, 0, out);
}

hl_status hl__value_decode_until(const void *bytes, size_t len, uint64_t until_ns, hl_value **out)
{
    hl__gathering to = {.status = HL_OK};

    if (!out || (!bytes && len > 0))
        return hl__fail(HL_ERR_INVALID, ACTION, out ? "bytes" : "out", "The pointer is NULL.");
    *out = NULL;
    if (len > HL_VALUE_BYTES_MAX)
        return hl__fail(HL_ERR_LIMIT, ACTION, "len", "A value may have at most %zu bytes in CBOR, not %zu.",
                        HL_VALUE_BYTES_MAX, len);
    for (size_t items = 1; to.status == HL_OK && !hl__gather_is_complete(&to) && to.at < len; items++) {
        decode_item(&to, bytes, len);
        keep_time(&to, items, until_ns);
    }
    return hl__gather_finish(&to, len, out);
}
