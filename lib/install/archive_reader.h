/* A package archive, member by member, with every rule checked on the way. Used by examining and by unpacking. */
#ifndef HL_INSTALL_ARCHIVE_READER_H
#define HL_INSTALL_ARCHIVE_READER_H

#include "install/package_rules.h"

typedef struct hl__reader hl__reader;

/* A member that keeps the rules. */
typedef struct hl__member {
    const char *path; /* plain; "" is the folder of all. Valid until the next member. */
    bool folder;
    bool executable;
} hl__member;

/* Begins at the archive's begin; the descriptor's offset is not used. `limits` must live as long. progress may be
 * NULL. */
hl_status hl__reader_open(int fd, const hl__archive_limits *limits, hl__archive_progress_fn *progress, void *user,
                          hl__reader **out);
/* *member is NULL after the last one. Content that was not asked for is skipped. */
hl_status hl__reader_next(hl__reader *reader, const hl__member **member);
/* The next piece of the member's content, borrowed until the next call; *len is 0 at its end. */
hl_status hl__reader_content(hl__reader *reader, const void **bytes, size_t *len);
const hl__rules *hl__reader_rules(const hl__reader *reader);
void hl__reader_close(hl__reader *reader); /* NULL is a no-op */

#endif
