/* The layout of a store: which tables it has, its version, and the way from older ones. Used by the LMDB store only. */
#ifndef HL_STORE_SCHEMA_H
#define HL_STORE_SCHEMA_H

#include "store/env.h"

#define HL__LOG_KEY_BYTES 8 /* the revision, most significant byte first: LMDB's order is the order of commits */

/* Opens the tables of a file that was just opened; makes them in a new file, brings an older layout up to date.
 * `read_only`: neither; a store that would need it is refused. HL_ERR_STORE_NEWER, HL_ERR_STORE_CORRUPT. */
hl_status hl__schema_settle(hl__env *env, bool read_only);

/* Whether the layout still is the current one: another process may have changed it. Returns as env.h says. */
int hl__schema_check(const hl__env *env, MDB_txn *txn);

/* The revision of the newest commit; 0: none yet. Also checks the schema. */
int hl__schema_head(const hl__env *env, MDB_txn *txn, uint64_t *revision);

void hl__log_key(uint64_t revision, uint8_t key[HL__LOG_KEY_BYTES]);
uint64_t hl__log_key_revision(const MDB_val *key);

/* Appends to the log: one row a commit. The oldest rows go, a few at a time. */
int hl__log_append(const hl__env *env, MDB_txn *txn, uint64_t revision, const char *text);

#endif
