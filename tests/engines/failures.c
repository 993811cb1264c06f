/* Every way in which compiling can fail ends in a working reference chain, a reason that hl_explain shows, and one
 * notice; and the chain is compiled when the cause is gone. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/engines/support/scene.h"

#define SECONDS UINT64_C(1000000000)

static char program[128]; /* in the folder; what it is depends on the case */
static scene s;

static void link_program(const char *to)
{
    snprintf(program, sizeof(program), "%s/program", scene_folder);
    unlink(program);
    if (to)
        assert_int_equal(symlink(to, program), 0);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", scene_folder, name);
    unlink(path);
    file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

/* The program fails; while it does, so does the second attempt after the pause, and nobody hears of it twice. */
static void expect_failure(const char *reason, uint64_t most_ns)
{
    uint64_t begun = test_now_ns();

    ok(hl_wait_compiled(s.runtime, 30000));
    assert_in_range(test_now_ns() - begun, 0, most_ns);
    scene_expect_reference(&s, reason);
    assert_int_equal(s.failed, 1);
    eventually(test_counters(s.runtime).compile_failures >= 3);
    scene_take_notices(&s);
    assert_int_equal(s.failed, 1);
    assert_int_equal(s.compiled, 0);
    assert_in_range(scene_change_ns(&s), 0, most_ns);
    scene_expect_reference(&s, reason);
    assert_int_equal(s.failed, 2); /* another generation has failed */
}

static void expect_recovery(void)
{
    scene_await_compiled(&s);
    eventually((scene_take_notices(&s), s.compiled == 1));
    assert_in_range(scene_change_ns(&s), 0, 10 * SECONDS);
    scene_expect_compiled(&s);
    scene_take_notices(&s);
    assert_int_equal(s.compiled, 2);
    assert_int_equal(s.failed, 2);
}

static const char *real_program(void)
{
    return getenv("HOOKLINE_JIT");
}

static void need_compiler(void)
{
    if (!HL_TEST_HAVE_JIT)
        skip();
}

/* ---- programs that do not start ---- */

static void a_missing_program_is_a_reason_until_it_is_there(void **state)
{
    (void)state;
    need_compiler();
    link_program(NULL);
    scene_open(&s, program, 0);
    expect_failure("there is no hookline-jit at", 2 * SECONDS);
    link_program(real_program());
    expect_recovery();
    scene_close(&s);
}

static void a_program_that_may_not_be_executed_is_a_reason_until_it_may(void **state)
{
    (void)state;
    need_compiler();
    link_program(NULL);
    write_file("program", "#!/bin/sh\n", 0644);
    scene_open(&s, program, 0);
    expect_failure("cannot be started", 2 * SECONDS);
    link_program(real_program());
    expect_recovery();
    scene_close(&s);
}

static void a_program_that_is_no_program_is_a_reason(void **state)
{
    (void)state;
    need_compiler();
    link_program(NULL);
    write_file("program", "this is text", 0755);
    scene_open(&s, program, 0);
    expect_failure("cannot be started", 2 * SECONDS);
    scene_close(&s);
}

/* ---- programs that start and fail ---- */

static void fail_and_recover(const char *way, const char *reason, uint32_t timeout_ms, uint64_t most_ns)
{
    need_compiler();
    write_file("way", way, 0600);
    link_program(HL_TEST_PROGRAMS "/bad_jit");
    scene_open(&s, program, timeout_ms);
    expect_failure(reason, most_ns);
    link_program(real_program());
    expect_recovery();
    scene_close(&s);
}

static void a_program_that_exits_at_once_is_a_reason(void **state)
{
    (void)state;
    fail_and_recover("exit", "ended with exit status 3", 0, 3 * SECONDS);
}

static void a_program_that_crashes_is_a_reason(void **state)
{
    (void)state;
    fail_and_recover("crash", "SIGABRT", 0, 3 * SECONDS);
}

/* The time-out has to be long enough for the real one that follows. */
static void a_program_that_hangs_is_a_reason_when_its_time_is_over(void **state)
{
    (void)state;
    fail_and_recover("hang", "took longer than 500 ms", 500, 5 * SECONDS);
}

static void a_program_that_writes_garbage_is_a_reason(void **state)
{
    (void)state;
    fail_and_recover("garbage", "hookline-jit", 0, 3 * SECONDS);
}

static void a_program_that_shuts_its_socket_is_a_reason(void **state)
{
    (void)state;
    fail_and_recover("deaf", "hookline-jit", 2000, 5 * SECONDS);
}

/* ---- tools that the compiler needs ---- */

static const char *find_as(void)
{
    static const char *const places[] = {"/usr/bin/as", "/bin/as", "/usr/local/bin/as"};

    for (size_t i = 0; i < 3; i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

static void a_missing_assembler_is_a_reason_until_it_is_there(void **state)
{
    char *path = strdup(getenv("PATH"));
    char link[256];

    (void)state;
    need_compiler();
    if (!find_as())
        skip();
    setenv("PATH", scene_folder, 1);
    scene_open(&s, NULL, 0);
    expect_failure("as", 5 * SECONDS);
    snprintf(link, sizeof(link), "%s/as", scene_folder);
    assert_int_equal(symlink(find_as(), link), 0);
    expect_recovery();
    scene_close(&s);
    unlink(link);
    setenv("PATH", path, 1);
    free(path);
}

/* ---- the real program, ill-treated ---- */

static void a_helper_killed_at_work_on_one_chain_is_a_reason_for_a_moment(void **state)
{
    (void)state;
    need_compiler();
    scene_open(&s, NULL, 0);
    eventually(scene_helper() != 0);
    kill(scene_helper(), SIGKILL);
    scene_await_compiled(&s);
    assert_int_equal(test_counters(s.runtime).helper_starts, 2);
    eventually((scene_take_notices(&s), s.compiled == 1));
    assert_int_equal(s.failed, 1);
    assert_non_null(strstr(s.reason, "SIGKILL"));
    scene_close(&s);
}

#define EVENTS 8

static void open_events(hl_event **events)
{
    static const char *const names[EVENTS] = {"e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7"};
    hl_txn *txn;

    ok(hl_txn_begin(s.runtime, &txn));
    for (int i = 0; i < EVENTS; i++) {
        events[i] = test_event(s.runtime, names[i]);
        ok(test_txn_register(txn, &(test_plugin){.name = names[i], .event = names[i]}, HL_START));
    }
    ok(hl_txn_commit(txn, 0));
}

static void a_helper_killed_at_work_on_many_chains_costs_none_of_them(void **state)
{
    hl_event *events[EVENTS];

    (void)state;
    need_compiler();
    scene_open(&s, NULL, 0);
    ok(hl_wait_compiled(s.runtime, 30000));
    open_events(events);
    usleep(5000);
    kill(scene_helper(), SIGKILL);
    ok(hl_wait_compiled(s.runtime, 30000));
    for (int i = 0; i < EVENTS; i++)
        assert_int_equal(hl_event_engine(events[i]), HL_ENGINE_COMPILED);
    assert_int_equal(test_counters(s.runtime).compile_failures, 0);
    scene_close(&s);
}

static bool killing;

static void *kill_helpers(void *unused)
{
    while (__atomic_load_n(&killing, __ATOMIC_SEQ_CST)) {
        pid_t helper = scene_helper();

        if (helper)
            kill(helper, SIGKILL);
        usleep(200);
    }
    return unused;
}

static void helpers_killed_again_and_again_are_a_reason_until_they_live(void **state)
{
    pthread_t killer;

    (void)state;
    need_compiler();
    killing = true;
    assert_int_equal(pthread_create(&killer, NULL, kill_helpers, NULL), 0);
    scene_open(&s, NULL, 0);
    expect_failure("SIGKILL", 5 * SECONDS);
    __atomic_store_n(&killing, false, __ATOMIC_SEQ_CST);
    pthread_join(killer, NULL);
    expect_recovery();
    scene_close(&s);
}

static void an_idle_helper_that_is_killed_is_replaced_in_silence(void **state)
{
    (void)state;
    need_compiler();
    scene_open(&s, NULL, 0);
    ok(hl_wait_compiled(s.runtime, 30000));
    assert_int_equal(kill(scene_helper(), SIGKILL), 0);
    eventually(scene_children() == 0);
    scene_change_ns(&s);
    scene_expect_compiled(&s);
    scene_take_notices(&s);
    assert_int_equal(s.failed, 0);
    scene_close(&s);
}

static void a_stopped_helper_is_given_up_when_its_time_is_over(void **state)
{
    (void)state;
    need_compiler();
    scene_open(&s, NULL, 1000);
    ok(hl_wait_compiled(s.runtime, 30000));
    scene_expect_compiled(&s);
    assert_int_equal(kill(scene_helper(), SIGSTOP), 0);
    assert_in_range(scene_change_ns(&s), SECONDS, 5 * SECONDS);
    scene_expect_reference(&s, "took longer than 1000 ms");
    assert_int_equal(s.failed, 1);
    scene_await_compiled(&s);
    eventually((scene_take_notices(&s), s.compiled == 2));
    assert_int_equal(s.failed, 1);
    scene_close(&s);
}

static void a_runtime_may_be_closed_while_its_compiler_hangs(void **state)
{
    uint64_t begun;

    (void)state;
    need_compiler();
    write_file("way", "hang", 0600);
    link_program(HL_TEST_PROGRAMS "/bad_jit");
    scene_open(&s, program, 20000);
    eventually(scene_children() == 1);
    begun = test_now_ns();
    scene_close(&s);
    assert_in_range(test_now_ns() - begun, 0, 2 * SECONDS);
}

/* A failing compiler is tried again with growing pauses, not in a loop. */
static void a_broken_compiler_is_not_tried_without_pause(void **state)
{
    uint64_t starts;

    (void)state;
    need_compiler();
    write_file("way", "exit", 0600);
    link_program(HL_TEST_PROGRAMS "/bad_jit");
    scene_open(&s, program, 0);
    ok(hl_wait_compiled(s.runtime, 30000));
    for (int i = 0; i < 100; i++)
        assert_in_range(scene_change_ns(&s), 0, SECONDS);
    test_sleep_ms(500);
    starts = test_counters(s.runtime).helper_starts;
    print_message("%llu helpers started for 101 changes\n", (unsigned long long)starts);
    assert_in_range(starts, 1, 20);
    scene_close(&s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_missing_program_is_a_reason_until_it_is_there),
        CASE(a_program_that_may_not_be_executed_is_a_reason_until_it_may),
        CASE(a_program_that_is_no_program_is_a_reason),
        CASE(a_program_that_exits_at_once_is_a_reason),
        CASE(a_program_that_crashes_is_a_reason),
        CASE(a_program_that_hangs_is_a_reason_when_its_time_is_over),
        CASE(a_program_that_writes_garbage_is_a_reason),
        CASE(a_program_that_shuts_its_socket_is_a_reason),
        CASE(a_missing_assembler_is_a_reason_until_it_is_there),
        CASE(a_helper_killed_at_work_on_one_chain_is_a_reason_for_a_moment),
        CASE(a_helper_killed_at_work_on_many_chains_costs_none_of_them),
        CASE(helpers_killed_again_and_again_are_a_reason_until_they_live),
        CASE(an_idle_helper_that_is_killed_is_replaced_in_silence),
        CASE(a_stopped_helper_is_given_up_when_its_time_is_over),
        CASE(a_runtime_may_be_closed_while_its_compiler_hangs),
        CASE(a_broken_compiler_is_not_tried_without_pause),
    };

    return cmocka_run_group_tests(tests, scene_make_folder, scene_remove_folder);
}
