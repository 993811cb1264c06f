/* The document "module/NAME" of the store: which code a module has. Written by code_keep.c in the commit that makes
 * code the newest; read by whoever needs the code of a key.
 *
 * {"version":"1.0.0","sha256":"HEX","file":"math/HEX.so","kept_at":1700000000,
 *  "functions":[{"name":"add","doc":"the sum of two integers"}]} */
#ifndef HL_MODULE_CODE_DOCUMENT_H
#define HL_MODULE_CODE_DOCUMENT_H

#include <hookline/status.h>

#include "install/digest.h"

#define HL__MODULE_KEY "module/"
#define HL__MODULE_FUNCTIONS_MAX 1024

typedef struct hl__code_function {
    char *name;
    char *doc; /* "" when it has none */
} hl__code_function;

typedef struct hl__code_document {
    char *name; /* the module's, which is in the document's key */
    char *version;
    char sha256[HL__SHA256_TEXT];
    char *file;      /* below the code's place: "math/HEX.so" */
    int64_t kept_at; /* seconds since 1970 */
    hl__code_function *functions;
    size_t functions_len;
} hl__code_document;

hl_status hl__code_encode(const hl__code_document *document, char **text);
/* name: of the document's key, without HL__MODULE_KEY. HL_ERR_STORE_CORRUPT; *out is all zero then. */
hl_status hl__code_decode(const char *name, const char *text, hl__code_document *out);
void hl__code_document_cleanup(hl__code_document *document);

/* 1 to 255 letters, digits, '.', '_' and '-', the first a letter or a digit: a module's name is also a folder's. */
hl_status hl__module_name_check(const char *action, const char *field, const char *name);

#endif
