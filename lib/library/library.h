/* Plugin libraries as the rest of Hookline sees them: read as a file, tried in a throw-away process, mapped. */
#ifndef HL_LIBRARY_LIBRARY_H
#define HL_LIBRARY_LIBRARY_H

#include <hookline/library.h>

#include "core/loader.h"

#include "core/shared.h"

/* The loader that maps libraries into this process. */
extern HL__SHARED const hl__loader_ops hl__loader;

/* A library file as it was read; it keeps the file open, so that what is tried later is what was read. */
typedef struct hl__library_file hl__library_file;

/* Reads and checks the file without running any of its code. `path` is made absolute; symbolic links in it stay. *out is
 * owned. Fails as hl_library_inspect. [any-thread] */
HL__SHARED hl_status hl__library_read(const char *path, hl__library_file **out);
HL__SHARED void hl__library_file_free(hl__library_file *file); /* NULL is a no-op */

/* What the file says. Every spec has this ABI's size and its extension filled in; the strings live as long as `file`. */
HL__SHARED const hl_library_info *hl__library_info(const hl__library_file *file);

/* Identity of the file that was read, "device:inode:size:mtime_ns". */
HL__SHARED const char *hl__library_stamp(const hl__library_file *file);

/* Loads and unloads the library in a throw-away process. HL_ERR_PROBE when its code does not survive that. A library
 * that uses symbols which the throw-away process lacks passes: the server may have them, and mapping it there tells.
 * [any-thread] */
HL__SHARED hl_status hl__library_probe(const hl__library_file *file);

/* The stamp of the file that a mapped library came from. */
HL__SHARED const char *hl__library_loaded_stamp(const hl__library *library);

#endif
