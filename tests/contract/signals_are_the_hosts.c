/* Signals belong to the host: Hookline installs no handler, and none of its threads takes a signal that is meant for
 * the process. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "tests/support/support.h"

#define SIGNALS 32

static const int meant_for_the_process[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD, SIGALRM};
#define MEANT_LEN (sizeof(meant_for_the_process) / sizeof(meant_for_the_process[0]))

static hl_health_state see_own_mask(void *self, char *reason, size_t reason_len)
{
    (void)reason;
    (void)reason_len;
    pthread_sigmask(SIG_SETMASK, NULL, self);
    return HL_HEALTH_OK;
}

static bool is_ok(const hl_plugin_health *health, void *unused)
{
    (void)unused;
    assert_int_equal(health->probe, HL_PROBE_OK);
    return true;
}

/* The signals that a thread of this process blocks: bit N - 1 for signal N. */
static unsigned long long blocked_by(const char *tid, char *name, size_t name_len)
{
    unsigned long long blocked = 0;
    char path[300], line[256];
    FILE *status;

    snprintf(path, sizeof(path), "/proc/self/task/%s/status", tid);
    status = fopen(path, "r");
    assert_non_null(status);
    while (fgets(line, sizeof(line), status)) {
        if (strncmp(line, "Name:", 5) == 0)
            snprintf(name, name_len, "%.*s", (int)strcspn(line + 6, "\n"), line + 6);
        sscanf(line, "SigBlk: %llx", &blocked);
    }
    fclose(status);
    return blocked;
}

static void check_thread(const char *tid)
{
    char name[64] = "";
    unsigned long long blocked = blocked_by(tid, name, sizeof(name));

    for (size_t i = 0; i < MEANT_LEN; i++) {
        if (!(blocked >> (meant_for_the_process[i] - 1) & 1))
            fail_msg("thread %s takes signal %d", name, meant_for_the_process[i]);
    }
}

static size_t check_other_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    size_t count = 0;

    assert_non_null(tasks);
    while ((task = readdir(tasks)) != NULL) {
        if (task->d_name[0] == '.' || atoi(task->d_name) == getpid())
            continue;
        check_thread(task->d_name);
        count++;
    }
    closedir(tasks);
    return count;
}

static void no_thread_of_hookline_takes_the_hosts_signals(void **unused)
{
    hl_runtime *runtime = test_open("memory:", 0);
    hl_event *event = test_event(runtime, "e");
    sigset_t of_probe;

    (void)unused;
    sigemptyset(&of_probe);
    run(runtime, .name = "a", .event = "e", .call = test_do_nothing, .self = &of_probe, .health = see_own_mask);
    test_settle(runtime, event);
    assert_true(check_other_threads() >= 2);
    ok(hl_health_plugin(runtime, "a", 0, is_ok, NULL));
    for (size_t i = 0; i < MEANT_LEN; i++)
        assert_int_equal(sigismember(&of_probe, meant_for_the_process[i]), 1);
    hl_close(runtime);
}

static void the_hosts_handlers_and_mask_stay_as_they_are(void **unused)
{
    struct sigaction before[SIGNALS], after;
    sigset_t mask_before, mask_after;
    hl_runtime *runtime;
    hl_event *event;

    (void)unused;
    for (int signal = 1; signal < SIGNALS; signal++)
        sigaction(signal, NULL, &before[signal]);
    pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
    runtime = test_open("memory:", 0);
    event = test_event(runtime, "e");
    run(runtime, .name = "a", .event = "e");
    test_settle(runtime, event);
    for (int signal = 1; signal < SIGNALS; signal++) {
        sigaction(signal, NULL, &after);
        assert_ptr_equal(after.sa_handler, before[signal].sa_handler);
        assert_int_equal(after.sa_flags, before[signal].sa_flags);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
    for (int signal = 1; signal < SIGNALS; signal++)
        assert_int_equal(sigismember(&mask_after, signal), sigismember(&mask_before, signal));
    hl_close(runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_thread_of_hookline_takes_the_hosts_signals),
        cmocka_unit_test(the_hosts_handlers_and_mask_stay_as_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
