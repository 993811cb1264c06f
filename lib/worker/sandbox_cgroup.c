/* A cgroup (version 2) for each worker, below a folder that was delegated to the server. Called by start.c and by
 * pools. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "worker/sandbox_plan.h"

#define ACTION "start worker"
/* Processes that were killed leave a cgroup a little later. */
#define REMOVE_TRIES 20
#define REMOVE_PAUSE_NS 1000000

static bool put(const char *folder, const char *file, const char *value)
{
    char path[PATH_MAX];
    ssize_t written = -1;
    int fd;

    if (snprintf(path, sizeof(path), "%s/%s", folder, file) >= (int)sizeof(path))
        return false;
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    written = write(fd, value, strlen(value));
    close(fd);
    return written == (ssize_t)strlen(value);
}

static bool put_number(const char *folder, const char *file, uint64_t number)
{
    char value[24];

    snprintf(value, sizeof(value), "%llu", (unsigned long long)number);
    return put(folder, file, value);
}

/* One of this name was left by a process that is long gone: process numbers come again. */
static bool make_folder(const char *folder)
{
    return mkdir(folder, 0755) == 0 || (errno == EEXIST && rmdir(folder) == 0 && mkdir(folder, 0755) == 0);
}

static bool fill(const hl_sandbox *sandbox, int32_t pid, const char *folder)
{
    uint64_t memory_bytes = sandbox->memory_bytes ? sandbox->memory_bytes : HL__SANDBOX_MEMORY_BYTES;

    return put_number(folder, "memory.max", memory_bytes) &&
           put_number(folder, "pids.max", (uint64_t)sandbox->processes + 1) &&
           put_number(folder, "cgroup.procs", (uint64_t)pid);
}

static hl_status fail_cgroup(const hl_sandbox *sandbox, int error)
{
    if (!sandbox->require)
        return HL_OK;
    return hl__fail_errno(
        HL_ERR_UNSUPPORTED, error, ACTION, "isolation.sandbox.cgroup",
        "%s has no room for a worker: it has to be a cgroup v2 folder that this user may write, with the "
        "controllers memory and pids",
        sandbox->cgroup);
}

hl_status hl__sandbox_cgroup_add(const hl_sandbox *sandbox, int32_t pid, char **folder)
{
    char *made = NULL;
    int error;

    *folder = NULL;
    if (!sandbox || !sandbox->cgroup)
        return HL_OK;
    if (asprintf(&made, "%s/hookline-%d", sandbox->cgroup, (int)pid) < 0)
        return hl__fail_memory(ACTION);
    if (!make_folder(made)) {
        error = errno;
        free(made);
        return fail_cgroup(sandbox, error);
    }
    if (fill(sandbox, pid, made)) {
        *folder = made;
        return HL_OK;
    }
    error = errno;
    hl__sandbox_cgroup_remove(made);
    return fail_cgroup(sandbox, error);
}

void hl__sandbox_cgroup_remove(char *folder)
{
    struct timespec pause = {0, REMOVE_PAUSE_NS};

    if (!folder)
        return;
    put(folder, "cgroup.kill", "1");
    for (int i = 0; i < REMOVE_TRIES && rmdir(folder) != 0 && errno == EBUSY; i++)
        nanosleep(&pause, NULL);
    free(folder);
}
