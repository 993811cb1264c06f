/* A small server for the command's tests: cli-server STORE. It dispatches "work" without pause, has host plugins on
 * "work", "bare" and "slow", and obeys lines on its standard input:
 *   enter   begins a dispatch of "slow" that stays inside its plugin; answers "inside"
 *   leave   lets it return; answers "left"
 *   count   answers with the count that the last dispatch of "work" left
 * It ends when its standard input does. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <hookline/hookline.h>

#include "tests/cli/support/work.h"

HL_TYPED_CALLS(work)

static work_event work;
static hl_event *slow;
static pthread_t dispatcher, sleeper;
static bool ending, inside, leaving;
static uint32_t last_count;

static hl_reply pass(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_next(state);
}

static hl_reply stay(void *self, void *state, const void *meta)
{
    struct timespec pause = {0, 1000000};

    (void)self;
    (void)meta;
    __atomic_store_n(&inside, true, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&leaving, __ATOMIC_SEQ_CST))
        nanosleep(&pause, NULL);
    return hl_next(state);
}

static hl_health_state well(void *self, char *reason, size_t reason_len)
{
    (void)self;
    (void)reason;
    (void)reason_len;
    return HL_HEALTH_OK;
}

static hl_health_state sick(void *self, char *reason, size_t reason_len)
{
    (void)self;
    snprintf(reason, reason_len, "the cache is cold");
    return HL_HEALTH_FAILED;
}

static void check(hl_status status, const char *what)
{
    if (status == HL_OK)
        return;
    fprintf(stderr, "cli-server: %s: %s: %s\n", what, hl_status_name(status), hl_last_error()->message);
    exit(1);
}

static void *dispatch_work(void *unused)
{
    struct timespec pause = {0, 200000};

    while (!__atomic_load_n(&ending, __ATOMIC_RELAXED)) {
        struct work state = {0};

        work_call(work, &state, NULL);
        __atomic_store_n(&last_count, state.count, __ATOMIC_RELAXED);
        nanosleep(&pause, NULL);
    }
    return unused;
}

static void *dispatch_slow(void *unused)
{
    hl_call(slow, NULL, NULL);
    return unused;
}

static void enter(void)
{
    struct timespec pause = {0, 1000000};

    inside = leaving = false;
    if (pthread_create(&sleeper, NULL, dispatch_slow, NULL) != 0)
        exit(1);
    while (!__atomic_load_n(&inside, __ATOMIC_SEQ_CST))
        nanosleep(&pause, NULL);
    puts("inside");
}

static void leave(void)
{
    __atomic_store_n(&leaving, true, __ATOMIC_SEQ_CST);
    pthread_join(sleeper, NULL);
    puts("left");
}

static void obey(const char *line)
{
    if (strcmp(line, "enter\n") == 0)
        enter();
    else if (strcmp(line, "leave\n") == 0)
        leave();
    else if (strcmp(line, "count\n") == 0)
        printf("%u\n", __atomic_load_n(&last_count, __ATOMIC_RELAXED));
    fflush(stdout);
}

static void register_own(hl_runtime *runtime)
{
    hl_plugin_spec first = HL_PLUGIN_INIT("first", "work", pass);
    hl_plugin_spec ailing = HL_PLUGIN_INIT("ailing", "work", pass);
    hl_plugin_spec plain = HL_PLUGIN_INIT("plain", "bare", pass);
    hl_plugin_spec sleepy = HL_PLUGIN_INIT("sleepy", "slow", stay);

    first.priority = 1;
    first.health = well;
    ailing.health = sick;
    check(hl_register(runtime, &first, HL_START), "register first");
    check(hl_register(runtime, &ailing, HL_START), "register ailing");
    check(hl_register(runtime, &plain, HL_START), "register plain");
    check(hl_register(runtime, &sleepy, HL_START), "register sleepy");
}

int main(int argc, char **argv)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime;
    hl_event *bare;
    char line[64];

    options.store = argc > 1 ? argv[1] : "memory:";
    check(hl_open(&options, &runtime), "open");
    check(work_open(runtime, &work), "define work");
    check(hl_event_open(runtime, "bare", &bare), "open bare");
    check(hl_event_open(runtime, "slow", &slow), "open slow");
    register_own(runtime);
    if (pthread_create(&dispatcher, NULL, dispatch_work, NULL) != 0)
        return 1;
    printf("ready %ld\n", (long)getpid());
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin))
        obey(line);
    __atomic_store_n(&ending, true, __ATOMIC_RELAXED);
    pthread_join(dispatcher, NULL);
    hl_close(runtime);
    return 0;
}
