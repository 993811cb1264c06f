/* Libraries that a process has mapped and keeps for a commit that is about to name them, so that after the commit
 * nothing can go wrong any more. Asked for over the control socket (answers.c) or, in the installing process,
 * directly. */
#ifndef HL_OBSERVE_PREPARED_H
#define HL_OBSERVE_PREPARED_H

#include "core/runtime.h"

#define HL__PREPARED_MS 60000 /* how long a library is kept for its commit */

/* A library that is about to become active in place of another (replaces_path "" when it replaces none). */
typedef struct hl__prepared {
    const char *path;
    const char *stamp;
    const char *replaces_path;
    const char *replaces_stamp;
} hl__prepared;

/* Maps the libraries and keeps them, and carries over the state of those that they replace, where these are mapped.
 * What the runtime had prepared of the same paths and stamps is let go of first. On failure nothing is kept. Does
 * nothing in a records-only runtime. Fails as the loader does. Without the lock; not on the control thread. */
HL__SHARED hl_status hl__prepare(hl_runtime *runtime, const hl__prepared *rows, size_t len);

/* Lets go of what the runtime has prepared of these paths and stamps: what no record's code uses is unmapped. */
HL__SHARED void hl__prepare_release(hl_runtime *runtime, const hl__prepared *rows, size_t len);

/* The code of a plugin in a library that the runtime has prepared, for a request of the commit that names path and
 * stamp. *out is owned, NULL in a records-only runtime. HL_ERR_NOT_FOUND when it is not prepared or has no plugin of
 * the name. */
HL__SHARED hl_status hl__prepared_binding(hl_runtime *runtime, const char *path, const char *stamp, const char *plugin,
                                          hl__binding **out);

/* Tells the libraries that this process has mapped. The function must not call Hookline. */
HL__SHARED void hl__libraries_mapped(hl_runtime *runtime, hl__mapped_fn *fn, void *user);

/* For core, through hl__parts: lets go of what was kept for too long, on the control thread; and of all, as the runtime
 * closes. */
void hl__prepared_tick(hl_runtime *runtime, uint64_t now_ns);
void hl__prepared_close(hl_runtime *runtime);

#endif
