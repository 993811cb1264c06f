/* The parts of the LMDB store's interface, and what looking after a store needs beside it. */
#ifndef HL_STORE_LMDB_STORE_H
#define HL_STORE_LMDB_STORE_H

#include "store/batch.h"
#include "store/codec.h"
#include "store/env.h"

hl_status hl__lmdb_load(hl__store *store, const hl__store_visitor *visitor, uint64_t *revision);
hl_status hl__lmdb_changes(hl__store *store, uint64_t since, const hl__store_visitor *visitor, uint64_t *revision);
hl_status hl__lmdb_commit(hl__store *store, const hl__store_commit *commit);
hl_status hl__lmdb_document(hl__store *store, const char *key, uint64_t expected, char **text);
hl_status hl__lmdb_documents(hl__store *store, const char *prefix, uint64_t expected, hl__store_documents *list);

/* Everything at one revision, documents too: what a restore needs. The caller cleans up both, also on failure. */
hl_status hl__lmdb_collect(hl__opener *opener, hl__batch *batch, hl__store_documents *documents, uint64_t *revision);

/* A commit that also removes event definitions, and may have no changes at all: what a restore needs. */
hl_status hl__lmdb_replace(hl__opener *opener, const hl__store_commit *commit, const hl__list *events_gone);

/* The revision that the transaction sees, remembered from the last time where nothing was committed since. */
int hl__lmdb_head(hl__opener *opener, MDB_txn *txn, uint64_t *revision);

/* Walks a table. The visitor returns 0 to go on; anything else ends the walk and is returned. */
typedef int hl__lmdb_visit_fn(void *user, const MDB_val *key, const MDB_val *value);
int hl__lmdb_walk(MDB_txn *txn, MDB_dbi table, hl__lmdb_visit_fn *visit, void *user);

/* Fails with the key and the value's reason when they do not belong together. */
int hl__lmdb_decode_record(const MDB_val *key, const MDB_val *value, hl__record **out);
int hl__lmdb_decode_event(const MDB_val *key, const MDB_val *value, hl__event_def **out);

#endif
