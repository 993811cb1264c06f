/* How busy the machine is, looked at by the supervisor's thread once a second while there are calls: spin.c decides by
 * it whether callers may look for their replies. Where they may not, workers that were kept off a processor run
 * anywhere again. */
#include "worker/supervisor.h"

#define SAMPLE_NS UINT64_C(1000000000)

void hl__supervisor_sample(hl__supervisor *supervisor)
{
    if (!__atomic_exchange_n(&supervisor->sampling, true, __ATOMIC_ACQ_REL))
        hl__supervisor_wake(supervisor);
}

/* Calls that were answered ever, and calls that are made now. */
static void count_calls(const hl__supervisor *supervisor, uint64_t *answered, uint32_t *now)
{
    *answered = *now = 0;
    for (const hl__group *group = supervisor->groups; group; group = group->next) {
        for (const hl__pool *pool = group->pools; pool; pool = pool->next) {
            *answered += hl__pool_calls(pool);
            *now += __atomic_load_n(&pool->calls, __ATOMIC_RELAXED);
        }
    }
}

/* Workers that were kept off a processor may run anywhere again. */
static void unpart_seat(hl__seat *seat)
{
    hl__pool *pool = seat->pool;

    pthread_mutex_lock(&pool->lock);
    if (seat->life && seat->life->parted_ns && !seat->life->ended) {
        __atomic_store_n(&seat->life->parted_ns, 0, __ATOMIC_RELAXED);
        hl__spin_unpart(seat->life->pid, &seat->life->processors);
    }
    pthread_mutex_unlock(&pool->lock);
}

static void unpart_all(hl__supervisor *supervisor)
{
    for (hl__group *group = supervisor->groups; group; group = group->next) {
        for (hl__pool *pool = group->pools; pool; pool = pool->next) {
            for (uint32_t i = 0; i < pool->isolation->workers; i++)
                unpart_seat(&pool->seats[i]);
        }
    }
}

/* While there are calls; without them the thread sleeps until something happens. */
static void sample(hl__supervisor *supervisor)
{
    uint64_t answered;
    uint32_t now;

    count_calls(supervisor, &answered, &now);
    hl__spin_sample(now);
    if (now == 0 && answered == supervisor->sampled_calls)
        __atomic_store_n(&supervisor->sampling, false, __ATOMIC_RELEASE);
    if (!hl__spin_allowed() || !__atomic_load_n(&supervisor->sampling, __ATOMIC_RELAXED))
        unpart_all(supervisor);
    supervisor->sampled_calls = answered;
}

void hl__sampling_turn(hl__supervisor *supervisor, uint64_t *next_ns)
{
    uint64_t now_ns = hl__now_ns();

    if (!__atomic_load_n(&supervisor->sampling, __ATOMIC_ACQUIRE))
        return;
    if (now_ns >= supervisor->sample_ns) {
        supervisor->sample_ns = now_ns + SAMPLE_NS;
        sample(supervisor);
    }
    if (supervisor->sample_ns < *next_ns)
        *next_ns = supervisor->sample_ns;
}
