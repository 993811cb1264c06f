/* When looking is allowed. A caller that looks takes a processor from whoever could run there, perhaps from the very
 * worker that it waits for: on a single processor looking made a call 20 times slower. So each call needs two
 * processors that nobody else wants. Where looking is allowed and does not help, the channel leaves it out by
 * itself. */
#include "worker/spin.h"

#include <stdio.h>

static bool allowed; /* atomic */

static int processors(void)
{
    cpu_set_t set = hl__spin_processors(0);

    return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}

/* Threads that want to run, but for this one: the fourth field of the file is "runnable/all". 0: not known. */
static int runnable(void)
{
    FILE *file = fopen("/proc/loadavg", "re");
    int count = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%*s %*s %*s %d/", &count) != 1)
        count = 0;
    fclose(file);
    return count - 1;
}

bool hl__spin_allowed(void)
{
    return __atomic_load_n(&allowed, __ATOMIC_RELAXED);
}

/* A call has one thread that wants to run, its caller or its worker; both while they look. */
void hl__spin_sample(uint32_t calls)
{
    int pairs = calls ? (int)calls : 1;
    int others = runnable() - pairs * (hl__spin_allowed() ? 2 : 1);

    if (others < 0)
        others = 0;
    __atomic_store_n(&allowed, processors() >= others + 2 * pairs, __ATOMIC_RELAXED);
}

cpu_set_t hl__spin_processors(int32_t pid)
{
    cpu_set_t set;

    if (sched_getaffinity(pid, sizeof(set), &set) != 0)
        CPU_ZERO(&set);
    return set;
}

/* The kernel likes to put a process beside the one that wakes it, where neither can look while the other runs; and as
 * long as each wakes the other they stay together. */
void hl__spin_part(int32_t pid, const cpu_set_t *all, int processor)
{
    cpu_set_t set = *all;

    if (processor < 0 || processor >= CPU_SETSIZE)
        return;
    CPU_CLR(processor, &set);
    if (CPU_COUNT(&set) > 0)
        sched_setaffinity(pid, sizeof(set), &set);
}

void hl__spin_unpart(int32_t pid, const cpu_set_t *all)
{
    if (CPU_COUNT(all) > 0)
        sched_setaffinity(pid, sizeof(*all), all);
}

void hl__spin_gather(int32_t pid, const cpu_set_t *all, int processor)
{
    cpu_set_t one;

    if (processor < 0 || processor >= CPU_SETSIZE || !CPU_ISSET(processor, all))
        return;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    if (sched_setaffinity(pid, sizeof(one), &one) == 0)
        sched_setaffinity(pid, sizeof(*all), all);
}
