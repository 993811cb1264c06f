/* The queue of a pool: callers that wait for a free slot, the first first. Called by pool_call.c and whoever frees
 * slots. */
#include <errno.h>
#include <time.h>

#include "core/condition.h"
#include "worker/supervisor.h"

void hl__queue_enter(hl__pool *pool, hl__waiter *waiter, bool in_front)
{
    hl__condition_init(&waiter->woken);
    waiter->before = in_front ? NULL : pool->last_waiter;
    waiter->next = in_front ? pool->first_waiter : NULL;
    *(waiter->before ? &waiter->before->next : &pool->first_waiter) = waiter;
    *(waiter->next ? &waiter->next->before : &pool->last_waiter) = waiter;
    pool->waiting++;
}

bool hl__queue_wait(hl__pool *pool, hl__waiter *waiter, uint64_t deadline_ns)
{
    struct timespec until = {(time_t)(deadline_ns / 1000000000), (long)(deadline_ns % 1000000000)};

    return pthread_cond_timedwait(&waiter->woken, &pool->lock, &until) != ETIMEDOUT;
}

void hl__queue_leave(hl__pool *pool, hl__waiter *waiter)
{
    *(waiter->before ? &waiter->before->next : &pool->first_waiter) = waiter->next;
    *(waiter->next ? &waiter->next->before : &pool->last_waiter) = waiter->before;
    pool->waiting--;
    pthread_cond_destroy(&waiter->woken);
    hl__queue_wake(pool);
}

void hl__queue_wake(hl__pool *pool)
{
    if (pool->first_waiter)
        pthread_cond_signal(&pool->first_waiter->woken);
}

void hl__queue_wake_all(hl__pool *pool)
{
    for (hl__waiter *at = pool->first_waiter; at; at = at->next)
        pthread_cond_signal(&at->woken);
}
