/* The watchdog: counts ticks, sees which calls are over their deadline, and has their plugins left out of the chains
 * that others run. It cannot end such a call; whoever is in it stays there until the plugin returns. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/chains.h"
#include "core/error.h"
#include "core/inside.h"
#include "core/runtime.h"
#include "core/validate.h"
#include "core/watch.h"

#define PATIENCE 4u   /* ticks, in which a plugin that asks whether it should stop may return */
#define FOUND_MOST 16 /* in one tick; what is more is found in the next */
#define LOCK_PATIENCE_NS 5000000

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    unsigned users;
    bool running;  /* the thread has not decided to end */
    bool joinable; /* there is one to be joined */
} dog = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* A call that was found to be over its deadline. What it points to may be gone; names are copies. */
typedef struct overdue {
    hl_runtime *runtime; /* runtimes stay, as shells */
    char plugin[HL__NAME_MAX + 1];
    char event[HL__NAME_MAX + 1];
    uint64_t generation;
    uint64_t serial; /* of its watch */
    uint32_t deadline_ms;
    int32_t tid;
    uint64_t *told; /* where it is noted that this was dealt with */
    uint64_t since;
} overdue;

/* ---- finding; under the lock of chains.h, so that what the rows point to stays ---- */

static const hl__plan *plan_of(const hl__thread_row *row, const hl__watched *inside)
{
    uint64_t level = inside->since & ((1u << HL__LEVEL_BITS) - 1);

    return level ? hl__chains_find(
                       __atomic_load_n(&row->public.inside[(level - 1) & (HL__DEPTH_MAX - 1)], __ATOMIC_ACQUIRE))
                 : NULL;
}

/* A copy of what the thread has written, in the order that takes no call for older than it is. */
static hl__watched read_inside(const hl__watched *from)
{
    hl__watched copy = {.watch = __atomic_load_n(&from->watch, __ATOMIC_ACQUIRE)};

    copy.since = __atomic_load_n(&from->since, __ATOMIC_RELAXED);
    return copy;
}

static bool is_overdue(const hl__watched *inside, uint64_t told)
{
    return inside->watch->deadline_ms && inside->since != told &&
           hl__watch_passed(inside) > hl__watch_allowed(inside->watch) + PATIENCE;
}

/* False when the call has ended meanwhile. */
static bool describe(hl__thread_row *row, uint32_t at, const hl__watched *inside, overdue *out)
{
    const hl__plan *plan = plan_of(row, inside);

    if (!plan)
        return false;
    *out = (overdue){.runtime = plan->event->runtime,
                     .generation = plan->generation,
                     .serial = inside->watch->serial,
                     .deadline_ms = inside->watch->deadline_ms,
                     .tid = __atomic_load_n(&row->tid, __ATOMIC_RELAXED),
                     .told = &row->told[at],
                     .since = inside->since};
    snprintf(out->plugin, sizeof(out->plugin), "%s", inside->watch->binding->name);
    snprintf(out->event, sizeof(out->event), "%s", plan->event->name);
    return __atomic_load_n(&row->watched_len, __ATOMIC_ACQUIRE) > at &&
           __atomic_load_n(&row->watched[at].since, __ATOMIC_ACQUIRE) == inside->since;
}

static size_t find_in(hl__thread_row *row, overdue *found, size_t room)
{
    uint32_t depth = __atomic_load_n(&row->watched_len, __ATOMIC_ACQUIRE);
    size_t len = 0;

    for (uint32_t i = 0; i < depth && i < HL__DEPTH_MAX && len < room; i++) {
        hl__watched inside = read_inside(&row->watched[i]);

        if (is_overdue(&inside, row->told[i]))
            len += describe(row, i, &inside, &found[len]);
    }
    return len;
}

static size_t find_overdue(overdue found[FOUND_MOST])
{
    size_t len = 0;

    hl__chains_lock();
    hl__inside_sample();
    for (hl__thread_row *row = hl__thread_rows(); row && len < FOUND_MOST; row = row->next)
        len += find_in(row, found + len, FOUND_MOST - len);
    hl__chains_unlock();
    return len;
}

/* ---- leaving the plugin out; under the runtime's lock ---- */

static void leave_out(hl_runtime *runtime, const overdue *what)
{
    hl__binding *binding = hl__bound_find(runtime, what->plugin);
    struct hl__event *event = hl__event_find(runtime, what->event);

    if (!binding || binding->watch.serial != what->serial || !event || binding->watch.out)
        return;
    binding->watch.out = true;
    binding->watch.out_tid = what->tid;
    if (hl__replan(runtime, event, 0, false) != HL_OK)
        hl__log(runtime, HL_LOG_ERROR, "event", "event \"%s\": %s", event->name, hl_last_error()->message);
}

