/* The supervisor: who is started again, when, with whom, and when no more; and what is told about it. */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/worker/support/pools.h"

#include "worker/supervisor.h"

#define QUICK "\"deadline_ms\":20000,\"restarts_most\":1000,\"backoff_ms\":1,\"backoff_most_ms\":1"

static bool states_are(const char *wanted)
{
    return strcmp(pools_states(), wanted) == 0;
}

/* ---- rules ---- */

static void a_temporary_worker_is_never_started_again(void **state)
{
    hl__pool *pool = pools_ready("guest", QUICK ",\"restart\":\"temporary\"");

    (void)state;
    assert_int_equal(pools_act(pool, GUEST_ABORT, 0), HL_ERR_PLUGIN);
    eventually(states_are("guest/0=failed "));
    refused(pools_act(pool, GUEST_ANSWER, 0), HL_ERR_NOT_LOADED, NULL);
    assert_non_null(strstr(pools_info("guest", 0).reason, "died by SIGABRT"));
    assert_int_equal(hl__pool_pid(pool), 0);
    pools_end(pool);
}

static void a_pool_of_temporary_workers_serves_as_long_as_one_is_left(void **state)
{
    hl__pool *pool = pools_ready("guest", QUICK ",\"restart\":\"temporary\",\"workers\":2");

    (void)state;
    eventually(states_are("guest/0=ready guest/1=ready "));
    assert_int_equal(pools_act(pool, GUEST_ABORT, 0), HL_ERR_PLUGIN);
    eventually(strstr(pools_states(), "failed"));
    ok(pools_act(pool, GUEST_ANSWER, 0));
    pools_end(pool);
}

static void a_transient_worker_is_started_again_unless_it_ended_by_itself_with_status_0(void **state)
{
    hl__pool *pool = pools_ready("guest", QUICK ",\"restart\":\"transient\"");

    (void)state;
    assert_int_equal(pools_act(pool, GUEST_EXIT, 3), HL_ERR_PLUGIN);
    assert_int_equal(pools_act(pool, GUEST_ABORT, 0), HL_ERR_PLUGIN);
    ok(pools_act(pool, GUEST_ANSWER, 0));
    assert_int_equal(pools_act(pool, GUEST_EXIT, 0), HL_ERR_PLUGIN);
    eventually(states_are("guest/0=failed "));
    pools_end(pool);
}

static void a_permanent_worker_is_started_again_after_any_end(void **state)
{
    hl__pool *pool = pools_ready("guest", QUICK);

    (void)state;
    assert_int_equal(pools_act(pool, GUEST_EXIT, 0), HL_ERR_PLUGIN);
    assert_int_equal(pools_act(pool, GUEST_ABORT, 0), HL_ERR_PLUGIN);
    ok(pools_act(pool, GUEST_ANSWER, 0));
    assert_int_equal(pools_info("guest", 0).restarts, 2);
    pools_end(pool);
}

/* ---- escalation ---- */

static void too_many_restarts_in_the_period_fail_the_pool_until_it_is_forgiven(void **state)
{
    hl__pool *pool =
        pools_ready("guest", "\"deadline_ms\":20000,\"restarts_most\":2,\"period_ms\":60000,\"backoff_ms\":1");

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pools_act(pool, GUEST_ABORT, 0), HL_ERR_PLUGIN);
    eventually(states_are("guest/0=failed "));
    refused(pools_act(pool, GUEST_ANSWER, 0), HL_ERR_NOT_LOADED, NULL);
    assert_non_null(strstr(hl_last_error()->message, "2 restarts within 60000 ms"));
    hl__pool_forgive(pool);
    ok(pools_act(pool, GUEST_ANSWER, 0));
    pools_end(pool);
}

/* Whatever the server lacks in the meantime is no failure of the plugin. */
static void a_server_without_descriptors_starts_workers_again_when_it_has_some(void **state)
{
    hl__pool *pool =
        pools_ready("guest", "\"deadline_ms\":20000,\"restarts_most\":2,\"backoff_ms\":1,\"backoff_most_ms\":20");
    struct rlimit limit, none = {0, 0};

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none.rlim_max = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(pools_act(pool, GUEST_ABORT, 0), HL_ERR_PLUGIN);
    usleep(300000);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ok(pools_act(pool, GUEST_ANSWER, 0));
    pools_end(pool);
}

