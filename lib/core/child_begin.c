/* What a helper program does first, before anything that can crash or hang. Linked into helper programs only. */
#include "core/child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

void hl__child_begin(pid_t parent, unsigned cpu_seconds)
{
    struct rlimit core = {0, 0};
    struct rlimit cpu = {cpu_seconds, cpu_seconds + 1};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    setrlimit(RLIMIT_CORE, &core);
    if (cpu_seconds)
        setrlimit(RLIMIT_CPU, &cpu);
}
