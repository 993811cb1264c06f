/* Putting a value together item by item; see value_gather.h. Nothing is allocated for items that have not come. */
#include "module/value_gather.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"

#define ACTION HL__DECODE_ACTION

void hl__gather_refuse(hl__gathering *to, const char *why)
{
    if (to->status == HL_OK)
        to->status = hl__fail(HL_ERR_INVALID, ACTION, "bytes", "At byte %zu %s.", to->at, why);
}

static void refuse_limit(hl__gathering *to, const char *what, size_t most)
{
    if (to->status == HL_OK)
        to->status = hl__fail(HL_ERR_LIMIT, ACTION, "bytes", "At byte %zu the value has more than the %zu %s allowed.",
                              to->at, most, what);
}

static void refuse_memory(hl__gathering *to)
{
    if (to->status == HL_OK)
        to->status = hl__fail_memory(ACTION);
}

/* ---- where an item goes ------------------------------------------------------------------------------------------ */

static hl__frame *top(hl__gathering *to)
{
    return to->depth > 0 ? &to->frames[to->depth - 1] : NULL;
}

static void pop_complete(hl__gathering *to)
{
    while (to->depth > 0 && top(to)->left == 0)
        to->depth--;
}

static void count_down(hl__gathering *to)
{
    hl__frame *into = top(to);

    if (into && into->left != HL__UNTIL_BREAK)
        into->left--;
}

static bool is_key(hl__gathering *to)
{
    const hl__frame *into = top(to);

    return into && into->into->kind == HL_VALUE_MAP && !into->key;
}

static void take_key(hl__gathering *to, hl__frame *into, hl_value *key)
{
    size_t len;
    const char *text = hl_value_as_text(key, &len);

    if (!text)
        hl__gather_refuse(to, "a map has a key that is no text");
    else if (strlen(text) != len)
        hl__gather_refuse(to, "a map has a key with a zero byte in it");
    else if (hl_value_get(into->into, text))
        hl__gather_refuse(to, "a map has the same key again");
    else if (!(into->key = strdup(text)))
        refuse_memory(to);
    hl_value_free(key);
}

/* The container owns it then; on failure it is freed. */
static bool put(hl__gathering *to, hl_value *value)
{
    hl__frame *into = top(to);
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
static bool take(hl__gathering *to, hl_value *value)
{
    if (!value)
        refuse_memory(to);
    else if (to->pieces.kind)
        hl__gather_refuse(to, "something stands among the pieces of a text or of bytes");
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

void hl__gather_plain(hl__gathering *to, hl_value *value)
{
    if (take(to, value))
        count_down(to);
    pop_complete(to);
}

/* ---- texts and bytes --------------------------------------------------------------------------------------------- */

static bool make_room(hl__pieces *into, size_t more)
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

static void add_piece(hl__gathering *to, const uint8_t *bytes, size_t len)
{
    if (!make_room(&to->pieces, len)) {
        refuse_memory(to);
        return;
    }
    memcpy(to->pieces.at + to->pieces.len, bytes, len);
    to->pieces.len += len;
}

void hl__gather_string(hl__gathering *to, hl_value_kind kind, const void *bytes, size_t len)
{
    if (kind == HL_VALUE_TEXT && !hl__is_utf8((const char *)bytes, len))
        hl__gather_refuse(to, "a text is not UTF-8");
    else if (to->pieces.kind == kind)
        add_piece(to, bytes, len);
    else
        hl__gather_plain(to, kind == HL_VALUE_TEXT ? hl_value_text_n((const char *)bytes, len)
                                                   : hl_value_bytes(bytes, len));
}

void hl__gather_pieces(hl__gathering *to, hl_value_kind kind)
{
    if (to->pieces.kind)
        hl__gather_refuse(to, "a text or bytes in pieces stand in another one");
    else if (!make_room(&to->pieces, 0))
        refuse_memory(to);
    else
        to->pieces.kind = kind;
}

static void end_pieces(hl__gathering *to)
{
    hl__pieces done = to->pieces;

    to->pieces = (hl__pieces){0};
    hl__gather_plain(to, hl__value_take(done.kind, done.at, done.len));
}

/* ---- lists and maps ---------------------------------------------------------------------------------------------- */

void hl__gather_many(hl__gathering *to, hl_value *many, uint64_t items)
{
    if (many && to->depth == HL_VALUE_DEPTH_MAX) {
        refuse_limit(to, "lists and maps in each other", HL_VALUE_DEPTH_MAX);
        hl_value_free(many);
        return;
    }
    if (is_key(to) && to->status == HL_OK)
        hl__gather_refuse(to, "a map has a key that is no text");
    if (!take(to, many))
        return;
    count_down(to);
    to->frames[to->depth++] = (hl__frame){.into = many, .left = items};
    pop_complete(to);
}

void hl__gather_break(hl__gathering *to)
{
    if (to->pieces.kind) {
        end_pieces(to);
    } else if (!top(to) || top(to)->left != HL__UNTIL_BREAK) {
        hl__gather_refuse(to, "a break ends nothing");
    } else if (top(to)->key) {
        hl__gather_refuse(to, "a map ends behind a key");
    } else {
        top(to)->left = 0;
        pop_complete(to);
    }
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

bool hl__gather_is_complete(const hl__gathering *to)
{
    return to->root && to->depth == 0;
}

hl_status hl__gather_finish(hl__gathering *to, size_t len, hl_value **out)
{
    if (to->status == HL_OK && !hl__gather_is_complete(to))
        hl__gather_refuse(to, "the bytes end, and the value is not complete");
    if (to->status == HL_OK && to->at != len)
        hl__gather_refuse(to, "the value ends, and more bytes follow");
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
