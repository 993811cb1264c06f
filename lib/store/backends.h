/* The stores that open.c chooses from, each with the part of the URL after the colon. */
#ifndef HL_STORE_BACKENDS_H
#define HL_STORE_BACKENDS_H

#include "store/store.h"

hl_status hl__memory_open(const char *name, unsigned flags, hl__store **out);
hl_status hl__lmdb_open(const char *directory, unsigned flags, uint64_t map_bytes, hl__store **out);

#endif
