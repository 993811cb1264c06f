/* How soon a worker is ready, against a program that only says that it is there, in a small and in a large server. Part
 * of the worker case of hookline bench. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_worker.h"

#define STARTS 60
#define LARGE_BYTES ((size_t)1 << 30)
#define WAIT_NS UINT64_C(10000000000)

extern char **environ;

/* ---- the program ------------------------------------------------------------------------------------------------- */

static int spawn_minimal(int out, pid_t *pid)
{
    char path[PATH_MAX + 64];
    char *argv[] = {path, NULL};
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);

    bench_part_path(BENCH_WORKER_MINIMAL, path, sizeof(path));
    if (error)
        return error;
    error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (!error)
        error = posix_spawn(pid, path, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* From the start to the byte that it writes. */
static int start_minimal(bench *b, double *out_ns)
{
    uint64_t begin_ns = bench_now_ns();
    pid_t pid = -1;
    char byte;
    int ends[2];
    int error = pipe2(ends, O_CLOEXEC) < 0 ? errno : 0;

    if (!error) {
        error = spawn_minimal(ends[1], &pid);
        close(ends[1]);
        if (!error && read(ends[0], &byte, 1) != 1)
            error = EPIPE;
        *out_ns = (double)(bench_now_ns() - begin_ns);
        close(ends[0]);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
    if (error)
        return tool_error(b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "", "The smallest program does not start: %s",
                          strerror(error));
    return TOOL_DONE;
}

/* ---- the worker -------------------------------------------------------------------------------------------------- */

/* It is killed, and the time that the next one's start took is what hl_workers says. */
static int start_worker(bench *b, const bench_isolated *isolated, double *out_ns)
{
    hl_worker_info before = bench_isolated_worker(isolated), now = {0};
    uint64_t until_ns = bench_now_ns() + WAIT_NS;

    if (before.pid <= 0 || kill(before.pid, SIGKILL) != 0)
        return bench_wrong(b, "worker: there is no worker to be killed.");
    do {
        bench_sleep_ms(1);
        now = bench_isolated_worker(isolated);
    } while ((now.pid == before.pid || now.start_ns == 0) && bench_now_ns() < until_ns);
    if (now.start_ns == 0)
        return bench_wrong(b, "worker: no new worker got ready.");
    *out_ns = (double)now.start_ns;
    return TOOL_DONE;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

static void print(bench *b, const char *what, const char *engine, double ns, double baseline_ns)
{
    bench_print(b, &(bench_row){.name = "worker",
                                .what = what,
                                .engine = engine,
                                .plugins = 1,
                                .events = 1,
                                .ns = ns,
                                .ratio = baseline_ns > 0 ? ns / baseline_ns : 0,
                                .baseline = baseline_ns > 0 ? "the minimal program" : NULL,
                                .goal_kind = baseline_ns > 0 ? BENCH_RATIO_MOST : BENCH_NO_GOAL,
                                .goal = baseline_ns > 0 ? 2 : 0});
}

static int measure(bench *b, const bench_isolated *isolated, const char *minimal, const char *worker)
{
    static double minimal_ns[STARTS], worker_ns[STARTS];
    size_t starts = b->quick ? STARTS / 4 : STARTS;
    int code = TOOL_DONE;
    double baseline;

    for (size_t i = 0; code == TOOL_DONE && i < starts; i++) {
        code = start_minimal(b, &minimal_ns[i]);
        if (code == TOOL_DONE)
            code = start_worker(b, isolated, &worker_ns[i]);
    }
    if (code != TOOL_DONE)
        return code;
    baseline = bench_median(minimal_ns, starts);
    print(b, minimal, "none", baseline, 0);
    print(b, worker, "none", bench_median(worker_ns, starts), baseline);
    return TOOL_DONE;
}

int bench_worker_starts(bench *b, bench_isolated *isolated)
{
    char *memory;
    int code =
        measure(b, isolated, "start of a minimal program, until it says so", "start of a worker, until it is ready");

    if (code != TOOL_DONE)
        return code;
    memory = mmap(NULL, LARGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return tool_error(b->context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "",
                          "There is no GiB of memory for a large server.");
    memset(memory, 1, LARGE_BYTES);
    code = measure(b, isolated, "the same in a server of 1 GiB: a minimal program",
                   "the same in a server of 1 GiB: a worker");
    munmap(memory, LARGE_BYTES);
    return code;
}
