/* Files of fault records; see fault_file.h. */
#include "core/fault_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/reclaim.h"

#define TRIES 16

/* ---- making one ---- */

/* Whoever looks through the folder may take a file that is not locked yet for a dead process's: such a one is made
 * anew. */
static int make_locked(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    struct stat about;

    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &about) == 0 && about.st_nlink > 0)
        return fd;
    close(fd);
    errno = EAGAIN;
    return -1;
}

static int make_file(const char *directory, char **path)
{
    for (unsigned count = 0; count < TRIES; count++) {
        int fd;

        if (asprintf(path, "%s/" HL__FAULT_FOLDER "/%ld.%llu", directory, (long)getpid(),
                     (unsigned long long)hl__now_ns()) < 0) {
            *path = NULL;
            errno = ENOMEM;
            return -1;
        }
        fd = make_locked(*path);
        if (fd >= 0)
            return fd;
        free(*path);
        *path = NULL;
        if (errno != EAGAIN && errno != EEXIST)
            break;
    }
    return -1;
}

/* The blocks are taken now: a full disk at the moment of the fault would be another fault. */
static hl__fault_file *map_file(int fd)
{
    void *memory;

    errno = posix_fallocate(fd, 0, sizeof(hl__fault_file));
    if (errno != 0)
        return NULL;
    memory = mmap(NULL, sizeof(hl__fault_file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static bool make_folder(const char *directory)
{
    char *path;
    bool made;

    if (asprintf(&path, "%s/" HL__FAULT_FOLDER, directory) < 0) {
        errno = ENOMEM;
        return false;
    }
    made = mkdir(path, 0700) == 0 || errno == EEXIST;
    free(path);
    return made;
}

hl_status hl__fault_map_open(const char *directory, hl__fault_map *out)
{
    int error;

    *out = (hl__fault_map){.fd = -1};
    if (make_folder(directory))
        out->fd = make_file(directory, &out->path);
    out->file = out->fd < 0 ? NULL : map_file(out->fd);
    if (out->file) {
        memcpy(out->file->magic, HL__FAULT_MAGIC, sizeof(out->file->magic));
        out->file->format = HL__FAULT_FORMAT;
        out->file->rows_len = HL__FAULT_ROWS;
        return HL_OK;
    }
    error = errno;
    hl__fault_map_close(out);
    return hl__fail_errno(HL_ERR_SYSTEM, error, "open", "flags", "Faults cannot be recorded in %s/" HL__FAULT_FOLDER,
                          directory);
}

void hl__fault_map_close(hl__fault_map *map)
{
    if (map->file)
        munmap(map->file, sizeof(*map->file));
    if (map->path)
        unlink(map->path);
    if (map->fd >= 0)
        close(map->fd);
    free(map->path);
    *map = (hl__fault_map){.fd = -1};
}

/* ---- reading those of others ---- */

static void end_text(char *text, size_t room)
{
    text[room - 1] = '\0';
}

/* The file's content is what a dying process left: nothing in it is believed. */
static bool is_sound(hl__fault_file *file)
{
    if (memcmp(file->magic, HL__FAULT_MAGIC, sizeof(file->magic)) != 0 || file->format != HL__FAULT_FORMAT ||
        file->rows_len != HL__FAULT_ROWS)
        return false;
    for (size_t i = 0; i < HL__FAULT_ROWS; i++) {
        hl__fault_row *row = &file->rows[i];

        end_text(row->plugin, sizeof(row->plugin));
        end_text(row->version, sizeof(row->version));
        end_text(row->event, sizeof(row->event));
        if (row->candidates_len > HL__FAULT_CANDIDATES)
            row->candidates_len = HL__FAULT_CANDIDATES;
        for (size_t k = 0; k < HL__FAULT_CANDIDATES; k++)
            end_text(row->candidates[k], sizeof(row->candidates[k]));
    }
    return true;
}

static bool read_file(int fd, hl__fault_file *out)
{
    return pread(fd, out, sizeof(*out), 0) == (ssize_t)sizeof(*out) && is_sound(out);
}

static void visit_file(int folder, const char *name, hl__fault_visit_fn *visit, void *user)
{
    int fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    hl__fault_file *content = fd < 0 ? NULL : malloc(sizeof(*content));
    struct stat about;

    if (content && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &about) == 0 && about.st_nlink > 0) {
        if (!read_file(fd, content))
            memset(content, 0, sizeof(*content));
        if (visit(user, name, content))
            unlinkat(folder, name, 0);
    }
    free(content);
    if (fd >= 0)
        close(fd);
}

void hl__fault_files_walk(const char *directory, hl__fault_visit_fn *visit, void *user)
{
    char *path;
    DIR *entries;
    struct dirent *entry;

    if (asprintf(&path, "%s/" HL__FAULT_FOLDER, directory) < 0)
        return;
    entries = opendir(path);
    while (entries && (entry = readdir(entries))) {
        if (entry->d_name[0] != '.')
            visit_file(dirfd(entries), entry->d_name, visit, user);
    }
    if (entries)
        closedir(entries);
    free(path);
}
