/* Files that appear whole; see outfile.h. */
#include "install/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "install/folder.h"

static hl_status fail(const char *action, const char *path)
{
    return hl__fail_errno(hl__disk_status(errno), errno, action, "path", "Cannot write %s.", path);
}

hl_status hl__outfile_begin(const char *action, const char *path, hl__outfile *out)
{
    *out = (hl__outfile)HL__OUTFILE_INIT;
    out->path = strdup(path);
    if (!out->path || asprintf(&out->temporary, "%s.%ld.new", path, (long)getpid()) < 0) {
        out->temporary = NULL;
        return hl__fail_memory(action);
    }
    unlink(out->temporary);
    out->fd = open(out->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    return out->fd >= 0 ? HL_OK : fail(action, path);
}

static hl_status sync_folder(const char *action, hl__outfile *file)
{
    char *slash = strrchr(file->path, '/');
    int folder;
    bool synced;

    if (slash)
        slash[slash == file->path] = '\0';
    folder = open(slash ? file->path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    synced = folder >= 0 && fsync(folder) == 0;
    if (folder >= 0)
        close(folder);
    return synced ? HL_OK : fail(action, file->path);
}

hl_status hl__outfile_place(const char *action, hl__outfile *file)
{
    if (fsync(file->fd) < 0 || rename(file->temporary, file->path) < 0)
        return fail(action, file->path);
    free(file->temporary);
    file->temporary = NULL;
    return sync_folder(action, file);
}

void hl__outfile_cleanup(hl__outfile *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->fd >= 0 && file->temporary)
        unlink(file->temporary);
    free(file->temporary);
    free(file->path);
    *file = (hl__outfile)HL__OUTFILE_INIT;
}
