/* What the functions of hookline/store.h share: opening by URL, and the check that restore runs too. */
#ifndef HL_STORE_MANAGE_H
#define HL_STORE_MANAGE_H

#include <hookline/store.h>

#include "store/env.h"

/* Opens a store for one of these functions: HL_ERR_UNSUPPORTED for a store that is not on disk. */
hl_status hl__manage_open(const char *url, bool read_only, const char *action, hl__opener **out);
void hl__manage_close(hl__opener *opener);

/* Reads everything and reports what is wrong. info may be NULL; its size and url stay as they are. */
hl_status hl__check_store(hl__opener *opener, hl_store_info *info, void (*problem)(const char *line, void *user),
                          void *user);

#endif
