/* Putting keys into a commit; see register.c. */
#ifndef HL_MODULE_REGISTER_H
#define HL_MODULE_REGISTER_H

#include "core/document.h"
#include "module/key_document.h"

/* HL_ERR_NOT_FOUND: the store has no such module. */
hl_status hl__register_put(hl__documents *documents, const hl_key *key, const hl__key_document *document);

#endif
