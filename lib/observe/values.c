/* See values.h. */
#include "observe/values.h"

#include <stdlib.h>
#include <string.h>

json_t *hl__text_value(const char *bytes)
{
    json_t *value = json_string(bytes ? bytes : "");
    char *copy;

    if (value)
        return value;
    copy = strdup(bytes);
    if (!copy)
        return NULL;
    for (char *at = copy; *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    value = json_string(copy);
    free(copy);
    return value;
}

void hl__put(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

void hl__put_text(json_t *object, const char *key, const char *value)
{
    hl__put(object, key, hl__text_value(value));
}

void hl__put_count(json_t *object, const char *key, uint64_t value)
{
    hl__put(object, key, json_integer((json_int_t)value));
}

void hl__put_bool(json_t *object, const char *key, bool value)
{
    hl__put(object, key, json_boolean(value));
}