static void a_library_that_cannot_be_loaded_is_not_tried_again_and_says_why(void **state)
{
    hl__pool *pool = NULL;
    hl_isolation *isolation = NULL;
    FILE *file = tmpfile();
    hl__pool_spec spec = {.runtime = pools_runtime,
                          .kind = HL__WORKER_PLUGIN,
                          .name = "guest",
                          .event = "work",
                          .version = "1.2.3",
                          .entry = "guest",
                          .library_fd = fileno(file),
                          .area_bytes = 64};

    (void)state;
    ok(hl__isolation_read("{\"mode\":\"in_worker\"}", &isolation));
    spec.isolation = isolation;
    ok(hl__pool_new(&spec, &pool));
    fclose(file);
    free(isolation);
    assert_int_not_equal(hl__pool_ready(pool, hl__now_ns() + UINT64_C(30000000000)), HL_OK);
    assert_true(strlen(pools_info("guest", 0).reason) > 0);
    assert_int_equal(pools_info("guest", 0).restarts, 0);
    eventually(states_are("guest/0=failed "));
    pools_end(pool);
}

/* Which pause comes before which restart is tested in restart.c; here, that they are kept. */
static void pauses_grow_with_each_death_and_begin_anew_after_a_stable_time(void **state)
{
    hl__pool *pool = pools_ready("guest", "\"deadline_ms\":20000,\"restarts_most\":100,\"backoff_ms\":200,"
                                          "\"backoff_most_ms\":200,\"stable_ms\":400");
    uint64_t begin_ns;

    (void)state;
    assert_int_equal(pools_act(pool, GUEST_ABORT, 0), HL_ERR_PLUGIN);
    ok(pools_act(pool, GUEST_ANSWER, 0));
    assert_int_equal(pools_act(pool, GUEST_ABORT, 0), HL_ERR_PLUGIN);
    begin_ns = hl__now_ns();
    ok(pools_act(pool, GUEST_ANSWER, 0));
    assert_true(hl__now_ns() - begin_ns >= 95000000);
    test_sleep_ms(500);
    assert_int_equal(pools_act(pool, GUEST_ABORT, 0), HL_ERR_PLUGIN);
    begin_ns = hl__now_ns();
    ok(pools_act(pool, GUEST_ANSWER, 0));
    if (!test_sanitized())
        assert_true(hl__now_ns() - begin_ns < 95000000);
    pools_end(pool);
}

/* ---- groups ---- */

#define GROUP(strategy) QUICK ",\"group\":\"g\",\"strategy\":\"" strategy "\""

typedef struct three {
    hl__pool *pools[3];
    int32_t pids[3];
} three;

/* "c" runs before "b" runs before "a": by priority. */
static void begin_three(three *t, const char *json)
{
    static const char *const names[] = {"c", "b", "a"};

    for (int i = 0; i < 3; i++) {
        t->pools[i] = pools_new(names[i], i, json);
        assert_non_null(t->pools[i]);
    }
    for (int i = 0; i < 3; i++)
        t->pids[i] = pools_pid(t->pools[i]);
}

/* Which of them have another process than before, as letters. */
static const char *renewed(const three *t)
{
    static const char names[] = "cba";
    static char text[4];
    size_t len = 0;

    for (int i = 0; i < 3; i++) {
        if (pools_pid(t->pools[i]) != t->pids[i])
            text[len++] = names[i];
    }
    text[len] = '\0';
    return text;
}

static void end_three(three *t)
{
    for (int i = 0; i < 3; i++)
        pools_end(t->pools[i]);
}

static const char *renewed_after_the_middle_one_dies(const char *json)
{
    const char *text;
    three t;

    begin_three(&t, json);
    assert_int_equal(pools_act(t.pools[1], GUEST_ABORT, 0), HL_ERR_PLUGIN);
    test_sleep_ms(100);
    eventually(states_are("a/0=ready b/0=ready c/0=ready "));
    text = renewed(&t);
    end_three(&t);
    return text;
}

static void in_a_group_one_for_one_only_who_died_is_started_again(void **state)
{
    (void)state;
    assert_string_equal(renewed_after_the_middle_one_dies(GROUP("one_for_one")), "b");
}

static void in_a_group_one_for_all_everybody_is_started_again(void **state)
{
    (void)state;
    assert_string_equal(renewed_after_the_middle_one_dies(GROUP("one_for_all")), "cba");
}

