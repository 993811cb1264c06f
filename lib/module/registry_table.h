/* The registry as this process sees it: a published map of keys that follows the store. */
#ifndef HL_MODULE_REGISTRY_TABLE_H
#define HL_MODULE_REGISTRY_TABLE_H

#include "module/key_document.h"
#include "module/room.h"

/* One key; never changed while it is published. */
typedef struct hl__key_row {
    hl__retired retired;
    hl__key_document document;
} hl__key_row;

/* Brings the map up to the store's newest revision, and tells the loaded keys that have to look for newer code. Cheap
 * when nothing has been committed. HL_ERR_CLOSED, HL_ERR_STORE. */
hl_status hl__keys_follow(hl__module_room *room);

typedef struct hl__key_found {
    hl__key_document document;
    uint64_t changes; /* hl__module_room.changes; the document may show more than those */
} hl__key_found;

/* A copy of what a key is registered to, newest; HL_ERR_NOT_FOUND. */
hl_status hl__keys_find(hl__module_room *room, const hl_key *key, hl__key_found *out);

/* Readers see no keys any more. */
void hl__keys_empty(hl__module_room *room);

#endif
