/* Values: making, copying, comparing and freeing them. Linked by libhookline and by the module's worker. A tree is
 * never deeper than HL_VALUE_DEPTH_MAX, which joining (value_join.c) sees to: so walking it by recursion is bounded. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "module/value_tree.h"

/* ---- makers ------------------------------------------------------------------------------------------------------ */

bool hl__value_is_many(const hl_value *value)
{
    return value->kind == HL_VALUE_LIST || value->kind == HL_VALUE_MAP;
}

hl_value *hl__value_new(hl_value_kind kind)
{
    hl_value *value = calloc(1, sizeof(*value));

    if (!value)
        return NULL;
    value->kind = kind;
    value->height = hl__value_is_many(value) ? 1 : 0;
    return value;
}

hl_value *hl__value_take(hl_value_kind kind, char *at, size_t len)
{
    hl_value *value = at ? hl__value_new(kind) : NULL;

    if (!value) {
        free(at);
        return NULL;
    }
    at[len] = '\0';
    value->bytes.at = at;
    value->bytes.len = len;
    return value;
}

static hl_value *new_bytes(hl_value_kind kind, const void *bytes, size_t len)
{
    char *copy = len < SIZE_MAX && (bytes || len == 0) ? malloc(len + 1) : NULL;

    if (copy && len > 0)
        memcpy(copy, bytes, len);
    return hl__value_take(kind, copy, len);
}

hl_value *hl_value_null(void)
{
    return hl__value_new(HL_VALUE_NULL);
}

hl_value *hl_value_bool(bool value)
{
    hl_value *made = hl__value_new(HL_VALUE_BOOL);

    if (made)
        made->boolean = value;
    return made;
}

hl_value *hl_value_int(int64_t value)
{
    hl_value *made = hl__value_new(HL_VALUE_INT);

    if (made)
        made->integer = value;
    return made;
}

hl_value *hl_value_float(double value)
{
    hl_value *made = hl__value_new(HL_VALUE_FLOAT);

    if (made)
        made->number = value;
    return made;
}

hl_value *hl_value_text(const char *text)
{
    return text ? hl_value_text_n(text, strlen(text)) : NULL;
}

hl_value *hl_value_text_n(const char *text, size_t len)
{
    return (text || len == 0) && hl__is_utf8(text, len) ? new_bytes(HL_VALUE_TEXT, text, len) : NULL;
}

hl_value *hl_value_bytes(const void *bytes, size_t len)
{
    return new_bytes(HL_VALUE_BYTES, bytes, len);
}

hl_value *hl_value_list(void)
{
    return hl__value_new(HL_VALUE_LIST);
}

hl_value *hl_value_map(void)
{
    return hl__value_new(HL_VALUE_MAP);
}

/* ---- freeing ----------------------------------------------------------------------------------------------------- */

static void keep(void *item)
{
    (void)item;
}

void hl_value_free(hl_value *value)
{
    if (!value)
        return;
    if (value->kind == HL_VALUE_TEXT || value->kind == HL_VALUE_BYTES)
        free(value->bytes.at);
    if (hl__value_is_many(value)) {
        tdestroy(value->many.by_key, keep);
        for (uint32_t i = 0; i < value->many.len; i++)
            hl_value_free(value->many.items[i]);
        free(value->many.items);
    }
    free(value->key);
    free(value);
}

/* ---- copying and comparing --------------------------------------------------------------------------------------- */

static hl_value *copy_many(const hl_value *value)
{
    hl_value *copy = hl__value_new(value->kind);
    hl_status status = HL_OK;

    for (uint32_t i = 0; copy && status == HL_OK && i < value->many.len; i++) {
        const hl_value *item = value->many.items[i];

        status = value->kind == HL_VALUE_LIST ? hl_value_append(copy, hl_value_copy(item))
                                              : hl_value_set(copy, item->key, hl_value_copy(item));
    }
    if (status == HL_OK)
        return copy;
    hl_value_free(copy);
    return NULL;
}

hl_value *hl_value_copy(const hl_value *value)
{
    hl_value_kind kind = hl_value_kind_of(value);

    if (kind == HL_VALUE_NULL)
        return hl_value_null();
    if (kind == HL_VALUE_BOOL)
        return hl_value_bool(value->boolean);
    if (kind == HL_VALUE_INT)
        return hl_value_int(value->integer);
    if (kind == HL_VALUE_FLOAT)
        return hl_value_float(value->number);
    return hl__value_is_many(value) ? copy_many(value) : new_bytes(kind, value->bytes.at, value->bytes.len);
}

static bool equal_lists(const hl_value *a, const hl_value *b)
{
    for (uint32_t i = 0; i < a->many.len; i++) {
        if (!hl_value_equal(a->many.items[i], b->many.items[i]))
            return false;
    }
    return true;
}

static bool equal_maps(const hl_value *a, const hl_value *b)
{
    for (uint32_t i = 0; i < a->many.len; i++) {
        const hl_value *other = hl_value_get(b, a->many.items[i]->key);

        if (!other || !hl_value_equal(a->many.items[i], other))
            return false;
    }
    return true;
}

/* One NaN is another. */
static bool equal_numbers(double a, double b)
{
    return a == b || (a != a && b != b);
}

bool hl_value_equal(const hl_value *a, const hl_value *b)
{
    if (hl_value_kind_of(a) != hl_value_kind_of(b) || hl_value_len(a) != hl_value_len(b))
        return false;
    switch (hl_value_kind_of(a)) {
    case HL_VALUE_BOOL:
        return a->boolean == b->boolean;
    case HL_VALUE_INT:
        return a->integer == b->integer;
    case HL_VALUE_FLOAT:
        return equal_numbers(a->number, b->number);
    case HL_VALUE_LIST:
        return equal_lists(a, b);
    case HL_VALUE_MAP:
        return equal_maps(a, b);
    case HL_VALUE_TEXT:
    case HL_VALUE_BYTES:
        return memcmp(a->bytes.at, b->bytes.at, a->bytes.len) == 0;
    default:
        return true;
    }
}
