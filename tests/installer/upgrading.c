/* Upgrades: the old version serves until the new one does, and goes on serving when that fails at any step. Row IR-03.
 * */
#include <pthread.h>
#include <unistd.h>

#include "tests/installer/support/opened.h"

/* IN-18 X-012: no call of the old code after the call returned, and its library is gone. */
static void upgrade_replaces_code_at_once_and_unloads_the_old(void **state)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .plugins = "a b"));
    ok(test_install(runtime, app_package(.app = "shop", .version = "1.1.0", .plugins = "b c"), &report));
    assert_string_equal(test_seen_trail(event), "b@1.1.0,c@1.1.0,");
    assert_string_equal(test_status(runtime, "a"), "absent");
    assert_string_equal(report.before, "1.0.0");
    assert_true(report.unloaded);
    assert_int_equal(test_mapped("/1.0.0-"), 0);
    assert_true(test_mapped("/1.1.0-") > 0);
    assert_string_equal(test_last_entry(runtime), "upgrade shop 1.0.0 -> 1.1.0 HL_OK");
    hl_install_report_cleanup(&report);
}

/* Versions before the one to go back to are deleted. */
static void two_versions_lie_side_by_side_and_no_more(void **state)
{
    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0"));
    install(app_package(.app = "shop", .version = "1.1.0"));
    install(app_package(.app = "shop", .version = "1.2.0"));
    assert_string_equal(test_apps(runtime), "shop 1.2.0<1.1.0 ");
    assert_null(strstr(test_tree(test_path("store/apps")), "/1.0.0-"));
    assert_non_null(strstr(test_tree(test_path("store/apps")), "/1.1.0-"));
}

/* ---- under load ---- */

#define THREADS 2
#define UPGRADES 8

static bool resting; /* atomic */

/* G2: both plugins of a dispatch are of one version. */
static void *dispatch(void *failures)
{
    while (!__atomic_load_n(&resting, __ATOMIC_ACQUIRE)) {
        test_trail trail = {""};
        char a[16], b[16];

        if (hl_call(event, &trail, NULL).verdict != HL_NEXT || sscanf(trail.text, "a@%15[^,],b@%15[^,],", a, b) != 2 ||
            strcmp(a, b) != 0)
            ++*(uint64_t *)failures;
    }
    return NULL;
}

static void no_dispatch_fails_while_versions_change(void **state)
{
    uint64_t failures[THREADS] = {0};
    pthread_t threads[THREADS];

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .plugins = "a b"));
    __atomic_store_n(&resting, false, __ATOMIC_RELEASE);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, dispatch, &failures[i]), 0);
    for (int i = 1; i <= UPGRADES; i++) {
        char version[16];

        snprintf(version, sizeof(version), "1.%d.0", i);
        install(app_package(.app = "shop", .version = version, .plugins = "a b"));
        ok(hl_rollback(runtime, "shop", 0, NULL));
        ok(hl_rollback(runtime, "shop", 0, NULL));
    }
    __atomic_store_n(&resting, true, __ATOMIC_RELEASE);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failures[i], 0);
    }
    assert_string_equal(test_seen_trail(event), "a@1.8.0,b@1.8.0,");
}

/* A dispatch that is inside the old code when the upgrade is made ends in it. */
static void *dispatch_once(void *trail)
{
    hl_reply reply = hl_call(event, trail, NULL);

    assert_int_equal(reply.verdict, HL_NEXT);
    return NULL;
}

static void call_that_is_inside_ends_in_the_old_version(void **state)
{
    test_trail trail = {""};
    pthread_t thread;

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .plugins = "a b", .defines = "-DSLOW_MS=300"));
    assert_int_equal(pthread_create(&thread, NULL, dispatch_once, &trail), 0);
    test_sleep_ms(50);
    install(app_package(.app = "shop", .version = "1.1.0", .plugins = "a b"));
    pthread_join(thread, NULL);
    assert_string_equal(trail.text, "a@1.0.0,b@1.0.0,");
    assert_string_equal(test_seen_trail(event), "a@1.1.0,b@1.1.0,");
    assert_int_equal(test_mapped("/1.0.0-"), 0);
}

/* ---- state ---- */

static void state_is_carried_over(void **state)
{
    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .defines = "-DSTATE=1"));
    assert_string_equal(test_seen_trail(event), "shop@1.0.0#1,");
    assert_string_equal(test_seen_trail(event), "shop@1.0.0#2,");
    install(app_package(.app = "shop", .version = "1.1.0", .defines = "-DSTATE=1"));
    assert_string_equal(test_seen_trail(event), "shop@1.1.0#3,");
    ok(hl_rollback(runtime, "shop", 0, NULL));
    assert_string_equal(test_seen_trail(event), "shop@1.0.0#4,");
}

static void state_that_nobody_takes_is_dropped(void **state)
{
    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .defines = "-DSTATE=1"));
    install(app_package(.app = "shop", .version = "1.1.0"));
    assert_string_equal(test_seen_trail(event), "shop@1.1.0,");
}

/* ---- the operator wins (G9) ---- */

