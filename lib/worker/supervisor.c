/* The supervisor of a runtime: one thread, which starts and reaps the workers of every pool, and one epoll for all that
 * they do: their ends, what they report, what callers want, and the time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/error.h"
#include "core/thread.h"
#include "worker/supervisor.h"

#define EVENTS 32

/* What an event's data says: a life's address, and in its lowest bit which of its two descriptors it was. */
#define REPORTED ((uintptr_t)1)

hl__supervisor *hl__supervisor_known(hl_runtime *runtime)
{
    return __atomic_load_n(&runtime->supervisor, __ATOMIC_ACQUIRE);
}

void hl__supervisor_wake(hl__supervisor *supervisor)
{
    uint64_t one = 1;
    ssize_t written = write(supervisor->wake_fd, &one, sizeof(one));

    (void)written; /* a full counter wakes as well */
}

/* ---- what is watched ---- */

static hl_status add(const hl__supervisor *supervisor, int fd, uintptr_t data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = data};

    if (epoll_ctl(supervisor->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return HL_OK;
    return hl__fail_errno(HL_ERR_SYSTEM, errno, "worker", "", "The worker cannot be watched");
}

hl_status hl__supervisor_watch(hl__supervisor *supervisor, hl__life *life)
{
    hl_status status = add(supervisor, life->pidfd, (uintptr_t)life);

    return status == HL_OK ? add(supervisor, life->report_fd, (uintptr_t)life | REPORTED) : status;
}

void hl__supervisor_unhear(hl__supervisor *supervisor, hl__life *life)
{
    epoll_ctl(supervisor->epoll_fd, EPOLL_CTL_DEL, life->report_fd, NULL);
}

void hl__supervisor_unwatch(hl__supervisor *supervisor, hl__life *life)
{
    if (life->pidfd >= 0)
        epoll_ctl(supervisor->epoll_fd, EPOLL_CTL_DEL, life->pidfd, NULL);
    if (life->report_fd >= 0)
        hl__supervisor_unhear(supervisor, life);
}

/* ---- a turn of the thread ---- */

/* Of one batch of events a life may have two: ends come last, so that nothing is heard from a life that is gone. */
static void take_events(hl__supervisor *supervisor, const struct epoll_event *events, int len, bool ends)
{
    uint64_t now_ns = hl__now_ns();

    for (int i = 0; i < len; i++) {
        uintptr_t data = (uintptr_t)events[i].data.u64;
        hl__life *life = (hl__life *)(data & ~REPORTED);

        if (!life || ends == (bool)(data & REPORTED))
            continue;
        if (!ends)
            hl__seat_heard(life, now_ns);
        else if (life->seat)
            hl__seat_ended(life, now_ns);
        else
            hl__stuck_bury(supervisor, life);
    }
}

static void take_wake(const hl__supervisor *supervisor)
{
    uint64_t count;
    ssize_t got = read(supervisor->wake_fd, &count, sizeof(count));

    (void)got; /* nothing to read is fine */
}

static void turn_seats(hl__supervisor *supervisor, uint64_t *next_ns)
{
    uint64_t now_ns = hl__now_ns();

    for (hl__group *group = supervisor->groups; group; group = group->next) {
        for (hl__pool *pool = group->pools; pool; pool = pool->next) {
            for (uint32_t i = 0; i < pool->isolation->workers; i++)
                hl__seat_turn(&pool->seats[i], now_ns, next_ns);
        }
    }
}

static int timeout_ms(uint64_t next_ns)
{
    uint64_t now_ns = hl__now_ns();

    if (next_ns == UINT64_MAX)
        return -1;
    if (next_ns <= now_ns)
        return 0;
    next_ns = (next_ns - now_ns + 999999) / 1000000;
    return next_ns > 60000 ? 60000 : (int)next_ns;
}

static hl__news *take_news(hl__supervisor *supervisor)
{
    hl__news *news = supervisor->news;

    supervisor->news = NULL;
    supervisor->news_end = &supervisor->news;
    return news;
}

static void *run(void *argument)
{
    hl__supervisor *supervisor = argument;
    struct epoll_event events[EVENTS];
    uint64_t next_ns = UINT64_MAX;

    pthread_setname_np(pthread_self(), "hl-supervisor");
    while (!__atomic_load_n(&supervisor->ending, __ATOMIC_ACQUIRE)) {
        int len = epoll_wait(supervisor->epoll_fd, events, EVENTS, timeout_ms(next_ns));
        hl__news *news;

        next_ns = UINT64_MAX;
        pthread_mutex_lock(&supervisor->lock);
        take_wake(supervisor);
        take_events(supervisor, events, len, false);
        take_events(supervisor, events, len, true);
        turn_seats(supervisor, &next_ns);
        hl__sampling_turn(supervisor, &next_ns);
        news = take_news(supervisor);
        pthread_mutex_unlock(&supervisor->lock);
        hl__news_deliver(supervisor, news);
    }
    return NULL;
}

/* ---- starting and ending it ---- */

static void destroy(hl__supervisor *supervisor)
{
    if (supervisor->epoll_fd >= 0)
        close(supervisor->epoll_fd);
    if (supervisor->wake_fd >= 0)
        close(supervisor->wake_fd);
    hl__crashes_free(supervisor);
    pthread_mutex_destroy(&supervisor->lock);
    free(supervisor);
}

static hl_status open_descriptors(hl__supervisor *supervisor)
{
    supervisor->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    supervisor->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (supervisor->epoll_fd < 0 || supervisor->wake_fd < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, "worker", "", "The supervisor has no descriptors");
    return add(supervisor, supervisor->wake_fd, 0);
}

static hl_status begin(hl_runtime *runtime, hl__supervisor *supervisor)
{
    hl_status status;
    int failed;

    supervisor->runtime = runtime;
    supervisor->news_end = &supervisor->news;
    pthread_mutex_init(&supervisor->lock, NULL);
    status = open_descriptors(supervisor);
    if (status != HL_OK)
        return status;
    failed = hl__thread_start(&supervisor->thread, NULL, run, supervisor);
    if (failed)
        return hl__fail_errno(HL_ERR_SYSTEM, failed, "worker", "", "The supervisor's thread could not be started");
    supervisor->forks = hl__pool_forks();
    __atomic_store_n(&runtime->supervisor, supervisor, __ATOMIC_RELEASE);
    return HL_OK;
}

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* In the child only the forking thread exists: the mutex may be held by another one. What that one was making is not
 * the runtime's yet. */
static void after_fork(void)
{
    pthread_mutex_init(&making, NULL);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, after_fork);
}

