/* Several operations as one: one commit, one compile and one swap for each touched event, nothing of it visible or
 * stored when a step fails. Rows, EH-08. */
#include "tests/support/support.h"

static hl_runtime *runtime;

static int open_it(void **unused)
{
    (void)unused;
    runtime = test_open("memory:", 0);
    return 0;
}

static int close_it(void **unused)
{
    (void)unused;
    hl_close(runtime);
    return 0;
}

static hl_txn *begin(void)
{
    hl_txn *txn;

    ok(hl_txn_begin(runtime, &txn));
    return txn;
}

static void step_run(hl_txn *txn, const char *name, const char *event)
{
    ok(test_txn_register(txn, &(test_plugin){.name = name, .event = event}, HL_START));
}

/* ---- one of each ---- */

static void many_steps_are_one_commit_and_one_swap_and_one_compile_for_each_event(void **unused)
{
    hl_event *e = test_event(runtime, "e"), *f = test_event(runtime, "f");
    hl_counters before, after;
    hl_txn *txn = begin();

    (void)unused;
    test_event(runtime, "untouched");
    for (int i = 0; i < 20; i++) {
        static char names[20][8];

        snprintf(names[i], sizeof(names[i]), "p%02d", i);
        step_run(txn, names[i], i % 2 ? "e" : "f");
    }
    ok(hl_txn_stop(txn, "p00", 0));
    ok(hl_txn_restart(txn, "p01", 0));
    before = test_counters(runtime);
    ok(hl_txn_commit(txn, HL_WAIT_COMPILED));
    after = test_counters(runtime);
    assert_int_equal(after.commits - before.commits, 1);
    assert_int_equal(after.swaps - before.swaps, 2);
    assert_int_equal(after.compiled - before.compiled, test_engine() == HL_ENGINE_COMPILED ? 2 : 0);
    assert_int_equal(test_revision(runtime, "p03"), test_revision(runtime, "p19"));
    test_settle(runtime, e);
    test_settle(runtime, f);
    assert_string_equal(test_run_trail(e), "p01,p03,p05,p07,p09,p11,p13,p15,p17,p19,");
}

static void the_stores_revision_rises_by_one(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime;
    hl_store_info before = {.size = sizeof(before)}, after = {.size = sizeof(after)};
    hl_txn *txn;

    (void)unused;
    runtime = test_open(test_lmdb(folder), 0);
    run(runtime, .name = "a", .event = "e");
    ok(hl_store_check(test_lmdb(folder), &before, NULL, NULL));
    txn = begin();
    step_run(txn, "b", "e");
    step_run(txn, "c", "f");
    ok(hl_txn_unregister(txn, "a", 0));
    ok(hl_txn_commit(txn, 0));
    ok(hl_store_check(test_lmdb(folder), &after, NULL, NULL));
    assert_int_equal(after.revision, before.revision + 1);
    assert_int_equal(after.plugins_len, 2);
    hl_close(runtime);
    runtime = kept;
    test_folder_remove(folder);
}

static void a_subscriber_sees_each_change_and_each_swap_once(void **unused)
{
    test_notices notices;
    hl_txn *txn;

    (void)unused;
    test_event(runtime, "e");
    run(runtime, .name = "old", .event = "e");
    test_notices_begin(runtime, &notices);
    txn = begin();
    step_run(txn, "a", "e");
    step_run(txn, "b", "e");
    ok(hl_txn_unregister(txn, "old", 0));
    assert_string_equal(test_notices_take(&notices), "");
    ok(hl_txn_commit(txn, 0));
    assert_string_equal(test_notices_take(&notices), "registered a\nstatus a registered started\n"
                                                     "registered b\nstatus b registered started\n"
                                                     "unregistered old\nswapped e\n");
    test_notices_end(&notices);
}

/* ---- steps see the steps before them ---- */

static void steps_are_checked_against_the_steps_before_them(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    hl_txn *txn = begin();

    (void)unused;
    step_run(txn, "a", "e");
    ok(test_txn_register(txn, &(test_plugin){.name = "b", .event = "e", .depends = "a"}, HL_START));
    ok(hl_txn_stop(txn, "a", 0));
    refused(hl_txn_start(txn, "b", 0), HL_ERR_DEPENDENCY, "depends");
    refused(hl_txn_start(txn, "a", 0), HL_ERR_STATUS, "status");
    ok(hl_txn_enable(txn, "a", 0));
    ok(hl_txn_start(txn, "b", 0));
    refused(test_txn_register(txn, &(test_plugin){.name = "a", .event = "e", .depends = "b"}, 0), HL_ERR_CYCLE,
            "depends");
    ok(hl_txn_commit(txn, 0));
    assert_string_equal(test_statuses(runtime), "a=restarted b=started ");
    assert_string_equal(test_run_trail(event), "a,b,");
}

