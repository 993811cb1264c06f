/* The steps from one layout of the store to the next. Run by schema.c, all in one write transaction. */
#ifndef HL_STORE_MIGRATE_H
#define HL_STORE_MIGRATE_H

#include "store/env.h"

/* Brings the content from layout `from` to HL__SCHEMA. All tables are open. The caller writes the new version. */
int hl__migrate(hl__env *env, MDB_txn *txn, uint32_t from);

#endif
