/* Joining values into trees: lists and maps, whose depth is kept here. Linked by libhookline and by the module's
 * worker. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "module/value_tree.h"

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

static uint32_t tallest_item(const hl_value *many)
{
    uint32_t height = 0;

    for (uint32_t i = 0; i < many->many.len; i++) {
        if (many->many.items[i]->height > height)
            height = many->many.items[i]->height;
    }
    return height;
}

/* An item of height `before`, which may have been the tallest, has become a lower one. */
static void lower(hl_value *into, uint32_t before)
{
    while (into && into->height == before + 1) {
        before = into->height;
        into->height = 1 + tallest_item(into);
        into = into->height < before ? into->parent : NULL;
    }
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
    if (item->height < before->height)
        lower(map, before->height);
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
