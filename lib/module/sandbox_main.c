/* The program hookline-sandbox: shuts itself in, then runs a compiler and waits for it. It stays, because the
 * compiler's own children would outlive a killed server otherwise: when the server dies, it kills the whole process
 * group. See sandbox_run.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/child.h"
#include "module/sandbox_run.h"
#include "worker/sandbox.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"
#define PATH_BYTES 8192

static char plan[HL__SANDBOX_PLAN_MAX];

static void refuse(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void refuse(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vdprintf(HL__SANDBOX_WHY_FD, format, arguments);
    va_end(arguments);
    _exit(HL__SANDBOX_NOT_RUN);
}

static void end_group(int signal)
{
    (void)signal;
    kill(0, SIGKILL);
}

/* The server is gone: nobody else would end the compiler. */
static void follow_server(pid_t server)
{
    struct sigaction action = {.sa_handler = end_group};

    sigaction(SIGTERM, &action, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != server)
        _exit(HL__SANDBOX_NOT_RUN);
}

static void shut_in(void)
{
    ssize_t len = pread(HL__SANDBOX_PLAN_FD, plan, sizeof(plan), 0);
    const hl__sandbox_given given = {.plan = plan,
                                     .plan_len = len > 0 ? (size_t)len : 0,
                                     .library_fd = HL__SANDBOX_PLAN_FD,
                                     .beside = ""};
    uint32_t reached = 0, landlock_abi = 0;
    char why[256] = "";

    if (len <= 0 || (size_t)len == sizeof(plan))
        refuse("it got no sandbox plan");
    if (!hl__sandbox_begin(&given, &reached, &landlock_abi, why, sizeof(why)))
        refuse("the sandbox cannot be made: %s", why);
    if (!hl__sandbox_filter())
        refuse("the system call filter cannot be installed: %s", strerror(errno));
}

static int run(char **argv)
{
    char path[PATH_BYTES];
    char temporary[] = "TMPDIR=.";
    char language[] = "LC_ALL=C.UTF-8";
    char no_cache[] = "CCACHE_DISABLE=1";
    char *environment[] = {path, temporary, language, no_cache, NULL};
    const char *given = getenv("PATH");
    int status, error;
    pid_t child;

    snprintf(path, sizeof(path), "PATH=%s", given ? given : DEFAULT_PATH);
    error = posix_spawn(&child, argv[0], NULL, NULL, argv, environment);
    if (error)
        refuse("%s does not start: %s", argv[0], strerror(error));
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return HL__SANDBOX_NOT_RUN;
    }
    return WIFSIGNALED(status) ? HL__SANDBOX_SIGNAL_EXIT + WTERMSIG(status) : WEXITSTATUS(status);
}

static _Noreturn void tell_end(int status)
{
    const unsigned char end[] = {0, (unsigned char)status};
    ssize_t wrote = write(HL__SANDBOX_WHY_FD, end, sizeof(end));

    (void)wrote; /* the exit status says the same */
    _exit(status);
}

int main(int argc, char **argv)
{
    pid_t server;

    if (argc < 4)
        return HL__SANDBOX_NOT_RUN;
    server = (pid_t)strtol(argv[1], NULL, 10);
    fcntl(HL__SANDBOX_PLAN_FD, F_SETFD, FD_CLOEXEC);
    fcntl(HL__SANDBOX_WHY_FD, F_SETFD, FD_CLOEXEC);
    hl__child_begin(server, 0);
    follow_server(server);
    if (chdir(argv[2]) != 0)
        refuse("the working folder %s cannot be entered: %s", argv[2], strerror(errno));
    shut_in();
    tell_end(run(argv + 3));
}
