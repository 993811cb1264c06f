/* Making, switching and ending pools. Called by isolated_bind.c and by lib/module. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/condition.h"
#include "core/error.h"
#include "worker/supervisor.h"

#define ACTION "worker"
#define AREA_SMALL 65536 /* bytes of a slot's area, up to which a single worker gets many slots */
#define SLOTS_ALONE 8
#define SLOTS_BESIDE 2

/* ---- making ---- */

/* A request that lies in a slot is bound to that worker: with several workers only the next one is, so that one that
 * hangs holds up few. Slots of large states cost address space in the worker. */
static uint32_t slots_for(const hl__pool_spec *spec)
{
    if (spec->isolation->workers > 1 || spec->area_bytes > AREA_SMALL)
        return SLOTS_BESIDE;
    return SLOTS_ALONE;
}

/* A deep copy, by way of the JSON form. */
static hl_status copy_isolation(const hl_isolation *isolation, hl_isolation **out)
{
    char *json = NULL;
    hl_status status = hl__isolation_write(isolation, false, &json);

    if (status == HL_OK)
        status = hl__isolation_read(json, out);
    free(json);
    return status;
}

static void init_waiting(hl__pool *pool)
{
    pthread_mutex_init(&pool->lock, NULL);
    hl__condition_init(&pool->changed);
}

static void destroy(hl__pool *pool)
{
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    if (pool->library_fd >= 0)
        close(pool->library_fd);
    free(pool->plan);
    free(pool->beside);
    free(pool->isolation);
    free(pool->name);
    free(pool->event);
    free(pool->entry);
    free(pool->version);
    free(pool);
}

static hl_status copy_texts(hl__pool *pool, const hl__pool_spec *spec)
{
    pool->name = strdup(spec->name);
    pool->event = strdup(spec->event);
    pool->entry = strdup(spec->entry);
    pool->version = strdup(spec->version);
    return pool->name && pool->event && pool->entry && pool->version ? HL_OK : hl__fail_memory(ACTION);
}

static hl_status copy_library(hl__pool *pool, int library_fd)
{
    pool->library_fd = fcntl(library_fd, F_DUPFD_CLOEXEC, 3);
    if (pool->library_fd >= 0)
        return HL_OK;
    return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "library", "The library's descriptor could not be copied");
}

static hl_status copy_besides(hl__pool *pool, const hl__pool_spec *spec)
{
    if (spec->beside_len == 0)
        return HL_OK;
    pool->beside = malloc(spec->beside_len);
    if (!pool->beside)
        return hl__fail_memory(ACTION);
    memcpy(pool->beside, spec->beside, spec->beside_len);
    pool->beside_len = spec->beside_len;
    return HL_OK;
}

static hl__pool *alloc(const hl__pool_spec *spec)
{
    uint32_t seats = spec->isolation->workers;
    hl__pool *pool = calloc(1, sizeof(*pool) + seats * sizeof(pool->seats[0]));

    if (!pool)
        return NULL;
    init_waiting(pool);
    pool->kind = spec->kind;
    pool->priority = spec->priority;
    pool->area_bytes = spec->area_bytes;
    pool->slots = slots_for(spec);
    pool->library_fd = -1;
    pool->code = 1;
    for (uint32_t i = 0; i < seats; i++)
        pool->seats[i] = (hl__seat){.pool = pool, .number = i};
    return pool;
}

static hl_status fill(hl__pool *pool, const hl__pool_spec *spec)
{
    hl_status status = copy_isolation(spec->isolation, &pool->isolation);

    if (status == HL_OK)
        status = copy_texts(pool, spec);
    if (status == HL_OK)
        status = copy_library(pool, spec->library_fd);
    if (status == HL_OK)
        status = copy_besides(pool, spec);
    if (status == HL_OK)
        status = hl__sandbox_plan(pool->isolation->sandbox, &pool->plan, &pool->plan_len);
    if (status != HL_OK)
        return status;
    pool->deadline_ns = (uint64_t)pool->isolation->deadline_ms * 1000000;
    pool->look_ns = pool->isolation->no_spin ? 0 : pool->isolation->spin_us * 1000;
    return HL_OK;
}

static hl_status join(hl__pool *pool, hl_runtime *runtime)
{
    hl_status status = hl__supervisor_of(runtime, &pool->supervisor);

    if (status != HL_OK)
        return status;
    pthread_mutex_lock(&pool->supervisor->lock);
    status = hl__group_join(pool->supervisor, pool);
    pthread_mutex_unlock(&pool->supervisor->lock);
    if (status == HL_OK)
        hl__supervisor_wake(pool->supervisor);
    return status;
}

hl_status hl__pool_new(const hl__pool_spec *spec, hl__pool **out)
{
    hl__pool *pool = NULL;
    hl_status status = HL_OK;

    if (spec->area_bytes > HL__CHANNEL_BYTES_MAX)
        return hl__fail(HL_ERR_LIMIT, ACTION, "state_size",
                        "A state of %zu bytes is too large for a worker: at most %zu.", spec->area_bytes,
                        HL__CHANNEL_BYTES_MAX);
    pool = alloc(spec);
    if (!pool)
        return hl__fail_memory(ACTION);
    status = fill(pool, spec);
    if (status == HL_OK)
        status = join(pool, spec->runtime);
    if (status == HL_OK)
        *out = pool;
    else
        destroy(pool);
    return status;
}

