/* Packages whose plugins run in workers: the server never maps their code, before or after any change. Row SE-16. */
#include <unistd.h>

#include "tests/installer/support/app.h"

#define WORKER "{\"mode\":\"in_worker\",\"sandbox\":{\"memory_bytes\":268435456}}"

static hl_runtime *runtime;
static hl_event *event;

/* Its state can be carried: the plugins of tests/installer/apps leave their marks in it. */
static hl_event *define(const char *name)
{
    static const hl_field fields[] = {{"text", "char[512]", 0, 512}};
    static const hl_contract contract = {sizeof(hl_contract), "test_trail", 512, fields, 1, NULL, 0};
    hl_event_spec spec = HL_EVENT_INIT(name);
    hl_event *defined = NULL;

    spec.contract = &contract;
    ok(hl_event_define(runtime, &spec, &defined));
    return defined;
}

static int begin(void **state)
{
    test_begin(state);
    runtime = test_open_store(0);
    event = define("carried");
    return 0;
}

static int end(void **state)
{
    hl_close(runtime);
    return test_end(state);
}

static const char *package(const char *version, const char *isolation)
{
    return app_package(.app = "shop", .version = version, .event = "carried", .isolation = isolation);
}

static const char *isolation_of(const char *plugin)
{
    static char text[512];
    hl_plugin_info info;

    ok(hl_plugin_get(runtime, plugin, &info));
    snprintf(text, sizeof(text), "%s", info.isolation);
    hl_plugin_info_cleanup(&info);
    return text;
}

static void install(const char *location)
{
    ok(test_install(runtime, location, NULL));
}

static void plugin_of_an_isolated_package_is_called_and_never_mapped(void **state)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;

    (void)state;
    ok(test_install(runtime, package("1.0.0", WORKER), &report));
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
    assert_int_equal(test_mapped("shop.so"), 0);
    assert_int_equal(report.isolated_len, 1);
    assert_string_equal(report.isolated[0],
                        "shop runs in a worker, 256 MiB, no network, deadline 1000 ms; on failure the "
                        "chain fails");
    assert_string_equal(isolation_of("shop"), WORKER);
    hl_install_report_cleanup(&report);
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    assert_string_equal(test_seen_trail(event), "");
}

static void upgrade_moves_to_the_workers_of_the_new_version(void **state)
{
    (void)state;
    install(package("1.0.0", WORKER));
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
    install(package("1.1.0", WORKER));
    assert_string_equal(test_seen_trail(event), "shop@1.1.0,");
    ok(hl_rollback(runtime, "shop", 0, NULL));
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
    assert_int_equal(test_mapped("shop.so"), 0);
}

/* Each version has its own word; the one that goes back in has the one it came with. */
static void isolation_comes_and_goes_with_the_version(void **state)
{
    (void)state;
    install(package("1.0.0", NULL));
    assert_true(test_mapped("/1.0.0-") > 0);
    install(package("1.1.0", WORKER));
    assert_string_equal(test_seen_trail(event), "shop@1.1.0,");
    assert_int_equal(test_mapped("shop.so"), 0);
    ok(hl_rollback(runtime, "shop", 0, NULL));
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
    assert_string_equal(isolation_of("shop"), "");
    assert_true(test_mapped("/1.0.0-") > 0);
}

/* The operator's word is the last one, also against what the next version asks for. */
static void operators_isolation_survives_upgrades(void **state)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);
    hl_install_report report = HL_INSTALL_REPORT_INIT;

    (void)state;
    install(package("1.0.0", NULL));
    isolation.deadline_ms = 700;
    ok(hl_isolate(runtime, "shop", &isolation, HL_WAIT_IDLE));
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
    ok(test_install(runtime, package("1.1.0", NULL), &report));
    assert_string_equal(test_seen_trail(event), "shop@1.1.0,");
    assert_int_equal(test_mapped("/1.1.0-"), 0);
    assert_non_null(strstr(report.isolated[0], "deadline 700 ms"));
    assert_non_null(strstr(report.isolated[0], "as the operator said"));
    hl_install_report_cleanup(&report);
    isolation = (hl_isolation)HL_ISOLATION_INIT(HL_IN_PROCESS);
    ok(hl_isolate(runtime, "shop", &isolation, HL_WAIT_IDLE));
    install(package("1.2.0", WORKER));
    assert_string_equal(test_seen_trail(event), "shop@1.2.0,");
    assert_true(test_mapped("/1.2.0-") > 0);
    ok(hl_isolate(runtime, "shop", NULL, HL_WAIT_IDLE));
    assert_string_equal(isolation_of("shop"), WORKER);
    assert_string_equal(test_seen_trail(event), "shop@1.2.0,");
    assert_int_equal(test_mapped("shop.so"), 0);
}

