/* Waiting for a reply: a look, then sleep. Called by pools through hl__channel_wait. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "worker/channel_server.h"
#include "worker/look.h"

#define NS_PER_S UINT64_C(1000000000)
#define SLEEP_UNWATCHED_MS 10
#define SLEEPS_UNREAD 1024 /* wakes of a byte each; a pipe has room for 65,536 */
#define DRAIN_READS 16     /* as much as it has room for */
/* Looking that did not help so many times in a row is left out for so many calls. A few tries together, because looking
 * helps only where the worker looks too, which it learns with the first. */
#define LOOK_MISSES_MOST 4
#define LOOK_PAUSE_CALLS 60
/* A worker that sleeps has to wake up first, which takes longer than looking is worth. So the first look is a long one;
 * after it both look, and short ones meet. */
#define LOOK_FIRST_NS 100000

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

bool hl__channel_would_look(const hl__channel *channel)
{
    return channel->may_look && __atomic_load_n(&channel->look_pause, __ATOMIC_RELAXED) == 0;
}

/* How long this call looks; 0: not at all. */
static uint32_t look_time(hl__channel *channel, uint32_t spin_ns)
{
    bool wanted = spin_ns > 0 && hl__channel_would_look(channel);
    uint32_t pause = __atomic_load_n(&channel->look_pause, __ATOMIC_RELAXED);

    if (pause)
        __atomic_store_n(&channel->look_pause, pause - 1, __ATOMIC_RELAXED);
    tell_worker(channel, wanted ? spin_ns : 0);
    if (!wanted)
        return 0;
    return __atomic_load_n(&channel->look_met, __ATOMIC_RELAXED) || spin_ns > LOOK_FIRST_NS ? spin_ns : LOOK_FIRST_NS;
}

/* A first look says nothing about those that follow: only a short one that helped forgets the misses. */
static void note_look(hl__channel *channel, bool helped)
{
    uint32_t misses = __atomic_load_n(&channel->look_misses, __ATOMIC_RELAXED);
    bool met = __atomic_load_n(&channel->look_met, __ATOMIC_RELAXED);
    uint32_t now = !helped ? misses + 1 : met ? 0 : misses;

    if (now >= LOOK_MISSES_MOST) {
        now = 0;
        __atomic_store_n(&channel->look_pause, LOOK_PAUSE_CALLS, __ATOMIC_RELAXED);
    }
    if (now != misses)
        __atomic_store_n(&channel->look_misses, now, __ATOMIC_RELAXED);
    if (met != helped)
        __atomic_store_n(&channel->look_met, helped, __ATOMIC_RELAXED);
}

static hl__wait_end look(const waiting *w, uint32_t look_ns)
{
    uint64_t end_ns = hl__look_now_ns() + look_ns;

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

/* What has woken is read only now and then, before the pipe is full: a wake that finds no room is none. A worker that
 * writes as fast as this reads must not keep its caller here. */
static void drain(hl__channel *channel, int slot)
{
    char bytes[4096];

    channel->sleeps[slot] = 0;
    for (int i = 0; i < DRAIN_READS && read(channel->woken[slot], bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes); i++)
        continue;
}

/* The worker's pidfd is in the slot's set from the first sleep on. */
static bool watch_pidfd(hl__channel *channel, int slot, int pidfd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = pidfd};

    if (channel->pidfds[slot] == pidfd)
        return true;
    if (pidfd < 0 || epoll_ctl(channel->sets[slot], EPOLL_CTL_ADD, pidfd, &event) != 0)
        return false;
    channel->pidfds[slot] = pidfd;
    return true;
}

static bool has_ended(int pidfd)
{
    struct pollfd fd = {pidfd, POLLIN, 0};

    return poll(&fd, 1, 0) > 0;
}

static bool is_timed(const hl__channel *channel, uint64_t now_ns, uint64_t deadline_ns)
{
    uint64_t timer_ns = __atomic_load_n(&channel->timer_ns, __ATOMIC_ACQUIRE);

    return timer_ns > now_ns && timer_ns <= deadline_ns;
}

