/* Groups of pools: their order, what one death means for the others, failing together, and beginning anew. Called by
 * the supervisor and by pool.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "worker/supervisor.h"

/* ---- joining and leaving ---- */

static bool runs_before(const hl__pool *a, const hl__pool *b)
{
    return a->priority != b->priority ? a->priority < b->priority : strcmp(a->name, b->name) < 0;
}

static hl__group *find(hl__supervisor *supervisor, const char *name)
{
    hl__group *at = name ? supervisor->groups : NULL;

    while (at && (!at->name || strcmp(at->name, name) != 0))
        at = at->next;
    return at;
}

static hl__group *make(hl__supervisor *supervisor, const hl_isolation *isolation)
{
    hl__group *group = calloc(1, sizeof(*group));

    if (!group)
        return NULL;
    group->strategy = isolation->strategy;
    group->name = isolation->group ? strdup(isolation->group) : NULL;
    if (isolation->group && !group->name) {
        free(group);
        return NULL;
    }
    group->next = supervisor->groups;
    supervisor->groups = group;
    return group;
}

hl_status hl__group_join(hl__supervisor *supervisor, hl__pool *pool)
{
    const hl_isolation *isolation = pool->isolation;
    hl__group *group = find(supervisor, isolation->group);
    hl__pool **link;

    if (group && group->strategy != isolation->strategy)
        return hl__fail(HL_ERR_INVALID, "worker", "isolation.strategy",
                        "The group \"%s\" has another strategy already; give the same to all its plugins.",
                        group->name);
    if (!group)
        group = make(supervisor, isolation);
    if (!group)
        return hl__fail_memory("worker");
    link = &group->pools;
    while (*link && !runs_before(pool, *link))
        link = &(*link)->next;
    pool->next = *link;
    *link = pool;
    pool->group = group;
    return HL_OK;
}

static void remove_group(hl__supervisor *supervisor, hl__group *group)
{
    hl__group **link = &supervisor->groups;

    while (*link != group)
        link = &(*link)->next;
    *link = group->next;
    hl__restarts_clear(&group->restarts);
    free(group->name);
    free(group);
}

void hl__group_leave(hl__supervisor *supervisor, hl__pool *pool)
{
    hl__pool **link = &pool->group->pools;

    while (*link != pool)
        link = &(*link)->next;
    *link = pool->next;
    if (!pool->group->pools)
        remove_group(supervisor, pool->group);
}

/* ---- walking its seats, in order ---- */

static hl__seat *first_seat(const hl__group *group)
{
    return group->pools ? &group->pools->seats[0] : NULL;
}

static hl__seat *next_seat(hl__seat *seat)
{
    hl__pool *pool = seat->pool;

    if (seat->number + 1 < pool->isolation->workers)
        return &pool->seats[seat->number + 1];
    return pool->next ? &pool->next->seats[0] : NULL;
}

static bool begins_later(const hl__seat *seat)
{
    return !seat->failed && !hl__pool_is_ending(seat->pool) && !(seat->life && seat->life->ready_ns);
}

/* Where workers depend on those before them, one begins when those are ready, and when no end of the cascade is
 * awaited. */
bool hl__group_lets_start(const hl__seat *seat)
{
    const hl__group *group = seat->pool->group;

    if (group->strategy == HL_ONE_FOR_ONE)
        return true;
    for (hl__seat *at = first_seat(group); at; at = next_seat(at)) {
        if (at->life && at->life->cascading)
            return false;
    }
    for (hl__seat *at = first_seat(group); at && at != seat; at = next_seat(at)) {
        if (begins_later(at))
            return false;
    }
    return true;
}

void hl__group_cascade(hl__seat *dead, uint64_t now_ns)
{
    const hl__group *group = dead->pool->group;
    bool after = group->strategy == HL_ONE_FOR_ALL;

    if (group->strategy == HL_ONE_FOR_ONE)
        return;
    for (hl__seat *at = first_seat(group); at; at = next_seat(at)) {
        if (at == dead)
            after = true;
        else if (after && at->life)
            hl__life_stop(at->life, HL__WHY_GROUP, HL__CASCADE_GRACE_MS, now_ns);
    }
}

/* ---- failing and beginning anew ---- */

void hl__group_fail(hl__group *group, hl_status status, const char *reason, uint64_t now_ns)
{
    for (hl__pool *pool = group->pools; pool; pool = pool->next)
        hl__pool_fail(pool, status, reason);
    for (hl__seat *at = first_seat(group); at; at = next_seat(at)) {
        at->failed = true;
        snprintf(at->reason, sizeof(at->reason), "%s", reason);
        if (at->life)
            hl__life_stop(at->life, HL__WHY_GROUP, HL__CASCADE_GRACE_MS, now_ns);
    }
}

void hl__group_forgive(hl__group *group, uint64_t now_ns)
{
    hl__restarts_clear(&group->restarts);
    for (hl__pool *pool = group->pools; pool; pool = pool->next) {
        pthread_mutex_lock(&pool->lock);
        __atomic_store_n(&pool->failed, HL_OK, __ATOMIC_RELEASE);
        pool->breaker = (hl__breaker){.row = 0};
        pthread_mutex_unlock(&pool->lock);
    }
    for (hl__seat *at = first_seat(group); at; at = next_seat(at)) {
        at->failed = false;
        at->row = 0;
        at->due_ns = now_ns;
        at->reason[0] = '\0';
    }
}
