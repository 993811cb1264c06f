/* A library whose plugin does to its process whatever its state says. "guest" and "second" are the same function on the event
 * "work", "other" is it on "other". */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
