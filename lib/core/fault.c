/* The fault handler; see fault.h. What it reads was written down before: the thread's own record, the plan that the
 * thread is inside of, and a mapped file to write to. It calls nothing that is not async-signal-safe. */
#include "core/fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/chains.h"
#include "core/error.h"
#include "core/runtime.h"
#include "core/watch.h"

#define STACK_BYTES ((size_t)64 * 1024)
#define RECORDING_MOST 16 /* runtimes that are told of faults outside of dispatches */

struct hl__faults {
    hl__fault_map map;
};

static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
#define SIGNALS_LEN (sizeof(signals) / sizeof(signals[0]))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all below; the handler only reads */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned users; /* atomic */
static hl__faults *recording[RECORDING_MOST];
static struct sigaction before[SIGNALS_LEN];
static bool installed[SIGNALS_LEN]; /* our handler is in place, or somebody hands on to it */
static __thread bool busy __attribute__((tls_model("initial-exec")));

/* ---- writing it down, in the handler ---- */

#if defined(__x86_64__)
static uint64_t instruction_of(const ucontext_t *context)
{
    return (uint64_t)context->uc_mcontext.gregs[REG_RIP];
}
#elif defined(__aarch64__)
static uint64_t instruction_of(const ucontext_t *context)
{
    return context->uc_mcontext.pc;
}
#else
static uint64_t instruction_of(const ucontext_t *context)
{
    (void)context;
    return 0;
}
#endif

static void put(char *to, size_t room, const char *text)
{
    size_t at = 0;

    for (; text[at] && at + 1 < room; at++)
        to[at] = text[at];
    to[at] = '\0';
}

/* The plugin whose library has the instruction, when it is the only one in the chain; the chain's length when not. What
 * runs in a worker does not crash here. */
static size_t by_instruction(const hl__plan *plan, uint64_t instruction)
{
    size_t found = plan->len;

    for (size_t i = 0; i < plan->len; i++) {
        const hl__binding *binding = plan->rows[i].binding;

        if (binding->owns_self || instruction < binding->watch.code_begin || instruction >= binding->watch.code_end)
            continue;
        if (found < plan->len)
            return plan->len;
        found = i;
    }
    return found;
}

static size_t by_watch(const hl__plan *plan, const hl__watched *inside)
{
    size_t at = 0;

    while (at < plan->len && plan->rows[at].binding != inside->watch->binding)
        at++;
    return at;
}

static void put_plugin(hl__fault_row *row, const hl__plan *plan, const hl__watched *inside, uint64_t instruction)
{
    size_t at = inside ? by_watch(plan, inside) : plan->len == 1 ? 0 : by_instruction(plan, instruction);

    if (at < plan->len) {
        put(row->plugin, sizeof(row->plugin), plan->rows[at].record->name);
        put(row->version, sizeof(row->version), plan->rows[at].record->version);
        return;
    }
    for (size_t i = 0; i < plan->len && i < HL__FAULT_CANDIDATES; i++)
        put(row->candidates[row->candidates_len++], HL__FAULT_NAME, plan->rows[i].record->name);
}

