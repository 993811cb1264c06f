/* A list for a message: "a, b, c", cut where the message would become too long. */
#ifndef HL_INSTALL_LIST_H
#define HL_INSTALL_LIST_H

#include <stddef.h>

typedef struct hl__list {
    size_t len; /* things that were added, also those that found no room */
    size_t used;
    char text[900];
} hl__list;

#define HL__LIST_INIT                                                                                                  \
    {                                                                                                                  \
        0, 0, ""                                                                                                       \
    }

void hl__list_add(hl__list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
