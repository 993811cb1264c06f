/* The inside of hl__library_file, for the files of this folder. */
#ifndef HL_LIBRARY_LIBRARY_FILE_H
#define HL_LIBRARY_LIBRARY_FILE_H

#include "library/entry.h"
#include "library/facts.h"
#include "library/file.h"
#include "library/library.h"

struct hl__library_file {
    char *path;
    int fd;
    hl__identity identity;
    char stamp[HL__STAMP_LEN];
    char content[HL__STAMP_LEN]; /* the content stamp that was checked; "" when none was */
    hl__entry entry;
    hl__facts facts;
    hl_library_info info;
};

/* hl__library_read for a file that must have the content which the stamp names. HL_ERR_CHECKSUM. */
hl_status hl__library_read_content(const char *path, const char *stamp, hl__library_file **out);

#endif
