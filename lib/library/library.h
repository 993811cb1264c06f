/* Plugin libraries as the rest of Hookline sees them: read as a file, tried in a throw-away process, mapped. */
#ifndef HL_LIBRARY_LIBRARY_H
#define HL_LIBRARY_LIBRARY_H

#include <hookline/library.h>

#include "core/loader.h"
#include "core/shared.h"

#include "core/shared.h"

/* The loader that maps libraries into this process. */
extern const hl__loader_ops hl__loader;

/* A library file as it was read; it keeps the file open, so that what is tried later is what was read. */
typedef struct hl__library_file hl__library_file;

/* Reads and checks the file without running any of its code. `path` is made absolute; symbolic links in it stay. *out
 * is owned. Fails as hl_library_inspect. [any-thread] */
HL__SHARED hl_status hl__library_read(const char *path, hl__library_file **out);
HL__SHARED void hl__library_file_free(hl__library_file *file); /* NULL is a no-op */

/* What the file says. Every spec has this ABI's size and its extension filled in; the strings live as long as
 * `file`. */
HL__SHARED const hl_library_info *hl__library_info(const hl__library_file *file);

/* Identity of the file that was read, "device:inode:size:mtime_ns". */
const char *hl__library_stamp(const hl__library_file *file);

/* Loads and unloads the library in a throw-away process. HL_ERR_PROBE when its code does not survive that. A library
 * that uses symbols which the throw-away process lacks passes: the server may have them, and mapping it there tells.
 * [any-thread] */
HL__SHARED hl_status hl__library_probe(const hl__library_file *file);

/* Whether the library could be unmapped when it is no longer used. HL_ERR_UNLOAD naming what stands against it: marked
 * NODELETE (the field is "DF_1_NODELETE"), symbols that are unique in the process ("STB_GNU_UNIQUE"), destructors of
 * thread-local variables ("__cxa_thread_atexit_impl" or "__cxa_thread_atexit"). [any-thread] */
HL__SHARED hl_status hl__library_check_unload(const hl__library_file *file);

/* Whether the libraries that this one needs are there, seen from this process: mapped, found by its RUNPATH or RPATH
 * with $ORIGIN, or where the dynamic linker looks by default. HL_ERR_LIBRARY with the name of a missing one as field.
 * What cannot be told passes: trying the library will tell. [any-thread] */
HL__SHARED hl_status hl__library_check_needed(const hl__library_file *file);

/* The libraries that this one needs and that lie where its RUNPATH or RPATH says, or that it names by a path: one
 * malloc'ed block of paths, each with its end mark. HL_ERR_NO_MEMORY. [any-thread] */
hl_status hl__library_besides(const hl__library_file *file, char **paths, size_t *len);

/* Carries the state of a mapped library over to another: hl_plugin_entry.save and restore. HL_ERR_LIBRARY with "save"
 * or "restore" as field, HL_ERR_LIMIT, HL_ERR_NO_MEMORY. */
hl_status hl__library_carry(const hl__library *from, const hl__library *to);

/* The stamp of the file that a mapped library came from. */
const char *hl__library_loaded_stamp(const hl__library *library);

#endif
