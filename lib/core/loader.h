/* A library loader as core sees it. lib/library/ is the one that exists. */
#ifndef HL_CORE_LOADER_H
#define HL_CORE_LOADER_H

#include <hookline/plugin.h>

typedef struct hl__library hl__library; /* a mapped plugin library, by counted references */

typedef struct hl__loader_ops {
    /* Maps the library at `path`, or takes another reference on it when the very same file is mapped already. The file is
     * checked first; unless its stamp equals `probed_stamp` it is also tried in a throw-away process. *out is owned.
     * Fails as hl_register_library, with the thread's error set. */
    hl_status (*load)(const char *path, const char *probed_stamp, hl__library **out);
    const hl_plugin_entry *(*entry)(const hl__library *library);
    const char *(*path)(const hl__library *library);
    hl__library *(*ref)(hl__library *library);
    /* Drops a reference; the last one runs the library's unload function and unmaps it: only when no call can be inside.
     * Returns true when it was the last. */
    bool (*unref)(hl__library *library);
} hl__loader_ops;

#endif