static void isolated_app_is_there_after_a_restart(void **state)
{
    (void)state;
    install(package("1.0.0", WORKER));
    hl_close(runtime);
    runtime = test_open_store(0);
    event = define("carried");
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
    assert_int_equal(test_mapped("shop.so"), 0);
}

/* Code that would end a server that maps it ends a worker. */
static void code_that_ends_its_process_is_refused_without_harm(void **state)
{
    (void)state;
    install(package("1.0.0", WORKER));
    refused(test_install(runtime,
                         app_package(.app = "shop", .version = "1.1.0", .event = "carried", .isolation = WORKER,
                                     .defines = "-DCRASH=1"),
                         NULL),
            HL_ERR_PROBE, NULL);
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
    assert_string_equal(test_apps(runtime), "shop 1.0.0 ");
}

static void event_whose_state_cannot_be_carried_refuses_the_package(void **state)
{
    hl_event_spec spec = HL_EVENT_INIT("loose");
    hl_event *loose;

    (void)state;
    ok(hl_event_define(runtime, &spec, &loose));
    refused(test_install(runtime, app_package(.app = "shop", .version = "1.0.0", .event = "loose", .isolation = WORKER),
                         NULL),
            HL_ERR_CONTRACT, NULL);
    assert_string_equal(test_apps(runtime), "");
    assert_string_equal(test_status(runtime, "shop"), "absent");
}

/* The operator's command changes the store; the server that runs beside it starts the workers. */
static void running_servers_follow_into_workers(void **state)
{
    app_server server = app_server_start();
    hl_runtime *operator;

    (void)state;
    operator= test_open_store(HL_OPEN_RECORDS_ONLY);
    ok(test_install(operator, package("1.0.0", WORKER), NULL));
    for (int i = 0; i < 500 && strcmp(app_server_ask(&server, "trail carried"), "shop@1.0.0,") != 0; i++)
        test_sleep_ms(10);
    assert_string_equal(app_server_ask(&server, "trail carried"), "shop@1.0.0,");
    assert_string_equal(app_server_ask(&server, "mapped shop.so"), "0");
    ok(test_install(operator, package("1.1.0", WORKER), NULL));
    for (int i = 0; i < 500 && strcmp(app_server_ask(&server, "trail carried"), "shop@1.1.0,") != 0; i++)
        test_sleep_ms(10);
    assert_string_equal(app_server_ask(&server, "trail carried"), "shop@1.1.0,");
    hl_close(operator);
    app_server_end(&server);
}

static char told[4096];

static void take(void *user, const char *check, hl_status status, const char *message)
{
    size_t len = strlen(told);

    (void)user;
    (void)status;
    snprintf(told + len, sizeof(told) - len, "%s: %s\n", check, message);
}

static void verify_tells_where_plugins_would_run(void **state)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, NULL);

    (void)state;
    spec.location = package("1.0.0", WORKER);
    told[0] = '\0';
    ok(hl_verify(NULL, &spec, take, NULL));
    assert_non_null(strstr(told, "lib/shop.so: 1 plugin; shop runs in a worker, 256 MiB, no network"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(plugin_of_an_isolated_package_is_called_and_never_mapped),
        CASE(upgrade_moves_to_the_workers_of_the_new_version),
        CASE(isolation_comes_and_goes_with_the_version),
        CASE(operators_isolation_survives_upgrades),
        CASE(isolated_app_is_there_after_a_restart),
        CASE(code_that_ends_its_process_is_refused_without_harm),
        CASE(event_whose_state_cannot_be_carried_refuses_the_package),
        CASE(running_servers_follow_into_workers),
        CASE(verify_tells_where_plugins_would_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
