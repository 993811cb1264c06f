/* A process beside a worker that may start others. They have no death signal of their own, so somebody has to end them
 * when the server cannot: the guard waits for the end of worker and server, and kills the process group that all of
 * them are in.
 *
 * That one call misses nobody: the kernel lets no fork pass by it, the filter of system calls lets nobody leave the
 * group or signal the guard, and the group's number cannot be another one's while the guard is in it. The server kills
 * the same group itself when it reaps a worker. Linked into worker programs only. */
#include "worker/guard_worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* It keeps nothing of what the worker has open: the server takes an end of file for the worker's end. */
static _Noreturn void guard(int worker, int server)
{
    struct pollfd ends[] = {{STDIN_FILENO, POLLIN, 0}, {STDOUT_FILENO, POLLIN, 0}};
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_NAME, "hookline-guard");
    prctl(PR_SET_DUMPABLE, 0);
    dup2(worker, STDIN_FILENO);
    dup2(server, STDOUT_FILENO);
    close_range(STDERR_FILENO, ~0U, 0);
    while (poll(ends, 2, -1) <= 0)
        continue;
    kill(0, SIGKILL);
    _exit(0);
}

/* A process whose end sends no signal: a plugin that waits for all of its children is not told of this one. */
static pid_t fork_silently(void)
{
    return (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
}

bool hl__guard_start(pid_t server)
{
    int worker_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    int server_fd = (int)syscall(SYS_pidfd_open, server, 0);
    bool known = worker_fd >= 0 && server_fd >= 0 && getppid() == server; /* not one that has its number by now */
    pid_t pid = known ? fork_silently() : -1;
    int error = errno;

    if (pid == 0)
        guard(worker_fd, server_fd);
    if (worker_fd >= 0)
        close(worker_fd);
    if (server_fd >= 0)
        close(server_fd);
    errno = error;
    return pid > 0;
}
