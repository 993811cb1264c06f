/* Lists for messages; see list.h. */
#include "install/list.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char more[] = ", ...";

/* What finds no room ends the text: a part of a name would be misread. */
void hl__list_add(hl__list *list, const char *format, ...)
{
    char item[512];
    va_list arguments;
    size_t room;
    int len;

    list->len++;
    if (list->used == sizeof(list->text))
        return;
    va_start(arguments, format);
    len = vsnprintf(item, sizeof(item), format, arguments);
    va_end(arguments);
    room = sizeof(list->text) - list->used - sizeof(more);
    if (len < 0 || (size_t)len >= sizeof(item) || (size_t)len + 2 > room) {
        memcpy(list->text + list->used, more, sizeof(more));
        list->used = sizeof(list->text);
        return;
    }
    list->used += (size_t)snprintf(list->text + list->used, room, "%s%s", list->len > 1 ? ", " : "", item);
}