static uint64_t earliest_deadline(const hl__channel *channel)
{
    uint64_t earliest_ns = UINT64_MAX;

    for (uint32_t i = 0; i < channel->slots; i++) {
        uint64_t deadline_ns = __atomic_load_n(&channel->deadlines[i], __ATOMIC_RELAXED);

        if (deadline_ns && deadline_ns < earliest_ns)
            earliest_ns = deadline_ns;
    }
    return earliest_ns;
}

/* A timeout of its own for each sleep costs half a microsecond. The timer stays readable as long as somebody who is
 * late has not noticed. Who comes while it is set either sees it, or is seen here in the second look. */
static void set_timer(hl__channel *channel)
{
    uint64_t at_ns;

    pthread_mutex_lock(&channel->timer_lock);
    do {
        struct itimerspec at = {.it_interval = {0, 0}};

        at_ns = earliest_deadline(channel);
        at.it_value = (struct timespec){(time_t)(at_ns / NS_PER_S), (long)(at_ns % NS_PER_S)};
        timerfd_settime(channel->timer, TFD_TIMER_ABSTIME, &at, NULL);
        __atomic_store_n(&channel->timer_ns, at_ns, __ATOMIC_RELEASE);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    } while (earliest_deadline(channel) < at_ns);
    pthread_mutex_unlock(&channel->timer_lock);
}

/* Sleeps until something has happened; a worker whose pidfd the kernel does not watch is looked after by and by.
 * Returns whether it has died. */
static bool sleep_for(hl__channel *channel, int slot, int pidfd)
{
    bool watched = watch_pidfd(channel, slot, pidfd);
    struct epoll_event events[4];
    bool died = false;
    int len = epoll_wait(channel->sets[slot], events, 4, watched ? -1 : SLEEP_UNWATCHED_MS);

    for (int i = 0; i < len; i++)
        died |= events[i].data.fd == pidfd;
    if (++channel->sleeps[slot] >= SLEEPS_UNREAD)
        drain(channel, slot);
    return died || (!watched && has_ended(pidfd));
}

/* Who was woken for nothing makes room, as the worker may have filled the pipe; and looks again, since what was read
 * may have told of a reply that came a moment before. */
static hl__wait_end take_reply_or_drain(const waiting *w, bool slept)
{
    hl__wait_end end = take_reply(w);

    if (end || !slept)
        return end;
    drain(w->channel, w->slot);
    return take_reply(w);
}

/* Asked in this order: a reply that is there counts, whatever else has happened. */
static hl__wait_end sleep_until_end(const waiting *w, int pidfd)
{
    bool died = false;

    for (bool slept = false;; slept = true) {
        hl__wait_end end = take_reply_or_drain(w, slept);
        uint64_t now_ns;

        if (end)
            return end;
        if (died)
            return HL__DIED;
        if (__atomic_load_n(&w->channel->disturbed, __ATOMIC_ACQUIRE))
            return HL__DISTURBED;
        now_ns = hl__look_now_ns();
        if (now_ns >= w->deadline_ns)
            return HL__LATE;
        if (!is_timed(w->channel, now_ns, w->deadline_ns))
            set_timer(w->channel);
        died = sleep_for(w->channel, w->slot, pidfd);
    }
}

hl__wait_end hl__channel_wait(hl__channel *channel, int slot, int pidfd, uint64_t deadline_ns, uint32_t spin_ns,
                              hl__reply_head *out)
{
    waiting w = {channel, slot, deadline_ns, out};
    uint32_t *asleep = &channel->shared->requests[slot].waiting;
    uint32_t look_ns = look_time(channel, spin_ns);
    hl__wait_end end = (hl__wait_end)0;

    if (look_ns) {
        end = look(&w, look_ns);
        note_look(channel, end != 0);
        if (end)
            return end;
    }
    /* Either the worker sees this after its reply, or the reply is seen before sleeping. */
    __atomic_store_n(asleep, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&channel->deadlines[slot], deadline_ns, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    end = sleep_until_end(&w, pidfd);
    __atomic_store_n(&channel->deadlines[slot], 0, __ATOMIC_RELAXED);
    __atomic_store_n(asleep, 0, __ATOMIC_RELAXED);
    return end;
}
