/* Checks an LMDB file's pages by reading them, before LMDB maps them: LMDB trusts what it finds and would crash on a
 * damaged file. Knows the file format of LMDB 0.9 (data version 1). Used when a store is opened. */
#ifndef HL_STORE_PAGES_H
#define HL_STORE_PAGES_H

#include <hookline/status.h>

/* Looks at the two heads of the file, which must be sane before LMDB may open it. *empty: the file has no bytes yet. */
hl_status hl__pages_check_heads(int fd, const char *directory, bool *empty);

/* Follows every page that transaction `txn_id` can reach, which the caller holds open for reading. HL_ERR_STORE_CORRUPT
 * when one is not what it must be. *moved_on: other processes commit so fast that the start was lost; begin again. */
hl_status hl__pages_check_tree(int fd, const char *directory, uint64_t txn_id, bool *moved_on);

#endif
