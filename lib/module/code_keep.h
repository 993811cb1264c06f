/* Keeping code: from checked bytes to the file in its place and the document that names it. Used by code.c and
 * compile.c. */
#ifndef HL_MODULE_CODE_KEEP_H
#define HL_MODULE_CODE_KEEP_H

#include "module/code_place.h"

typedef struct hl__code_bytes {
    const char *path; /* for messages */
    const void *bytes;
    size_t len;
    const char *name;     /* the name that the module must have; NULL: any */
    const hl_key *key;    /* to be registered in the same commit; NULL: none */
    bool locked;          /* the caller has the lock of `name` */
    uint64_t deadline_ns; /* for the lock */
} hl__code_bytes;

/* Checks the bytes without keeping them: *out is what they say, without a file. */
hl_status hl__code_check(const hl__code_bytes *code, hl__code_document *out);
/* Makes the bytes the newest code of their module. *out, to be cleaned up, says what was kept. */
hl_status hl__code_keep(hl_runtime *runtime, const hl__code_bytes *code, hl__code_document *out);

/* Keeps the code of a file, with a key registered to it in the same commit where key is not NULL; *out was begun. */
hl_status hl__code_take_file(hl_runtime *runtime, const char *path, const hl_key *key, hl_module_code *out);

/* Checks the caller's struct and empties it; NULL is none. */
hl_status hl__code_begin(const char *action, hl_module_code *out);
/* Fills it; out->diagnostics stays. */
hl_status hl__code_fill(hl_runtime *runtime, const hl__code_document *document, hl_module_code *out);

#endif
