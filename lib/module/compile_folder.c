/* The folder in which a module is compiled; see compile.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "install/app.h"
#include "install/folder.h"
#include "library/file.h"
#include "module/compile.h"

#define ACTION HL__COMPILE_ACTION
#define RESULT_BYTES_MAX (UINT64_C(64) << 20)
#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static hl_status make_folder(const hl__code_place *place, hl__compile_folder *out)
{
    if (asprintf(&out->path, "%s/" HL__CODE_WORK "/XXXXXX", place->path) < 0) {
        out->path = NULL;
        return hl__fail_memory(ACTION);
    }
    if (!mkdtemp(out->path)) {
        hl_status status = hl__fail_errno(hl__disk_status(errno), errno, ACTION, "store",
                                          "Cannot make a working folder in %s/" HL__CODE_WORK, place->path);

        free(out->path);
        out->path = NULL;
        return status;
    }
    out->folder = open(out->path, OPEN_FOLDER);
    if (out->folder >= 0 && flock(out->folder, LOCK_EX | LOCK_NB) == 0)
        return HL_OK;
    return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "store", "Cannot lock the working folder %s", out->path);
}

static hl_status write_source(const hl__compile_folder *folder, const char *file, const char *source, size_t len)
{
    int fd = openat(folder->folder, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written = fd >= 0;

    while (written && len) {
        ssize_t put = write(fd, source, len);

        if (put < 0 && errno == EINTR)
            continue;
        written = put > 0;
        source += written ? put : 0;
        len -= written ? (size_t)put : 0;
    }
    if (fd >= 0)
        close(fd);
    if (written)
        return HL_OK;
    return hl__fail_errno(hl__disk_status(errno), errno, ACTION, "store", "Cannot write the source to %s",
                          folder->path);
}

/* Whoever sweeps has the parent to itself: it must not find the new folder before its lock is taken. */
static hl_status make_locked(const hl__code_place *place, hl__compile_folder *out)
{
    hl_status status;

    if (flock(out->parent, LOCK_SH) != 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "store", "Cannot lock %s/" HL__CODE_WORK, place->path);
    status = make_folder(place, out);
    flock(out->parent, LOCK_UN);
    return status;
}

hl_status hl__compile_folder_make(const hl__code_place *place, const char *file, const char *source, size_t len,
                                  hl__compile_folder *out)
{
    hl_status status;

    *out = (hl__compile_folder)HL__COMPILE_FOLDER_INIT;
    out->parent = hl__folder_open(ACTION, place->folder, HL__CODE_WORK, 0700);
    if (out->parent < 0)
        return hl_last_error()->status;
    status = make_locked(place, out);
    if (status == HL_OK)
        status = write_source(out, file, source, len);
    if (status != HL_OK)
        hl__compile_folder_remove(out);
    return status;
}

/* ---- the result -------------------------------------------------------------------------------------------------- */

static hl_status check_result(int fd, hl__identity *identity)
{
    struct stat about;

    if (fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        return hl__fail(HL_ERR_COMPILE, ACTION, "source", "The compiler said that all is well, but made no module.");
    identity->size_bytes = (uint64_t)about.st_size;
    if (identity->size_bytes <= RESULT_BYTES_MAX)
        return HL_OK;
    return hl__fail(HL_ERR_LIMIT, ACTION, "source", "The compiled module has %llu bytes; it may have %llu.",
                    (unsigned long long)identity->size_bytes, (unsigned long long)RESULT_BYTES_MAX);
}

hl_status hl__compile_folder_result(const hl__compile_folder *folder, void **bytes, size_t *len)
{
    int fd = openat(folder->folder, HL__COMPILE_RESULT, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    hl__identity identity = {0};
    unsigned char *read = NULL;
    hl_status status = check_result(fd, &identity);

    if (status == HL_OK)
        status = hl__file_bytes(fd, &identity, "The compiled module", &read);
    if (fd >= 0)
        close(fd);
    *bytes = read;
    *len = identity.size_bytes;
    return status;
}

/* ---- removing ---------------------------------------------------------------------------------------------------- */

static const char *name_of(const hl__compile_folder *folder)
{
    return strrchr(folder->path, '/') + 1;
}

/* What cannot be deleted now is swept later. */
void hl__compile_folder_remove(hl__compile_folder *folder)
{
    hl__error_copy error;

    hl__error_save(&error);
    if (folder->path)
        (void)!hl__folder_remove(folder->parent, name_of(folder));
    if (folder->folder >= 0)
        close(folder->folder);
    if (folder->parent >= 0)
        close(folder->parent);
    free(folder->path);
    *folder = (hl__compile_folder)HL__COMPILE_FOLDER_INIT;
    hl__error_restore(&error);
}

static void sweep_entry(int parent, const char *name)
{
    int folder = openat(parent, name, OPEN_FOLDER);

    if (folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) == 0)
        (void)!hl__folder_remove(parent, name);
    if (folder >= 0)
        close(folder);
}

void hl__compile_sweep(const hl__code_place *place)
{
    int parent = openat(place->folder, HL__CODE_WORK, OPEN_FOLDER);
    DIR *entries = parent < 0 ? NULL : fdopendir(parent);
    struct dirent *entry;

    if (entries && flock(parent, LOCK_EX) != 0) {
        closedir(entries);
        return;
    }
    while (entries && (entry = readdir(entries))) {
        if (entry->d_name[0] != '.')
            sweep_entry(parent, entry->d_name);
    }
    if (entries)
        closedir(entries);
    else if (parent >= 0)
        close(parent);
}