hl_status hl__supervisor_of(hl_runtime *runtime, hl__supervisor **out)
{
    hl__supervisor *made = NULL;
    hl_status status = HL_OK;

    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&making);
    if (!hl__supervisor_known(runtime)) {
        made = calloc(1, sizeof(*made));
        status = made ? begin(runtime, made) : hl__fail_memory("worker");
    }
    if (status != HL_OK && made)
        destroy(made);
    *out = hl__supervisor_known(runtime);
    pthread_mutex_unlock(&making);
    return status;
}

static hl__pool *first_pool(hl__supervisor *supervisor)
{
    hl__pool *pool;

    pthread_mutex_lock(&supervisor->lock);
    pool = supervisor->groups ? supervisor->groups->pools : NULL;
    pthread_mutex_unlock(&supervisor->lock);
    return pool;
}

void hl__supervisor_closed(hl_runtime *runtime)
{
    hl__supervisor *supervisor = hl__supervisor_known(runtime);
    hl__pool *pool;

    if (!supervisor)
        return;
    while ((pool = first_pool(supervisor)) != NULL) {
        hl__pool_end(pool, HL__CASCADE_GRACE_MS);
        hl__pool_free(pool);
    }
    __atomic_store_n(&supervisor->ending, true, __ATOMIC_RELEASE);
    hl__supervisor_wake(supervisor);
    pthread_join(supervisor->thread, NULL);
    __atomic_store_n(&runtime->supervisor, NULL, __ATOMIC_RELEASE);
    hl__stuck_free(supervisor);
    hl__news_deliver(supervisor, take_news(supervisor));
    destroy(supervisor);
}

void hl__supervisor_forgive(hl_runtime *runtime, const char *name)
{
    hl__supervisor *supervisor = hl__supervisor_known(runtime);

    if (!supervisor)
        return;
    pthread_mutex_lock(&supervisor->lock);
    for (hl__group *group = supervisor->groups; group; group = group->next) {
        for (hl__pool *pool = group->pools; pool; pool = pool->next) {
            if (pool->kind == HL__WORKER_PLUGIN && strcmp(pool->name, name) == 0)
                hl__group_forgive(group, hl__now_ns());
        }
    }
    pthread_mutex_unlock(&supervisor->lock);
    hl__supervisor_wake(supervisor);
}
