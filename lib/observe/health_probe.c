/* One probe: a plugin's health function on a thread of its own, which nobody waits for longer than they want to. */
#include "observe/health_probe.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/condition.h"
#include "core/runtime.h"
#include "core/thread.h"

/* Shared by the asker and the probing thread, freed by the last. */
struct hl__probe {
    uint32_t refs;
    hl__binding *binding; /* counted: a hanging probe keeps its plugin's code */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    int returned;
    char reason[HL__PROBE_REASON];
    uint64_t started_ns, elapsed_ns;
};

static void unref(hl__probe *gone)
{
    if (__atomic_sub_fetch(&gone->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    pthread_cond_destroy(&gone->changed);
    pthread_mutex_destroy(&gone->lock);
    hl__binding_unref(gone->binding);
    free(gone);
}

static void *run_probe(void *argument)
{
    hl__probe *mine = argument;
    char reason[HL__PROBE_REASON] = "";
    int returned = (int)mine->binding->health(mine->binding->self, reason, sizeof(reason));

    pthread_mutex_lock(&mine->lock);
    __atomic_store_n(&mine->binding->hanging, false, __ATOMIC_RELEASE);
    __atomic_store_n(&mine->binding->probing, false, __ATOMIC_RELEASE);
    memcpy(mine->reason, reason, sizeof(reason));
    mine->reason[sizeof(reason) - 1] = '\0';
    mine->returned = returned;
    mine->elapsed_ns = hl__now_ns() - mine->started_ns;
    mine->done = true;
    pthread_cond_signal(&mine->changed);
    pthread_mutex_unlock(&mine->lock);
    unref(mine);
    return NULL;
}

hl__probe *hl__probe_start(hl__binding *binding)
{
    hl__probe *made = calloc(1, sizeof(*made));
    pthread_attr_t detached;
    pthread_t thread;
    int failed;

    if (!made) {
        __atomic_store_n(&binding->probing, false, __ATOMIC_RELEASE);
        return NULL;
    }
    made->refs = 2;
    made->binding = hl__binding_ref(binding);
    pthread_mutex_init(&made->lock, NULL);
    hl__condition_init(&made->changed);
    made->started_ns = hl__now_ns();
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    failed = hl__thread_start(&thread, &detached, run_probe, made);
    pthread_attr_destroy(&detached);
    if (!failed)
        return made;
    __atomic_store_n(&binding->probing, false, __ATOMIC_RELEASE);
    unref(made);
    unref(made);
    return NULL;
}

static hl_probe_result result_of(int returned)
{
    switch (returned) {
    case HL_HEALTH_OK:
        return HL_PROBE_OK;
    case HL_HEALTH_DEGRADED:
        return HL_PROBE_DEGRADED;
    case HL_HEALTH_FAILED:
        return HL_PROBE_FAILED;
    default:
        return HL_PROBE_BAD_RETURN;
    }
}

hl_probe_result hl__probe_end(hl__probe *probe, uint32_t timeout_ms, char *reason, uint64_t *elapsed_ns)
{
    uint64_t at = probe->started_ns + (uint64_t)timeout_ms * 1000000;
    struct timespec until = {.tv_sec = (time_t)(at / 1000000000), .tv_nsec = (long)(at % 1000000000)};
    hl_probe_result result;
    int late = 0;

    pthread_mutex_lock(&probe->lock);
    while (!probe->done && late == 0)
        late = pthread_cond_timedwait(&probe->changed, &probe->lock, &until);
    result = probe->done ? result_of(probe->returned) : HL_PROBE_TIMEOUT;
    *elapsed_ns = probe->done ? probe->elapsed_ns : hl__now_ns() - probe->started_ns;
    if (probe->done) {
        memcpy(reason, probe->reason, sizeof(probe->reason));
    } else {
        __atomic_store_n(&probe->binding->hanging, true, __ATOMIC_RELEASE);
        snprintf(reason, HL__PROBE_REASON, "its health function did not answer in time");
    }
    pthread_mutex_unlock(&probe->lock);
    unref(probe);
    return result;
}
