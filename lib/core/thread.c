/* One record for each thread that ever dispatched, recycled when the thread ends. A thread writes only its own record;
 * others read it. The list only grows, so it is walked without caring for threads that end meanwhile. */
#include "core/thread.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/fault.h"

__thread struct hl__thread *hl__thread_self __attribute__((tls_model("initial-exec")));
__thread hl__thread_row *hl__thread_row_self __attribute__((tls_model("initial-exec")));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t end_key;
static hl__thread_row *rows;

/* Used by threads for which there was no memory: their dispatches are right, only nobody sees where they are. Small,
 * since programs that load this library at run time have little room for such variables. */
static __thread struct hl__thread fallback;

static void leave_thread(void *argument)
{
    hl__thread_row *row = argument;

    hl__fault_stack_drop(row);
    pthread_mutex_lock(&lock);
    row->used = false;
    pthread_mutex_unlock(&lock);
}

/* In the child only the forking thread exists: the mutex may be held by another one, and others' records may say that
 * they are inside a dispatch for ever. */
static void after_fork(void)
{
    pthread_mutex_init(&lock, NULL);
    for (hl__thread_row *row = rows; row; row = row->next) {
        if (row == hl__thread_row_self) {
            row->tid = gettid();
            continue;
        }
        row->public.place = 0;
        row->watched_len = 0;
        hl__fault_stack_drop(row);
        row->used = false;
    }
}

static void prepare(void)
{
    pthread_key_create(&end_key, leave_thread);
    pthread_atfork(NULL, NULL, after_fork);
}

static hl__thread_row *take_row(void)
{
    hl__thread_row *row;

    for (row = rows; row; row = row->next) {
        if (!row->used)
            break;
    }
    if (!row) {
        row = aligned_alloc(64, sizeof(*row));
        if (!row)
            return NULL;
        *row = (hl__thread_row){.next = rows};
        __atomic_store_n(&rows, row, __ATOMIC_RELEASE);
    }
    row->used = true;
    return row;
}

/* Before the thread is inside of anything. */
static void begin_row(hl__thread_row *row)
{
    pthread_setspecific(end_key, row);
    __atomic_store_n(&row->tid, gettid(), __ATOMIC_RELAXED);
    hl__fault_stack_give(row);
}

struct hl__thread *hl__thread_attach(void)
{
    hl__thread_row *row;

    pthread_once(&once, prepare);
    pthread_mutex_lock(&lock);
    row = take_row();
    pthread_mutex_unlock(&lock);
    if (row)
        begin_row(row);
    hl__thread_row_self = row;
    hl__thread_self = row ? &row->public : &fallback;
    return hl__thread_self;
}

hl__thread_row *hl__thread_rows(void)
{
    return __atomic_load_n(&rows, __ATOMIC_ACQUIRE);
}

bool hl__thread_in_plugin(void)
{
    return hl__thread_self && (hl__thread_self->place & 0xff);
}

void hl__thread_retag(const void *chain)
{
    struct hl__thread *thread = hl__thread_self;

    if (hl__thread_in_plugin())
        __atomic_store_n(&thread->inside[(thread->place - 1) & (HL__DEPTH_MAX - 1)], chain, __ATOMIC_RELAXED);
}

const hl__watched *hl__thread_watched(const hl__thread_row *row, uint64_t level)
{
    uint32_t len = __atomic_load_n(&row->watched_len, __ATOMIC_ACQUIRE);

    for (uint32_t i = 0; i < len && i < HL__DEPTH_MAX; i++) {
        if ((__atomic_load_n(&row->watched[i].since, __ATOMIC_RELAXED) & 0xff) == level)
            return &row->watched[i];
    }
    return NULL;
}

static bool is_inside(const hl__thread_row *row, const void *chain)
{
    uint64_t depth = __atomic_load_n(&row->public.place, __ATOMIC_ACQUIRE) & 0xff;

    for (uint64_t i = 0; i < depth && i < HL__DEPTH_MAX; i++) {
        if (__atomic_load_n(&row->public.inside[i], __ATOMIC_RELAXED) == chain)
            return true;
    }
    return false;
}

size_t hl__threads_inside(const void *chain)
{
    size_t count = 0;

    for (const hl__thread_row *row = hl__thread_rows(); row; row = row->next)
        count += is_inside(row, chain);
    return count;
}

/* ---- waiting for dispatches ---- */

struct hl__thread_mark {
    size_t len;
    struct {
        const hl__thread_row *row;
        uint64_t place;
    } at[];
};

hl__thread_mark *hl__threads_mark(void)
{
    const hl__thread_row *first = hl__thread_rows();
    hl__thread_mark *mark;
    size_t count = 0;

    for (const hl__thread_row *row = first; row; row = row->next)
        count++;
    mark = malloc(sizeof(*mark) + count * sizeof(mark->at[0]));
    if (!mark)
        return NULL;
    mark->len = 0;
    for (const hl__thread_row *row = first; row; row = row->next) {
        uint64_t place = __atomic_load_n(&row->public.place, __ATOMIC_ACQUIRE);

        if (place & 0xff) {
            mark->at[mark->len].row = row;
            mark->at[mark->len++].place = place;
        }
    }
    return mark;
}

/* A thread has passed when it is outside, or its count of outermost dispatches has moved on. */
bool hl__threads_passed(hl__thread_mark *mark)
{
    for (size_t i = mark->len; i > 0; i--) {
        uint64_t place = __atomic_load_n(&mark->at[i - 1].row->public.place, __ATOMIC_ACQUIRE);

        if ((place & 0xff) && place >> 8 == mark->at[i - 1].place >> 8)
            return false;
        mark->len = i - 1;
    }
    return true;
}

void hl__threads_unmark(hl__thread_mark *mark)
{
    free(mark);
}

/* ---- threads of our own ---- */

/* Faults stay deliverable: they concern the thread itself, and the host may have a handler that reports crashes. */
int hl__thread_start(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t blocked, before;
    int failed;

    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    failed = pthread_create(thread, attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}
