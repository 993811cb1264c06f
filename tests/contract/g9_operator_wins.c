/* G9 The operator wins. A stopped plugin stays stopped through restarts, upgrades and dependency changes until it is
 * enabled. Rows LC-13, LC-14, LC-22, PB-06, TM-06, X-046. */
#include "tests/support/support.h"

static hl_runtime *runtime;
static hl_event *event;

static int open_it(void **unused)
{
    (void)unused;
    runtime = test_open("memory:", 0);
    event = test_event(runtime, "e");
    run(runtime, .name = "base", .event = "base");
    run(runtime, .name = "a", .event = "e", .depends = "base");
    run(runtime, .name = "b", .event = "e");
    ok(hl_stop(runtime, "a", 0));
    return 0;
}

static int close_it(void **unused)
{
    (void)unused;
    hl_close(runtime);
    return 0;
}

static void expect_stopped(void)
{
    assert_string_equal(test_status(runtime, "a"), "stopped");
    assert_string_equal(test_run_trail(event), "b,");
}

static void starting_and_restarting_it_is_refused(void **unused)
{
    (void)unused;
    refused(hl_start(runtime, "a", 0), HL_ERR_STATUS, "status");
    expect_stopped();
    refused(hl_restart(runtime, "a", 0), HL_ERR_STATUS, "status");
    expect_stopped();
}

static void verbs_for_many_pass_it_by(void **unused)
{
    hl_txn *txn;

    (void)unused;
    ok(hl_start_event(runtime, "e", 0));
    expect_stopped();
    ok(hl_restart_event(runtime, "e", 0));
    expect_stopped();
    ok(hl_start_all(runtime, 0));
    expect_stopped();
    ok(hl_restart_all(runtime, 0));
    expect_stopped();
    ok(hl_txn_begin(runtime, &txn));
    ok(hl_txn_start_event(txn, "e", 0));
    ok(hl_txn_restart_event(txn, "e", 0));
    refused(hl_txn_start(txn, "a", 0), HL_ERR_STATUS, "status");
    refused(hl_txn_restart(txn, "a", 0), HL_ERR_STATUS, "status");
    ok(hl_txn_commit(txn, 0));
    expect_stopped();
}

static void registering_it_again_leaves_it_stopped(void **unused)
{
    (void)unused;
    run(runtime, .name = "a", .event = "e", .depends = "base");
    expect_stopped();
    run(runtime, .name = "a", .event = "e", .priority = PRIORITY(3), .extra = "upgraded");
    expect_stopped();
    run(runtime, .name = "a", .event = "e", .self = (void *)(uintptr_t) "other-code");
    expect_stopped();
}

static void moving_it_to_another_event_leaves_it_stopped(void **unused)
{
    (void)unused;
    run(runtime, .name = "a", .event = "base");
    assert_string_equal(test_status(runtime, "a"), "stopped");
    assert_string_equal(test_run_trail(test_event(runtime, "base")), "base,");
}

static void changes_of_what_it_depends_on_leave_it_stopped(void **unused)
{
    (void)unused;
    ok(hl_stop(runtime, "base", 0));
    expect_stopped();
    ok(hl_enable(runtime, "base", 0));
    expect_stopped();
    ok(hl_unregister(runtime, "base", 0));
    expect_stopped();
    run(runtime, .name = "base", .event = "base");
    expect_stopped();
}

static void a_plugin_stopped_while_held_stays_stopped_after_the_release(void **unused)
{
    (void)unused;
    ok(hl_enable(runtime, "a", 0));
    ok(hl_stop(runtime, "base", 0));
    assert_string_equal(test_status(runtime, "a"), "held");
    ok(hl_stop(runtime, "a", 0));
    ok(hl_enable(runtime, "base", 0));
    expect_stopped();
}

static void what_depends_on_it_stays_held(void **unused)
{
    (void)unused;
    add(runtime, .name = "c", .event = "e", .depends = "a");
    assert_string_equal(test_status(runtime, "c"), "held");
    ok(hl_start_all(runtime, 0));
    ok(hl_stop(runtime, "base", 0));
    ok(hl_enable(runtime, "base", 0));
    assert_string_equal(test_status(runtime, "c"), "held");
    ok(hl_enable(runtime, "a", 0));
    assert_string_equal(test_status(runtime, "c"), "restarted");
    assert_string_equal(test_run_trail(event), "a,b,c,");
}

static void only_enable_ends_it(void **unused)
{
    (void)unused;
    ok(hl_enable(runtime, "a", 0));
    assert_string_equal(test_status(runtime, "a"), "restarted");
    assert_string_equal(test_run_trail(event), "a,b,");
}

static void unregistering_forgets_the_stop(void **unused)
{
    (void)unused;
    ok(hl_unregister(runtime, "a", 0));
    run(runtime, .name = "a", .event = "e");
    assert_string_equal(test_status(runtime, "a"), "started");
}

static void a_stop_survives_restarts_of_the_runtime(void **unused)
{
    const char *folder = test_folder(), *url = test_lmdb(folder);
    hl_runtime *kept = runtime;
    hl_event *kept_event = event;

    (void)unused;
    for (int round = 0; round < 4; round++) {
        runtime = test_open(url, round % 2 ? HL_OPEN_START_REGISTERED : 0);
        event = test_event(runtime, "e");
        run(runtime, .name = "a", .event = "e");
        run(runtime, .name = "b", .event = "e");
        if (round == 0)
            ok(hl_stop(runtime, "a", 0));
        expect_stopped();
        hl_close(runtime);
    }
    runtime = kept;
    event = kept_event;
    test_folder_remove(folder);
}

static void a_stop_by_another_process_reaches_this_one_and_stays(void **unused)
{
    const char *folder = test_folder(), *url = test_lmdb(folder);
    hl_runtime *kept = runtime;
    hl_event *kept_event = event;

    (void)unused;
    runtime = test_open(url, 0);
    event = test_event(runtime, "e");
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "e");
    assert_int_equal(test_wait(test_spawn((const char *[]){"stop", url, "a", NULL})), 0);
    eventually(strcmp(test_seen_trail(event), "b,") == 0);
    expect_stopped();
    run(runtime, .name = "a", .event = "e", .priority = PRIORITY(1));
    refused(hl_start(runtime, "a", 0), HL_ERR_STATUS, "status");
    expect_stopped();
    hl_close(runtime);
    runtime = kept;
    event = kept_event;
    test_folder_remove(folder);
}

static int stop_it(const char *url, const char *name)
{
    hl_runtime *operator= test_open(url, HL_OPEN_RECORDS_ONLY);
    hl_status status = hl_stop(operator, name, 0);

    hl_close(operator);
    return status == HL_OK ? 0 : 1;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(starting_and_restarting_it_is_refused),
        CASE(verbs_for_many_pass_it_by),
        CASE(registering_it_again_leaves_it_stopped),
        CASE(moving_it_to_another_event_leaves_it_stopped),
        CASE(changes_of_what_it_depends_on_leave_it_stopped),
        CASE(a_plugin_stopped_while_held_stays_stopped_after_the_release),
        CASE(what_depends_on_it_stays_held),
        CASE(only_enable_ends_it),
        CASE(unregistering_forgets_the_stop),
        CASE(a_stop_survives_restarts_of_the_runtime),
        CASE(a_stop_by_another_process_reaches_this_one_and_stays),
    };

    if (argc > 3 && strcmp(argv[1], "stop") == 0)
        return stop_it(argv[2], argv[3]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
