/* Grace periods by liburcu, kept short: the thread first watches until the dispatches that were running have ended, and
 * only then asks liburcu for the proof, so that its locks are never held for as long as a plugin runs. */
#include "core/reclaim.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/error.h"
#include "core/reading.h"
#include "core/thread.h"

#define GATHER_NS 1000000u /* one grace period a millisecond at most: each interrupts the other processors */
#define WATCH_FIRST_NS 20000u
#define WATCH_LONGEST_NS 5000000u

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* something was retired, or released, or the thread shall end */
    pthread_t thread;
    unsigned users;
    bool ending;
    hl__retired *pending, **pending_end;
    hl__retired *batch;     /* what the thread works on */
    uint64_t retired_count; /* ever */
    uint64_t released_count;
} reclaim = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

uint64_t hl__now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- the grace period ---- */

static void pause_ns(uint64_t ns)
{
    struct timespec time = {.tv_nsec = (long)ns};

    nanosleep(&time, NULL);
}

/* A build for the stress test alone, which has to catch it: nothing is waited for. */
#ifdef HL__MUTANT_RECLAIM_EARLY
static void wait_for_dispatches(void)
{
}
#else
static void watch_dispatches(void)
{
    hl__thread_mark *mark = hl__threads_mark();
    uint64_t nap_ns = WATCH_FIRST_NS;

    while (mark && !hl__threads_passed(mark)) {
        pause_ns(nap_ns);
        if (nap_ns < WATCH_LONGEST_NS)
            nap_ns *= 2;
    }
    hl__threads_unmark(mark);
}

#if HL__READINGS_TOLD
static uint64_t readings; /* atomic */

void hl__reading_told(void)
{
    __atomic_fetch_add(&readings, 1, __ATOMIC_RELEASE);
}

static void look_at_readings(void)
{
    (void)__atomic_load_n(&readings, __ATOMIC_ACQUIRE);
}
#else
static void look_at_readings(void)
{
}
#endif

/* The second look is not for safety, which liburcu has proved by then: its acquiring loads pair with the releasing
 * stores at each dispatch's end, which is how ThreadSanitizer, blind to liburcu, learns the order. */
static void wait_for_dispatches(void)
{
    watch_dispatches();
    urcu_bp_synchronize_rcu();
    hl__threads_inside(NULL);
    look_at_readings();
}
#endif

/* ---- the thread ---- */

static hl__retired *take_batch(void)
{
    hl__retired *batch;

    pthread_mutex_lock(&reclaim.lock);
    while (!reclaim.pending && !reclaim.ending)
        pthread_cond_wait(&reclaim.changed, &reclaim.lock);
    pthread_mutex_unlock(&reclaim.lock);
    pause_ns(GATHER_NS);
    pthread_mutex_lock(&reclaim.lock);
    batch = reclaim.pending;
    reclaim.batch = batch;
    reclaim.pending = NULL;
    reclaim.pending_end = &reclaim.pending;
    pthread_mutex_unlock(&reclaim.lock);
    return batch;
}

/* Takes each item out of sight before it is released. */
static void release_batch(void)
{
    for (;;) {
        hl__retired *item;

        pthread_mutex_lock(&reclaim.lock);
        item = reclaim.batch;
        if (item)
            reclaim.batch = item->next;
        pthread_mutex_unlock(&reclaim.lock);
        if (!item)
            return;
        item->release(item);
        pthread_mutex_lock(&reclaim.lock);
        reclaim.released_count++;
        pthread_cond_broadcast(&reclaim.changed);
        pthread_mutex_unlock(&reclaim.lock);
    }
}

static void *run(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "hl-reclaim");
    while (take_batch()) {
        wait_for_dispatches();
        release_batch();
    }
    return NULL;
}

/* ---- fork ---- */

static __thread bool fork_locked;

/* liburcu's locks are taken around fork, so that the child may open a runtime of its own; not inside a dispatch, where
 * a grace period could be waiting for this very thread. Such a child may dispatch, but not reclaim. */
static void before_fork(void)
{
    fork_locked = !hl__thread_in_plugin();
    if (fork_locked)
        urcu_bp_before_fork();
    pthread_mutex_lock(&users_lock);
    pthread_mutex_lock(&reclaim.lock);
}

static void after_fork_parent(void)
{
    pthread_mutex_unlock(&reclaim.lock);
    pthread_mutex_unlock(&users_lock);
    if (fork_locked)
        urcu_bp_after_fork_parent();
}

/* What the parent's thread would have released is the parent's business. */
static void after_fork_child(void)
{
    reclaim.users = 0;
    reclaim.pending = reclaim.batch = NULL;
    reclaim.retired_count = reclaim.released_count = 0;
    pthread_cond_init(&reclaim.changed, NULL);
    pthread_mutex_unlock(&reclaim.lock);
    pthread_mutex_unlock(&users_lock);
    if (fork_locked)
        urcu_bp_after_fork_child();
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

/* ---- use ---- */

hl_status hl__reclaim_acquire(void)
{
    int failed = 0;

    pthread_once(&fork_once, watch_forks);
    pthread_mutex_lock(&users_lock);
    if (reclaim.users == 0) {
        reclaim.ending = false;
        reclaim.pending_end = &reclaim.pending;
        failed = hl__thread_start(&reclaim.thread, NULL, run, NULL);
    }
    if (!failed)
        reclaim.users++;
    pthread_mutex_unlock(&users_lock);
    return failed ? hl__fail_errno(HL_ERR_SYSTEM, failed, "open", "", "The reclaiming thread could not be started")
                  : HL_OK;
}

void hl__reclaim_release(void)
{
    pthread_mutex_lock(&users_lock);
    if (--reclaim.users == 0) {
        pthread_mutex_lock(&reclaim.lock);
        reclaim.ending = true;
        pthread_cond_broadcast(&reclaim.changed);
        pthread_mutex_unlock(&reclaim.lock);
        pthread_join(reclaim.thread, NULL);
    }
    pthread_mutex_unlock(&users_lock);
}

void hl__retire(hl__retired *retired)
{
    retired->next = NULL;
    retired->retired_ns = hl__now_ns();
    pthread_mutex_lock(&reclaim.lock);
    *reclaim.pending_end = retired;
    reclaim.pending_end = &retired->next;
    reclaim.retired_count++;
    pthread_cond_broadcast(&reclaim.changed);
    pthread_mutex_unlock(&reclaim.lock);
}

void hl__reclaim_wait(void)
{
    uint64_t goal;

    pthread_mutex_lock(&reclaim.lock);
    goal = reclaim.retired_count;
    while (reclaim.released_count < goal)
        pthread_cond_wait(&reclaim.changed, &reclaim.lock);
    pthread_mutex_unlock(&reclaim.lock);
}

void hl__retired_walk(const hl_runtime *runtime, void (*callback)(const hl__retired *retired, void *user), void *user)
{
    pthread_mutex_lock(&reclaim.lock);
    for (const hl__retired *item = reclaim.batch; item; item = item->next) {
        if (item->runtime == runtime)
            callback(item, user);
    }
    for (const hl__retired *item = reclaim.pending; item; item = item->next) {
        if (item->runtime == runtime)
            callback(item, user);
    }
    pthread_mutex_unlock(&reclaim.lock);
}
