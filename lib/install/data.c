/* An app's data folder: filled from the first version that brings one, kept over upgrades, gone with the app. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/folder.h"
#include "install/placing.h"

#define ACTION "install"
#define PIECE 65536

static hl_status fail_copy(const char *path)
{
    return hl__fail_errno(hl__disk_status(errno), errno, ACTION, HL__APP_DATA, "Cannot copy %s.", path);
}

static hl_status write_all(int fd, const char *bytes, size_t len, const char *path)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);

        if (written < 0 && errno != EINTR)
            return fail_copy(path);
        if (written > 0) {
            bytes += written;
            len -= (size_t)written;
        }
    }
    return HL_OK;
}

static hl_status copy_bytes(int from, int to, const char *path)
{
    char piece[PIECE];
    hl_status status = HL_OK;
    ssize_t len;

    while (status == HL_OK && (len = read(from, piece, sizeof(piece))) != 0) {
        if (len > 0)
            status = write_all(to, piece, (size_t)len, path);
        else if (errno != EINTR)
            status = fail_copy(path);
    }
    if (status == HL_OK && fsync(to) < 0)
        status = fail_copy(path);
    return status;
}

static hl_status copy_file(int version_folder, const char *path, int folder, const char *name)
{
    int from = openat(version_folder, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int to = from < 0 ? -1 : openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    hl_status status = to < 0 ? fail_copy(path) : copy_bytes(from, to, path);

    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return status;
}

/* Makes the folders of `rest` below the open one, which is closed, and copies the file into the last of them. */
static hl_status copy_into(int version_folder, const hl__package_file *file, const char *rest, int folder)
{
    const char *slash;
    hl_status status;

    while (folder >= 0 && (slash = strchr(rest, '/'))) {
        char name[NAME_MAX + 1];
        int next;

        snprintf(name, sizeof(name), "%.*s", (int)(slash - rest), rest);
        next = hl__folder_open(ACTION, folder, name, 0755);
        close(folder);
        folder = next;
        rest = slash + 1;
    }
    if (folder < 0)
        return hl_last_error()->status;
    status = copy_file(version_folder, file->path, folder, rest);
    if (status == HL_OK)
        status = hl__folder_sync(folder);
    close(folder);
    return status;
}

static hl_status copy_all(int version_folder, const hl__package_files *files, const char *data, int folder)
{
    size_t len = strlen(data);
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < files->len; i++) {
        const char *path = files->rows[i].path;

        if (strncmp(path, data, len) == 0 && path[len] == '/')
            status = copy_into(version_folder, &files->rows[i], path + len + 1, dup(folder));
    }
    return status == HL_OK ? hl__folder_sync(folder) : status;
}

hl_status hl__data_place(int version_folder, const hl__package_files *files, const char *data, int staging,
                         int app_folder, bool *placed)
{
    bool exists = true;
    hl_status status;
    int folder;

    *placed = false;
    if (!data[0] || faccessat(app_folder, HL__APP_DATA, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return HL_OK;
    folder = hl__folder_open(ACTION, staging, HL__APP_DATA, 0755);
    if (folder < 0)
        return hl_last_error()->status;
    status = copy_all(version_folder, files, data, folder);
    close(folder);
    if (status == HL_OK)
        status = hl__folder_place(ACTION, staging, HL__APP_DATA, app_folder, HL__APP_DATA, &exists);
    *placed = !exists;
    return status;
}
