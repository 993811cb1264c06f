/* A library whose plugin does to its process whatever its state says. "guest" and "second" are the same function on the
 * event "work", "other" is it on "other". */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hookline/plugin.h>

#include "tests/support/worker_guest.h"

static uint32_t calls;

static void sleep_ms(int32_t ms)
{
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};

    while (nanosleep(&left, &left) != 0)
        continue;
}

static void flood(void)
{
    volatile char *at;

    while ((at = malloc(1 << 20)) != NULL) {
        for (size_t i = 0; i < 1 << 20; i += 4096)
            at[i] = 1;
    }
    abort();
}

/* Never comes to its end, which no compiler knows. */
static int recurse(int depth)
{
    volatile char here[4096];

    here[0] = (char)depth;
    return depth < 0 ? 0 : recurse(depth + 1) + here[0];
}

/* Whatever part of the channel's memory lies there. */
static void scribble(guest_state *at)
{
    guest_state kept = *at;

    memset((char *)at - 2048, 0xa5, 2048);
    *at = kept;
}

static int32_t fork_all(void)
{
    int32_t count = 0;

    while (count < 1000) {
        pid_t pid = fork();

        if (pid < 0)
            return count;
        if (pid == 0)
            _exit(0);
        count++;
    }
    return count;
}

static void name_kin(void)
{
    char name[16];

    snprintf(name, sizeof(name), GUEST_KIN, (int)getpid());
    prctl(PR_SET_NAME, name);
}

/* What a process does that wants to outlive its worker and its server. */
static void be_stubborn(void)
{
    struct sigaction ignored = {.sa_handler = SIG_IGN};

    alarm(GUEST_KIN_SECONDS);
    prctl(PR_SET_PDEATHSIG, 0);
    setsid();
    setpgid(0, 0);
    for (int number = 1; number < 32; number++) {
        if (number != SIGALRM)
            sigaction(number, &ignored, NULL);
    }
}

/* The mother ends, so that the child is nobody's. */
static bool begin_kin(volatile int32_t *begun)
{
    pid_t pid = fork();
    int status = 1;

    if (pid == 0) {
        be_stubborn();
        pid = fork();
        if (pid != 0)
            _exit(pid < 0);
        alarm(GUEST_KIN_SECONDS);
        __atomic_add_fetch(begun, 1, __ATOMIC_RELAXED);
        for (;;)
            pause();
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int32_t begin_family(int32_t wanted)
{
    volatile int32_t *begun = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int32_t made = 0;

    if (begun == MAP_FAILED)
        return -1;
    name_kin();
    while (made < wanted && begin_kin(begun))
        made++;
    prctl(PR_SET_NAME, "mother");
    while (*begun < made)
        sleep_ms(1);
    return made;
}

/* Tries are counted over all of them, so that a limit that does not hold costs the machine nothing. */
static void bomb(void)
{
    volatile int32_t *tries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (tries == MAP_FAILED)
        abort();
    name_kin();
    while (__atomic_add_fetch(tries, 1, __ATOMIC_RELAXED) <= GUEST_BOMB_MOST) {
        if (fork() == 0)
            be_stubborn();
    }
    for (;;)
        pause();
}

static int32_t await_children(void)
{
    int32_t count = 0;

    while (wait(NULL) > 0)
        count++;
    return count;
}

/* As lib/worker/start.h has it: descriptor 3, and six words of which the first says "ready". */
static void report_always(void)
{
    static const uint32_t ready[6] = {1};

    for (;;)
        send(3, ready, sizeof(ready), MSG_NOSIGNAL);
}

static void act(guest_state *at)
{
    volatile uintptr_t nowhere = 16;

    switch (at->act) {
    case GUEST_CRASH:
        *(volatile int *)nowhere = 1;
        break;
    case GUEST_ABORT:
        abort();
    case GUEST_EXIT:
        _exit(at->number);
    case GUEST_HANG:
        for (volatile int forever = 1; forever;)
            continue;
        break;
    case GUEST_SLEEP:
        sleep_ms(at->number);
        break;
    case GUEST_STOP:
        raise(SIGSTOP);
        break;
    case GUEST_FLOOD:
        flood();
        break;
    case GUEST_OVERFLOW:
        at->number = recurse(at->number);
        break;
    case GUEST_GARBAGE:
        scribble(at);
        break;
    case GUEST_FORK:
        at->number = fork_all();
        break;
    case GUEST_REPORT:
        report_always();
        break;
    case GUEST_FAMILY:
        at->number = begin_family(at->number);
        break;
    case GUEST_BOMB:
        bomb();
        break;
    case GUEST_CHILDREN:
        at->number = await_children();
        break;
    default:
        break;
    }
}

static hl_reply reply(guest_state *at)
{
    switch (at->act) {
    case GUEST_FAIL:
        return hl_fail(HL_ERR_LIMIT);
    case GUEST_HALT:
        return hl_halt(at);
    case GUEST_STRANGE:
        return (hl_reply){at, 77};
    case GUEST_FORGET:
        return hl_next(NULL);
    case GUEST_DROP:
        return hl_halt(NULL);
    default:
        return hl_next(at);
    }
}

static hl_reply work(void *self, void *state, const void *meta)
{
    guest_state *at = state;

    (void)self;
    (void)meta;
    if (!at)
        return hl_next(NULL);
    act(at);
    at->answer = at->id * 3 + 1;
    at->pid = (int32_t)getpid();
    at->calls = ++calls;
    return reply(at);
}

static const hl_field fields[] = {
    {"id", "uint64_t", offsetof(guest_state, id), sizeof(uint64_t)},
    {"answer", "uint64_t", offsetof(guest_state, answer), sizeof(uint64_t)},
};
static const hl_contract contract = {sizeof(hl_contract), "guest_state", sizeof(guest_state), fields, 2, NULL, 0};

static const hl_plugin_spec plugins[] = {
    {.size = sizeof(hl_plugin_spec),
     .name = "guest",
     .event = "work",
     .call = work,
     .contract = &contract,
     .priority = 50},
    {.size = sizeof(hl_plugin_spec),
     .name = "other",
     .event = "other",
     .call = work,
     .contract = &contract,
     .priority = 50},
};
HL_PLUGIN_LIBRARY("worker-guest", "1.2.3", plugins)