static void tell(hl_runtime *runtime, const overdue *what)
{
    const hl__record *record = hl__registry_find(runtime->registry, what->plugin);
    char reason[256];
    hl_notice notice = {.kind = HL_NOTICE_OVERDUE,
                        .event = what->event,
                        .generation = what->generation,
                        .status = HL_ERR_TIMEOUT,
                        .reason = reason};

    snprintf(reason, sizeof(reason),
             "a call in thread %d is over its deadline of %u ms; it goes on, and other calls leave the plugin out",
             what->tid, what->deadline_ms);
    hl__notify(runtime, &notice, record);
    hl__log(runtime, HL_LOG_WARNING, "event", "plugin \"%s\" of event \"%s\": %s", what->plugin, what->event, reason);
}

/* Whoever holds the lock must not keep the watchdog from the other runtimes: then the next tick tries again. */
static bool lock_runtime(hl_runtime *runtime)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOCK_PATIENCE_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return pthread_mutex_timedlock(&runtime->lock, &until) == 0;
}

/* A runtime that has closed, or belongs to the parent process, is nobody's to change any more. */
static void deal_with(const overdue *what)
{
    bool ours = what->runtime->pid == getpid();

    if (ours && !lock_runtime(what->runtime))
        return;
    if (ours && !what->runtime->closed) {
        leave_out(what->runtime, what);
        tell(what->runtime, what);
    }
    if (ours)
        pthread_mutex_unlock(&what->runtime->lock);
    *what->told = what->since;
}

/* ---- the thread ---- */

static void tick(void)
{
    overdue found[FOUND_MOST];
    size_t len;

    __atomic_store_n(&hl__watch_tick_ns, hl__now_ns(), __ATOMIC_RELAXED);
    __atomic_add_fetch(&hl__watch_tick, 1, __ATOMIC_RELAXED);
    len = find_overdue(found);
    for (size_t i = 0; i < len; i++)
        deal_with(&found[i]);
}

/* False: nothing is watched any more. */
static bool wait_for_tick(void)
{
    struct timespec pause = {.tv_nsec = HL__TICK_NS};
    bool more;

    nanosleep(&pause, NULL);
    pthread_mutex_lock(&dog.lock);
    more = dog.users > 0;
    dog.running = more;
    if (!more)
        pthread_cond_broadcast(&dog.changed);
    pthread_mutex_unlock(&dog.lock);
    return more;
}

static void *run(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "hl-watchdog");
    while (wait_for_tick())
        tick();
    return NULL;
}

/* ---- fork: the child has no such thread, and nothing of the parent's is watched there ---- */

static void after_fork(void)
{
    pthread_mutex_init(&dog.lock, NULL);
    pthread_cond_init(&dog.changed, NULL);
    dog.users = 0;
    dog.running = dog.joinable = false;
}

static void prepare(void)
{
    pthread_atfork(NULL, NULL, after_fork);
}

/* ---- use ---- */

/* The thread has decided to end when it is joined, and takes no lock from then on. */
static void join_ended(void)
{
    if (!dog.joinable)
        return;
    pthread_join(dog.thread, NULL);
    dog.joinable = false;
}

static int start_thread(void)
{
    int failed;

    join_ended();
    failed = hl__thread_start(&dog.thread, NULL, run, NULL);
    dog.running = dog.joinable = !failed;
    return failed;
}

hl_status hl__watchdog_acquire(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int failed = 0;

    pthread_once(&once, prepare);
    pthread_mutex_lock(&dog.lock);
    if (!dog.running)
        failed = start_thread();
    if (!failed)
        dog.users++;
    pthread_mutex_unlock(&dog.lock);
    return failed ? hl__fail_errno(HL_ERR_SYSTEM, failed, "watch", "", "The watchdog's thread could not be started")
                  : HL_OK;
}

/* In a forked child there may be plans of the parent's that were counted there. */
void hl__watchdog_release(void)
{
    pthread_mutex_lock(&dog.lock);
    if (dog.users)
        dog.users--;
    pthread_mutex_unlock(&dog.lock);
}

void hl__watchdog_settle(void)
{
    pthread_mutex_lock(&dog.lock);
    while (dog.running && dog.users == 0)
        pthread_cond_wait(&dog.changed, &dog.lock);
    if (!dog.running)
        join_ended();
    pthread_mutex_unlock(&dog.lock);
}
