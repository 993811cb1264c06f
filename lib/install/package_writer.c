/* Files of a package on their way to the disk. Content is written first and synced last: one pass over what is
 * already on its way costs a fraction of waiting for each file as it is written. */
#include "install/package_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/grow.h"
#include "install/folder.h"
#include "install/names.h"
#include "install/package_rules.h"
#include "install/tree.h"

#define ACTION HL__PACKAGE_ACTION
#define FOLDER_MODE 0755
#define FILE_MODE 0444
#define EXECUTABLE_MODE 0555

struct hl__writer {
    int folder;
    int parent;        /* the folder of the last file, open; -1: none */
    char *parent_path; /* "" for the folder of all */
    int file;          /* being written; -1: none */
    hl__digest *digest;
    hl__package_files files;
    size_t files_room;
    char **folders; /* paths of all that were made */
    size_t folders_len, folders_room;
};

static hl_status fail_write(int error, const char *path)
{
    return hl__fail_errno(hl__disk_status(error), error, ACTION, path, "%s cannot be written", path);
}

/* ---- folders ---- */

static hl_status keep_folder(hl__writer *writer, const char *path, size_t len)
{
    char *copy = strndup(path, len);

    if (copy && hl__grow(&writer->folders, writer->folders_len, &writer->folders_room, sizeof(*writer->folders))) {
        writer->folders[writer->folders_len++] = copy;
        return HL_OK;
    }
    free(copy);
    return hl__fail_memory(ACTION);
}

/* Makes or opens one folder; its mode does not depend on the process's mask. */
static hl_status enter(hl__writer *writer, int parent, const char *path, size_t begin, size_t end, int *out)
{
    char name[HL__PATH_PART_MAX + 1];
    bool made;

    memcpy(name, path + begin, end - begin);
    name[end - begin] = '\0';
    made = mkdirat(parent, name, 0700) == 0;
    if (!made && errno != EEXIST)
        return fail_write(errno, path);
    *out = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*out < 0 || (made && fchmod(*out, FOLDER_MODE) != 0))
        return fail_write(errno, path);
    return made ? keep_folder(writer, path, end) : HL_OK;
}

/* Opens the folder that the first `len` bytes of the path name, making what is missing. */
static hl_status open_folder(hl__writer *writer, const char *path, size_t len, int *out)
{
    hl_status status = HL_OK;
    int at = dup(writer->folder);

    if (at < 0)
        return fail_write(errno, path);
    for (size_t begin = 0; status == HL_OK && begin < len;) {
        size_t end = begin + strcspn(path + begin, "/");
        int next = -1;

        status = enter(writer, at, path, begin, end, &next);
        close(at);
        at = next;
        begin = end + 1;
    }
    if (status == HL_OK)
        *out = at;
    else if (at >= 0)
        close(at);
    return status;
}

/* Files come folder by folder, so that the last one's is mostly the next one's. */
static hl_status open_parent(hl__writer *writer, const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    hl_status status;
    int parent;

    *name = slash ? slash + 1 : path;
    if (writer->parent >= 0 && strlen(writer->parent_path) == len && strncmp(writer->parent_path, path, len) == 0)
        return HL_OK;
    status = open_folder(writer, path, len, &parent);
    if (status != HL_OK)
        return status;
    if (writer->parent >= 0)
        close(writer->parent);
    free(writer->parent_path);
    writer->parent = parent;
    writer->parent_path = strndup(path, len);
    return writer->parent_path ? HL_OK : hl__fail_memory(ACTION);
}

hl_status hl__writer_folder(hl__writer *writer, const char *path)
{
    hl_status status;
    int folder;

    status = open_folder(writer, path, strlen(path), &folder);
    if (status == HL_OK)
        close(folder);
    return status;
}

/* ---- files ---- */

