/* Opens what hookline bench compares with, and starts the command itself as another process. The libraries are found
 * from where this program lies, in the build folder as after an installation. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

static bool own_folder(char *out, size_t out_len)
{
    ssize_t len = readlink("/proc/self/exe", out, out_len - 1);
    char *slash;

    if (len <= 0)
        return false;
    out[len] = '\0';
    slash = strrchr(out, '/');
    *slash = '\0';
    return true;
}

const char *bench_part_path(const char *file, char *buffer, size_t buffer_len)
{
    char folder[PATH_MAX];

    if (!own_folder(folder, sizeof(folder)))
        folder[0] = '\0';
    snprintf(buffer, buffer_len, "%s/../libexec/hookline/bench/%s", folder, file);
    return buffer;
}

/* ---- libraries ------------------------------------------------------------------------------------------------- */

/* A library stays open until the program ends. */
static void *open_part(bench *b, const char *file)
{
    char path[PATH_MAX + 64];
    void *library = dlopen(bench_part_path(file, path, sizeof(path)), RTLD_NOW | RTLD_LOCAL);

    if (!library)
        tool_error(b->context, TOOL_REFUSED, HL_ERR_NOT_FOUND, "bench",
                   "A library that the bench compares with cannot be opened: %s. Build or install hookline again.",
                   dlerror());
    return library;
}

static const void *find_symbol(bench *b, void *library, const char *name)
{
    const void *found = dlsym(library, name);

    if (!found)
        tool_error(b->context, TOOL_REFUSED, HL_ERR_NOT_FOUND, "bench", "The bench's library has no symbol %s.", name);
    return found;
}

static bool open_plugins(bench *b)
{
    void *library = open_part(b, "plugins.so");

    if (!library)
        return false;
    b->parts.counters = (uint64_t *)find_symbol(b, library, BENCH_COUNTERS);
    b->parts.functions = (hl_call_fn *const *)find_symbol(b, library, BENCH_FUNCTION_TABLE);
    b->parts.state_functions = (hl_call_fn *const *)find_symbol(b, library, BENCH_STATE_FUNCTION_TABLE);
    return b->parts.counters && b->parts.functions && b->parts.state_functions;
}

static bool open_handwritten(bench *b)
{
    void *library = open_part(b, "handwritten.so");

    if (!library)
        return false;
    b->parts.sizes = find_symbol(b, library, BENCH_CHAIN_SIZES);
    b->parts.events = find_symbol(b, library, BENCH_CHAIN_EVENTS);
    b->parts.state = find_symbol(b, library, BENCH_CHAIN_STATE);
    return b->parts.sizes && b->parts.events && b->parts.state;
}

int bench_parts_open(bench *b)
{
    void *lmdb;

    if (!open_plugins(b) || !open_handwritten(b))
        return TOOL_REFUSED;
    lmdb = open_part(b, "lmdb.so");
    b->parts.lmdb = lmdb ? find_symbol(b, lmdb, BENCH_LMDB) : NULL;
    return b->parts.lmdb ? TOOL_DONE : TOOL_REFUSED;
}

/* ---- another process ------------------------------------------------------------------------------------------- */

static int spawn_to(char *const *argv, int out, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);

    if (error)
        return error;
    error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (!error)
        error = posix_spawn(pid, "/proc/self/exe", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

int bench_child_start(bench *b, const char *name, const char *argument, pid_t *pid, int *out_fd)
{
    char *argv[] = {(char *)b->context->program, "bench", "--child", (char *)name, (char *)argument, NULL};
    int ends[2];
    int error = pipe2(ends, O_CLOEXEC) < 0 ? errno : 0;

    if (!error) {
        error = spawn_to(argv, ends[1], pid);
        close(ends[1]);
        if (error)
            close(ends[0]);
    }
    if (error)
        return tool_error(b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "", "Another process cannot be started: %s",
                          strerror(error));
    *out_fd = ends[0];
    return TOOL_DONE;
}

int bench_child_end(bench *b, pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return TOOL_DONE;
    return tool_error(b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "", "A process of the bench failed (wait status %d).",
                      status);
}
