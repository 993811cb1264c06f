/* Which processor a thread or a process of hookline bench runs on. Left to the kernel, two processes that wake each
 * other stay on one processor, or on two, for the whole of a run, as chance had it; and where waking another processor
 * is dear, that decides a comparison. */
#include "bench.h"

#include <sched.h>

bench_processors bench_processors_now(void)
{
    bench_processors now;

    if (sched_getaffinity(0, sizeof(now.all), &now.all) != 0)
        CPU_ZERO(&now.all);
    now.len = (size_t)CPU_COUNT(&now.all);
    return now;
}

void bench_processors_keep(const bench_processors *processors, pid_t pid, size_t number)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &processors->all) || number-- > 0)
            continue;
        CPU_SET(i, &one);
        sched_setaffinity(pid, sizeof(one), &one);
        return;
    }
}

void bench_processors_free(const bench_processors *processors, pid_t pid)
{
    if (processors->len > 0)
        sched_setaffinity(pid, sizeof(processors->all), &processors->all);
}
