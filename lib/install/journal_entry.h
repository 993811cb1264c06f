/* How entries of the install log lie in the store: what journal.c writes and journal_read.c checks. */
#ifndef HL_INSTALL_JOURNAL_ENTRY_H
#define HL_INSTALL_JOURNAL_ENTRY_H

#include <jansson.h>

#include "install/digest.h"

#define HL__JOURNAL_KEY "install-log/" /* and the number in 16 digits, so that keys sort like numbers */
#define HL__JOURNAL_HEAD_KEY "install-log-head"

/* The newest entry: kept apart, so that entries cut off at the end are missed. */
typedef struct hl__journal_head {
    uint64_t number;
    char hash[HL__SHA256_TEXT];
} hl__journal_head;

#define HL__JOURNAL_HEAD_INIT                                                                                          \
    {                                                                                                                  \
        0, "0000000000000000000000000000000000000000000000000000000000000000"                                          \
    }

hl_status hl__journal_head_decode(const char *text, hl__journal_head *out);

/* The hash of an entry that has all its fields but "hash": of its text with sorted keys and without spaces. */
hl_status hl__journal_hash(json_t *entry, char hash[HL__SHA256_TEXT]);

#endif
