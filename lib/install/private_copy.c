/* Making a package ours before anything of it is verified: a copy in the staging folder, which nobody else can write
 * to. A file or a folder of somebody else can be changed at any time, also through a mapping and without a trace. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/error.h"
#include "install/folder.h"
#include "install/installation.h"
#include "install/placing.h"

#define ACTION "install"
#define PIECE ((size_t)128 << 10)

static hl_status fail_write(const hl__installation *in)
{
    return hl__fail_errno(hl__disk_status(errno), errno, ACTION, "staging", "Cannot write a file in %s.",
                          in->staging.path);
}

int hl__private_file(const hl__installation *in, const char *name)
{
    int fd = openat(in->staging.folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        fail_write(in);
    return fd;
}

static hl_status write_piece(const hl__installation *in, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(in->package, bytes, len);

        if (written < 0 && errno != EINTR)
            return fail_write(in);
        if (written > 0) {
            bytes += written;
            len -= (size_t)written;
        }
    }
    return HL_OK;
}

/* 0 in *got: the file ends here. */
static hl_status copy_piece(const hl__installation *in, int from, uint64_t at, size_t len, char *piece, size_t *got)
{
    ssize_t answer;

    do
        answer = pread(from, piece, len < PIECE ? len : PIECE, (off_t)at);
    while (answer < 0 && errno == EINTR);
    *got = answer > 0 ? (size_t)answer : 0;
    if (answer < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "location", "Cannot read %s.", in->spec.location);
    return write_piece(in, piece, *got);
}

hl_status hl__private_package(hl__installation *in, int from, uint64_t len)
{
    char *piece = malloc(PIECE);
    hl_status status = piece ? HL_OK : hl__fail_memory(ACTION);
    uint64_t at = 0;
    size_t got = 1;

    if (status == HL_OK && (in->package = hl__private_file(in, HL__STAGING_PACKAGE)) < 0)
        status = hl_last_error()->status;
    for (; status == HL_OK && at < len && got > 0; at += got)
        status = copy_piece(in, from, at, (size_t)(len - at), piece, &got);
    free(piece);
    return status;
}

hl_status hl__private_folder(hl__installation *in)
{
    int folder = hl__folder_open(ACTION, in->staging.folder, HL__STAGING_FILES, 0755);
    hl_status status;

    if (folder < 0)
        return hl_last_error()->status;
    status =
        hl__folder_copy(in->folder, folder, &in->policy.archive, hl__course_bytes, &in->course, &in->version.files);
    close(in->folder);
    in->folder = folder;
    return status;
}
