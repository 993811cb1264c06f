/* The control thread: the one place where a runtime waits: for other processes' changes, the compiler, the control
 * socket, and notices to deliver. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/chains.h"
#include "core/error.h"
#include "core/extension.h"
#include "core/inside.h"
#include "core/runtime.h"
#include "core/thread.h"

#define TICK_NS 1000000000u

bool hl__on_control(const hl_runtime *runtime)
{
    return pthread_equal(pthread_self(), runtime->thread);
}

void hl__wake(hl_runtime *runtime)
{
    uint64_t one = 1;
    ssize_t written = write(runtime->wake_fd, &one, sizeof(one));

    (void)written; /* a full counter wakes as well */
}

/* ---- what the thread looks after ---- */

static void take_wake(hl_runtime *runtime)
{
    uint64_t count;
    ssize_t got = read(runtime->wake_fd, &count, sizeof(count));

    (void)got; /* nothing to read is fine */
}

static void tick_extension(hl_runtime *runtime)
{
    const hl__extension *extension = hl__extension_get();

    if (extension)
        extension->tick(runtime);
}

static void follow_store(hl_runtime *runtime)
{
    runtime->parts.store->ops->watch_drain(runtime->parts.store);
    if (hl__lock(runtime, "follow") != HL_OK)
        return;
    if (hl__follow(runtime) != HL_OK)
        hl__log(runtime, HL_LOG_ERROR, "store", "%s", hl_last_error()->message);
    hl__unlock(runtime);
    hl__load_missing(runtime, NULL);
    tick_extension(runtime);
}

static void see_dispatches(void)
{
    hl__chains_lock();
    hl__inside_sample();
    hl__chains_unlock();
}

static void tick(hl_runtime *runtime)
{
    uint64_t now = hl__now_ns();

    if (now < runtime->next_tick_ns)
        return;
    runtime->next_tick_ns = now + TICK_NS;
    see_dispatches();
    if (runtime->parts.prepared_tick)
        runtime->parts.prepared_tick(runtime, now);
    tick_extension(runtime);
    if (!runtime->parts.store->ops->tick || hl__lock(runtime, "tick") != HL_OK)
        return;
    runtime->parts.store->ops->tick(runtime->parts.store);
    hl__unlock(runtime);
}

static int timeout_ms(hl_runtime *runtime)
{
    hl__compiler *compiler = runtime->parts.compiler;
    uint64_t now = hl__now_ns();
    uint64_t until = runtime->next_tick_ns;
    uint64_t compiler_at = compiler ? compiler->ops->wake_at_ns(compiler) : UINT64_MAX;

    if (compiler_at < until)
        until = compiler_at;
    return until <= now ? 0 : (int)((until - now + 999999) / 1000000);
}

/* An operator's runtime looks at the store when it is asked; only its subscribers want to hear of changes. */
static int store_fd(hl_runtime *runtime)
{
    if ((runtime->options.flags & HL_OPEN_RECORDS_ONLY) && !hl__notices_wanted(runtime))
        return -1;
    return runtime->parts.store->ops->watch_fd(runtime->parts.store);
}

enum { WAKE, STORE, COMPILER, CONTROL, WATCHED };

static void wait_for_work(hl_runtime *runtime, struct pollfd *watched)
{
    hl__compiler *compiler = runtime->parts.compiler;

    watched[WAKE] = (struct pollfd){.fd = runtime->wake_fd, .events = POLLIN};
    watched[STORE] = (struct pollfd){.fd = store_fd(runtime), .events = POLLIN};
    watched[COMPILER] = (struct pollfd){.fd = compiler ? compiler->ops->fd(compiler) : -1, .events = POLLIN};
    watched[CONTROL] =
        (struct pollfd){.fd = runtime->control ? runtime->parts.control_fd(runtime->control) : -1, .events = POLLIN};
    if (poll(watched, WATCHED, timeout_ms(runtime)) < 0)
        watched[STORE].revents = watched[CONTROL].revents = 0; /* interrupted: look again */
}

static void *run(void *argument)
{
    hl_runtime *runtime = argument;
    struct pollfd watched[WATCHED];

    pthread_setname_np(pthread_self(), "hl-control");
    runtime->next_tick_ns = hl__now_ns() + TICK_NS;
    while (!__atomic_load_n(&runtime->ending, __ATOMIC_ACQUIRE)) {
        wait_for_work(runtime, watched);
        take_wake(runtime);
        if (watched[STORE].revents)
            follow_store(runtime);
        hl__compile_turn(runtime);
        hl__notices_turn(runtime);
        if (watched[CONTROL].revents)
            runtime->parts.control_service(runtime->control);
        tick(runtime);
    }
    return NULL;
}

/* ---- starting and ending it ---- */

hl_status hl__control_start(hl_runtime *runtime)
{
    int failed;

    runtime->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (runtime->wake_fd < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, "open", "", "No eventfd could be made");
    failed = hl__thread_start(&runtime->thread, NULL, run, runtime);
    if (!failed)
        return HL_OK;
    close(runtime->wake_fd);
    runtime->wake_fd = -1;
    return hl__fail_errno(HL_ERR_SYSTEM, failed, "open", "", "The control thread could not be started");
}

void hl__control_stop(hl_runtime *runtime)
{
    __atomic_store_n(&runtime->ending, true, __ATOMIC_RELEASE);
    hl__wake(runtime);
    pthread_join(runtime->thread, NULL);
}
