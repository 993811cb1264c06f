/* CBOR to values, for bytes of anybody: item by item through libcbor's streaming decoder, with a stack of its own. Linked by
 * libhookline and by the module's worker. No length that the bytes claim is believed before as many bytes are there, and
 * nothing is allocated for items that have not come. */
#include <cbor.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "module/value_tree.h"

#define ACTION "value_decode"
#define UNTIL_BREAK UINT64_MAX

/* A list or map that is not complete. */
typedef struct frame {
    hl_value *into;
    uint64_t left; /* items to come; in a map, keys and values */
    char *key;     /* of the value to come */
} frame;

/* A text or bytes of indefinite length, which come in pieces. */
typedef struct pieces {
    hl_value_kind kind; /* 0: there is none */
    char *at;
    size_t len, room;
} pieces;

typedef struct decoding {
    frame frames[HL_VALUE_DEPTH_MAX];
    size_t depth;
    pieces pieces;
    hl_value *root;
    size_t items;
    size_t at;   /* of the item at hand, for messages */
    size_t left; /* bytes from there to the end */
    hl_status status;
} decoding;

static void refuse(decoding *to, const char *why)
{
    if (to->status == HL_OK)
        to->status = hl__fail(HL_ERR_INVALID, ACTION, "bytes", "At byte %zu %s.", to->at, why);
}

static void refuse_limit(decoding *to, const char *what, size_t most)
{
    if (to->status == HL_OK)
        to->status = hl__fail(HL_ERR_LIMIT, ACTION, "bytes", "At byte %zu the value has more than the %zu %s allowed.",
                              to->at, most, what);
}

static void refuse_memory(decoding *to)
{
    if (to->status == HL_OK)
        to->status = hl__fail_memory(ACTION);
}

/* ---- where an item goes ------------------------------------------------------------------------------------------ */

static frame *top(decoding *to)
{
    return to->depth > 0 ? &to->frames[to->depth - 1] : NULL;
}

static void pop_complete(decoding *to)
{
    while (to->depth > 0 && top(to)->left == 0)
        to->depth--;
}

static void count_down(decoding *to)
{
    frame *into = top(to);

    if (into && into->left != UNTIL_BREAK)
        into->left--;
}

static bool is_key(decoding *to)
{
    const frame *into = top(to);

    return into && into->into->kind == HL_VALUE_MAP && !into->key;
}

static void take_key(decoding *to, frame *into, hl_value *key)
{
    size_t len;
    const char *text = hl_value_as_text(key, &len);

    if (!text)
        refuse(to, "a map has a key that is no text");
    else if (strlen(text) != len)
        refuse(to, "a map has a key with a zero byte in it");
    else if (hl_value_get(into->into, text))
        refuse(to, "a map has the same key again");
    else if (!(into->key = strdup(text)))
        refuse_memory(to);
    hl_value_free(key);
}

/* The container owns it then; on failure it is freed. */
static bool put(decoding *to, hl_value *value)
{
    frame *into = top(to);
    hl_status status;

    if (!into) {
        to->root = value;
        return true;
    }
    status = into->into->kind == HL_VALUE_MAP ? hl_value_set(into->into, into->key, value)
                                              : hl_value_append(into->into, value);
    free(into->key);
    into->key = NULL;
    if (status != HL_OK && to->status == HL_OK)
        to->status = status;
    return status == HL_OK;
}

/* Everything that comes passes here. False: it was refused and freed, or used up as a key. */
static bool take(decoding *to, hl_value *value)
{
    if (!value)
        refuse_memory(to);
    else if (to->pieces.kind)
        refuse(to, "something stands among the pieces of a text or of bytes");
    else if (!is_key(to) && ++to->items > HL_VALUE_ITEMS_MAX)
        refuse_limit(to, "values", HL_VALUE_ITEMS_MAX);
    if (to->status != HL_OK) {
        hl_value_free(value);
        return false;
    }
    if (is_key(to)) {
        take_key(to, top(to), value);
        count_down(to);
        return false;
    }
    return put(to, value);
}

static void take_plain(void *user, hl_value *value)
{
    decoding *to = user;

    if (take(to, value))
        count_down(to);
    pop_complete(to);
}

/* ---- numbers and simple values ----------------------------------------------------------------------------------- */

static void take_unsigned(void *user, uint64_t number)
{
    if (number > INT64_MAX)
        refuse(user, "an integer is beyond 64 bits with sign");
    else
        take_plain(user, hl_value_int((int64_t)number));
}

static void take_negative(void *user, uint64_t number)
{
    if (number > INT64_MAX)
        refuse(user, "an integer is beyond 64 bits with sign");
    else
        take_plain(user, hl_value_int(-1 - (int64_t)number));
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
    take_plain(user, hl_value_float((double)number));
}

static void on_double(void *user, double number)
{
    take_plain(user, hl_value_float(number));
}

static void on_bool(void *user, bool value)
{
    take_plain(user, hl_value_bool(value));
}

static void on_null(void *user)
{
    take_plain(user, hl_value_null());
}

static void on_undefined(void *user)
{
    refuse(user, "\"undefined\" is no value here");
}

static void on_tag(void *user, uint64_t tag)
{
    (void)tag;
    refuse(user, "a tag stands; values have none");
}

/* ---- texts and bytes --------------------------------------------------------------------------------------------- */

static bool make_room(pieces *into, size_t more)
{
    size_t room = into->room ? into->room : 256;
    char *at;

    while (room - into->len <= more)
        room *= 2;
    if (room == into->room)
        return true;
    at = realloc(into->at, room);
    if (!at)
        return false;
    into->at = at;
    into->room = room;
    return true;
}

