/* Strings of any bytes as JSON values; see json_text.h. */
#include "install/json_text.h"

#include <stdlib.h>
#include <string.h>

json_t *hl__json_text(const char *bytes)
{
    json_t *value = json_string(bytes ? bytes : "");
    char *copy;

    if (value || !bytes)
        return value;
    copy = strdup(bytes);
    if (!copy)
        return NULL;
    for (char *at = copy; *at; at++) {
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    }
    value = json_string(copy);
    free(copy);
    return value;
}

void hl__json_put_text(json_t *object, const char *key, const char *bytes)
{
    json_object_set_new(object, key, hl__json_text(bytes));
}
