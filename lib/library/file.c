/* Opening and reading library files. Called by hl__library_read and by the loader. */
#include "library/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "library/elf.h"

static hl__identity identity_of(const struct stat *stat)
{
    return (hl__identity){(uint64_t)stat->st_dev, (uint64_t)stat->st_ino, (uint64_t)stat->st_size,
                          (int64_t)stat->st_mtim.tv_sec * 1000000000 + stat->st_mtim.tv_nsec};
}

bool hl__identity_same(const hl__identity *a, const hl__identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
           a->mtime_ns == b->mtime_ns;
}

void hl__identity_stamp(const hl__identity *identity, char out[HL__STAMP_LEN])
{
    snprintf(out, HL__STAMP_LEN, "%llu:%llu:%llu:%lld", (unsigned long long)identity->device,
             (unsigned long long)identity->inode, (unsigned long long)identity->size_bytes,
             (long long)identity->mtime_ns);
}

bool hl__identity_of_path(const char *path, hl__identity *out)
{
    struct stat found;

    if (stat(path, &found) != 0)
        return false;
    *out = identity_of(&found);
    return true;
}

static hl_status check_path(const char *path)
{
    if (!path || !path[0])
        return hl__fail(HL_ERR_INVALID, HL__ELF_ACTION, "path", "The path of the library is empty; name a file.");
    if (strlen(path) >= PATH_MAX)
        return hl__fail(HL_ERR_INVALID, HL__ELF_ACTION, "path", "The path of the library has %d bytes or more.",
                        PATH_MAX);
    return HL_OK;
}

hl_status hl__path_absolute(const char *path, char **out)
{
    char folder[PATH_MAX] = "";
    hl_status status = check_path(path);

    if (status != HL_OK)
        return status;
    if (path[0] != '/' && !getcwd(folder, sizeof(folder)))
        return hl__fail_errno(HL_ERR_SYSTEM, errno, HL__ELF_ACTION, "path", "The current folder has no path");
    if (asprintf(out, "%s%s%s", folder, folder[0] ? "/" : "", path) >= 0)
        return HL_OK;
    *out = NULL;
    return hl__fail_memory(HL__ELF_ACTION);
}

static const char *kind_of(mode_t mode)
{
    if (S_ISDIR(mode))
        return "a folder";
    if (S_ISFIFO(mode))
        return "a pipe";
    return "a device or a socket";
}

static hl_status check_kind(const char *path, const struct stat *found)
{
    if (!S_ISREG(found->st_mode))
        return hl__fail(HL_ERR_NOT_ELF, HL__ELF_ACTION, "path", "%s is %s, not a plugin library.", path,
                        kind_of(found->st_mode));
    if ((uint64_t)found->st_size > HL__LIBRARY_BYTES_MAX)
        return hl__fail(HL_ERR_LIMIT, HL__ELF_ACTION, "path", "%s has %llu bytes; a plugin library may have %llu.",
                        path, (unsigned long long)found->st_size, (unsigned long long)HL__LIBRARY_BYTES_MAX);
    return HL_OK;
}

static hl_status fail_open(int error, const char *path)
{
    if (error == ENOENT || error == ENOTDIR)
        return hl__fail(HL_ERR_NOT_FOUND, HL__ELF_ACTION, "path", "There is no file %s.", path);
    if (error == ENXIO)
        return hl__fail(HL_ERR_NOT_ELF, HL__ELF_ACTION, "path", "%s is a device or a socket, not a plugin library.",
                        path);
    return hl__fail_errno(HL_ERR_SYSTEM, error, HL__ELF_ACTION, "path", "%s cannot be opened", path);
}

/* O_NONBLOCK: opening a pipe must not wait for its writer. */
hl_status hl__file_open(const char *path, int *fd, hl__identity *identity)
{
    struct stat found;
    hl_status status;
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (opened < 0)
        return fail_open(errno, path);
    if (fstat(opened, &found) == 0)
        status = check_kind(path, &found);
    else
        status = hl__fail_errno(HL_ERR_SYSTEM, errno, HL__ELF_ACTION, "path", "%s cannot be examined", path);
    if (status != HL_OK) {
        close(opened);
        return status;
    }
    *fd = opened;
    *identity = identity_of(&found);
    return HL_OK;
}

static hl_status read_all(int fd, const char *path, unsigned char *bytes, uint64_t len)
{
    for (uint64_t at = 0; at < len;) {
        ssize_t got = pread(fd, bytes + at, len - at, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hl__fail_errno(HL_ERR_SYSTEM, errno, HL__ELF_ACTION, "path", "%s cannot be read", path);
        if (got == 0)
            return hl__fail(HL_ERR_TRUNCATED, HL__ELF_ACTION, "path",
                            "%s became shorter while it was read; replace libraries by renaming.", path);
        at += (uint64_t)got;
    }
    return HL_OK;
}

hl_status hl__file_bytes(int fd, const hl__identity *identity, const char *path, unsigned char **out)
{
    unsigned char *bytes = (unsigned char *)malloc(identity->size_bytes ? identity->size_bytes : 1);
    hl_status status;

    if (!bytes)
        return hl__fail_memory(HL__ELF_ACTION);
    status = read_all(fd, path, bytes, identity->size_bytes);
    if (status != HL_OK) {
        free(bytes);
        return status;
    }
    *out = bytes;
    return HL_OK;
}
