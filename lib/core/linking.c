/* The lock around the dynamic linker; see linking.h. */
#include "core/linking.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_once_t once = PTHREAD_ONCE_INIT;

void hl__linking_before_fork(void)
{
    pthread_mutex_lock(&lock);
}

void hl__linking_after_fork(bool in_child)
{
    if (in_child)
        lock = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP; /* its owner has another number here */
    else
        pthread_mutex_unlock(&lock);
}

static void after_fork_in_parent(void)
{
    hl__linking_after_fork(false);
}

static void after_fork_in_child(void)
{
    hl__linking_after_fork(true);
}

static void watch_forks(void)
{
    pthread_atfork(hl__linking_before_fork, after_fork_in_parent, after_fork_in_child);
}

void hl__linking_begin(void)
{
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&lock);
}

void hl__linking_end(void)
{
    pthread_mutex_unlock(&lock);
}
