/* A child does a random stream of operations on a store and tells after each one that it was acknowledged; it is killed
 * in the middle. What a new process then finds must be the model after every acknowledged operation, or after the one
 * more that was committed and not yet told: never less, never half of one. */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/property/support/driver.h"

#define STREAMS 500
#define OPERATIONS 400

extern char **environ;

static hl_runtime *open_store(const char *directory)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime;
    char url[128];

    snprintf(url, sizeof(url), "lmdb:%s", directory);
    options.store = url;
    options.engine = HL_ENGINE_REFERENCE;
    assert_int_equal(hl_open(&options, &runtime), HL_OK);
    return runtime;
}

/* ---- the child: standard output is the pipe of acknowledgements ---- */

static int work(const char *directory, uint64_t seed)
{
    hl_runtime *runtime;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    runtime = open_store(directory);
    random_begin(seed);
    for (int i = 0; i < OPERATIONS; i++) {
        struct model_op op = pick_op();
        hl_status status = apply(runtime, &op);

        if (write(STDOUT_FILENO, &status, sizeof(status)) != sizeof(status))
            return 1;
    }
    pause();
    return 0;
}

/* ---- the parent ---- */

static pid_t start_child(const char *directory, unsigned seed, int *acknowledgements)
{
    char number[16];
    char *arguments[] = {"child", (char *)(uintptr_t)directory, number, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t child;

    snprintf(number, sizeof(number), "%u", seed);
    assert_int_equal(pipe(ends), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    assert_int_equal(posix_spawn(&child, "/proc/self/exe", &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *acknowledgements = ends[0];
    return child;
}

/* Kills after a random number of acknowledgements and a random moment more. Returns how many there were in all. */
static int kill_somewhere(pid_t child, int acknowledgements, unsigned seed)
{
    int enough = (int)(seed * 7919 % 60), count = 0;
    struct timespec moment = {.tv_nsec = (long)(seed * 104729 % 400) * 1000};
    hl_status status;

    while (count < enough && read(acknowledgements, &status, sizeof(status)) == sizeof(status))
        count++;
    nanosleep(&moment, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(acknowledgements, &status, sizeof(status)) == sizeof(status))
        count++;
    close(acknowledgements);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return count;
}

static void model_after(struct model *model, unsigned seed, int operations)
{
    memset(model, 0, sizeof(*model));
    random_begin(seed);
    for (int i = 0; i < operations; i++) {
        struct model_op op = pick_op();

        model_apply(model, &op);
    }
}

static void check_store(const char *directory, unsigned seed, int acknowledged)
{
    hl_runtime *runtime = open_store(directory);
    struct model told, one_more;

    model_after(&told, seed, acknowledged);
    model_after(&one_more, seed, acknowledged + 1);
    if (!records_agree(runtime, &told) && !records_agree(runtime, &one_more))
        fail_msg("stream %u: the store is neither what %d nor what %d operations make", seed, acknowledged,
                 acknowledged + 1);
    hl_close(runtime);
}

static void five_hundred_killed_streams_lose_nothing_that_was_acknowledged(void **unused)
{
    char directory[] = "killed-XXXXXX", store[64], command[96];
    long acknowledged_in_all = 0;

    (void)unused;
    assert_non_null(mkdtemp(directory));
    for (unsigned seed = 0; seed < STREAMS; seed++) {
        int acknowledgements, acknowledged;
        pid_t child;

        snprintf(store, sizeof(store), "%s/%u", directory, seed);
        child = start_child(store, seed, &acknowledgements);
        acknowledged = kill_somewhere(child, acknowledgements, seed);
        check_store(store, seed, acknowledged);
        acknowledged_in_all += acknowledged;
    }
    print_message("%d streams killed, %ld operations acknowledged\n", STREAMS, acknowledged_in_all);
    assert_true(acknowledged_in_all > STREAMS);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    assert_int_equal(system(command), 0);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_hundred_killed_streams_lose_nothing_that_was_acknowledged),
    };

    if (count == 3 && strcmp(arguments[0], "child") == 0)
        return work(arguments[1], strtoull(arguments[2], NULL, 10));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
