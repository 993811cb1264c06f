/* The texts of the documents that a walk meets, to be read when it is over: a visitor may not ask the store for
 * more. */
#ifndef HL_INSTALL_TEXTS_H
#define HL_INSTALL_TEXTS_H

#include "core/document.h"

typedef struct hl__texts {
    char **rows;
    size_t len;
    size_t room;
} hl__texts;

/* hl__document_visit_fn with a hl__texts that began as zeros. */
hl_status hl__texts_take(void *texts, const char *key, const char *text);
void hl__texts_free(hl__texts *texts);

#endif
