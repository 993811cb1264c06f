/* The table of chains; see chains.h. */
#include "core/chains.h"

#include <pthread.h>
#include <stdlib.h>

#define PLACES 255
#define OWN_BLOCKS 128

typedef struct block {
    struct block *next;
    hl__chain_place places[PLACES];
} block;

/* The first blocks lie in the library, so that compiled code, which lies near libraries too, reaches their places by
 * short addresses. The pages of those that are not used cost nothing. */
static block own_blocks[OWN_BLOCKS];
static size_t own_blocks_used;

static block *blocks; /* atomic; the newest first */
static hl__chain_place *free_places;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Who holds the lock does not exist in the child. What he was writing concerns the parent's runtimes. */
static void after_fork(void)
{
    pthread_mutex_init(&lock, NULL);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, after_fork);
}

void hl__chains_lock(void)
{
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&lock);
}

void hl__chains_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* ---- changing it ---- */

static bool add_block(void)
{
    block *added = own_blocks_used < OWN_BLOCKS ? &own_blocks[own_blocks_used++] : calloc(1, sizeof(*added));

    if (!added)
        return false;
    for (size_t i = 0; i < PLACES; i++) {
        added->places[i].next_free = free_places;
        free_places = &added->places[i];
    }
    added->next = blocks;
    __atomic_store_n(&blocks, added, __ATOMIC_RELEASE);
    return true;
}

static hl__chain_place *take_place(void)
{
    hl__chain_place *taken;

    if (!free_places && !add_block())
        return NULL;
    taken = free_places;
    free_places = taken->next_free;
    return taken;
}

void hl__chains_add(hl__plan *plan)
{
    hl__chains_lock();
    plan->place = take_place();
    if (plan->place)
        __atomic_store_n(&plan->place->plan, plan, __ATOMIC_RELEASE);
    hl__chains_unlock();
}

void hl__chains_add_code(hl__plan *plan, const void *code)
{
    if (plan->place)
        __atomic_store_n(&plan->place->code, code, __ATOMIC_RELEASE);
}

void hl__chains_remove(hl__plan *plan)
{
    if (!plan->place)
        return;
    hl__chains_lock();
    __atomic_store_n(&plan->place->code, NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&plan->place->plan, NULL, __ATOMIC_RELEASE);
    plan->place->next_free = free_places;
    free_places = plan->place;
    plan->place = NULL;
    hl__chains_unlock();
}

/* ---- reading it ---- */

/* A place that changes hands meanwhile is not the one that is looked for: that one stays while its reader is inside. */
hl__plan *hl__chains_find(const void *chain)
{
    for (const block *at = __atomic_load_n(&blocks, __ATOMIC_ACQUIRE); chain && at; at = at->next) {
        for (size_t i = 0; i < PLACES; i++) {
            hl__plan *plan = __atomic_load_n(&at->places[i].plan, __ATOMIC_ACQUIRE);

            if (plan && (plan == chain || __atomic_load_n(&at->places[i].code, __ATOMIC_ACQUIRE) == chain))
                return plan;
        }
    }
    return NULL;
}
