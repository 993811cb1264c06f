/* A library loader as core sees it. lib/library/ is the one that exists. */
#ifndef HL_CORE_LOADER_H
#define HL_CORE_LOADER_H

#include <hookline/plugin.h>

#define HL__CONTENT_STAMP "sha256:" /* how a stamp that names content begins */

typedef struct hl__library hl__library; /* a mapped plugin library, by counted references */

/* stamp: the content's where it was loaded by that, else its file's. */
typedef void hl__mapped_fn(void *user, const char *path, const char *stamp);

typedef struct hl__loader_ops {
    /* Maps the library at `path`, or takes another reference on it when the very same file is mapped already. The file
     * is checked first. A content stamp ("sha256:HEX") names what the file has to hold: it is compared through the
     * extension, and that very file is mapped, whatever the path names by then (HL_ERR_CHECKSUM); a library that is
     * mapped from this path with this content is taken without a look at the file. Any other stamp says which file was
     * tried in a throw-away process already; a file without that is tried. *out is owned. Fails as hl_register_library,
     * with the thread's error set. */
    hl_status (*load)(const char *path, const char *stamp, hl__library **out);
    const hl_plugin_entry *(*entry)(const hl__library *library);
    const char *(*path)(const hl__library *library);
    hl__library *(*ref)(hl__library *library);
    /* Drops a reference; the last one runs the library's unload function and unmaps it: only when no call can be
     * inside. Returns true when it was the last. */
    bool (*unref)(hl__library *library);
    /* The mapped library of this path and stamp, with a reference; NULL when there is none. */
    hl__library *(*find)(const char *path, const char *stamp);
    /* Tells every library that this process has mapped, or is just mapping or unmapping. The function must not come
     * back to the loader. */
    void (*walk)(hl__mapped_fn *fn, void *user);
    /* Has `to` take over the state of `from`, by the library's save and restore functions. HL_ERR_LIBRARY naming "save"
     * or "restore", HL_ERR_LIMIT, HL_ERR_NO_MEMORY. */
    hl_status (*carry)(const hl__library *from, const hl__library *to);
} hl__loader_ops;

#endif