static hl__fault_row *claim(hl__fault_file *file)
{
    for (size_t i = 0; i < HL__FAULT_ROWS; i++) {
        uint32_t expected = HL__FAULT_FREE;

        if (__atomic_compare_exchange_n(&file->rows[i].state, &expected, HL__FAULT_BEGUN, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return &file->rows[i];
    }
    return NULL;
}

static hl__fault_row *begin_row(hl__faults *faults, int signal, const siginfo_t *info)
{
    hl__fault_row *row = claim(faults->map.file);
    struct timespec now;

    if (!row)
        return NULL;
    clock_gettime(CLOCK_REALTIME, &now);
    row->signal = signal;
    row->pid = getpid();
    row->tid = gettid();
    row->address = info->si_code > 0 ? (uint64_t)(uintptr_t)info->si_addr : 0;
    row->generation = 0;
    row->at_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    row->candidates_len = 0;
    row->plugin[0] = row->version[0] = row->event[0] = '\0';
    return row;
}

static void end_row(hl__fault_row *row)
{
    __atomic_store_n(&row->state, HL__FAULT_WHOLE, __ATOMIC_RELEASE);
}

/* The innermost dispatch that the thread is in, if it is one of a chain. */
static const hl__plan *plan_inside(const hl__thread_row *thread, uint64_t depth)
{
    return depth ? hl__chains_find(thread->public.inside[(depth - 1) & (HL__DEPTH_MAX - 1)]) : NULL;
}

static hl__fault_row *record_outside(int signal, const siginfo_t *info)
{
    hl__fault_row *row = NULL;

    for (size_t i = 0; i < RECORDING_MOST && !row; i++) {
        hl__faults *faults = __atomic_load_n(&recording[i], __ATOMIC_ACQUIRE);

        row = faults ? begin_row(faults, signal, info) : NULL;
    }
    if (row)
        end_row(row);
    return row;
}

static hl__fault_row *record(int signal, const siginfo_t *info, const ucontext_t *context)
{
    const hl__thread_row *thread = hl__thread_row_self;
    uint64_t depth = thread ? thread->public.place & 0xff : 0;
    const hl__plan *plan = plan_inside(thread, depth);
    hl__faults *faults = plan ? plan->event->runtime->faults : NULL;
    hl__fault_row *row;

    if (!plan)
        return record_outside(signal, info);
    row = faults ? begin_row(faults, signal, info) : NULL;
    if (!row)
        return NULL;
    put(row->event, sizeof(row->event), plan->event->name);
    row->generation = plan->generation;
    put_plugin(row, plan, hl__thread_watched(thread, depth), instruction_of(context));
    end_row(row);
    return row;
}

/* ---- handing it on ---- */

static size_t index_of(int signal)
{
    size_t at = 0;

    while (at + 1 < SIGNALS_LEN && signals[at] != signal)
        at++;
    return at;
}

/* A fault comes again as soon as the handler returns, and then ends the process with the right core dump; a signal that
 * was sent has to be sent again. */
static void die_by_default(int signal, const siginfo_t *info)
{
    struct sigaction by_default = {.sa_handler = SIG_DFL};

    sigaction(signal, &by_default, NULL);
    if (info->si_code <= 0)
        raise(signal);
}

/* False: the process ends by this signal. */
static bool hand_on(int signal, siginfo_t *info, void *context)
{
    const struct sigaction *to = &before[index_of(signal)];

    if (to->sa_flags & SA_SIGINFO) {
        to->sa_sigaction(signal, info, context);
        return true;
    }
    if (to->sa_handler == SIG_IGN && info->si_code <= 0)
        return true;
    if (to->sa_handler == SIG_DFL || to->sa_handler == SIG_IGN) {
        die_by_default(signal, info);
        return false;
    }
    to->sa_handler(signal);
    return true;
}

/* What other processes send tells nothing of the code that happens to be running. */
static bool is_own(const siginfo_t *info)
{
    return info->si_code > 0 || (info->si_code == SI_TKILL && info->si_pid == getpid());
}

/* An earlier handler that returns has repaired what was wrong: nothing has crashed then. One that ends the process by
 * another of these signals comes here a second time. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
    int error = errno;
    bool again = busy;
    hl__fault_row *row = again || !is_own(info) ? NULL : record(signal, info, context);

    busy = true;
    if (hand_on(signal, info, context)) {
        busy = again;
        if (row)
            __atomic_store_n(&row->state, HL__FAULT_FREE, __ATOMIC_RELEASE);
    }
    errno = error;
}

/* ---- in place and out of it; under the lock ---- */

/* As the handler that was there would have been called, but on the alternate stack. */
static void install(size_t at)
{
    struct sigaction ours = {.sa_sigaction = on_fault};

    if (installed[at] || sigaction(signals[at], NULL, &before[at]) != 0)
        return;
    ours.sa_mask = before[at].sa_mask;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | (before[at].sa_flags & (SA_RESTART | SA_NODEFER));
    installed[at] = sigaction(signals[at], &ours, NULL) == 0;
}

/* Where somebody has put a handler on top since, that one hands on to ours, which stays and hands on in turn. */
static void uninstall(size_t at)
{
    struct sigaction now;

    if (!installed[at] || sigaction(signals[at], NULL, &now) != 0)
        return;
    if (!(now.sa_flags & SA_SIGINFO) || now.sa_sigaction != on_fault)
        return;
    installed[at] = sigaction(signals[at], &before[at], NULL) != 0;
}

static void enlist(hl__faults *faults)
{
    for (size_t i = 0; i < RECORDING_MOST; i++) {
        if (!recording[i]) {
            __atomic_store_n(&recording[i], faults, __ATOMIC_RELEASE);
            return;
        }
    }
}

static void delist(const hl__faults *faults)
{
    for (size_t i = 0; i < RECORDING_MOST; i++) {
        if (recording[i] == faults)
            __atomic_store_n(&recording[i], NULL, __ATOMIC_RELEASE);
    }
}

/* The child writes to its parent's file when it crashes in a chain of the parent's, but does not keep it locked when
 * the parent has died. */
static void after_fork(void)
{
    pthread_mutex_init(&lock, NULL);
    for (size_t i = 0; i < RECORDING_MOST; i++) {
        if (recording[i] && recording[i]->map.fd >= 0) {
            close(recording[i]->map.fd);
            recording[i]->map.fd = -1;
        }
    }
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, after_fork);
}

/* ---- for runtimes ---- */

static bool wants_records(const hl_runtime *runtime)
{
    return (runtime->options.flags & HL_OPEN_RECORD_FAULTS) &&
           !(runtime->options.flags & (HL_OPEN_RECORDS_ONLY | HL_OPEN_READ_ONLY));
}

static hl__faults *new_faults(const char *directory)
{
    hl__faults *made = calloc(1, sizeof(*made));

    if (!made) {
        hl__fail_memory("open");
        return NULL;
    }
    if (hl__fault_map_open(directory, &made->map) == HL_OK)
        return made;
    free(made);
    return NULL;
}

void hl__faults_open(hl_runtime *runtime)
{
    const char *directory = runtime->parts.store->ops->directory(runtime->parts.store);

    if (!directory || !wants_records(runtime))
        return;
    runtime->faults = new_faults(directory);
    if (!runtime->faults) {
        hl__log(runtime, HL_LOG_WARNING, "event", "%s", hl_last_error()->message);
        return;
    }
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&lock);
    __atomic_store_n(&users, users + 1, __ATOMIC_RELEASE);
    enlist(runtime->faults);
    for (size_t i = 0; i < SIGNALS_LEN; i++)
        install(i);
    pthread_mutex_unlock(&lock);
}

