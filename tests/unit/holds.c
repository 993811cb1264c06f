/* Hookline's own hold on a plugin: only the plugin's own name ends it. No public call makes one; a server that crashed
 * too often does. */
#include "tests/support/support.h"

#include "core/verbs.h"

static hl_runtime *runtime;

static int open_it(void **unused)
{
    (void)unused;
    runtime = test_open("memory:", 0);
    add(runtime, .name = "below", .event = "request");
    run(runtime, .name = "top", .event = "request", .depends = "below");
    assert_int_equal(hl_start(runtime, "below", 0), HL_OK);
    assert_int_equal(hl_start(runtime, "top", 0), HL_OK);
    return 0;
}

static int close_it(void **unused)
{
    (void)unused;
    hl_close(runtime);
    return 0;
}

static void is(const char *name, hl_plugin_status status, const char *hold, const char *reason)
{
    hl_plugin_info info;

    assert_int_equal(hl_plugin_get(runtime, name, &info), HL_OK);
    assert_int_equal(info.status, status);
    assert_string_equal(info.hold, hold);
    assert_non_null(strstr(info.reason, reason));
    hl_plugin_info_cleanup(&info);
}

static void hold(const char *name)
{
    assert_int_equal(hl__hold(runtime, name, "it crashed 3 times", NULL, NULL), HL_OK);
}

static void a_hold_takes_a_plugin_and_its_dependents_out_and_says_why(void **unused)
{
    (void)unused;
    hold("below");
    is("below", HL_HELD, "it crashed 3 times", "it crashed 3 times");
    is("top", HL_HELD, "", "\"below\" (held)");
}

static void settling_and_bulk_verbs_do_not_end_a_hold(void **unused)
{
    (void)unused;
    hold("top");
    assert_int_equal(hl_restart(runtime, "below", 0), HL_OK);
    is("top", HL_HELD, "it crashed 3 times", "it crashed");
    assert_int_equal(hl_start_all(runtime, 0), HL_OK);
    assert_int_equal(hl_restart_event(runtime, "request", 0), HL_OK);
    assert_int_equal(hl_stop_all(runtime, 0), HL_OK);
    is("top", HL_HELD, "it crashed 3 times", "it crashed");
}

static void registering_again_keeps_the_hold(void **unused)
{
    (void)unused;
    hold("below");
    run(runtime, .name = "below", .event = "request", .priority = PRIORITY(7));
    is("below", HL_HELD, "it crashed 3 times", "it crashed");
}

static void start_restart_and_enable_by_name_end_it(void **unused)
{
    hl_status (*const verbs[])(hl_runtime *, const char *, unsigned) = {hl_start, hl_restart, hl_enable};
    const hl_plugin_status after[] = {HL_STARTED, HL_RESTARTED, HL_RESTARTED};

    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        hold("below");
        assert_int_equal(verbs[i](runtime, "below", 0), HL_OK);
        is("below", after[i], "", "");
        is("top", HL_RESTARTED, "", "");
    }
}

static void enable_ends_a_hold_also_when_a_dependency_still_holds_the_plugin(void **unused)
{
    (void)unused;
    hold("top");
    assert_int_equal(hl_stop(runtime, "below", 0), HL_OK);
    assert_int_equal(hl_start(runtime, "top", 0), HL_ERR_DEPENDENCY);
    is("top", HL_HELD, "it crashed 3 times", "it crashed");
    assert_int_equal(hl_enable(runtime, "top", 0), HL_OK);
    is("top", HL_HELD, "", "\"below\" (stopped)");
    assert_int_equal(hl_enable(runtime, "below", 0), HL_OK);
    is("top", HL_RESTARTED, "", "");
}

static void an_operators_stop_takes_the_place_of_a_hold_and_stays_against_one(void **unused)
{
    (void)unused;
    hold("top");
    assert_int_equal(hl_stop(runtime, "top", 0), HL_OK);
    is("top", HL_STOPPED, "", "operator");
    hold("top");
    is("top", HL_STOPPED, "", "operator");
}

static void a_hold_is_kept_by_the_store(void **unused)
{
    hl_runtime *mine = runtime;
    char folder[] = "hold-XXXXXX", url[64], command[64];

    (void)unused;
    assert_non_null(mkdtemp(folder));
    snprintf(url, sizeof(url), "lmdb:%s", folder);
    runtime = test_open(url, 0);
    run(runtime, .name = "crasher", .event = "request");
    hold("crasher");
    hl_close(runtime);
    runtime = test_open(url, HL_OPEN_START_REGISTERED);
    is("crasher", HL_HELD, "it crashed 3 times", "it crashed");
    hl_close(runtime);
    runtime = mine;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static void a_hold_on_what_is_not_there_is_refused(void **unused)
{
    (void)unused;
    assert_int_equal(hl__hold(runtime, "nobody", "it crashed", NULL, NULL), HL_ERR_NOT_FOUND);
}

int main(void)
{
#define HERE(test) cmocka_unit_test_setup_teardown(test, open_it, close_it)
    const struct CMUnitTest tests[] = {
        HERE(a_hold_takes_a_plugin_and_its_dependents_out_and_says_why),
        HERE(settling_and_bulk_verbs_do_not_end_a_hold),
        HERE(registering_again_keeps_the_hold),
        HERE(start_restart_and_enable_by_name_end_it),
        HERE(enable_ends_a_hold_also_when_a_dependency_still_holds_the_plugin),
        HERE(an_operators_stop_takes_the_place_of_a_hold_and_stays_against_one),
        HERE(a_hold_is_kept_by_the_store),
        HERE(a_hold_on_what_is_not_there_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