static void in_a_group_rest_for_one_those_behind_it_are_started_again(void **state)
{
    (void)state;
    assert_string_equal(renewed_after_the_middle_one_dies(GROUP("rest_for_one")), "ba");
}

static void a_temporary_worker_that_ends_with_its_group_is_not_started_again(void **state)
{
    hl__pool *pool = pools_ready("guest", GROUP("one_for_all"));
    hl__pool *once = pools_ready("once", GROUP("one_for_all") ",\"restart\":\"temporary\"");

    (void)state;
    assert_int_equal(pools_act(pool, GUEST_ABORT, 0), HL_ERR_PLUGIN);
    eventually(states_are("guest/0=ready once/0=failed "));
    assert_int_equal(pools_act(once, GUEST_ANSWER, 0), HL_ERR_NOT_LOADED);
    pools_end(once);
    pools_end(pool);
}

static void a_group_has_one_strategy(void **state)
{
    hl__pool *pool = pools_ready("guest", GROUP("one_for_all"));

    (void)state;
    assert_null(pools_new("second", 50, GROUP("rest_for_one")));
    assert_string_equal(hl_last_error()->field, "isolation.strategy");
    pools_end(pool);
    pool = pools_ready("guest", GROUP("rest_for_one"));
    pools_end(pool);
}

static void a_group_fails_as_a_whole(void **state)
{
    three t;

    (void)state;
    begin_three(&t, "\"deadline_ms\":20000,\"restarts_most\":1,\"period_ms\":60000,\"group\":\"g\"");
    assert_int_equal(pools_act(t.pools[1], GUEST_ABORT, 0), HL_ERR_PLUGIN);
    ok(pools_act(t.pools[1], GUEST_ANSWER, 0));
    assert_int_equal(pools_act(t.pools[2], GUEST_ABORT, 0), HL_ERR_PLUGIN);
    eventually(states_are("a/0=failed b/0=failed c/0=failed "));
    refused(pools_act(t.pools[0], GUEST_ANSWER, 0), HL_ERR_NOT_LOADED, NULL);
    hl__pool_forgive(t.pools[0]);
    for (int i = 0; i < 3; i++)
        ok(pools_act(t.pools[i], GUEST_ANSWER, 0));
    end_three(&t);
}

/* ---- what is told ---- */

typedef struct crashes {
    size_t len;
    hl_crash_info newest;
    char plugin[64], version[64], event[64], text[256];
} crashes;

static bool count_crash(const hl_crash_info *info, void *user)
{
    crashes *at = user;

    if (at->len++ > 0)
        return true;
    at->newest = *info;
    snprintf(at->plugin, sizeof(at->plugin), "%s", info->plugin);
    snprintf(at->version, sizeof(at->version), "%s", info->version);
    snprintf(at->event, sizeof(at->event), "%s", info->event);
    snprintf(at->text, sizeof(at->text), "%s", info->text);
    return true;
}

static crashes ask_crashes(void)
{
    crashes at = {0};

    hl__crashes_walk(pools_runtime, count_crash, &at);
    return at;
}

static void a_crash_is_kept_with_plugin_version_event_signal_and_address(void **state)
{
    hl__pool *pool = pools_ready("guest", QUICK);
    int32_t pid = pools_pid(pool);
    crashes at;

    (void)state;
    assert_int_equal(pools_act(pool, GUEST_CRASH, 0), HL_ERR_PLUGIN);
    eventually(ask_crashes().len == 1);
    at = ask_crashes();
    assert_string_equal(at.plugin, "guest");
    assert_string_equal(at.version, "1.2.3");
    assert_string_equal(at.event, "work");
    assert_true(at.newest.in_worker);
    assert_int_equal(at.newest.pid, pid);
    assert_int_equal(at.newest.signal, SIGSEGV);
    assert_int_equal(at.newest.address, 16);
    assert_non_null(strstr(at.text, "SIGSEGV"));
    pools_end(pool);
}

static void the_last_256_crashes_are_kept(void **state)
{
    hl__pool *pool = pools_ready("guest", QUICK);

    (void)state;
    for (int i = 0; i < 260; i++)
        assert_int_equal(pools_act(pool, GUEST_EXIT, i % 100), HL_ERR_PLUGIN);
    eventually(ask_crashes().newest.exit_status == 259 % 100);
    assert_int_equal(ask_crashes().len, 256);
    pools_end(pool);
}

