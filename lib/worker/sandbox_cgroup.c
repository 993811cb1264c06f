/* A cgroup for each worker, below a folder that was delegated to the server: of version 2, or of version 1 with the
 * controller pids. Called by start.c and by pools. */
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
#define REMOVE_TRIES 100
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

static bool has(const char *folder, const char *file)
{
    char path[PATH_MAX];

    return snprintf(path, sizeof(path), "%s/%s", folder, file) < (int)sizeof(path) && access(path, F_OK) == 0;
}

/* Version 1 has a tree for each controller: where it counts processes there seldom is a limit of memory. */
static const char *memory_file(const char *folder)
{
    if (has(folder, "memory.max"))
        return "memory.max";
    return has(folder, "memory.limit_in_bytes") ? "memory.limit_in_bytes" : NULL;
}

static bool limit_memory(const hl_sandbox *sandbox, const char *folder)
{
    uint64_t memory_bytes = sandbox->memory_bytes ? sandbox->memory_bytes : HL__SANDBOX_MEMORY_BYTES;
    const char *file = memory_file(folder);

    return file ? put_number(folder, file, memory_bytes) : !sandbox->require;
}

/* Beside what it may start: itself, and its guard where it may start any. */
static bool fill(const hl_sandbox *sandbox, int32_t pid, const char *folder)
{
    uint64_t own = sandbox->processes ? 2 : 1;

    return limit_memory(sandbox, folder) && put_number(folder, "pids.max", sandbox->processes + own) &&
           put_number(folder, "cgroup.procs", (uint64_t)pid);
}

uint32_t hl__sandbox_cgroup_reached(const char *folder)
{
    if (!folder)
        return 0;
    return HL__SANDBOX_CGROUP | (memory_file(folder) ? HL__SANDBOX_CGROUP_MEMORY : 0);
}

static hl_status fail_cgroup(const hl_sandbox *sandbox, int error)
{
    if (!sandbox->require)
        return HL_OK;
    return hl__fail_errno(
        HL_ERR_UNSUPPORTED, error, ACTION, "isolation.sandbox.cgroup",
        "%s has no room for a worker: it has to be a cgroup folder that this user may write, with the controllers "
        "memory and pids",
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
