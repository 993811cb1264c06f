/* Folders by open descriptor; see folder.h and app.h. */
#include "install/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "install/app.h"

#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define ACTION "remove folder"

hl_status hl__disk_status(int error_number)
{
    return error_number == ENOSPC || error_number == EDQUOT ? HL_ERR_STORE_FULL : HL_ERR_SYSTEM;
}

int hl__folder_open(const char *action, int parent, const char *name, unsigned mode)
{
    int folder;

    if (mkdirat(parent, name, mode) < 0 && errno != EEXIST) {
        hl__fail_errno(hl__disk_status(errno), errno, action, name, "Cannot make the folder %s.", name);
        return -1;
    }
    folder = openat(parent, name, OPEN_FOLDER);
    if (folder < 0)
        hl__fail_errno(HL_ERR_SYSTEM, errno, action, name, "Cannot open the folder %s.", name);
    return folder;
}

hl_status hl__folder_sync(int folder)
{
    if (fsync(folder) == 0)
        return HL_OK;
    return hl__fail_errno(hl__disk_status(errno), errno, "sync folder", "folder", "Cannot sync a folder of the apps.");
}

hl_status hl__folder_place(const char *action, int from_parent, const char *from, int to_parent, const char *to,
                           bool *exists)
{
    hl_status status;

    *exists = false;
    if (renameat2(from_parent, from, to_parent, to, RENAME_NOREPLACE) < 0) {
        *exists = errno == EEXIST || errno == ENOTEMPTY;
        return *exists ? HL_OK
                       : hl__fail_errno(hl__disk_status(errno), errno, action, to, "Cannot move %s into place.", to);
    }
    status = hl__folder_sync(to_parent);
    return status == HL_OK ? hl__folder_sync(from_parent) : status;
}

/* ---- walking and removing ---------------------------------------------------------------------------------------- */

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *open_entries(int parent, const char *name)
{
    int folder = openat(parent, name, OPEN_FOLDER);
    DIR *entries = folder < 0 ? NULL : fdopendir(folder);

    if (!entries && folder >= 0)
        close(folder);
    return entries;
}

static hl_status fail_remove(const char *name)
{
    return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, name, "Cannot delete %s.", name);
}

static hl_status remove_entries(int parent, const char *name)
{
    DIR *entries = open_entries(parent, name);
    hl_status status = HL_OK;
    struct dirent *entry;

    if (!entries)
        return fail_remove(name);
    while (status == HL_OK && (entry = readdir(entries))) {
        if (!is_dots(entry->d_name))
            status = hl__folder_remove(dirfd(entries), entry->d_name);
    }
    closedir(entries);
    return status;
}

/* Files in it go one by one, so that a folder is never left that cannot be deleted a second time. */
hl_status hl__folder_remove(int parent, const char *path)
{
    hl_status status;

    if (unlinkat(parent, path, 0) == 0 || errno == ENOENT)
        return HL_OK;
    if (errno != EISDIR && errno != EPERM)
        return fail_remove(path);
    status = remove_entries(parent, path);
    if (status == HL_OK && unlinkat(parent, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return fail_remove(path);
    return status;
}

uint64_t hl__folder_bytes(int parent, const char *name)
{
    DIR *entries = open_entries(parent, name);
    uint64_t bytes = 0;
    struct dirent *entry;
    struct stat about;

    if (!entries)
        return fstatat(parent, name, &about, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)about.st_size : 0;
    while ((entry = readdir(entries))) {
        if (!is_dots(entry->d_name))
            bytes += hl__folder_bytes(dirfd(entries), entry->d_name);
    }
    closedir(entries);
    return bytes;
}
