/* The document "key/UUID" of the store: what a key is registered to. Written by the registry; whoever brings code
 * writes one in the same commit through hl__registry_put_key.
 *
 * {"module":"math","isolation":{"mode":"in_worker","deadline_ms":50}}     isolation is left out for the defaults */
#ifndef HL_MODULE_KEY_DOCUMENT_H
#define HL_MODULE_KEY_DOCUMENT_H

#include <hookline/modules.h>

#define HL__KEY_KEY "key/"
#define HL__KEY_KEY_LEN (sizeof(HL__KEY_KEY) - 1 + HL_KEY_TEXT) /* with the end mark */

typedef struct hl__key_document {
    char *module;
    char *isolation; /* JSON; "" for the defaults of modules */
} hl__key_document;

void hl__key_document_name(const hl_key *key, char out[HL__KEY_KEY_LEN]);

hl_status hl__key_encode(const hl__key_document *document, char **text);
/* name: the document's key. HL_ERR_STORE_CORRUPT; *out is all zero then. */
hl_status hl__key_decode(const char *name, const char *text, hl_key *key, hl__key_document *out);
void hl__key_document_cleanup(hl__key_document *document);

#endif