/* RP-04: through an upgrade, a restart and a rollback. */
static void stopped_plugin_stays_stopped(void **state)
{
    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .plugins = "a b"));
    ok(hl_stop(runtime, "a", 0));
    install(app_package(.app = "shop", .version = "1.1.0", .plugins = "a b"));
    assert_string_equal(test_status(runtime, "a"), "stopped");
    assert_string_equal(test_seen_trail(event), "b@1.1.0,");
    reopen();
    assert_string_equal(test_seen_trail(event), "b@1.1.0,");
    ok(hl_rollback(runtime, "shop", 0, NULL));
    assert_string_equal(test_status(runtime, "a"), "stopped");
    ok(hl_enable(runtime, "a", 0));
    assert_string_equal(test_seen_trail(event), "a@1.0.0,b@1.0.0,");
}

/* ---- failures ---- */

/* X-011 X-013 IN-11: files, records, chain and code are as they were, and the log tells. */
static void refuse_upgrade(const char *package, hl_status status, const char *field)
{
    const char *tree = test_tree(test_path("store/apps"));
    uint64_t revision = test_revision(runtime, "shop"), entries = test_log_len(runtime);
    hl_install_report report = HL_INSTALL_REPORT_INIT;

    refused(test_install(runtime, package, &report), status, field);
    assert_string_equal(report.folder, "");
    assert_string_equal(test_tree(test_path("store/apps")), tree);
    assert_string_equal(test_apps(runtime), "shop 1.0.0 ");
    assert_int_equal(test_revision(runtime, "shop"), revision);
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
    assert_true(test_mapped("/1.0.0-") > 0);
    assert_int_equal(test_mapped("/1.1.0-"), 0);
    assert_int_equal(test_mapped("/staging/"), 0);
    assert_int_equal(test_log_len(runtime), entries + 1);
    hl_install_report_cleanup(&report);
}

static void failed_upgrade_leaves_the_old_version_as_it_was(void **state)
{
    static const hl_field fields[] = {{"text", "char[512]", 0, 512}};
    static const hl_contract contract = {sizeof(hl_contract), "test_trail", 512, fields, 1, NULL, 0};
    hl_event_spec typed = HL_EVENT_INIT("typed");
    const char *package;
    hl_event *typed_event;

    (void)state;
    typed.contract = &contract;
    ok(hl_event_define(runtime, &typed, &typed_event));
    install(app_package(.app = "shop", .version = "1.0.0"));
    package = app_folder(.app = "shop", .version = "1.1.0", .listed = "shop more");
    refuse_upgrade(package, HL_ERR_MANIFEST, "plugins");
    package = app_folder(.app = "shop", .version = "1.1.0", .plugins = "shop more", .listed = "shop");
    refuse_upgrade(package, HL_ERR_MANIFEST, "plugins");
    package = app_package(.app = "shop", .version = "1.1.0", .defines = "-DNEEDS_TLS=1");
    refuse_upgrade(package, HL_ERR_UNLOAD, "__cxa_thread_atexit_impl");
    package = app_package(.app = "shop", .version = "1.1.0", .defines = "-DCONTRACT=1", .event = "typed");
    refuse_upgrade(package, HL_ERR_CONTRACT, NULL);
    package = app_package(.app = "shop", .version = "1.1.0", .manifest = "\"requires\":{\"base\":\">=1\"}");
    refuse_upgrade(package, HL_ERR_REQUIRES, "requires");
    package = app_package(.app = "shop", .version = "1.1.0", .defines = "-DCRASH=1");
    refuse_upgrade(package, HL_ERR_PROBE, NULL);
    package = app_package(.app = "shop", .version = "1.1.0", .defines = "-DLOAD_RESULT=7");
    refuse_upgrade(package, HL_ERR_LIBRARY, "load");
    package = app_package(.app = "shop", .version = "1.1.0");
    assert_int_equal(truncate(package, 500), 0);
    refuse_upgrade(package, HL_ERR_ARCHIVE, NULL);
}

static void state_that_is_refused_refuses_the_upgrade(void **state)
{
    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0", .defines = "-DSTATE=1"));
    assert_string_equal(test_seen_trail(event), "shop@1.0.0#1,");
    refused(test_install(runtime,
                         app_package(.app = "shop", .version = "1.1.0", .defines = "-DSTATE=1 -DRESTORE_RESULT=1"),
                         NULL),
            HL_ERR_LIBRARY, "restore");
    assert_string_equal(test_seen_trail(event), "shop@1.0.0#2,");
    assert_int_equal(test_mapped("/1.1.0-"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(upgrade_replaces_code_at_once_and_unloads_the_old, begin, end),
        cmocka_unit_test_setup_teardown(two_versions_lie_side_by_side_and_no_more, begin, end),
        cmocka_unit_test_setup_teardown(no_dispatch_fails_while_versions_change, begin, end),
        cmocka_unit_test_setup_teardown(call_that_is_inside_ends_in_the_old_version, begin, end),
        cmocka_unit_test_setup_teardown(state_is_carried_over, begin, end),
        cmocka_unit_test_setup_teardown(state_that_nobody_takes_is_dropped, begin, end),
        cmocka_unit_test_setup_teardown(stopped_plugin_stays_stopped, begin, end),
        cmocka_unit_test_setup_teardown(failed_upgrade_leaves_the_old_version_as_it_was, begin, end),
        cmocka_unit_test_setup_teardown(state_that_is_refused_refuses_the_upgrade, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
