/* The code of modules: files STORE/modules/NAME/SHA256.so, never changed once they have their name, and the document
 * "module/NAME" that says which of them is the newest. A memory store's code lies in a folder of its own, which goes
 * with the runtime.
 *
 *   STORE/modules/NAME/SHA256.so            read only, renamed into place once it is whole
 *   STORE/modules/.locks/NAME               flock: one change of a module's code at a time, over all processes
 *   STORE/modules/.work/NAME.XXXXXX         what is being compiled; whoever finds it unlocked may delete it */
#ifndef HL_MODULE_CODE_H
#define HL_MODULE_CODE_H

#include <hookline/modules.h>

#include "core/document.h"
#include "module/code_document.h"

/* ---- asking for code (code_find.c) ---- */

/* The newest code of a module, to be cleaned up; HL_ERR_NOT_FOUND. Called without the lock. */
hl_status hl__code_find(hl_runtime *runtime, const char *name, hl__code_document *out);
/* The absolute path of its file, owned by the caller. */
hl_status hl__code_path(hl_runtime *runtime, const hl__code_document *document, char **out);
/* Opens the newest code of a module and checks that the descriptor's bytes have the document's checksum:
 * HL_ERR_NOT_FOUND (no such module, or its file is gone), HL_ERR_CHECKSUM. *out says what was opened; both are the
 * caller's. */
hl_status hl__code_open(hl_runtime *runtime, const char *name, hl__code_document *out, int *fd);

/* ---- what code asks of the registry (registry.c) ---- */

/* Notes that "module/NAME" is written or removed by this commit, once in it, and "key/UUID" with it (NULL: no key), so
 * that other processes see it without reading everything. */
hl_status hl__registry_note(hl__documents *documents, const char *module, const hl_key *key);
/* Puts a key's document into the commit that also brings the module's code, as hl_module_register with the defaults
 * would. */
hl_status hl__registry_put_key(hl__documents *documents, const hl_key *key, const char *module);
/* HL_ERR_DEPENDENTS naming the keys that are registered to the module, for hl_module_purge. */
hl_status hl__registry_check_unused(hl__documents *documents, const char *module);
/* Code or keys may have been committed: keys see them with their next call. Without the lock. */
void hl__registry_moved(hl_runtime *runtime);

/* ---- for the extension of the runtime ---- */

/* Deletes what killed processes left in the code's place; other processes may be working in it. */
void hl__code_opened(hl_runtime *runtime);
/* The private folder of a memory store goes. */
void hl__code_closed(hl_runtime *runtime);

#endif