void hl__faults_close(hl_runtime *runtime)
{
    hl__faults *gone = runtime->faults;

    if (!gone)
        return;
    pthread_mutex_lock(&lock);
    delist(gone);
    __atomic_store_n(&users, users - 1, __ATOMIC_RELEASE);
    for (size_t i = 0; users == 0 && i < SIGNALS_LEN; i++)
        uninstall(i);
    pthread_mutex_unlock(&lock);
    runtime->faults = NULL;
    hl__fault_map_close(&gone->map);
    free(gone);
}

/* ---- stacks ---- */

void hl__fault_stack_give(hl__thread_row *row)
{
    stack_t stack;

    row->stack = NULL;
    if (!__atomic_load_n(&users, __ATOMIC_ACQUIRE) || sigaltstack(NULL, &stack) != 0 || !(stack.ss_flags & SS_DISABLE))
        return;
    row->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (row->stack == MAP_FAILED) {
        row->stack = NULL;
        return;
    }
    stack = (stack_t){.ss_sp = row->stack, .ss_size = STACK_BYTES};
    if (sigaltstack(&stack, NULL) != 0)
        hl__fault_stack_drop(row);
}

void hl__fault_stack_drop(hl__thread_row *row)
{
    stack_t now, none = {.ss_flags = SS_DISABLE};

    if (!row->stack)
        return;
    if (sigaltstack(NULL, &now) == 0 && now.ss_sp == row->stack)
        sigaltstack(&none, NULL);
    munmap(row->stack, STACK_BYTES);
    row->stack = NULL;
}