static void a_plugin_may_come_and_go_within_one_transaction(void **unused)
{
    test_notices notices;
    hl_txn *txn = begin();
    uint64_t commits = test_counters(runtime).commits;

    (void)unused;
    test_notices_begin(runtime, &notices);
    step_run(txn, "a", "e");
    ok(hl_txn_unregister(txn, "a", 0));
    ok(hl_txn_commit(txn, 0));
    assert_string_equal(test_statuses(runtime), "");
    assert_int_equal(test_counters(runtime).commits, commits);
    assert_string_equal(test_notices_take(&notices), "");
    test_notices_end(&notices);
}

static void a_plugin_can_be_replaced_within_one_transaction(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    test_trail trail = {""};
    hl_txn *txn;
    char id[37];
    hl_plugin_info info;

    (void)unused;
    run(runtime, .name = "a", .event = "e");
    ok(hl_plugin_get(runtime, "a", &info));
    snprintf(id, sizeof(id), "%s", info.id);
    hl_plugin_info_cleanup(&info);
    txn = begin();
    ok(hl_txn_unregister(txn, "a", 0));
    ok(test_txn_register(txn, &(test_plugin){.name = "a", .event = "e", .self = (void *)(uintptr_t) "anew"}, HL_START));
    ok(hl_txn_commit(txn, 0));
    assert_int_equal(hl_call(event, &trail, NULL).verdict, HL_NEXT);
    assert_string_equal(trail.text, "anew,");
    ok(hl_plugin_get(runtime, "a", &info));
    assert_string_not_equal(info.id, id);
    hl_plugin_info_cleanup(&info);
}

static void verbs_for_an_event_are_steps_too(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    hl_txn *txn = begin();

    (void)unused;
    ok(test_txn_register(txn, &(test_plugin){.name = "a", .event = "e"}, 0));
    ok(test_txn_register(txn, &(test_plugin){.name = "b", .event = "e"}, 0));
    ok(hl_txn_start_event(txn, "e", 0));
    ok(hl_txn_restart_event(txn, "e", 0));
    refused(hl_txn_stop_event(txn, "none", 0), HL_ERR_NOT_FOUND, "event");
    ok(hl_txn_commit(txn, 0));
    assert_string_equal(test_statuses(runtime), "a=restarted b=restarted ");
    txn = begin();
    ok(hl_txn_stop_event(txn, "e", 0));
    ok(hl_txn_unregister_event(txn, "e", 0));
    refused(hl_txn_start_event(txn, "e", 0), HL_ERR_NOT_FOUND, "event");
    ok(hl_txn_commit(txn, 0));
    assert_string_equal(test_run_trail(event), "");
}

/* ---- beside other changes ---- */

static void what_others_did_meanwhile_is_kept(void **unused)
{
    hl_txn *txn;

    (void)unused;
    run(runtime, .name = "a", .event = "e");
    txn = begin();
    ok(test_txn_register(txn, &(test_plugin){.name = "a", .event = "e", .extra = "by the transaction"}, 0));
    ok(hl_stop(runtime, "a", 0));
    run(runtime, .name = "b", .event = "e");
    refused(hl_txn_start(txn, "a", 0), HL_ERR_STATUS, "status");
    ok(hl_txn_commit(txn, 0));
    assert_string_equal(test_statuses(runtime), "a=stopped b=started ");
}

static void a_step_that_became_impossible_is_named_and_a_later_commit_is_not_harmed(void **unused)
{
    hl_txn *txn = begin(), *other = begin();

    (void)unused;
    run(runtime, .name = "a", .event = "e");
    step_run(txn, "b", "e");
    ok(hl_txn_stop(txn, "a", 0));
    ok(hl_txn_stop(other, "a", 0));
    ok(hl_txn_commit(other, 0));
    refused(hl_txn_commit(txn, 0), HL_ERR_STATUS, "status");
    assert_non_null(strstr(hl_last_error()->message, "Step 2: "));
    assert_string_equal(test_statuses(runtime), "a=stopped ");
}

