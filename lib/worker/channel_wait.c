/* Waiting for a reply: a look, then sleep. Called by pools through hl__channel_wait. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "worker/channel_server.h"
#include "worker/look.h"

#define NS_PER_S UINT64_C(1000000000)
#define SLEEP_MOST_NS (60 * NS_PER_S)
/* Looking that did not help so many times in a row is left out for so many calls. A few tries together, because looking
 * helps only where the worker looks too, which it learns with the first. */
#define LOOK_MISSES_MOST 4
#define LOOK_PAUSE_CALLS 60

typedef struct waiting {
    hl__channel *channel;
    int slot;
    uint64_t deadline_ns;
    hl__reply_head *out;
} waiting;

/* The one place at which a reply is read. 0: there is none for this turn. Every word is read once. */
static hl__wait_end take_reply(const waiting *w)
{
    const hl__shared_reply *shared = &w->channel->shared->replies[w->slot];
    hl__reply_head reply;

    if (__atomic_load_n(&shared->turn, __ATOMIC_ACQUIRE) != w->channel->turn[w->slot])
        return (hl__wait_end)0;
    reply.verdict = __atomic_load_n(&shared->verdict, __ATOMIC_RELAXED);
    reply.len = __atomic_load_n(&shared->len, __ATOMIC_RELAXED);
    reply.flags = __atomic_load_n(&shared->flags, __ATOMIC_RELAXED);
    if (reply.len > w->channel->area_bytes)
        return HL__MALFORMED;
    *w->out = reply;
    return HL__REPLIED;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static void tell_worker(hl__channel *channel, uint32_t look_ns)
{
    if (__atomic_load_n(&channel->look_ns, __ATOMIC_RELAXED) == look_ns)
        return;
    __atomic_store_n(&channel->look_ns, look_ns, __ATOMIC_RELAXED);
    __atomic_store_n(&channel->shared->look_ns, look_ns, __ATOMIC_RELAXED);
}

static bool wants_look(hl__channel *channel, uint32_t spin_ns)
{
    uint32_t pause = __atomic_load_n(&channel->look_pause, __ATOMIC_RELAXED);
    bool wanted = spin_ns > 0 && channel->may_look && pause == 0;

    if (pause)
        __atomic_store_n(&channel->look_pause, pause - 1, __ATOMIC_RELAXED);
    tell_worker(channel, wanted ? spin_ns : 0);
    return wanted;
}

static void note_look(hl__channel *channel, bool helped)
{
    uint32_t misses = __atomic_load_n(&channel->look_misses, __ATOMIC_RELAXED);
    uint32_t now = helped ? 0 : misses + 1;

    if (now >= LOOK_MISSES_MOST) {
        now = 0;
        __atomic_store_n(&channel->look_pause, LOOK_PAUSE_CALLS, __ATOMIC_RELAXED);
    }
    if (now != misses)
        __atomic_store_n(&channel->look_misses, now, __ATOMIC_RELAXED);
}

static hl__wait_end look(const waiting *w, uint32_t spin_ns)
{
    uint64_t end_ns = hl__look_now_ns() + spin_ns;

    do
        for (int i = 0; i < HL__LOOKS; i++) {
            hl__wait_end end = take_reply(w);

            if (end)
                return end;
            hl__look_pause();
        }
    while (hl__look_now_ns() < end_ns);
    return (hl__wait_end)0;
}

/* ---- sleeping ---------------------------------------------------------------------------------------------------- */

/* False when the worker has closed its end: then only its death and the deadline are waited for. */
static bool drain(int fd)
{
    char bytes[64];
    ssize_t got;

    do
        got = read(fd, bytes, sizeof(bytes));
    while (got < 0 && errno == EINTR);
    return got != 0;
}

static void sleep_for(struct pollfd fds[3], uint64_t ns)
{
    struct timespec timeout;

    if (ns > SLEEP_MOST_NS)
        ns = SLEEP_MOST_NS;
    timeout.tv_sec = (time_t)(ns / NS_PER_S);
    timeout.tv_nsec = (long)(ns % NS_PER_S);
    if (ppoll(fds, 3, &timeout, NULL) <= 0)
        fds[0].revents = fds[1].revents = fds[2].revents = 0;
    if (fds[0].revents && !drain(fds[0].fd))
        fds[0].fd = -1;
}

/* Asked in this order: a reply that is there counts, whatever else has happened. */
static hl__wait_end sleep_until_end(const waiting *w, int pidfd)
{
    struct pollfd fds[3] = {{w->channel->woken[w->slot], POLLIN, 0},
                            {pidfd, POLLIN, 0},
                            {w->channel->disturbance, POLLIN, 0}};

    for (;;) {
        hl__wait_end end = take_reply(w);
        uint64_t now_ns;

        if (end)
            return end;
        if (fds[1].revents)
            return HL__DIED;
        if (__atomic_load_n(&w->channel->disturbed, __ATOMIC_ACQUIRE))
            return HL__DISTURBED;
        now_ns = hl__look_now_ns();
        if (now_ns >= w->deadline_ns)
            return HL__LATE;
        sleep_for(fds, w->deadline_ns - now_ns);
    }
}

hl__wait_end hl__channel_wait(hl__channel *channel, int slot, int pidfd, uint64_t deadline_ns, uint32_t spin_ns,
                              hl__reply_head *out)
{
    waiting w = {channel, slot, deadline_ns, out};
    uint32_t *asleep = &channel->shared->requests[slot].waiting;
    hl__wait_end end = (hl__wait_end)0;

    if (wants_look(channel, spin_ns)) {
        end = look(&w, spin_ns);
        note_look(channel, end != 0);
        if (end)
            return end;
    }
    /* Either the worker sees this after its reply, or the reply is seen before sleeping. */
    __atomic_store_n(asleep, 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    end = sleep_until_end(&w, pidfd);
    __atomic_store_n(asleep, 0, __ATOMIC_RELAXED);
    return end;
}
