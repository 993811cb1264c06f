/* A runtime's life: put together by lib/open.c, guarded by one lock, taken apart by hl_close. */
#include "core/runtime.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/crash.h"
#include "core/error.h"
#include "core/extension.h"
#include "core/fault.h"
#include "core/global.h"
#include "core/isolate.h"
#include "core/thread.h"
#include "core/watch.h"

#define NAME_BUCKETS 4096

/* Closed runtimes: kept so that a late call gets HL_ERR_CLOSED instead of touching freed memory. */
static hl_runtime *shells; /* under the global lock */

/* ---- guarding ---- */

static hl_status check_owner(hl_runtime *runtime, const char *action)
{
    if (!runtime)
        return hl__fail(HL_ERR_INVALID, action, "runtime", "The runtime is NULL; open one with hl_open.");
    if (getpid() != runtime->pid)
        return hl__fail(
            HL_ERR_FORKED, action, "runtime",
            "The runtime belongs to the parent process; open one of its own in the child. Dispatching goes on.");
    return HL_OK;
}

hl_status hl__lock(hl_runtime *runtime, const char *action)
{
    hl_status status = check_owner(runtime, action);

    if (status != HL_OK)
        return status;
    pthread_mutex_lock(&runtime->lock);
    if (!runtime->closed)
        return HL_OK;
    pthread_mutex_unlock(&runtime->lock);
    return hl__fail(HL_ERR_CLOSED, action, "runtime", "The runtime is closed.");
}

void hl__unlock(hl_runtime *runtime)
{
    pthread_mutex_unlock(&runtime->lock);
}

hl_status hl__check_may_wait(hl_runtime *runtime, const char *action)
{
    hl_status status = check_owner(runtime, action);

    if (status != HL_OK)
        return status;
    if (hl__thread_in_plugin())
        return hl__fail(
            HL_ERR_IN_PLUGIN, action, "flags",
            "A plugin's call must not wait for dispatches to end, its own among them; ask without HL_WAIT_.");
    if (!runtime->closed && hl__on_control(runtime))
        return hl__fail(HL_ERR_ON_CONTROL, action, "flags",
                        "A notice callback must not wait for the thread that it runs on; ask without HL_WAIT_.");
    return HL_OK;
}

/* ---- opening ---- */

static hl_runtime *alloc(const hl_options *options, const hl__parts *parts)
{
    hl_runtime *runtime = calloc(1, sizeof(*runtime));

    if (!runtime)
        return NULL;
    pthread_mutex_init(&runtime->lock, NULL);
    pthread_cond_init(&runtime->settled, NULL);
    runtime->pid = getpid();
    runtime->options = *options;
    runtime->parts = *parts;
    runtime->wake_fd = -1;
    runtime->compile_end = &runtime->compile_first;
    runtime->store_url = strdup(options->store);
    runtime->registry = hl__registry_new();
    runtime->by_name = cds_lfht_new_flavor(NAME_BUCKETS, NAME_BUCKETS, NAME_BUCKETS, 0, &urcu_bp_flavor, NULL);
    return runtime;
}

static void free_parts(hl_runtime *runtime)
{
    hl__registry_destroy(runtime->registry);
    runtime->registry = NULL;
    if (runtime->by_name)
        cds_lfht_destroy(runtime->by_name, NULL);
    runtime->by_name = NULL;
    free(runtime->store_url);
    runtime->store_url = NULL;
}

static hl_status fill(hl_runtime *runtime)
{
    hl_status status;

    if (!runtime->store_url || !runtime->registry || !runtime->by_name)
        return hl__fail_memory("open");
    pthread_mutex_lock(&runtime->lock);
    status = hl__load_all(runtime);
    if (status == HL_OK)
        status = hl__commit_at_open(runtime);
    pthread_mutex_unlock(&runtime->lock);
    return status;
}

static hl_status open_control(hl_runtime *runtime)
{
    const char *directory = runtime->parts.store->ops->directory(runtime->parts.store);
    unsigned without = HL_OPEN_NO_CONTROL | HL_OPEN_RECORDS_ONLY;

    if (!runtime->parts.control_open || !directory || (runtime->options.flags & without))
        return HL_OK;
    return runtime->parts.control_open(runtime, directory, &runtime->control);
}

static void free_runtime(hl_runtime *runtime)
{
    free_parts(runtime);
    pthread_cond_destroy(&runtime->settled);
    pthread_mutex_destroy(&runtime->lock);
    free(runtime);
}

/* A control socket that cannot be had (a read-only store, say) costs the command's view of this process, nothing
 * else. */
