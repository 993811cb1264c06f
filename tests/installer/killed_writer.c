/* A process that is killed right after its commit reached the disk: the next one decides by that commit, also while a
 * third process has kept the store open all the time. */
#include <signal.h>
#include <unistd.h>

#include "tests/installer/support/app.h"

/* ---- the process that is killed ---- */

static bool kill_at_commit(void *user, hl_install_step step, uint64_t done, uint64_t total)
{
    (void)user;
    (void)done;
    (void)total;
    if (step == HL_STEP_ACTIVATE)
        setenv("HOOKLINE_TEST_KILL_AFTER_META", "1", 1);
    return true;
}

static int run_child(const char *store, const char *package)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, package);
    hl_runtime *runtime;

    options.store = store;
    options.flags = HL_OPEN_RECORDS_ONLY;
    spec.progress = kill_at_commit;
    if (hl_open(&options, &runtime) != HL_OK)
        return 2;
    return hl_install(runtime, &spec, NULL) == HL_OK ? 3 : 4;
}

static void install_and_die(const char *package)
{
    const char *const arguments[] = {"child", test_store, package, NULL};
    int pid;

    setenv("LD_PRELOAD", HL_TEST_PLUGINS "/kill_after_meta.so", 1);
    pid = test_spawn(arguments);
    unsetenv("LD_PRELOAD");
    assert_int_equal(test_wait(pid), -SIGKILL);
}

/* ---- cases ---- */

static hl_runtime *runtime;

static int begin(void **state)
{
    test_begin(state);
    runtime = test_open_store(0);
    return 0;
}

static int end(void **state)
{
    hl_close(runtime);
    return test_end(state);
}

static void killed_upgrade_is_not_made_twice(void **state)
{
    const char *package;

    (void)state;
    if (test_sanitized())
        skip(); /* a sanitizer has to be the first that is preloaded */
    ok(test_install(runtime, app_folder(.app = "shop", .version = "1.0.0"), NULL));
    package = app_folder(.app = "shop", .version = "1.1.0");
    install_and_die(package);
    refused(test_install(runtime, package, NULL), HL_ERR_VERSION, "version");
    assert_string_equal(test_apps(runtime), "shop 1.1.0<1.0.0 ");
    assert_int_equal(test_log_len(runtime), 3);
}

static void killed_first_installation_is_there_to_be_removed(void **state)
{
    (void)state;
    if (test_sanitized())
        skip();
    install_and_die(app_folder(.app = "shop", .version = "1.0.0"));
    ok(hl_gc(runtime, NULL));
    assert_non_null(strstr(test_tree(test_path("store/apps")), "/lib/shop.so"));
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    assert_string_equal(test_apps(runtime), "");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_upgrade_is_not_made_twice, begin, end),
        cmocka_unit_test_setup_teardown(killed_first_installation_is_there_to_be_removed, begin, end),
    };

    if (argc == 4)
        return run_child(argv[2], argv[3]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
