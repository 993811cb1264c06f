/* Writes the files of a package into an empty folder that is nobody else's: never by a path, always below an open
 * folder, never over something that is there. Content is hashed as it is written. */
#ifndef HL_INSTALL_PACKAGE_WRITER_H
#define HL_INSTALL_PACKAGE_WRITER_H

#include "install/archive.h"

typedef struct hl__writer hl__writer;

/* `folder` stays the caller's. */
hl_status hl__writer_new(int folder, hl__writer **out);
void hl__writer_free(hl__writer *writer); /* NULL is a no-op; what was written stays */

/* Paths keep the rules of hl__path_problem; missing folders are made. HL_ERR_SYSTEM, HL_ERR_STORE_FULL. */
hl_status hl__writer_folder(hl__writer *writer, const char *path);
/* A file: begin, any number of adds, end. */
hl_status hl__writer_begin(hl__writer *writer, const char *path, bool executable);
hl_status hl__writer_add(hl__writer *writer, const void *bytes, size_t len);
hl_status hl__writer_end(hl__writer *writer);

/* Syncs all files, then all folders from the deepest up, and gives the list of files, sorted. */
hl_status hl__writer_finish(hl__writer *writer, hl__package_files *files);

#endif