static void crashes_and_failures_are_noticed(void **state)
{
    hl_subscription *subscription;
    const hl_notice *notice;
    hl__pool *pool;
    int fd;

    (void)state;
    ok(hl_subscribe_fd(pools_runtime, 0, &fd, &subscription));
    pool = pools_ready("guest", "\"deadline_ms\":100,\"restart\":\"temporary\"");
    assert_int_equal(pools_act(pool, GUEST_HANG, 0), HL_ERR_TIMEOUT);
    eventually(hl_notice_next(subscription, &notice) == HL_OK);
    assert_int_equal(notice->kind, HL_NOTICE_CRASHED);
    assert_int_equal(notice->status, HL_ERR_TIMEOUT);
    assert_string_equal(notice->event, "work");
    assert_non_null(strstr(notice->reason, "over its deadline"));
    eventually(hl_notice_next(subscription, &notice) == HL_OK);
    assert_int_equal(notice->kind, HL_NOTICE_WORKER_FAILED);
    hl_unsubscribe(subscription);
    pools_end(pool);
}

static void workers_are_told_with_what_they_do(void **state)
{
    hl__pool *pool = pools_ready("guest", QUICK ",\"workers\":2,\"group\":\"mine\"");
    pools_caller caller;
    hl_worker_info info;

    (void)state;
    pools_begin(&caller, pool, GUEST_SLEEP, 300, 0);
    eventually(strstr(pools_states(), "busy"));
    info = pools_info("guest", strstr(pools_states(), "guest/0=busy") ? 0 : 1);
    assert_true(info.pid > 0);
    test_sleep_ms(20);
    assert_true(pools_info("guest", info.number).busy_ns >= 20000000);
    assert_true(strlen(info.sandbox) > 0);
    pools_finish(&caller);
    eventually(states_are("guest/0=ready guest/1=ready "));
    assert_int_equal(pools_info("guest", info.number).busy_ns, 0);
    assert_int_equal(pools_info("guest", info.number).calls, 1);
    pools_end(pool);
}

static bool note_inside(const hl_inside_info *info, void *user)
{
    *(hl_inside_info *)user = *info;
    assert_string_equal(info->plugin, "guest");
    assert_string_equal(info->event, "work");
    return false;
}

static void who_is_inside_a_worker_can_be_asked(void **state)
{
    hl__pool *pool = pools_ready("guest", QUICK);
    hl_inside_info inside = {0};
    pools_caller caller;

    (void)state;
    pools_begin(&caller, pool, GUEST_SLEEP, 200, 0);
    eventually((hl__inside_walk(pools_runtime, note_inside, &inside), inside.tid != 0));
    assert_int_equal(inside.worker, hl__pool_pid(pool));
    pools_finish(&caller);
    inside.tid = 0;
    hl__inside_walk(pools_runtime, note_inside, &inside);
    assert_int_equal(inside.tid, 0);
    pools_end(pool);
}

/* Else it could keep the supervisor from all other workers. */
static void a_worker_that_reports_without_being_asked_is_killed(void **state)
{
    hl__pool *pool = pools_ready("guest", QUICK);

    (void)state;
    assert_int_equal(pools_act(pool, GUEST_REPORT, 0), HL_ERR_PLUGIN);
    assert_int_equal(pools_act(pool, GUEST_ANSWER, 0), HL_OK);
    pools_end(pool);
}

/* Waits for a worker of the program "liar", which is never ready, and is not started again. */
static void expect_unready(const char *lie, const char *reason)
{
    char *kept = strdup(getenv("HOOKLINE_WORKER") ? getenv("HOOKLINE_WORKER") : "");
    hl__pool *pool;

    assert_non_null(kept);
    setenv("HOOKLINE_WORKER", HL_TEST_PROGRAMS "/liar", 1);
    pool = pools_of(lie, "guest", 50, QUICK ",\"restart\":\"temporary\"");
    assert_int_equal(hl__pool_ready(pool, hl__now_ns() + UINT64_C(10000000000)), HL_ERR_PLUGIN);
    assert_non_null(strstr(hl_last_error()->message, reason));
    assert_non_null(strstr(pools_info("guest", 0).reason, reason));
    pools_end(pool);
    setenv("HOOKLINE_WORKER", kept, 1);
    free(kept);
}

