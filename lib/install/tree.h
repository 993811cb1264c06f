/* Walking a folder on disk by open descriptors; no symbolic link is ever followed. */
#ifndef HL_INSTALL_TREE_H
#define HL_INSTALL_TREE_H

#include <hookline/status.h>
#include <sys/stat.h>

typedef struct hl__tree_entry {
    int parent;       /* open folder that it lies in */
    const char *name; /* in `parent` */
    const char *path; /* from the walked folder on */
    struct stat stat;
} hl__tree_entry;

/* Any status but HL_OK ends the walk with it. A folder's content is walked unless *skip is set. */
typedef hl_status hl__tree_fn(void *user, const hl__tree_entry *entry, bool *skip);

/* Visits all entries below the open folder, a folder before what it holds, names sorted. At most `entries_max` in one
 * folder: HL_ERR_LIMIT naming "entries". */
hl_status hl__tree_walk(int folder, uint64_t entries_max, hl__tree_fn *visit, void *user);

/* openat for a relative path of plain parts, following no symbolic link on the way. -1 with errno. */
int hl__tree_open(int folder, const char *path, int flags);

#endif
