/* The dynamic linker as the loader uses it: names that it has not seen, and files that are pinned. */
#ifndef HL_LIBRARY_LINKER_H
#define HL_LIBRARY_LINKER_H

#include "library/library_file.h"

/* Maps what the path names now. */
hl_status hl__linker_open(const char *path, void **handle);

/* Maps the very file that was read, whatever its path names by now. */
hl_status hl__linker_open_pinned(const hl__library_file *file, void **handle);

void hl__linker_close(void *handle); /* NULL is a no-op */

/* Whether an object of this name or soname is mapped. */
bool hl__linker_has(const char *name);

#endif
