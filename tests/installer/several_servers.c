/* Installing while other servers run on the store, and from several processes at once. */
#include <signal.h>
#include <unistd.h>

#include "tests/installer/support/app.h"

static app_server servers[2];
static hl_runtime *operator; /* as the hookline command opens the store */

static int begin(void **state)
{
    test_begin(state);
    servers[0] = app_server_start();
    servers[1] = app_server_start();
    operator= test_open_store(HL_OPEN_RECORDS_ONLY);
    return 0;
}

static int end(void **state)
{
    hl_close(operator);
    app_server_end(&servers[0]);
    app_server_end(&servers[1]);
    return test_end(state);
}

static void install(const char *location)
{
    ok(test_install(operator, location, NULL));
}

static void each_trail(const char *trail)
{
    for (int i = 0; i < 2; i++)
        assert_string_equal(app_server_ask(&servers[i], "trail e"), trail);
}

/* X-028 LH-05: an installation is all servers' of the store. */
static void every_server_runs_the_new_version_when_the_call_returns(void **state)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;

    (void)state;
    each_trail("");
    install(app_package(.app = "shop", .version = "1.0.0"));
    each_trail("shop@1.0.0,");
    ok(test_install(operator, app_package(.app = "shop", .version = "1.1.0"), &report));
    assert_int_equal(report.servers_len, 2);
    assert_true(report.unloaded);
    each_trail("shop@1.1.0,");
    for (int i = 0; i < 2; i++)
        assert_string_equal(app_server_ask(&servers[i], "mapped /1.0.0-"), "0");
    ok(hl_rollback(operator, "shop", 0, NULL));
    each_trail("shop@1.0.0,");
    ok(hl_uninstall(operator, "shop", 0, NULL));
    each_trail("");
    for (int i = 0; i < 2; i++)
        assert_string_equal(app_server_ask(&servers[i], "mapped /apps/shop/"), "0");
    assert_int_equal(test_mapped("/apps/shop/"), 0);
    hl_install_report_cleanup(&report);
}

static void servers_carry_their_own_state_over(void **state)
{
    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .defines = "-DSTATE=1"));
    assert_string_equal(app_server_ask(&servers[0], "trail e"), "shop@1.0.0#1,");
    assert_string_equal(app_server_ask(&servers[0], "trail e"), "shop@1.0.0#2,");
    assert_string_equal(app_server_ask(&servers[1], "trail e"), "shop@1.0.0#1,");
    for (int i = 1; i <= 5; i++) {
        char version[16], trail[32];

        snprintf(version, sizeof(version), "1.%d.0", i);
        install(app_package(.app = "shop", .version = version, .defines = "-DSTATE=1"));
        snprintf(trail, sizeof(trail), "shop@%s#%d,", version, i + 2);
        assert_string_equal(app_server_ask(&servers[0], "trail e"), trail);
        snprintf(trail, sizeof(trail), "shop@%s#%d,", version, i + 1);
        assert_string_equal(app_server_ask(&servers[1], "trail e"), trail);
    }
}

static void no_dispatch_of_a_server_fails_while_versions_change(void **state)
{
    unsigned long long calls, failures;

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0"));
    assert_string_equal(app_server_ask(&servers[0], "load e"), "loading");
    for (int i = 1; i <= 6; i++) {
        char version[16];

        snprintf(version, sizeof(version), "1.%d.0", i);
        install(app_package(.app = "shop", .version = version));
    }
    assert_int_equal(sscanf(app_server_ask(&servers[0], "rest"), "%llu %llu", &calls, &failures), 2);
    assert_int_equal(failures, 0);
    assert_true(calls > 1000);
    each_trail("shop@1.6.0,");
}

/* A server that cannot take the new code refuses it for all. */
static void one_server_that_cannot_load_refuses_the_upgrade_for_all(void **state)
{
    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .defines = "-DSTATE=1"));
    assert_string_equal(app_server_ask(&servers[0], "trail e"), "shop@1.0.0#1,");
    refused(test_install(operator,
                         app_package(.app = "shop", .version = "1.1.0", .defines = "-DSTATE=1 -DRESTORE_RESULT=1"),
                         NULL),
            HL_ERR_SERVER, "servers");
    assert_non_null(strstr(hl_last_error()->message, "server_program"));
    assert_string_equal(test_apps(operator), "shop 1.0.0 ");
    assert_string_equal(app_server_ask(&servers[0], "trail e"), "shop@1.0.0#2,");
    assert_string_equal(app_server_ask(&servers[1], "trail e"), "shop@1.0.0#1,");
    for (int i = 0; i < 2; i++)
        assert_string_equal(app_server_ask(&servers[i], "mapped /1.1.0-"), "0");
    assert_null(strstr(test_tree(test_path("store/apps")), "/1.1.0-"));
}