static hl_status start(hl_runtime *runtime)
{
    hl_status status = hl__reclaim_acquire();

    if (status != HL_OK)
        return status;
    if (open_control(runtime) != HL_OK)
        hl__log(runtime, HL_LOG_WARNING, "control", "%s", hl_last_error()->message);
    status = hl__control_start(runtime);
    if (status == HL_OK)
        return HL_OK;
    if (runtime->control)
        runtime->parts.control_close(runtime->control);
    hl__reclaim_release();
    return status;
}

hl_status hl__runtime_new(const hl_options *options, const hl__parts *parts, hl_runtime **out)
{
    hl_runtime *runtime = alloc(options, parts);
    hl_status status = runtime ? hl__notices_new(runtime) : hl__fail_memory("open");

    if (status == HL_OK)
        status = fill(runtime);
    if (status == HL_OK)
        status = start(runtime);
    if (status == HL_OK) {
        *out = runtime;
    } else if (runtime) {
        hl__notices_destroy(runtime);
        free_runtime(runtime);
    }
    return status;
}

/* ---- closing ---- */

static void begin_close(hl_runtime *runtime)
{
    pthread_mutex_lock(&runtime->lock);
    __atomic_store_n(&runtime->closed, true, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&runtime->settled);
    pthread_mutex_unlock(&runtime->lock);
}

static void release_parts(hl_runtime *runtime)
{
    if (runtime->parts.compiler)
        runtime->parts.compiler->ops->destroy(runtime->parts.compiler);
    runtime->parts.store->ops->close(runtime->parts.store);
    memset(&runtime->parts, 0, sizeof(runtime->parts));
    close(runtime->wake_fd);
    runtime->wake_fd = -1;
}

static void keep_shell(hl_runtime *runtime)
{
    hl__global_lock();
    runtime->next_shell = shells;
    shells = runtime;
    hl__global_unlock();
}

/* Before the runtime counts as closed: what the extension has begun may need it to come to an end. */
static void end_extension(hl_runtime *runtime)
{
    const hl__extension *extension = hl__extension_get();

    if (extension)
        extension->closing(runtime);
}

static bool may_close(hl_runtime *runtime)
{
    return runtime && hl__check_may_wait(runtime, "close") == HL_OK &&
           !__atomic_exchange_n(&runtime->closing, true, __ATOMIC_ACQ_REL);
}

void hl_close(hl_runtime *runtime)
{
    if (!may_close(runtime))
        return;
    end_extension(runtime);
    begin_close(runtime);
    hl__control_stop(runtime);
    if (runtime->control)
        runtime->parts.control_close(runtime->control);
    if (runtime->parts.prepared_close)
        runtime->parts.prepared_close(runtime);
    pthread_mutex_lock(&runtime->lock);
    hl__events_close(runtime);
    hl__unbind_all(runtime);
    pthread_mutex_unlock(&runtime->lock);
    hl__reclaim_wait();
    if (runtime->parts.isolator)
        runtime->parts.isolator->closed(runtime);
    hl__notices_destroy(runtime);
    hl__reclaim_release();
    hl__watchdog_settle();
    hl__faults_close(runtime);
    hl__crash_watches_free(runtime);
    hl__events_destroy(runtime);
    free_parts(runtime);
    release_parts(runtime);
    keep_shell(runtime);
}

/* ---- waiting ---- */

/* An event whose chain is still on its way to code; NULL when there is none. */
static const struct hl__event *find_unsettled(hl_runtime *runtime)
{
    struct hl__event *event, *next;

    HASH_ITER (hh, runtime->events, event, next) {
        if (!hl__compile_settled(event))
            return event;
    }
    return NULL;
}

static hl_status tell_unsettled(const struct hl__event *event, uint32_t timeout_ms)
{
    bool queued = event->compile_state == HL__COMPILE_QUEUED;

    return hl__fail(HL_ERR_TIMEOUT, "wait_compiled", "timeout_ms",
                    "After %u ms chains were still being compiled, among them that of event \"%s\" (%s); wait longer.",
                    timeout_ms, event->name, queued ? "it waits for its turn" : "hookline-jit has it");
}

hl_status hl_wait_compiled(hl_runtime *runtime, uint32_t timeout_ms)
{
    const struct hl__event *unsettled = NULL;
    struct timespec until;
    hl_status status = hl__check_may_wait(runtime, "wait_compiled");
    int waited = 0;

    if (status == HL_OK)
        status = hl__lock(runtime, "wait_compiled");
    if (status != HL_OK)
        return status;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!runtime->closed && (unsettled = find_unsettled(runtime)) != NULL && waited == 0)
        waited = pthread_cond_timedwait(&runtime->settled, &runtime->lock, &until);
    if (runtime->closed)
        status = hl__fail(HL_ERR_CLOSED, "wait_compiled", "runtime", "The runtime was closed meanwhile.");
    else if (unsettled)
        status = tell_unsettled(unsettled, timeout_ms);
    hl__unlock(runtime);
    return status;
}