/* Its start does not wait for the time that a worker has to get ready. */
static void a_worker_that_lies_before_it_is_ready_is_killed_at_once_and_says_why(void **state)
{
    (void)state;
    expect_unready("report-short", "broke the channel's rules");
    expect_unready("report-kind", "broke the channel's rules");
    expect_unready("report-text", "broke the channel's rules");
}

static void a_worker_that_can_never_say_that_it_is_ready_is_killed_soon(void **state)
{
    (void)state;
    expect_unready("report-end", "did not get ready");
}

/* ---- forked processes ---- */

static void a_forked_child_is_refused_and_disturbs_nobody(void **state)
{
    hl__pool *pool = pools_ready("guest", QUICK);
    pid_t child;
    int32_t pid = pools_pid(pool);

    (void)state;
    if (test_sanitized())
        skip();
    child = fork();
    if (child == 0)
        _exit(pools_act(pool, GUEST_ANSWER, 0) == HL_ERR_NOT_LOADED ? 0 : 1);
    assert_int_equal(test_wait(child), 0);
    assert_int_equal(pools_pid(pool), pid);
    pools_end(pool);
}

static void *make_and_end_supervisors(void *stop)
{
    while (!__atomic_load_n((bool *)stop, __ATOMIC_ACQUIRE)) {
        hl__supervisor *supervisor;

        ok(hl__supervisor_of(pools_runtime, &supervisor));
        hl__supervisor_closed(pools_runtime);
    }
    return NULL;
}

/* A supervisor is being made in most of the forks. */
static void a_child_that_was_forked_while_another_thread_makes_the_first_pool_does_not_hang(void **state)
{
    hl_runtime *other = test_open("memory:", 0);
    hl__supervisor *supervisor;
    bool stop = false;
    pthread_t thread;

    (void)state;
    if (test_sanitized()) {
        hl_close(other);
        skip();
    }
    assert_int_equal(pthread_create(&thread, NULL, make_and_end_supervisors, &stop), 0);
    for (int i = 0; i < 300; i++) {
        pid_t child = fork();

        if (child == 0) {
            alarm(5);
            _exit(hl__supervisor_of(other, &supervisor) == HL_OK ? 0 : 1);
        }
        assert_int_equal(test_wait(child), 0);
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    hl_close(other);
}

#define with_pools(test) cmocka_unit_test_setup_teardown(test, pools_open, pools_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pools(a_temporary_worker_is_never_started_again),
        with_pools(a_pool_of_temporary_workers_serves_as_long_as_one_is_left),
        with_pools(a_transient_worker_is_started_again_unless_it_ended_by_itself_with_status_0),
        with_pools(a_permanent_worker_is_started_again_after_any_end),
        with_pools(too_many_restarts_in_the_period_fail_the_pool_until_it_is_forgiven),
        with_pools(a_server_without_descriptors_starts_workers_again_when_it_has_some),
        with_pools(a_library_that_cannot_be_loaded_is_not_tried_again_and_says_why),
        with_pools(pauses_grow_with_each_death_and_begin_anew_after_a_stable_time),
        with_pools(in_a_group_one_for_one_only_who_died_is_started_again),
        with_pools(in_a_group_one_for_all_everybody_is_started_again),
        with_pools(in_a_group_rest_for_one_those_behind_it_are_started_again),
        with_pools(a_temporary_worker_that_ends_with_its_group_is_not_started_again),
        with_pools(a_group_has_one_strategy),
        with_pools(a_group_fails_as_a_whole),
        with_pools(a_crash_is_kept_with_plugin_version_event_signal_and_address),
        with_pools(the_last_256_crashes_are_kept),
        with_pools(crashes_and_failures_are_noticed),
        with_pools(workers_are_told_with_what_they_do),
        with_pools(who_is_inside_a_worker_can_be_asked),
        with_pools(a_worker_that_reports_without_being_asked_is_killed),
        with_pools(a_worker_that_lies_before_it_is_ready_is_killed_at_once_and_says_why),
        with_pools(a_worker_that_can_never_say_that_it_is_ready_is_killed_soon),
        with_pools(a_forked_child_is_refused_and_disturbs_nobody),
        with_pools(a_child_that_was_forked_while_another_thread_makes_the_first_pool_does_not_hang),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
