/* The hookline command changes a running server: this process is the server, the command another one. And library
 * plugins whose file is there, or is not. */
#include <unistd.h>

#include "tests/processes/support/peer.h"

static hl_runtime *runtime;
static hl_event *event;

static int begin(void **state)
{
    peer_begin(state);
    runtime = peer_open(0);
    event = test_event(runtime, "e");
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "e", .depends = "a");
    return 0;
}

static int end(void **state)
{
    hl_close(runtime);
    return peer_end_case(state);
}

#define command(...) peer_command((const char *const[]){__VA_ARGS__, NULL})

static void the_command_changes_what_a_running_server_dispatches(void **state)
{
    (void)state;
    assert_string_equal(test_run_trail(event), "a,b,");
    assert_int_equal(command("stop", "a", "--wait"), 0);
    assert_string_equal(test_run_trail(event), "");
    assert_string_equal(test_statuses(runtime), "a=stopped b=held ");
    assert_int_equal(command("enable", "a", "--wait"), 0);
    assert_string_equal(test_run_trail(event), "a,b,");
    assert_int_equal(command("unregister", "b", "--wait"), 0);
    assert_string_equal(test_run_trail(event), "a,");
    assert_string_equal(test_status(runtime, "b"), "absent");
}

static void without_wait_the_change_is_seen_soon(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(command("stop", "b"), 0);
        eventually(strcmp(test_seen_trail(event), "a,") == 0);
        assert_int_equal(command("enable", "b"), 0);
        eventually(strcmp(test_seen_trail(event), "a,b,") == 0);
    }
}

static void a_refused_command_changes_nothing(void **state)
{
    (void)state;
    assert_int_not_equal(command("start", "nobody"), 0);
    assert_int_not_equal(command("enable", "a"), 0);
    assert_int_not_equal(command("register", "/nowhere/lib.so"), 0);
    assert_int_not_equal(command("stop", "a", "nobody"), 0);
    assert_string_equal(test_statuses(runtime), "a=started b=started ");
    assert_string_equal(test_run_trail(event), "a,b,");
}

static void the_command_shows_and_explains_the_running_server(void **state)
{
    (void)state;
    assert_int_equal(command("show", "e"), 0);
    assert_int_equal(command("explain", "e"), 0);
    assert_int_equal(command("health"), 0);
    assert_int_equal(command("store", "check"), 0);
    assert_int_equal(command("dump", "e"), 0);
}

/* ---- library plugins ---- */

static char library[256]; /* a copy in the store's folder, that may vanish */

static void copy_library(void)
{
    char line[768];

    snprintf(library, sizeof(library), "%s-guest.so", peer_store + strlen("lmdb:"));
    snprintf(line, sizeof(line), "cp '%s' '%s'", HL_TEST_PLUGINS "/processes-guest.so", library);
    assert_int_equal(system(line), 0);
}

static void a_library_registered_by_the_command_is_loaded_by_the_server(void **state)
{
    hl_plugin_info info;

    (void)state;
    copy_library();
    assert_int_equal(command("register", library, "--start", "--wait"), 0);
    assert_string_equal(test_run_trail(event), "a,b,guest,");
    ok(hl_plugin_get(runtime, "guest", &info));
    assert_true(info.loaded);
    assert_non_null(strstr(info.library, "guest.so"));
    assert_string_equal(info.version, "2.0.0");
    assert_string_equal(info.reason, "");
    hl_plugin_info_cleanup(&info);
    assert_int_equal(command("unregister", "guest", "--wait"), 0);
    assert_string_equal(test_run_trail(event), "a,b,");
}

/* The server ends and starts again, on the same store. The names that it registers are those of before. */
static void restart_server(unsigned event_flags)
{
    hl_event_spec spec = HL_EVENT_INIT("e");

    spec.flags = event_flags;
    hl_close(runtime);
    runtime = peer_open(0);
    ok(hl_event_define(runtime, &spec, &event));
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "e", .depends = "a");
}

static void a_registered_library_is_loaded_again_at_the_next_start(void **state)
{
    (void)state;
    copy_library();
    ok(hl_register_library(runtime, library, HL_START));
    restart_server(0);
    assert_string_equal(test_run_trail(event), "a,b,guest,");
    assert_int_equal(command("stop", "guest", "--wait"), 0);
    restart_server(0);
    assert_string_equal(test_run_trail(event), "a,b,");
    assert_string_equal(test_status(runtime, "guest"), "stopped");
}

static void expect_reason(const char *text)
{
    if (!strstr(text, library))
        fail_msg("\"%s\" does not name %s", text, library);
}

static void expect_unavailable(void)
{
    static test_text text;
    test_trail trail = {""};
    hl_plugin_info info;
    hl_reply reply = hl_call(event, &trail, NULL);

    assert_int_equal(reply.verdict, HL_ERR_NOT_LOADED);
    assert_ptr_equal(reply.state, &trail);
    assert_string_equal(trail.text, "");
    assert_non_null(strstr(hl_last_error()->message, "guest"));
    ok(hl_plugin_get(runtime, "guest", &info));
    assert_false(info.loaded);
    expect_reason(info.reason);
    hl_plugin_info_cleanup(&info);
    text.len = 0;
    ok(hl_explain(runtime, "e", test_take_line, &text));
    expect_reason(text.text);
}

static void an_event_whose_library_has_vanished_is_unavailable_and_says_why(void **state)
{
    (void)state;
    copy_library();
    ok(hl_register_library(runtime, library, HL_START));
    assert_int_equal(unlink(library), 0);
    assert_string_equal(test_run_trail(event), "a,b,guest,"); /* what is mapped stays */
    restart_server(0);
    expect_unavailable();
    ok(hl_wait_compiled(runtime, 30000));
    expect_unavailable();
    assert_int_equal(command("stop", "guest", "--wait"), 0);
    assert_string_equal(test_run_trail(event), "a,b,");
    assert_int_equal(command("enable", "guest", "--wait"), 0);
    expect_unavailable();
}

static void an_event_that_skips_missing_plugins_runs_without_the_vanished_one(void **state)
{
    (void)state;
    copy_library();
    ok(hl_register_library(runtime, library, HL_START));
    assert_int_equal(unlink(library), 0);
    restart_server(HL_EVENT_SKIP_MISSING);
    assert_string_equal(test_run_trail(event), "a,b,");
    ok(hl_wait_compiled(runtime, 30000));
    assert_int_equal(hl_event_engine(event), HL_TEST_HAVE_JIT ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE);
    assert_string_equal(test_run_trail(event), "a,b,");
}

static void a_library_that_is_put_back_is_loaded_when_it_is_registered_again(void **state)
{
    (void)state;
    copy_library();
    ok(hl_register_library(runtime, library, HL_START));
    assert_int_equal(unlink(library), 0);
    restart_server(0);
    expect_unavailable();
    copy_library();
    assert_int_equal(command("register", library, "--start", "--wait"), 0);
    assert_string_equal(test_run_trail(event), "a,b,guest,");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_command_changes_what_a_running_server_dispatches),
        CASE(without_wait_the_change_is_seen_soon),
        CASE(a_refused_command_changes_nothing),
        CASE(the_command_shows_and_explains_the_running_server),
        CASE(a_library_registered_by_the_command_is_loaded_by_the_server),
        CASE(a_registered_library_is_loaded_again_at_the_next_start),
        CASE(an_event_whose_library_has_vanished_is_unavailable_and_says_why),
        CASE(an_event_that_skips_missing_plugins_runs_without_the_vanished_one),
        CASE(a_library_that_is_put_back_is_loaded_when_it_is_registered_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