/* ---- waiting for it ---- */

static bool wait_change(hl__pool *pool, uint64_t deadline_ns)
{
    struct timespec until = {(time_t)(deadline_ns / 1000000000), (long)(deadline_ns % 1000000000)};

    return pthread_cond_timedwait(&pool->changed, &pool->lock, &until) != ETIMEDOUT;
}

static hl_status not_ready(const hl__pool *pool, bool ready)
{
    if (ready)
        return HL_OK;
    if (pool->failed != HL_OK)
        return hl__fail(pool->failed, ACTION, pool->name, "No worker of \"%s\" can be started: %s", pool->name,
                        pool->reason);
    if (pool->ending)
        return hl__fail(HL_ERR_NOT_LOADED, ACTION, pool->name, "The workers of \"%s\" were ended.", pool->name);
    return hl__fail(HL_ERR_TIMEOUT, ACTION, pool->name, "No worker of \"%s\" was ready in time; its state is %s.",
                    pool->name, pool->lives ? "starting" : "pausing");
}

hl_status hl__pool_ready(hl__pool *pool, uint64_t deadline_ns)
{
    hl_status status;
    bool ready;

    pthread_mutex_lock(&pool->lock);
    while (!(ready = hl__pool_pid(pool) != 0) && pool->failed == HL_OK && !pool->ending) {
        if (!wait_change(pool, deadline_ns))
            break;
    }
    status = not_ready(pool, ready);
    pthread_mutex_unlock(&pool->lock);
    return status;
}

int32_t hl__pool_pid(const hl__pool *pool)
{
    return __atomic_load_n(&pool->ready_pid, __ATOMIC_ACQUIRE);
}

bool hl__pool_has_failed(const hl__pool *pool)
{
    return __atomic_load_n(&pool->failed, __ATOMIC_ACQUIRE) != HL_OK;
}

uint64_t hl__pool_calls(const hl__pool *pool)
{
    return __atomic_load_n(&pool->answered, __ATOMIC_RELAXED);
}

static uint32_t count_serving(const hl__pool *pool)
{
    uint32_t serving = 0;

    for (uint32_t i = 0; i < pool->isolation->workers; i++)
        serving += pool->seats[i].life && pool->seats[i].life->serving;
    return serving;
}

hl_health_state hl__pool_health(hl__pool *pool, char *reason, size_t reason_len)
{
    hl_health_state state = HL_HEALTH_OK;
    uint32_t serving;

    pthread_mutex_lock(&pool->lock);
    serving = count_serving(pool);
    if (pool->failed != HL_OK) {
        state = HL_HEALTH_FAILED;
        snprintf(reason, reason_len, "%s", pool->reason);
    } else if (pool->breaker.open) {
        state = HL_HEALTH_DEGRADED;
        snprintf(reason, reason_len, "the breaker is open after %u failures in a row", pool->breaker.row);
    } else if (serving < pool->isolation->workers) {
        state = HL_HEALTH_DEGRADED;
        snprintf(reason, reason_len, "%u of %u workers serve", serving, pool->isolation->workers);
    }
    pthread_mutex_unlock(&pool->lock);
    return state;
}

/* ---- changing it ---- */

void hl__pool_forgive(hl__pool *pool)
{
    pthread_mutex_lock(&pool->supervisor->lock);
    hl__group_forgive(pool->group, hl__now_ns());
    pthread_mutex_unlock(&pool->supervisor->lock);
    hl__supervisor_wake(pool->supervisor);
}

hl_status hl__pool_switch(hl__pool *pool, int library_fd, const char *version)
{
    int fd = fcntl(library_fd, F_DUPFD_CLOEXEC, 3);
    char *text = strdup(version);

    if (fd < 0 || !text) {
        hl_status status = text ? hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "library",
                                                 "The library's descriptor could not be copied")
                                : hl__fail_memory(ACTION);
        if (fd >= 0)
            close(fd);
        free(text);
        return status;
    }
    pthread_mutex_lock(&pool->supervisor->lock);
    pthread_mutex_lock(&pool->lock);
    close(pool->library_fd);
    free(pool->version);
    pool->library_fd = fd;
    pool->version = text;
    pool->code++;
    pthread_mutex_unlock(&pool->lock);
    hl__group_forgive(pool->group, hl__now_ns()); /* newer code may do what the older did not */
    pthread_mutex_unlock(&pool->supervisor->lock);
    hl__supervisor_wake(pool->supervisor);
    return HL_OK;
}

/* ---- ending it ---- */

/* A worker that is being started at this moment counts as a life once the supervisor is through with that. */
void hl__pool_end(hl__pool *pool, uint32_t grace_ms)
{
    pthread_mutex_lock(&pool->lock);
    pool->grace_ms = grace_ms;
    __atomic_store_n(&pool->ending, true, __ATOMIC_RELEASE);
    hl__queue_wake_all(pool);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    hl__supervisor_wake(pool->supervisor);
    pthread_mutex_lock(&pool->supervisor->lock);
    pthread_mutex_unlock(&pool->supervisor->lock);
    pthread_mutex_lock(&pool->lock);
    while (pool->lives > 0)
        pthread_cond_wait(&pool->changed, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

void hl__pool_free(hl__pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->supervisor->lock);
    hl__group_leave(pool->supervisor, pool);
    pthread_mutex_unlock(&pool->supervisor->lock);
    destroy(pool);
}
