/* Staging folders; see staging.h. */
#include "install/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/error.h"
#include "install/folder.h"

#define ACTION "install"
#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static hl_status make_folder(const hl__apps_place *place, const char *name, hl__staging *out)
{
    if (asprintf(&out->path, "%s/%s/%.*s.XXXXXX", place->path, HL__STAGING, HL__APP_NAME_MAX, name) < 0) {
        out->path = NULL;
        return hl__fail_memory(ACTION);
    }
    if (!mkdtemp(out->path))
        return hl__fail_errno(hl__disk_status(errno), errno, ACTION, HL__STAGING, "Cannot make a folder in %s/%s.",
                              place->path, HL__STAGING);
    snprintf(out->name, sizeof(out->name), "%s", strrchr(out->path, '/') + 1);
    out->folder = openat(out->parent, out->name, OPEN_FOLDER);
    if (out->folder >= 0 && flock(out->folder, LOCK_EX | LOCK_NB) == 0)
        return HL_OK;
    return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, HL__STAGING, "Cannot lock the folder %s.", out->path);
}

hl_status hl__staging_make(const hl__apps_place *place, const char *name, hl__staging *out)
{
    hl_status status;

    *out = (hl__staging)HL__STAGING_INIT;
    out->parent = hl__folder_open(ACTION, place->folder, HL__STAGING, 0700);
    if (out->parent < 0)
        return hl_last_error()->status;
    status = make_folder(place, name, out);
    if (status != HL_OK)
        hl__staging_remove(out);
    return status;
}

/* What cannot be deleted now is swept later. */
void hl__staging_remove(hl__staging *staging)
{
    hl__error_copy error;

    hl__error_save(&error);
    if (staging->name[0] && hl__folder_remove(staging->parent, staging->name) != HL_OK)
        hl__error_restore(&error);
    if (staging->folder >= 0)
        close(staging->folder);
    if (staging->parent >= 0)
        close(staging->parent);
    free(staging->path);
    *staging = (hl__staging)HL__STAGING_INIT;
    hl__error_restore(&error);
}

/* A file belongs to nobody; a folder to whoever has it locked. */
static bool is_left(int parent, const char *name)
{
    int fd = openat(parent, name, OPEN_FOLDER);
    bool left = fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0;

    if (fd >= 0)
        close(fd);
    return left;
}

static bool sweep_entry(int parent, const char *name, uint64_t *bytes)
{
    uint64_t size;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || !is_left(parent, name))
        return false;
    size = hl__folder_bytes(parent, name);
    if (hl__folder_remove(parent, name) != HL_OK)
        return false;
    *bytes += size;
    return true;
}

void hl__staging_sweep(const hl__apps_place *place, size_t *folders_len, uint64_t *bytes)
{
    int folder = openat(place->folder, HL__STAGING, OPEN_FOLDER);
    DIR *entries = folder < 0 ? NULL : fdopendir(folder);
    struct dirent *entry;
    uint64_t size = 0;
    size_t len = 0;

    while (entries && (entry = readdir(entries)))
        len += sweep_entry(dirfd(entries), entry->d_name, &size);
    if (entries)
        closedir(entries);
    else if (folder >= 0)
        close(folder);
    if (folders_len)
        *folders_len += len;
    if (bytes)
        *bytes += size;
}