static void add_piece(decoding *to, const uint8_t *bytes, size_t len)
{
    if (!make_room(&to->pieces, len)) {
        refuse_memory(to);
        return;
    }
    memcpy(to->pieces.at + to->pieces.len, bytes, len);
    to->pieces.len += len;
}

static void take_string(decoding *to, hl_value_kind kind, const uint8_t *bytes, size_t len)
{
    if (kind == HL_VALUE_TEXT && !hl__is_utf8((const char *)bytes, len))
        refuse(to, "a text is not UTF-8");
    else if (to->pieces.kind == kind)
        add_piece(to, bytes, len);
    else
        take_plain(to, kind == HL_VALUE_TEXT ? hl_value_text_n((const char *)bytes, len) : hl_value_bytes(bytes, len));
}

static void on_text(void *user, cbor_data bytes, size_t len)
{
    take_string(user, HL_VALUE_TEXT, bytes, len);
}

static void on_bytes(void *user, cbor_data bytes, size_t len)
{
    take_string(user, HL_VALUE_BYTES, bytes, len);
}

static void begin_pieces(decoding *to, hl_value_kind kind)
{
    if (to->pieces.kind)
        refuse(to, "a text or bytes in pieces stand in another one");
    else if (!make_room(&to->pieces, 0))
        refuse_memory(to);
    else
        to->pieces.kind = kind;
}

static void on_text_start(void *user)
{
    begin_pieces(user, HL_VALUE_TEXT);
}

static void on_bytes_start(void *user)
{
    begin_pieces(user, HL_VALUE_BYTES);
}

static void end_pieces(decoding *to)
{
    pieces done = to->pieces;

    to->pieces = (pieces){0};
    take_plain(to, hl__value_take(done.kind, done.at, done.len));
}

/* ---- lists and maps ---------------------------------------------------------------------------------------------- */

/* items: to come, keys counted. */
static void begin_many(decoding *to, hl_value *many, uint64_t items)
{
    if (many && to->depth == HL_VALUE_DEPTH_MAX) {
        refuse_limit(to, "lists and maps in each other", HL_VALUE_DEPTH_MAX);
        hl_value_free(many);
        return;
    }
    if (is_key(to) && to->status == HL_OK)
        refuse(to, "a map has a key that is no text");
    if (!take(to, many))
        return;
    count_down(to);
    to->frames[to->depth++] = (frame){.into = many, .left = items};
    pop_complete(to);
}

static void on_list(void *user, size_t len)
{
    decoding *to = user;

    if (len > to->left)
        refuse(to, "a list claims more items than there are bytes");
    else
        begin_many(to, hl_value_list(), len);
}

static void on_map(void *user, size_t len)
{
    decoding *to = user;

    if (len > to->left / 2)
        refuse(to, "a map claims more items than there are bytes");
    else
        begin_many(to, hl_value_map(), (uint64_t)len * 2);
}

static void on_list_start(void *user)
{
    begin_many(user, hl_value_list(), UNTIL_BREAK);
}

static void on_map_start(void *user)
{
    begin_many(user, hl_value_map(), UNTIL_BREAK);
}

static void on_break(void *user)
{
    decoding *to = user;

    if (to->pieces.kind) {
        end_pieces(to);
    } else if (!top(to) || top(to)->left != UNTIL_BREAK) {
        refuse(to, "a break ends nothing");
    } else if (top(to)->key) {
        refuse(to, "a map ends behind a key");
    } else {
        top(to)->left = 0;
        pop_complete(to);
    }
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

static bool is_complete(const decoding *to)
{
    return to->root && to->depth == 0;
}

static void decode_item(decoding *to, const uint8_t *bytes, size_t len)
{
    struct cbor_decoder_result result;

    to->left = len - to->at;
    result = cbor_stream_decode(bytes + to->at, to->left, &callbacks, to);
    if (result.status == CBOR_DECODER_NEDATA)
        refuse(to, "an item begins that the bytes end before");
    else if (result.status != CBOR_DECODER_FINISHED)
        refuse(to, "nothing stands that is a value");
    if (to->status == HL_OK)
        to->at += result.read;
}

static hl_status finish(decoding *to, size_t len, hl_value **out)
{
    if (to->status == HL_OK && !is_complete(to))
        refuse(to, "the bytes end, and the value is not complete");
    if (to->status == HL_OK && to->at != len)
        refuse(to, "the value ends, and more bytes follow");
    if (to->status == HL_OK) {
        *out = to->root;
        return HL_OK;
    }
    for (size_t i = 0; i < to->depth; i++)
        free(to->frames[i].key);
    free(to->pieces.at);
    hl_value_free(to->root);
    return to->status;
}

hl_status hl_value_decode(const void *bytes, size_t len, hl_value **out)
{
    decoding to = {.status = HL_OK};

    if (!out || (!bytes && len > 0))
        return hl__fail(HL_ERR_INVALID, ACTION, out ? "bytes" : "out", "The pointer is NULL.");
    *out = NULL;
    if (len > HL_VALUE_BYTES_MAX)
        return hl__fail(HL_ERR_LIMIT, ACTION, "len", "A value may have at most %zu bytes in CBOR, not %zu.",
                        HL_VALUE_BYTES_MAX, len);
    while (to.status == HL_OK && !is_complete(&to) && to.at < len)
        decode_item(&to, bytes, len);
    return finish(&to, len, out);
}