/* The earlier step is impossible now; once the cause is gone the transaction is as good as before. */
static void a_transaction_recovers_when_what_stood_in_its_way_is_undone(void **unused)
{
    hl_txn *txn = begin();

    (void)unused;
    run(runtime, .name = "a", .event = "e");
    ok(hl_txn_restart(txn, "a", 0));
    step_run(txn, "b", "e");
    ok(hl_stop(runtime, "a", 0));
    assert_int_not_equal(hl_txn_stop(txn, "b", 0), HL_OK);
    ok(hl_enable(runtime, "a", 0));
    ok(hl_txn_stop(txn, "b", 0));
    ok(hl_txn_commit(txn, 0));
    assert_string_equal(test_statuses(runtime), "a=restarted b=stopped ");
}

/* ---- the end ---- */

static void an_empty_transaction_commits_nothing(void **unused)
{
    uint64_t commits = test_counters(runtime).commits;

    (void)unused;
    ok(hl_txn_commit(begin(), 0));
    hl_txn_abort(begin());
    hl_txn_abort(NULL);
    assert_int_equal(test_counters(runtime).commits, commits);
}

static void a_transaction_that_outlives_its_runtime_is_refused(void **unused)
{
    hl_runtime *kept = runtime;
    hl_txn *txn, *other;

    (void)unused;
    runtime = test_open("memory:", 0);
    txn = begin();
    other = begin();
    step_run(txn, "a", "e");
    step_run(other, "a", "e");
    hl_close(runtime);
    refused(hl_txn_start(txn, "a", 0), HL_ERR_CLOSED, "runtime");
    refused(test_txn_register(txn, &(test_plugin){.name = "b", .event = "e"}, 0), HL_ERR_CLOSED, "runtime");
    refused(hl_txn_commit(txn, 0), HL_ERR_CLOSED, "runtime");
    hl_txn_abort(other);
    refused(hl_txn_begin(runtime, &txn), HL_ERR_CLOSED, "runtime");
    runtime = kept;
}

static void bad_arguments_are_refused(void **unused)
{
    hl_txn *txn = begin();

    (void)unused;
    refused(hl_txn_begin(NULL, &txn), HL_ERR_INVALID, "runtime");
    refused(hl_txn_begin(runtime, NULL), HL_ERR_INVALID, "out");
    refused(hl_txn_start(NULL, "a", 0), HL_ERR_INVALID, "txn");
    refused(hl_txn_commit(NULL, 0), HL_ERR_INVALID, "txn");
    refused(test_txn_register(NULL, &(test_plugin){.name = "a", .event = "e"}, 0), HL_ERR_INVALID, "txn");
    refused(hl_txn_start(txn, NULL, 0), HL_ERR_INVALID, "name");
    refused(hl_txn_start(txn, "", 0), HL_ERR_INVALID, "name");
    refused(hl_txn_stop(txn, "a", HL_WAIT_COMPILED), HL_ERR_FLAGS, "flags");
    refused(test_txn_register(txn, &(test_plugin){.name = "a", .event = "e"}, HL_WAIT_IDLE), HL_ERR_FLAGS, "flags");
    refused(hl_txn_register(txn, NULL, 0), HL_ERR_INVALID, "spec");
    step_run(txn, "a", "e");
    refused(hl_txn_commit(txn, HL_START), HL_ERR_FLAGS, "flags");
    assert_string_equal(test_statuses(runtime), "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(many_steps_are_one_commit_and_one_swap_and_one_compile_for_each_event),
        CASE(the_stores_revision_rises_by_one),
        CASE(a_subscriber_sees_each_change_and_each_swap_once),
        CASE(steps_are_checked_against_the_steps_before_them),
        CASE(a_plugin_may_come_and_go_within_one_transaction),
        CASE(a_plugin_can_be_replaced_within_one_transaction),
        CASE(verbs_for_an_event_are_steps_too),
        CASE(what_others_did_meanwhile_is_kept),
        CASE(a_step_that_became_impossible_is_named_and_a_later_commit_is_not_harmed),
        CASE(a_transaction_recovers_when_what_stood_in_its_way_is_undone),
        CASE(an_empty_transaction_commits_nothing),
        CASE(a_transaction_that_outlives_its_runtime_is_refused),
        CASE(bad_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
