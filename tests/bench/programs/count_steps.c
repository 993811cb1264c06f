/* Runs count_dispatches and counts the instructions that its main thread executes between two stops, by stepping
 * through them: count_steps PROGRAM ARGUMENT... Prints the number. Exits with 77 when processes may not be traced here,
 * or when the program exits with it. Run by the scripts of this folder; unlike callgrind it follows compiled chains. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define SKIPPED 77

extern char **environ;

static bool is_stop(int status)
{
    return WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP;
}

static int wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, __WALL) < 0)
        if (errno != EINTR)
            return -1;
    return status;
}

/* From one stop to the next. *status is how the child was last seen. */
static unsigned long long count(pid_t pid, int *status)
{
    unsigned long long steps = 0;

    do {
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
            break;
        *status = wait_for(pid);
        steps += WIFSTOPPED(*status) && WSTOPSIG(*status) == SIGTRAP;
    } while (WIFSTOPPED(*status) && !is_stop(*status));
    return steps;
}

static int exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    unsigned long long steps;
    int status, error;
    pid_t pid;

    if (argc < 2)
        return 2;
    error = posix_spawn(&pid, argv[1], NULL, NULL, argv + 1, environ);
    if (error) {
        fprintf(stderr, "count_steps: %s: %s\n", argv[1], strerror(error));
        return 1;
    }
    status = wait_for(pid);
    if (!is_stop(status))
        return exit_code(status);
    steps = count(pid, &status);
    if (!is_stop(status))
        return SKIPPED;
    ptrace(PTRACE_DETACH, pid, NULL, NULL);
    printf("%llu\n", steps);
    return exit_code(wait_for(pid));
}
