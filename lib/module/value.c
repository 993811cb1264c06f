/* Values: making, joining, copying, comparing and freeing them. Linked by libhookline and by the module's worker. A tree is
 * never deeper than HL_VALUE_DEPTH_MAX, which joining sees to: so walking it by recursion is bounded. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
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

/* ---- joining ----------------------------------------------------------------------------------------------------- */

int hl__value_compare_keys(const void *a, const void *b)
{
    return strcmp(((const hl_value *)a)->key, ((const hl_value *)b)->key);
}

static bool is_above(const hl_value *item, const hl_value *into)
{
    for (; into; into = into->parent) {
        if (into == item)
            return true;
    }
    return false;
}

static hl_status check_depth(const char *action, const hl_value *into, const hl_value *item)
{
    uint32_t depth = item->height;

    for (; into; into = into->parent)
        depth++;
    if (depth <= HL_VALUE_DEPTH_MAX)
        return HL_OK;
    return hl__fail(HL_ERR_LIMIT, action, "item", "Lists and maps may be %d deep in each other; this would make %u.",
                    HL_VALUE_DEPTH_MAX, depth);
}

/* What is in another tree already is not the caller's to give away, and stays there. */
static hl_status check_free(const char *action, const hl_value *into, const hl_value *item)
{
    if (!item->parent && !is_above(item, into))
        return HL_OK;
    return hl__fail(HL_ERR_INVALID, action, "item",
                    "The item is in a tree already, or is the tree itself; give a copy (hl_value_copy).");
}

static hl_status make_room(const char *action, hl_value *into)
{
    uint32_t room = into->many.room ? into->many.room * 2 : 4;
    hl_value **items;

    if (into->many.len >= HL_VALUE_ITEMS_MAX)
        return hl__fail(HL_ERR_LIMIT, action, "item", "A value may consist of at most %zu values.", HL_VALUE_ITEMS_MAX);
    if (into->many.len < into->many.room)
        return HL_OK;
    items = reallocarray(into->many.items, room, sizeof(*items));
    if (!items)
        return hl__fail_memory(action);
    into->many.items = items;
    into->many.room = room;
    return HL_OK;
}

static void adopt(hl_value *into, hl_value *item)
{
    item->parent = into;
    for (; into && into->height <= item->height; item = into, into = into->parent)
        into->height = item->height + 1;
}

static hl_status append(const char *action, hl_value *list, hl_value *item)
{
    hl_status status = check_depth(action, list, item);

    if (status == HL_OK)
        status = make_room(action, list);
    if (status != HL_OK)
        return status;
    list->many.items[list->many.len++] = item;
    adopt(list, item);
    return HL_OK;
}

hl_status hl_value_append(hl_value *list, hl_value *item)
{
    hl_status status;

    if (!item)
        return hl__fail(HL_ERR_INVALID, "value_append", "item",
                        "The item is NULL: making it failed, for want of memory or because a text is not UTF-8.");
    status = check_free("value_append", list, item);
    if (status != HL_OK)
        return status;
    if (!list || list->kind != HL_VALUE_LIST)
        status = hl__fail(HL_ERR_INVALID, "value_append", "list", "Only lists are appended to.");
    else
        status = append("value_append", list, item);
    if (status != HL_OK)
        hl_value_free(item);
    return status;
}

/* The item of the same key in the map; *item if there was none, which is then in the tree. NULL without memory. */
static hl_value **find_or_enter(hl_value *map, hl_value *item)
{
    return tsearch(item, &map->many.by_key, hl__value_compare_keys);
}

static void replace(hl_value *map, hl_value **place, hl_value *item)
{
    hl_value *before = *place;
    uint32_t i = 0;

    while (map->many.items[i] != before)
        i++;
    map->many.items[i] = item;
    *place = item;
    adopt(map, item);
    hl_value_free(before);
}

static hl_status set(hl_value *map, hl_value *item)
{
    hl_status status = check_depth("value_set", map, item);
    hl_value **place;

    if (status != HL_OK)
        return status;
    place = find_or_enter(map, item);
    if (!place)
        return hl__fail_memory("value_set");
    if (*place != item) {
        replace(map, place, item);
        return HL_OK;
    }
    status = append("value_set", map, item);
    if (status != HL_OK)
        tdelete(item, &map->many.by_key, hl__value_compare_keys);
    return status;
}

static hl_status check_set(const hl_value *map, const char *key)
{
    if (!map || map->kind != HL_VALUE_MAP)
        return hl__fail(HL_ERR_INVALID, "value_set", "map", "Only maps have keys.");
    if (!key || !hl__is_utf8(key, strlen(key)))
        return hl__fail(HL_ERR_INVALID, "value_set", "key", "A key is a text in UTF-8.");
    return HL_OK;
}

hl_status hl_value_set(hl_value *map, const char *key, hl_value *item)
{
    hl_status status;

    if (!item)
        return hl__fail(HL_ERR_INVALID, "value_set", "item",
                        "The item is NULL: making it failed, for want of memory or because a text is not UTF-8.");
    status = check_free("value_set", map, item);
    if (status != HL_OK)
        return status;
    status = check_set(map, key);
    if (status == HL_OK && !(item->key = strdup(key)))
        status = hl__fail_memory("value_set");
    if (status == HL_OK)
        status = set(map, item);
    if (status != HL_OK)
        hl_value_free(item);
    return status;
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
