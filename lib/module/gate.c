/* Gates of keys; see gate.h. They exist as long as somebody is inside or waits. */
#include "module/gate.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/condition.h"
#include "core/error.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct hl__gate {
    hl_key key;
    unsigned users; /* inside and waiting */
    bool taken;
    bool asked; /* of the one inside: hl__gate_enter_or_ask */
    pthread_cond_t freed;
    UT_hash_handle hh;
};

struct hl__gates {
    pthread_mutex_t lock;
    hl__gate *gates;
};

hl__gates *hl__gates_new(void)
{
    hl__gates *gates = calloc(1, sizeof(*gates));

    if (gates)
        pthread_mutex_init(&gates->lock, NULL);
    return gates;
}

void hl__gates_free(hl__gates *gates)
{
    if (!gates)
        return;
    pthread_mutex_destroy(&gates->lock);
    free(gates);
}

/* ---- under the lock ---- */

static hl__gate *add(hl__gates *gates, const hl_key *key)
{
    hl__gate *gate = calloc(1, sizeof(*gate)), *found = NULL;

    if (!gate)
        return NULL;
    gate->key = *key;
    HASH_ADD(hh, gates->gates, key, sizeof(gate->key), gate);
    HASH_FIND(hh, gates->gates, key, sizeof(*key), found); /* without memory it was not added */
    if (!found) {
        free(gate);
        return NULL;
    }
    hl__condition_init(&gate->freed);
    return gate;
}

static hl__gate *find_or_add(hl__gates *gates, const hl_key *key)
{
    hl__gate *gate = NULL;

    HASH_FIND(hh, gates->gates, key, sizeof(*key), gate);
    return gate ? gate : add(gates, key);
}

static void drop(hl__gates *gates, hl__gate *gate)
{
    if (--gate->users > 0)
        return;
    HASH_DEL(gates->gates, gate);
    pthread_cond_destroy(&gate->freed);
    free(gate);
}

static hl_status take(hl__gates *gates, hl__gate *gate, uint64_t deadline_ns, bool ask)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / 1000000000u),
                             .tv_nsec = (long)(deadline_ns % 1000000000u)};
    int waited = 0;

    while (gate->taken && waited == 0) {
        if (deadline_ns == HL__GATE_NO_DEADLINE)
            pthread_cond_wait(&gate->freed, &gates->lock);
        else
            waited = pthread_cond_timedwait(&gate->freed, &gates->lock, &until);
    }
    if (!gate->taken) {
        gate->taken = true;
        return HL_OK;
    }
    gate->asked |= ask;
    drop(gates, gate);
    return HL_ERR_TIMEOUT;
}

/* ---- entering and leaving ---- */

static hl_status enter(hl__gates *gates, const hl_key *key, uint64_t deadline_ns, bool ask, hl__gate **out)
{
    hl_status status = HL_OK;
    hl__gate *gate;

    pthread_mutex_lock(&gates->lock);
    gate = find_or_add(gates, key);
    if (!gate) {
        status = hl__fail_memory("module");
    } else {
        gate->users++;
        status = take(gates, gate, deadline_ns, ask);
    }
    pthread_mutex_unlock(&gates->lock);
    *out = status == HL_OK ? gate : NULL;
    if (status == HL_ERR_TIMEOUT)
        hl__fail(status, "module", "timeout_ms",
                 "Others were loading or releasing the key all the time that was given.");
    return status;
}

hl_status hl__gate_enter(hl__gates *gates, const hl_key *key, uint64_t deadline_ns, hl__gate **out)
{
    return enter(gates, key, deadline_ns, false, out);
}

hl_status hl__gate_enter_or_ask(hl__gates *gates, const hl_key *key, uint64_t deadline_ns, hl__gate **out)
{
    return enter(gates, key, deadline_ns, true, out);
}

bool hl__gate_leave(hl__gates *gates, hl__gate *gate)
{
    bool leaves;

    pthread_mutex_lock(&gates->lock);
    leaves = !gate->asked;
    gate->asked = false;
    if (leaves) {
        gate->taken = false;
        pthread_cond_signal(&gate->freed);
        drop(gates, gate);
    }
    pthread_mutex_unlock(&gates->lock);
    return leaves;
}
