/* The process-wide lock of the stores and the count of forks. */
#include "store/process.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned generation; /* written in a forked child only, while it has one thread */

static void lock_before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void unlock_in_parent(void)
{
    pthread_mutex_unlock(&lock);
}

static void unlock_in_child(void)
{
    generation++;
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    pthread_atfork(lock_before_fork, unlock_in_parent, unlock_in_child);
}

void hl__process_lock(void)
{
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&lock);
}

void hl__process_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

unsigned hl__process_generation(void)
{
    return generation;
}
