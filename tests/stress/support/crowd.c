/* See crowd.h. */
#include "tests/stress/support/crowd.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CRASHES_MOST 65536

static bool over; /* atomic */
static size_t fds_before;

/* ---- what goes wrong ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned wrong;
static char first_wrong[512];

void crowd_wrong(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    pthread_mutex_lock(&lock);
    if (wrong++ == 0)
        vsnprintf(first_wrong, sizeof(first_wrong), format, arguments);
    pthread_mutex_unlock(&lock);
    va_end(arguments);
}

static void expect_nothing_wrong(void)
{
    unsigned count = wrong;

    wrong = 0;
    if (count)
        fail_msg("%u things went wrong; the first: %s", count, first_wrong);
}

/* ---- threads ---- */

bool crowd_is_over(void)
{
    return __atomic_load_n(&over, __ATOMIC_ACQUIRE);
}

unsigned crowd_pick(crowd_member *self, unsigned below)
{
    return (unsigned)rand_r(&self->seed) % below;
}

static void *live(void *argument)
{
    crowd_member *self = argument;

    for (; !crowd_is_over(); self->steps++)
        self->step(self);
    return NULL;
}

void crowd_begin(crowd_member *members, size_t len)
{
    __atomic_store_n(&over, false, __ATOMIC_RELEASE);
    for (size_t i = 0; i < len; i++) {
        members[i].seed = members[i].seed ? members[i].seed : 4711 + (unsigned)i * 31;
        members[i].steps = 0;
        assert_int_equal(pthread_create(&members[i].thread, NULL, live, &members[i]), 0);
    }
}

void crowd_end(crowd_member *members, size_t len)
{
    __atomic_store_n(&over, true, __ATOMIC_RELEASE);
    for (size_t i = 0; i < len; i++)
        pthread_join(members[i].thread, NULL);
    expect_nothing_wrong();
    for (size_t i = 0; i < len; i++)
        assert_true(members[i].steps > 0);
}

/* ---- what the process holds ---- */

static size_t open_descriptors(void)
{
    DIR *entries = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(entries);
    while (readdir(entries))
        count++;
    closedir(entries);
    return count;
}

static bool has_children(void)
{
    return waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD;
}

void crowd_nothing_yet(void)
{
    fds_before = open_descriptors();
    assert_false(has_children());
}

void crowd_nothing_left(void)
{
    assert_false(has_children());
    assert_int_equal(open_descriptors(), fds_before);
}

/* ---- killing ---- */

/* Asked through the descriptor, that the number has gone to somebody else's process meanwhile cannot happen. */
bool crowd_kill(int32_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    siginfo_t info;
    bool ours = fd >= 0 && waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
    bool killed = ours && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;

    if (fd >= 0)
        close(fd);
    return killed;
}

typedef struct found {
    int32_t *pids;
    size_t len, room;
} found;

static bool note_worker(const hl_worker_info *info, void *user)
{
    found *to = user;

    if (info->pid)
        to->pids[to->len++] = info->pid;
    return to->len < to->room;
}

size_t crowd_workers(hl_runtime *runtime, int32_t *pids, size_t room)
{
    found found = {pids, 0, room};

    if (hl_workers(runtime, note_worker, &found) != HL_OK)
        crowd_wrong("hl_workers: %s", hl_last_error()->message);
    return found.len;
}

bool crowd_kill_any(crowd_member *self, hl_runtime *runtime)
{
    int32_t pids[64];
    size_t len = crowd_workers(runtime, pids, 64);

    return len > 0 && crowd_kill(pids[crowd_pick(self, (unsigned)len)]);
}

/* ---- notices ---- */

static hl_subscription *subscription;
static uint64_t last_sequence;
static int crashed[CRASHES_MOST]; /* pids; written by the one thread that delivers */
static unsigned crashes;          /* atomic */

static void note_crash(const char *reason)
{
    unsigned len = __atomic_load_n(&crashes, __ATOMIC_RELAXED);
    int pid = 0;

    if (sscanf(reason, "Worker %d ", &pid) != 1 || len == CRASHES_MOST)
        return;
    for (unsigned i = 0; i < len; i++) {
        if (crashed[i] == pid)
            crowd_wrong("the crash of worker %d was told twice", pid);
    }
    crashed[len] = pid;
    __atomic_store_n(&crashes, len + 1, __ATOMIC_RELEASE);
}

static void note_notice(const hl_notice *notice, void *user)
{
    (void)user;
    if (last_sequence && notice->sequence != last_sequence + 1)
        crowd_wrong("notice %llu came after %llu", (unsigned long long)notice->sequence,
                    (unsigned long long)last_sequence);
    last_sequence = notice->sequence;
    if (notice->kind == HL_NOTICE_CRASHED)
        note_crash(notice->reason);
}

void crowd_listen(hl_runtime *runtime)
{
    last_sequence = 0;
    crashes = 0;
    ok(hl_subscribe(runtime, note_notice, NULL, &subscription));
}

void crowd_stop_listening(void)
{
    hl_unsubscribe(subscription);
    subscription = NULL;
}

unsigned crowd_crashes(void)
{
    return __atomic_load_n(&crashes, __ATOMIC_ACQUIRE);
}
