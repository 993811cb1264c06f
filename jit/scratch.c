/* The helper's temporary folder: making, removing, and sweeping what others left. */
#include "jit/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/error.h"

#define PREFIX "hookline-jit."
#define PLACES 4
#define DEPTH_MAX 4 /* libgccjit makes one folder inside ours */
#define TRIES 8
#define ROOM_BYTES (UINT64_C(16) << 20) /* many times what a batch needs */

/* Place number i, or NULL. Memory comes before disks, because a loaded disk can hold up a compile for seconds. */
static const char *place(int i)
{
    static const char *const usual[] = {"/dev/shm", "/tmp", "/var/tmp"};
    const char *wished = i == 0 ? secure_getenv("TMPDIR") : usual[i - 1];

    return wished && wished[0] == '/' ? wished : NULL;
}

static void remove_content(int folder, int depth);

static void remove_entry(int folder, const char *name, int depth)
{
    int inner;

    if (unlinkat(folder, name, 0) == 0 || depth == 0)
        return;
    inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner < 0)
        return;
    remove_content(inner, depth - 1);
    close(inner);
    unlinkat(folder, name, AT_REMOVEDIR);
}

static void remove_content(int folder, int depth)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;

    if (!dir) {
        if (copy >= 0)
            close(copy);
        return;
    }
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_entry(folder, entry->d_name, depth);
    closedir(dir);
}

/* Opens and locks; -1 when somebody else has it, or it is gone by now. */
static int open_locked(const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return -1;
    if (fstat(fd, &info) == 0 && info.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
        fstat(fd, &info) == 0 && info.st_nlink > 0)
        return fd;
    close(fd);
    return -1;
}

static bool make_in(const char *folder, hl__scratch *out)
{
    for (int i = 0; i < TRIES; i++) {
        if ((size_t)snprintf(out->path, sizeof(out->path), "%s/" PREFIX "XXXXXX", folder) >= sizeof(out->path))
            return false;
        if (!mkdtemp(out->path))
            return false;
        /* A sweep may come in between: then there is another try. */
        out->fd = open_locked(out->path);
        if (out->fd >= 0)
            return true;
        rmdir(out->path);
    }
    return false;
}

/* Whether there is room now. What the user wished for is not judged. */
static bool has_room(int i)
{
    struct statvfs info;

    return i == 0 || (statvfs(place(i), &info) == 0 && (uint64_t)info.f_bavail * info.f_frsize >= ROOM_BYTES);
}

static bool make_somewhere(bool roomy, hl__scratch *out)
{
    for (int i = 0; i < PLACES; i++)
        if (place(i) && (!roomy || has_room(i)) && make_in(place(i), out))
            return true;
    return false;
}

hl_status hl__scratch_new(hl__scratch *out)
{
    if (make_somewhere(true, out) || make_somewhere(false, out))
        return HL_OK;
    *out = (hl__scratch)HL__SCRATCH_NONE;
    return hl__fail_errno(HL_ERR_COMPILE, errno, "compile", "TMPDIR",
                          "no temporary folder can be made; point TMPDIR at one that can be written");
}

void hl__scratch_remove(hl__scratch *scratch)
{
    if (scratch->fd < 0)
        return;
    remove_content(scratch->fd, DEPTH_MAX);
    rmdir(scratch->path);
    close(scratch->fd);
    *scratch = (hl__scratch)HL__SCRATCH_NONE;
}

static void sweep_one(const char *folder, const char *name)
{
    hl__scratch left;

    if ((size_t)snprintf(left.path, sizeof(left.path), "%s/%s", folder, name) >= sizeof(left.path))
        return;
    left.fd = open_locked(left.path);
    hl__scratch_remove(&left);
}

void hl__scratch_sweep(void)
{
    for (int i = 0; i < PLACES; i++) {
        DIR *dir = place(i) ? opendir(place(i)) : NULL;
        struct dirent *entry;

        if (!dir)
            continue;
        while ((entry = readdir(dir)))
            if (strncmp(entry->d_name, PREFIX, sizeof(PREFIX) - 1) == 0)
                sweep_one(place(i), entry->d_name);
        closedir(dir);
    }
}