/* The old version goes on in the others, and nothing of the new one stays. */
static void upgrade_that_ends_a_server_is_refused_for_all(void **state)
{
    char process[32];

    (void)state;
    app_server_end(&servers[0]);
    setenv("TEST_DIE_AS", "server_program", 1);
    servers[0] = app_server_start();
    unsetenv("TEST_DIE_AS");
    install(app_package(.app = "shop", .version = "1.0.0"));
    each_trail("shop@1.0.0,");
    refused(test_install(operator,
                         app_package(.app = "shop", .version = "1.1.0", .defines = "-DCRASH_AS=\"TEST_DIE_AS\""), NULL),
            HL_ERR_SERVER, "servers");
    snprintf(process, sizeof(process), "process %d, died", servers[0].pid);
    assert_non_null(strstr(hl_last_error()->message, process));
    assert_non_null(strstr(hl_last_error()->message, "server_program"));
    assert_int_not_equal(test_wait(servers[0].pid), 0);
    fclose(servers[0].to);
    fclose(servers[0].from);
    assert_string_equal(test_apps(operator), "shop 1.0.0 ");
    assert_string_equal(test_last_entry(operator), "upgrade shop 1.0.0 -> 1.1.0 HL_ERR_SERVER");
    assert_string_equal(app_server_ask(&servers[1], "trail e"), "shop@1.0.0,");
    assert_string_equal(app_server_ask(&servers[1], "mapped /1.1.0-"), "0");
    assert_null(strstr(test_tree(test_path("store/apps")), "/1.1.0-"));
    servers[0] = app_server_start();
    each_trail("shop@1.0.0,");
}

/* the one that comes second finds the version installed. */
static void two_processes_that_install_the_same_are_serialised(void **state)
{
    const char *package = app_package(.app = "shop", .version = "1.0.0"), *answers[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        fprintf(servers[i].to, "install %s\n", package);
        assert_int_equal(fflush(servers[i].to), 0);
    }
    answers[0] = app_server_ask(&servers[0], "trail e");
    answers[1] = app_server_ask(&servers[1], "trail e");
    assert_true((strcmp(answers[0], "HL_OK") == 0) != (strcmp(answers[1], "HL_OK") == 0));
    for (int i = 0; i < 2; i++)
        assert_true(strcmp(answers[i], "HL_OK") == 0 || strcmp(answers[i], "HL_ERR_VERSION") == 0);
    assert_string_equal(test_apps(operator), "shop 1.0.0 ");
    assert_int_equal(test_log_len(operator), 2);
}

/* It is left out, and catches up when it goes on; it does not do what was asked of it before. */
static void server_that_hangs_delays_and_does_not_prevent(void **state)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .defines = "-DSTATE=1"));
    assert_string_equal(app_server_ask(&servers[1], "trail e"), "shop@1.0.0#1,");
    assert_int_equal(kill(servers[0].pid, SIGSTOP), 0);
    ok(test_install(operator, app_package(.app = "shop", .version = "1.1.0", .defines = "-DSTATE=1"), &report));
    assert_int_equal(report.servers_len, 1);
    assert_string_equal(app_server_ask(&servers[1], "trail e"), "shop@1.1.0#2,");
    assert_int_equal(kill(servers[0].pid, SIGCONT), 0);
    eventually(strncmp(app_server_ask(&servers[0], "trail e"), "shop@1.1.0", 10) == 0);
    eventually(strcmp(app_server_ask(&servers[0], "mapped /1.0.0-"), "0") == 0);
    hl_install_report_cleanup(&report);
}

/* An operator alone installs for servers that start later. */
static void server_that_starts_later_has_what_was_installed_without_one(void **state)
{
    app_server late;

    (void)state;
    app_server_end(&servers[1]);
    app_server_end(&servers[0]);
    install(app_package(.app = "shop", .version = "1.0.0"));
    assert_int_equal(test_mapped("/apps/shop/"), 0);
    servers[0] = app_server_start();
    servers[1] = app_server_start();
    late = app_server_start();
    assert_string_equal(app_server_ask(&late, "trail e"), "shop@1.0.0,");
    each_trail("shop@1.0.0,");
    app_server_end(&late);
}

/* A process may serve by one runtime and install by another. */
static void runtime_beside_the_operators_takes_part_like_a_server(void **state)
{
    hl_runtime *beside = test_open_store(0);
    hl_event *event = test_event(beside, "e");
    hl_install_report report = HL_INSTALL_REPORT_INIT;

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .defines = "-DSTATE=1"));
    assert_string_equal(test_seen_trail(event), "shop@1.0.0#1,");
    ok(test_install(operator, app_package(.app = "shop", .version = "1.1.0", .defines = "-DSTATE=1"), &report));
    assert_string_equal(test_seen_trail(event), "shop@1.1.0#2,");
    assert_int_equal(report.servers_len, 3);
    assert_true(report.unloaded);
    each_trail("shop@1.1.0#1,");
    hl_install_report_cleanup(&report);
    hl_close(beside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_server_runs_the_new_version_when_the_call_returns, begin, end),
        cmocka_unit_test_setup_teardown(servers_carry_their_own_state_over, begin, end),
        cmocka_unit_test_setup_teardown(no_dispatch_of_a_server_fails_while_versions_change, begin, end),
        cmocka_unit_test_setup_teardown(one_server_that_cannot_load_refuses_the_upgrade_for_all, begin, end),
        cmocka_unit_test_setup_teardown(upgrade_that_ends_a_server_is_refused_for_all, begin, end),
        cmocka_unit_test_setup_teardown(two_processes_that_install_the_same_are_serialised, begin, end),
        cmocka_unit_test_setup_teardown(runtime_beside_the_operators_takes_part_like_a_server, begin, end),
        cmocka_unit_test_setup_teardown(server_that_hangs_delays_and_does_not_prevent, begin, end),
        cmocka_unit_test_setup_teardown(server_that_starts_later_has_what_was_installed_without_one, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
