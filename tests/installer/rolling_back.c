/* Rolling back: the version before, by the same steps, with the same guards. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/installer/support/opened.h"

static void rolling_back_and_again_is_back_where_one_began(void **state)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .plugins = "a b"));
    install(app_package(.app = "shop", .version = "2.0.0", .plugins = "b c"));
    ok(hl_rollback(runtime, "shop", HL_WAIT_COMPILED | HL_WAIT_IDLE, &report));
    assert_string_equal(test_seen_trail(event), "a@1.0.0,b@1.0.0,");
    assert_string_equal(test_status(runtime, "c"), "absent");
    assert_string_equal(test_apps(runtime), "shop 1.0.0<2.0.0 ");
    assert_string_equal(test_last_entry(runtime), "rollback shop 2.0.0 -> 1.0.0 HL_OK");
    assert_string_equal(report.version, "1.0.0");
    assert_string_equal(report.before, "2.0.0");
    assert_true(report.unloaded);
    assert_int_equal(test_mapped("/2.0.0-"), 0);
    ok(hl_rollback(runtime, "shop", 0, NULL));
    assert_string_equal(test_seen_trail(event), "b@2.0.0,c@2.0.0,");
    assert_string_equal(test_apps(runtime), "shop 2.0.0<1.0.0 ");
    hl_install_report_cleanup(&report);
}

static void version_that_was_rolled_back_from_can_be_installed_again(void **state)
{
    const char *second;

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0"));
    second = app_package(.app = "shop", .version = "2.0.0");
    install(second);
    ok(hl_rollback(runtime, "shop", 0, NULL));
    install(second);
    assert_string_equal(test_apps(runtime), "shop 2.0.0<1.0.0 ");
    assert_string_equal(test_seen_trail(event), "shop@2.0.0,");
    ok(hl_rollback(runtime, "shop", 0, NULL));
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
}

/* The version to go back to is another build of the same number: both lie there. */
static void other_content_of_the_same_version_does_not_touch_the_kept_one(void **state)
{
    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0"));
    install(app_package(.app = "shop", .version = "2.0.0"));
    ok(hl_rollback(runtime, "shop", 0, NULL));
    install(app_package(.app = "shop", .version = "2.0.0", .defines = "-DSTATE=1"));
    assert_string_equal(test_seen_trail(event), "shop@2.0.0#1,");
    ok(hl_rollback(runtime, "shop", 0, NULL));
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
}

/* ---- refusals ---- */

static const char *find_library(const char *version)
{
    const char *tree = test_tree(test_path("store/apps/shop"));
    char wanted[32], name[256];
    const char *at;

    snprintf(wanted, sizeof(wanted), "/%s-", version);
    at = strstr(tree, wanted);
    assert_non_null(at);
    assert_int_equal(sscanf(at, "/%255[^/]/", name), 1);
    return test_path("store/apps/shop/%s/lib/shop.so", name);
}

static void refuse(hl_status status, const char *field)
{
    refused(hl_rollback(runtime, "shop", 0, NULL), status, field);
    assert_string_equal(test_apps(runtime), "shop 2.0.0<1.0.0 ");
    assert_string_equal(test_seen_trail(event), "shop@2.0.0,");
    assert_int_equal(test_mapped("/1.0.0-"), 0);
}

/* The bytes that were verified are the bytes that are loaded. */
static void files_that_were_changed_on_disk_are_not_rolled_back_to(void **state)
{
    const char *library;

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0"));
    install(app_package(.app = "shop", .version = "2.0.0"));
    library = find_library("1.0.0");
    assert_int_equal(chmod(library, 0644), 0);
    assert_int_equal(truncate(library, 100), 0);
    refuse(HL_ERR_CHECKSUM, NULL);
    assert_int_equal(unlink(library), 0);
    refuse(HL_ERR_CHECKSUM, NULL);
    assert_string_equal(test_last_entry(runtime), "rollback shop 2.0.0 -> 2.0.0 HL_ERR_CHECKSUM");
}

static void version_before_has_to_suit_the_other_apps(void **state)
{
    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0"));
    install(app_package(.app = "shop", .version = "2.0.0"));
    install(app_folder(.app = "crm", .version = "1.0.0", .event = "x", .manifest = "\"requires\":{\"shop\":\">=2\"}"));
    refused(hl_rollback(runtime, "shop", 0, NULL), HL_ERR_REQUIRES, "requires");
    assert_non_null(strstr(hl_last_error()->message, "crm requires shop >=2"));
    assert_string_equal(test_seen_trail(event), "shop@2.0.0,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rolling_back_and_again_is_back_where_one_began, begin, end),
        cmocka_unit_test_setup_teardown(version_that_was_rolled_back_from_can_be_installed_again, begin, end),
        cmocka_unit_test_setup_teardown(other_content_of_the_same_version_does_not_touch_the_kept_one, begin, end),
        cmocka_unit_test_setup_teardown(files_that_were_changed_on_disk_are_not_rolled_back_to, begin, end),
        cmocka_unit_test_setup_teardown(version_before_has_to_suit_the_other_apps, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
