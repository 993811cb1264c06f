/* A server with one worker, to be killed: prints the worker's pid and waits. The argument says what the worker is at:
 *   idle, spin (in a call), thread (idle; the thread that started it ends after a while). */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/worker/support/worker.h"

static worker started;

static void *start(void *how)
{
    worker_ready(&started, &(worker_options){0});
    if (strcmp((const char *)how, "spin") == 0)
        worker_post(&started, &(deed){.what = "spin"}, sizeof(deed), after_ms(60000));
    printf("%d\n", (int)started.child.pid);
    fflush(stdout);
    usleep(strcmp((const char *)how, "thread") == 0 ? 100000 : 60000000);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;

    if (argc != 2 || pthread_create(&thread, NULL, start, argv[1]) != 0)
        return 2;
    pthread_join(thread, NULL);
    sleep(60);
    return 0;
}
