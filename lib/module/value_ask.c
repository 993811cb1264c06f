/* Questions to values: what it is, what it holds. Linked by libhookline and by the module's worker. */
#include <search.h>

#include "module/value_tree.h"

hl_value_kind hl_value_kind_of(const hl_value *value)
{
    return value ? value->kind : HL_VALUE_NULL;
}

bool hl_value_as_bool(const hl_value *value, bool *out)
{
    if (hl_value_kind_of(value) != HL_VALUE_BOOL)
        return false;
    *out = value->boolean;
    return true;
}

bool hl_value_as_int(const hl_value *value, int64_t *out)
{
    if (hl_value_kind_of(value) != HL_VALUE_INT)
        return false;
    *out = value->integer;
    return true;
}

bool hl_value_as_number(const hl_value *value, double *out)
{
    if (hl_value_kind_of(value) == HL_VALUE_INT)
        *out = (double)value->integer;
    else if (hl_value_kind_of(value) == HL_VALUE_FLOAT)
        *out = value->number;
    else
        return false;
    return true;
}

static const char *bytes_of(const hl_value *value, hl_value_kind kind, size_t *len)
{
    bool fits = hl_value_kind_of(value) == kind;

    if (len)
        *len = fits ? value->bytes.len : 0;
    return fits ? value->bytes.at : NULL;
}

const char *hl_value_as_text(const hl_value *value, size_t *len)
{
    return bytes_of(value, HL_VALUE_TEXT, len);
}

const void *hl_value_as_bytes(const hl_value *value, size_t *len)
{
    return bytes_of(value, HL_VALUE_BYTES, len);
}

size_t hl_value_len(const hl_value *value)
{
    switch (hl_value_kind_of(value)) {
    case HL_VALUE_TEXT:
    case HL_VALUE_BYTES:
        return value->bytes.len;
    case HL_VALUE_LIST:
    case HL_VALUE_MAP:
        return value->many.len;
    default:
        return 0;
    }
}

const hl_value *hl_value_at(const hl_value *list_or_map, size_t index)
{
    if (!list_or_map || !hl__value_is_many(list_or_map) || index >= list_or_map->many.len)
        return NULL;
    return list_or_map->many.items[index];
}

const char *hl_value_key_at(const hl_value *map, size_t index)
{
    return hl_value_kind_of(map) == HL_VALUE_MAP && index < map->many.len ? map->many.items[index]->key : NULL;
}

const hl_value *hl_value_get(const hl_value *map, const char *key)
{
    hl_value wanted = {.key = (char *)(uintptr_t)key};
    hl_value *const *found = NULL;

    if (hl_value_kind_of(map) == HL_VALUE_MAP && key)
        found = tfind(&wanted, (void *const *)&map->many.by_key, hl__value_compare_keys);
    return found ? *found : NULL;
}
