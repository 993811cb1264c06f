/* The inside of hl__library_file, for the files of this folder. */
#ifndef HL_LIBRARY_LIBRARY_FILE_H
#define HL_LIBRARY_LIBRARY_FILE_H

#include "library/entry.h"
#include "library/file.h"
#include "library/library.h"

struct hl__library_file {
    char *path;
    int fd;
    hl__identity identity;
    char stamp[HL__STAMP_LEN];
    hl__entry entry;
    hl_library_info info;
};

#endif
