/* Content as JSON text and back. Every value in an LMDB store is such a text, so that its own tools show it to people.
 * Unknown fields are skipped: a later version may add some without breaking this one. Used by the LMDB store; the store
 * in memory keeps things as they are, and only checks documents with it. */
#ifndef HL_STORE_CODEC_H
#define HL_STORE_CODEC_H

#include "store/batch.h"

#define HL__HASH_TEXT 17 /* 16 hexadecimal digits with their end mark */

/* Encoders give a text that the caller frees. HL_ERR_INVALID naming the field that is not UTF-8, HL_ERR_NO_MEMORY.
 * Decoders say HL_ERR_STORE_CORRUPT with every wrong field in the message. */
hl_status hl__record_encode(const hl__record *record, char **text);
hl_status hl__record_decode(const char *text, size_t text_len, hl__record **out);
hl_status hl__event_encode(const hl__event_def *def, char **text);
hl_status hl__event_decode(const char *text, size_t text_len, hl__event_def **out);

/* Whether a document is what a store keeps: a JSON object. */
hl_status hl__document_check(const char *key, size_t key_len, const char *text, size_t text_len);

/* One commit in the log, which is the activity log for people and the list of changes for other processes. */
typedef struct hl__log_row {
    int64_t at;
    int64_t pid;
    char *action;
    hl__list plugins; /* names touched */
    hl__list events;
} hl__log_row;

hl_status hl__log_encode(const hl__log_row *row, char **text);
hl_status hl__log_decode(const char *text, size_t text_len, hl__log_row *out);
void hl__log_row_cleanup(hl__log_row *row);

#endif
