/* Loading, refreshing and releasing a key, under its gate. Called by the public verbs (loading.c, calls.c). */
#ifndef HL_MODULE_LOAD_H
#define HL_MODULE_LOAD_H

#include "module/loaded.h"

#define HL__LOAD_MS 10000 /* for a module's load function, where the caller gives no time */

/* How long the key is wanted. */
typedef enum hl__want {
    HL__WANT_AS_IT_IS, /* only if it is loaded: HL_ERR_NOT_LOADED */
    HL__WANT_KEPT,     /* until it is released */
    HL__WANT_HELD      /* until hl__load_let_go */
} hl__want;

/* The key with its newest code, loaded where it is not; *out with a reference for the caller. deadline_ns is
 * CLOCK_MONOTONIC. HL_ERR_NOT_FOUND, HL_ERR_PLUGIN, HL_ERR_CHECKSUM, HL_ERR_TIMEOUT, HL_ERR_CLOSED, HL_ERR_INVALID,
 * HL_ERR_UNSUPPORTED. */
hl_status hl__load(hl__module_room *room, const hl_key *key, hl__want want, uint64_t deadline_ns, hl__loaded **out);
/* What HL__WANT_HELD has counted: released when nobody else wants it, by deadline_ns where its workers end in time. */
void hl__load_let_go(hl__loaded *loaded, uint64_t deadline_ns);
/* New workers in the place of those there are. */
hl_status hl__load_again(hl__module_room *room, const hl_key *key);
/* HL_ERR_NOT_LOADED. */
hl_status hl__load_release(hl__module_room *room, const hl_key *key);

#endif
