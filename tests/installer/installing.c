/* Installing and upgrading: what a server sees, and what is left when it is refused. */
#include <unistd.h>

#include "tests/installer/support/app.h"

static hl_runtime *runtime;
static hl_event *event;

static int begin(void **state)
{
    test_begin(state);
    runtime = test_open_store(0);
    event = test_event(runtime, "e");
    return 0;
}

static int end(void **state)
{
    hl_close(runtime);
    return test_end(state);
}

/* A10 A11 IN-01 IN-02 IN-06 IN-13: the record, the folder and the chain. */
static void folder_is_installed_and_its_plugins_join_their_chain(void **state)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;
    const char *folder = app_folder(.app = "shop", .version = "1.0.0", .plugins = "shop-a shop-b");

    (void)state;
    ok(test_install(runtime, folder, &report));
    assert_string_equal(test_seen_trail(event), "shop-a@1.0.0,shop-b@1.0.0,");
    assert_string_equal(test_apps(runtime), "shop 1.0.0 ");
    assert_string_equal(report.app, "shop");
    assert_string_equal(report.version, "1.0.0");
    assert_string_equal(report.before, "");
    assert_string_equal(report.source, folder);
    assert_int_equal(report.plugins_len, 2);
    assert_int_equal(report.step, HL_STEP_RETIRE);
    assert_int_equal(strlen(report.sha256), 64);
    assert_true(test_exists(report.folder));
    assert_true(report.unloaded);
    assert_string_equal(test_last_entry(runtime), "install shop  -> 1.0.0 HL_OK");
    hl_install_report_cleanup(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folder_is_installed_and_its_plugins_join_their_chain, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
