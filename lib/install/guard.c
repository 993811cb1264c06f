/* Files of the crash guard; see guard.h. */
#include "install/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "install/folder.h"

#define ACTION "open"
#define TRIES 16

/* Whoever looks through the folder may take a file that is not locked yet for a dead process's: such a one is made
 * anew. */
static bool make_file(hl__guard *guard, unsigned count)
{
    struct stat about;

    snprintf(guard->name, sizeof(guard->name), "%ld.%" PRIu64 ".%u", (long)getpid(), hl__now_ns(), count);
    guard->file = openat(guard->folder, guard->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (guard->file < 0)
        return false;
    if (flock(guard->file, LOCK_EX | LOCK_NB) == 0 && fstat(guard->file, &about) == 0 && about.st_nlink > 0)
        return true;
    close(guard->file);
    guard->file = -1;
    errno = EAGAIN;
    return false;
}

hl_status hl__guard_open(const hl__apps_place *place, hl__guard *out)
{
    *out = (hl__guard)HL__GUARD_INIT;
    out->folder = hl__folder_open(ACTION, place->folder, HL__APPS_BOOT, 0700);
    if (out->folder < 0)
        return hl_last_error()->status;
    for (unsigned count = 0; count < TRIES; count++) {
        if (make_file(out, count))
            return HL_OK;
        if (errno != EAGAIN && errno != EEXIST)
            break;
    }
    return hl__fail_errno(hl__disk_status(errno), errno, ACTION, HL__APPS_BOOT, "Cannot make a file in %s/%s.",
                          place->path, HL__APPS_BOOT);
}

void hl__guard_enter(hl__guard *guard, const char *app)
{
    char text[HL__APP_NAME_MAX + 1] = "";
    ssize_t written;

    if (guard->file < 0)
        return;
    memcpy(text, app, strnlen(app, HL__APP_NAME_MAX));
    written = pwrite(guard->file, text, sizeof(text), 0);
    (void)written; /* without disk nothing is guarded */
}

void hl__guard_close(hl__guard *guard)
{
    if (guard->file >= 0) {
        unlinkat(guard->folder, guard->name, 0);
        close(guard->file);
    }
    if (guard->folder >= 0)
        close(guard->folder);
    *guard = (hl__guard)HL__GUARD_INIT;
}

/* ---- what others left -------------------------------------------------------------------------------------------- */

static void collect_file(int folder, const char *name, hl__guard_crash_fn *fn, void *user)
{
    int file = openat(folder, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    char app[HL__APP_NAME_MAX + 1] = "";
    struct stat about;

    if (file < 0)
        return;
    if (flock(file, LOCK_EX | LOCK_NB) == 0 && fstat(file, &about) == 0 && about.st_nlink > 0) {
        if (pread(file, app, sizeof(app) - 1, 0) > 0 && app[0])
            fn(user, app);
        unlinkat(folder, name, 0);
    }
    close(file);
}

void hl__guard_collect(const hl__guard *guard, hl__guard_crash_fn *fn, void *user)
{
    int folder = guard->folder < 0 ? -1 : openat(guard->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = folder < 0 ? NULL : fdopendir(folder);
    struct dirent *entry;

    while (entries && (entry = readdir(entries))) {
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, guard->name) != 0)
            collect_file(folder, entry->d_name, fn, user);
    }
    if (entries)
        closedir(entries);
    else if (folder >= 0)
        close(folder);
}
