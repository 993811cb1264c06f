/* Folders on disk, entry by entry. Used for packages that are folders, and to check what was unpacked. */
#include "install/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/grow.h"
#include "install/names.h"
#include "install/package_rules.h"

#define ACTION HL__PACKAGE_ACTION

typedef struct walk {
    hl__tree_fn *visit;
    void *user;
    uint64_t entries_max;
    unsigned depth;
} walk;

typedef struct names {
    char **rows;
    size_t len, room;
} names;

static void free_names(names *names)
{
    for (size_t i = 0; i < names->len; i++)
        free(names->rows[i]);
    free(names->rows);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static hl_status take_name(names *out, const char *name, uint64_t entries_max)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return HL_OK;
    if (out->len == entries_max)
        return hl__limit_reached("entries", entries_max);
    if (!hl__grow(&out->rows, out->len, &out->room, sizeof(*out->rows)) || !(out->rows[out->len] = strdup(name)))
        return hl__fail_memory(ACTION);
    out->len++;
    return HL_OK;
}

static hl_status read_names(DIR *directory, uint64_t entries_max, names *out)
{
    hl_status status = HL_OK;
    struct dirent *entry;

    errno = 0;
    while (status == HL_OK && (entry = readdir(directory)) != NULL) {
        status = take_name(out, entry->d_name, entries_max);
        errno = 0;
    }
    if (status == HL_OK && errno)
        status = hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "", "A folder cannot be read");
    if (out->len)
        qsort(out->rows, out->len, sizeof(*out->rows), compare_names);
    return status;
}

/* The names are read before anything is visited, so that a visitor may change the folder. Opened anew, since the
 * reading place belongs to the descriptor's file. */
static hl_status list(int folder, uint64_t entries_max, names *out)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    hl_status status;

    if (!directory) {
        status = hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "", "A folder cannot be read");
        if (fd >= 0)
            close(fd);
        return status;
    }
    status = read_names(directory, entries_max, out);
    closedir(directory);
    return status;
}

static hl_status walk_folder(walk *walk, int folder, const char *path);

static hl_status walk_below(walk *walk, const hl__tree_entry *entry)
{
    hl_status status;
    int fd;

    if (walk->depth == HL__PATH_PARTS_MAX)
        return hl__member_refused(entry->path, "lies more than 32 folders deep");
    fd = openat(entry->parent, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, entry->path, "The folder %s cannot be opened", entry->path);
    walk->depth++;
    status = walk_folder(walk, fd, entry->path);
    walk->depth--;
    close(fd);
    return status;
}

static hl_status walk_entry(walk *walk, int folder, const char *above, const char *name)
{
    hl__tree_entry entry = {.parent = folder, .name = name};
    hl_status status;
    bool skip = false;
    char *path;

    if (asprintf(&path, "%s%s%s", above, above[0] ? "/" : "", name) < 0)
        return hl__fail_memory(ACTION);
    entry.path = path;
    if (fstatat(folder, name, &entry.stat, AT_SYMLINK_NOFOLLOW) != 0)
        status = hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, path, "%s cannot be examined", path);
    else
        status = walk->visit(walk->user, &entry, &skip);
    if (status == HL_OK && !skip && S_ISDIR(entry.stat.st_mode))
        status = walk_below(walk, &entry);
    free(path);
    return status;
}

static hl_status walk_folder(walk *walk, int folder, const char *path)
{
    names names = {NULL, 0, 0};
    hl_status status = list(folder, walk->entries_max, &names);

    for (size_t i = 0; status == HL_OK && i < names.len; i++)
        status = walk_entry(walk, folder, path, names.rows[i]);
    free_names(&names);
    return status;
}

hl_status hl__tree_walk(int folder, uint64_t entries_max, hl__tree_fn *visit, void *user)
{
    walk walk = {visit, user, entries_max, 1};

    return walk_folder(&walk, folder, "");
}

int hl__tree_open(int folder, const char *path, int flags)
{
    char part[HL__PATH_PART_MAX + 1];
    int parent = folder;

    for (;;) {
        size_t len = strcspn(path, "/");
        bool last = path[len] == '\0';
        int fd, error;

        if (len > HL__PATH_PART_MAX)
            break;
        memcpy(part, path, len);
        part[len] = '\0';
        fd = openat(parent, part, (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
        error = errno;
        if (parent != folder)
            close(parent);
        errno = error;
        if (fd < 0 || last)
            return fd;
        parent = fd;
        path += len + 1;
    }
    if (parent != folder)
        close(parent);
    errno = ENAMETOOLONG;
    return -1;
}