static hl_status add_row(hl__writer *writer, const char *path, bool executable)
{
    hl__package_files *files = &writer->files;
    char *copy = strdup(path);

    if (copy && hl__grow(&files->rows, files->len, &writer->files_room, sizeof(*files->rows))) {
        files->rows[files->len++] = (hl__package_file){.path = copy, .executable = executable};
        return HL_OK;
    }
    free(copy);
    return hl__fail_memory(ACTION);
}

hl_status hl__writer_begin(hl__writer *writer, const char *path, bool executable)
{
    const char *name;
    hl_status status = open_parent(writer, path, &name);

    if (status == HL_OK)
        status = hl__digest_new(&writer->digest);
    if (status == HL_OK)
        status = add_row(writer, path, executable);
    if (status != HL_OK)
        return status;
    writer->file = openat(writer->parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return writer->file < 0 ? fail_write(errno, path) : HL_OK;
}

static hl__package_file *last_row(hl__writer *writer)
{
    return &writer->files.rows[writer->files.len - 1];
}

hl_status hl__writer_add(hl__writer *writer, const void *bytes, size_t len)
{
    const char *at = bytes;

    hl__digest_add(writer->digest, bytes, len);
    last_row(writer)->bytes += len;
    writer->files.bytes += len;
    while (len > 0) {
        ssize_t done = write(writer->file, at, len);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fail_write(errno, last_row(writer)->path);
        at += done;
        len -= (size_t)done;
    }
    return HL_OK;
}

hl_status hl__writer_end(hl__writer *writer)
{
    hl__package_file *row = last_row(writer);
    hl__digest *digest = writer->digest;
    int file = writer->file;
    bool failed = fchmod(file, row->executable ? EXECUTABLE_MODE : FILE_MODE) != 0;
    int error = errno;

    writer->file = -1;
    writer->digest = NULL;
    if (close(file) != 0 && !failed) {
        failed = true;
        error = errno;
    }
    if (failed) {
        hl__digest_free(digest);
        return fail_write(error, row->path);
    }
    return hl__digest_end(digest, row->sha256);
}

/* ---- the end ---- */

static hl_status sync_path(hl__writer *writer, const char *path)
{
    int fd = hl__tree_open(writer->folder, path, O_RDONLY);
    int error = fd < 0 || fsync(fd) != 0 ? errno : 0;

    if (fd >= 0)
        close(fd);
    return error ? fail_write(error, path) : HL_OK;
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const hl__package_file *)a)->path, ((const hl__package_file *)b)->path);
}

/* A folder was kept after the one that it lies in. */
static hl_status sync_all(hl__writer *writer)
{
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < writer->files.len; i++)
        status = sync_path(writer, writer->files.rows[i].path);
    for (size_t i = writer->folders_len; status == HL_OK && i > 0; i--)
        status = sync_path(writer, writer->folders[i - 1]);
    if (status == HL_OK && fsync(writer->folder) != 0)
        status = fail_write(errno, "the package's folder");
    return status;
}

hl_status hl__writer_finish(hl__writer *writer, hl__package_files *files)
{
    hl_status status = sync_all(writer);

    if (writer->files.len)
        qsort(writer->files.rows, writer->files.len, sizeof(*writer->files.rows), compare_rows);
    *files = writer->files;
    memset(&writer->files, 0, sizeof(writer->files));
    return status;
}

hl_status hl__writer_new(int folder, hl__writer **out)
{
    hl__writer *writer = calloc(1, sizeof(*writer));

    *out = writer;
    if (!writer)
        return hl__fail_memory(ACTION);
    writer->folder = folder;
    writer->parent = writer->file = -1;
    return HL_OK;
}

void hl__writer_free(hl__writer *writer)
{
    if (!writer)
        return;
    if (writer->file >= 0)
        close(writer->file);
    if (writer->parent >= 0)
        close(writer->parent);
    for (size_t i = 0; i < writer->folders_len; i++)
        free(writer->folders[i]);
    free(writer->folders);
    free(writer->parent_path);
    hl__digest_free(writer->digest);
    hl__package_files_free(&writer->files);
    free(writer);
}
