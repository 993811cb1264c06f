/* Uninstalling, and what hl_gc deletes. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/installer/support/opened.h"

/* IN-16 IN-17 X-010: one record, all of it gone: plugins, code, versions, folders, also after a restart. */
static void removed_app_leaves_nothing(void **state)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .plugins = "a b"));
    install(app_package(.app = "shop", .version = "1.1.0", .plugins = "a b"));
    install(app_package(.app = "crm", .version = "1.0.0"));
    ok(hl_uninstall(runtime, "shop", HL_WAIT_COMPILED, &report));
    assert_string_equal(test_seen_trail(event), "crm@1.0.0,");
    assert_string_equal(test_apps(runtime), "crm 1.0.0 ");
    assert_string_equal(test_statuses(runtime), "crm=started ");
    assert_false(test_exists(test_path("store/apps/shop")));
    assert_int_equal(test_mapped("/1.1.0-"), 0);
    assert_true(report.unloaded);
    assert_string_equal(report.version, "1.1.0");
    assert_int_equal(report.plugins_len, 2);
    assert_string_equal(test_last_entry(runtime), "uninstall shop 1.1.0 -> 1.1.0 HL_OK");
    hl_install_report_cleanup(&report);
    reopen();
    assert_string_equal(test_seen_trail(event), "crm@1.0.0,");
    assert_string_equal(test_apps(runtime), "crm 1.0.0 ");
}

static void removed_app_can_be_installed_again_in_any_version(void **state)
{
    const char *package = app_package(.app = "shop", .version = "1.0.0");

    (void)state;
    install(app_package(.app = "shop", .version = "2.0.0"));
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    install(package);
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    install(package);
    assert_string_equal(test_apps(runtime), "shop 1.0.0 ");
}

static void plugin_that_an_operator_removed_does_not_stand_in_the_way(void **state)
{
    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .plugins = "a b"));
    ok(hl_unregister(runtime, "a", 0));
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    assert_string_equal(test_statuses(runtime), "");
}

/* ---- notices ---- */

/* PS-10 PS-11 VR-01 VR-02: each change once, after its commit. */
static void subscribers_hear_of_apps(void **state)
{
    test_notices notices = {0};
    const hl_notice *notice;
    char seen[256] = "";

    (void)state;
    test_notices_begin(runtime, &notices);
    install(app_package(.app = "shop", .version = "1.0.0"));
    install(app_package(.app = "shop", .version = "1.1.0"));
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    while (hl_notice_next(notices.subscription, &notice) == HL_OK) {
        if (notice->kind == HL_NOTICE_INSTALLED || notice->kind == HL_NOTICE_UNINSTALLED)
            snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s%s;",
                     notice->kind == HL_NOTICE_INSTALLED ? "+" : "-", notice->reason);
    }
    test_notices_end(&notices);
    assert_string_equal(seen, "+shop 1.0.0;+shop 1.1.0;-shop 1.1.0;");
}

/* ---- gc ---- */

static void make(const char *folder)
{
    assert_int_equal(mkdir(folder, 0755), 0);
}

static void gc_deletes_what_nothing_needs_and_nothing_else(void **state)
{
    hl_gc_report report = {.size = sizeof(report)};
    const char *tree;

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0"));
    install(app_package(.app = "shop", .version = "1.1.0"));
    tree = test_tree(test_path("store/apps"));
    make(test_path("store/apps/shop/0.9.0-12345678"));
    test_write(test_path("store/apps/shop/0.9.0-12345678/x"), "12345");
    make(test_path("store/apps/ghost"));
    test_write(test_path("store/apps/ghost/file"), "123");
    test_write(test_path("store/apps/stray"), "12");
    make(test_path("store/apps/staging/shop.abcdef"));
    test_write(test_path("store/apps/staging/shop.abcdef/package"), "1");
    ok(hl_gc(runtime, &report));
    assert_string_equal(test_tree(test_path("store/apps")), tree);
    assert_false(test_exists(test_path("store/apps/ghost")));
    assert_false(test_exists(test_path("store/apps/staging/shop.abcdef")));
    assert_int_equal(report.versions_len, 1);
    assert_int_equal(report.leftovers_len, 3);
    assert_int_equal(report.bytes, 11);
    ok(hl_gc(runtime, &report));
    assert_int_equal(report.versions_len + report.leftovers_len + report.bytes, 0);
    ok(hl_rollback(runtime, "shop", 0, NULL));
}

static void policy_that_keeps_no_version_ends_rolling_back(void **state)
{
    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0"));
    install(app_package(.app = "shop", .version = "1.1.0"));
    test_write(test_path("store/install.json"), "{\"keep\":0}");
    ok(hl_gc(runtime, NULL));
    assert_string_equal(test_apps(runtime), "shop 1.1.0 ");
    assert_null(strstr(test_tree(test_path("store/apps")), "/1.0.0-"));
    refused(hl_rollback(runtime, "shop", 0, NULL), HL_ERR_NOT_FOUND, "before");
    assert_string_equal(test_seen_trail(event), "shop@1.1.0,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(removed_app_leaves_nothing, begin, end),
        cmocka_unit_test_setup_teardown(removed_app_can_be_installed_again_in_any_version, begin, end),
        cmocka_unit_test_setup_teardown(plugin_that_an_operator_removed_does_not_stand_in_the_way, begin, end),
        cmocka_unit_test_setup_teardown(subscribers_hear_of_apps, begin, end),
        cmocka_unit_test_setup_teardown(gc_deletes_what_nothing_needs_and_nothing_else, begin, end),
        cmocka_unit_test_setup_teardown(policy_that_keeps_no_version_ends_rolling_back, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
