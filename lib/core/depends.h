/* How an entry of `depends` is read: "name", or "?name" for an optional dependency, which orders and never holds
 * (X-063). */
#ifndef HL_CORE_DEPENDS_H
#define HL_CORE_DEPENDS_H

#include <stdbool.h>

static inline bool hl__depends_optional(const char *entry)
{
    return entry[0] == '?';
}

/* The name of the plugin. */
static inline const char *hl__depends_name(const char *entry)
{
    return entry + (hl__depends_optional(entry) ? 1 : 0);
}

#endif
