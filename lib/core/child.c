/* Starting, watching and ending child processes. Called by whatever runs a helper program. */
#include "core/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* Copies of descriptors are made above every target, so that no dup2 overwrites the source of a later one. */
#define COPIES_FROM 32

typedef struct copies {
    int fds[HL__CHILD_FDS_MAX + 1];
    size_t len;
} copies;

uint64_t hl__child_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int add_copy(posix_spawn_file_actions_t *actions, copies *copies, int fd, int target)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, COPIES_FROM);

    if (copy < 0)
        return errno;
    copies->fds[copies->len++] = copy;
    return posix_spawn_file_actions_adddup2(actions, copy, target);
}

static int add_output(posix_spawn_file_actions_t *actions, copies *copies, int fd)
{
    int error;

    if (fd < 0)
        error = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    else
        error = add_copy(actions, copies, fd, STDOUT_FILENO);
    return error ? error : posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, STDERR_FILENO);
}

static int add_files(posix_spawn_file_actions_t *actions, copies *copies, const hl__child_spec *spec)
{
    int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (!error)
        error = add_output(actions, copies, spec->output);
    for (size_t i = 0; !error && i < spec->fds_len; i++)
        error = add_copy(actions, copies, spec->fds[i], 3 + (int)i);
    if (!error)
        error = posix_spawn_file_actions_addclosefrom_np(actions, 3 + (int)spec->fds_len);
    return error;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    int error;

    sigemptyset(&none);
    sigfillset(&all);
    error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error)
        error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error)
        error =
            posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    return error;
}

/* A server that reaps every child may have reaped this one already: it has ended then, nobody knows how. */
static int open_pidfd(pid_t pid, hl__child *out)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    int error = errno;

    if (pidfd >= 0 || error == ESRCH) {
        *out = (hl__child){pid, pidfd};
        return 0;
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return error;
}

static int spawn(const hl__child_spec *spec, const posix_spawn_file_actions_t *actions, hl__child *out)
{
    char *const *environment = spec->environment ? (char *const *)spec->environment : environ;
    posix_spawnattr_t attributes;
    pid_t pid;
    int error = posix_spawnattr_init(&attributes);

    if (error)
        return error;
    error = set_attributes(&attributes);
    if (!error)
        error = posix_spawn(&pid, spec->program, actions, &attributes, (char *const *)spec->argv, environment);
    if (!error)
        error = open_pidfd(pid, out);
    posix_spawnattr_destroy(&attributes);
    return error;
}

int hl__child_spawn(const hl__child_spec *spec, hl__child *out)
{
    posix_spawn_file_actions_t actions;
    copies copies = {.len = 0};
    int error;

    *out = (hl__child)HL__CHILD_NONE;
    if (spec->fds_len > HL__CHILD_FDS_MAX)
        return EINVAL;
    error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = add_files(&actions, &copies, spec);
    if (!error)
        error = spawn(spec, &actions, out);
    for (size_t i = 0; i < copies.len; i++)
        close(copies.fds[i]);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int milliseconds_until(uint64_t deadline_ns)
{
    uint64_t now = hl__child_now_ns();
    uint64_t left;

    if (deadline_ns <= now)
        return 0;
    left = (deadline_ns - now + 999999) / 1000000;
    return left > 1000000 ? 1000000 : (int)left;
}

bool hl__child_ended(const hl__child *child, uint64_t deadline_ns)
{
    struct pollfd wait = {child->pidfd, POLLIN, 0};
    int timeout_ms;

    if (child->pidfd < 0)
        return true;
    do {
        timeout_ms = milliseconds_until(deadline_ns);
        if (poll(&wait, 1, timeout_ms) > 0)
            return true;
    } while (timeout_ms > 0);
    return false;
}

static hl__child_end reap(int pidfd)
{
    hl__child_end end = {false, false, 0};
    siginfo_t info;
    int result;

    memset(&info, 0, sizeof(info));
    do
        result = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED);
    while (result < 0 && errno == EINTR);
    if (result < 0)
        return end;
    end.known = true;
    end.signalled = info.si_code != CLD_EXITED;
    end.code = info.si_status;
    return end;
}

/* The group is killed while the child, ended or not, still holds its number: nobody else can have it then. */
hl__child_end hl__child_finish(hl__child *child)
{
    hl__child_end end = {false, false, 0};

    if (child->pidfd < 0)
        return end;
    if (syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0) == 0)
        kill(-child->pid, SIGKILL);
    end = reap(child->pidfd);
    close(child->pidfd);
    *child = (hl__child)HL__CHILD_NONE;
    return end;
}

void hl__child_describe(const hl__child_end *end, char *out, size_t out_len)
{
    const char *name;

    if (!end->known) {
        snprintf(out, out_len, "ended in an unknown way (the server reaped it)");
        return;
    }
    if (!end->signalled) {
        snprintf(out, out_len, "ended with exit status %d", end->code);
        return;
    }
    name = sigabbrev_np(end->code);
    if (name)
        snprintf(out, out_len, "died by SIG%s", name);
    else
        snprintf(out, out_len, "died by signal %d", end->code);
}
