/* The document "module-changes": how many documents of keys and modules were ever written, and the names of the last of
 * them. So a process sees at once whether a commit had to do with modules, and reads what is new instead of all there
 * is.
 *
 * {"count":17,"names":["module/math","key/01234567-89ab-4def-8edc-ba9876543210"]}, the newest last */
#ifndef HL_MODULE_CHANGES_H
#define HL_MODULE_CHANGES_H

#include "core/document.h"

#define HL__CHANGES_NAMES_MAX 32

typedef struct hl__changes {
    uint64_t count;
    char *names[HL__CHANGES_NAMES_MAX];
    size_t names_len;
} hl__changes;

/* What the store has; nothing yet is count 0, which a document that cannot be understood is too. */
hl_status hl__changes_read(hl_runtime *runtime, hl__changes *out);
void hl__changes_cleanup(hl__changes *changes);

/* Notes that these documents are written, in the commit that writes them, which does so once. */
hl_status hl__changes_put(hl__documents *documents, const char *const *names, size_t len);

#endif
