/* Small work on folders by open descriptor: making, syncing, renaming into place. Removing is in app.h. */
#ifndef HL_INSTALL_FOLDER_H
#define HL_INSTALL_FOLDER_H

#include <hookline/status.h>

/* Opens a folder below an open one, making it where it is missing; -1 with the thread's error set, as HL_ERR_SYSTEM or
 * HL_ERR_STORE_FULL. A symbolic link in its place is refused. */
int hl__folder_open(const char *action, int parent, const char *name, unsigned mode);

/* Renames; the target must not exist: EEXIST is told by *exists without an error. Syncs both parents. */
hl_status hl__folder_place(const char *action, int from_parent, const char *from, int to_parent, const char *to,
                           bool *exists);

/* Bytes of all files in a folder, for reports. */
uint64_t hl__folder_bytes(int parent, const char *name);

/* HL_ERR_STORE_FULL for a full disk or quota, else HL_ERR_SYSTEM. */
hl_status hl__disk_status(int error_number);

#endif
