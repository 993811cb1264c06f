/* A library file opened for reading: its bytes and the identity of the very descriptor they were read from. */
#ifndef HL_LIBRARY_FILE_H
#define HL_LIBRARY_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include <hookline/library.h>

#include "core/shared.h"

#define HL__LIBRARY_BYTES_MAX (UINT64_C(512) << 20)
#define HL__STAMP_LEN 96

/* What makes two files the same one, unchanged. */
typedef struct hl__identity {
    uint64_t device;
    uint64_t inode;
    uint64_t size_bytes;
    int64_t mtime_ns;
} hl__identity;

bool hl__identity_same(const hl__identity *a, const hl__identity *b);
void hl__identity_stamp(const hl__identity *identity, char out[HL__STAMP_LEN]);

/* The identity of what a path names now; false when it names nothing. */
bool hl__identity_of_path(const char *path, hl__identity *out);

/* `path` from the root, as a new string. Symbolic links stay: an operator may mean them to move. */
hl_status hl__path_absolute(const char *path, char **out);

/* Opens a regular file of a bearable size. HL_ERR_NOT_FOUND, HL_ERR_NOT_ELF (no regular file), HL_ERR_LIMIT,
 * HL_ERR_SYSTEM. */
HL__SHARED hl_status hl__file_open(const char *path, int *fd, hl__identity *identity);

/* All bytes of an opened file, in memory of their own: a mapping would fault when somebody cuts the file short. */
HL__SHARED hl_status hl__file_bytes(int fd, const hl__identity *identity, const char *path, unsigned char **out);

#endif
