/* Bringing a store to what a lockfile says: one plan, checked for the state that there will be in the end, and one
 * commit. */
#include <unistd.h>

#include "tests/installer/support/scene.h"

static hl_runtime *runtime, *other;
static char other_store[4096];

static int begin(void **state)
{
    test_begin(state);
    snprintf(other_store, sizeof(other_store), "lmdb:%s/other", test_place);
    runtime = test_open_store(0);
    other = test_open(other_store, 0);
    return 0;
}

static int end(void **state)
{
    hl_close(runtime);
    hl_close(other);
    return test_end(state);
}

static void install(hl_runtime *to, const char *location)
{
    ok(test_install(to, location, NULL));
}

static const char *trail(hl_runtime *of)
{
    return test_seen_trail(test_event(of, "e"));
}

static const char *lock(void)
{
    ok(hl_lock_write(runtime, test_path("a.lock")));
    return test_path("a.lock");
}

/* A lockfile of these packages; they need not fit together. */
static void lock_packages(const char *const *packages, size_t len)
{
    FILE *file = fopen(test_path("a.lock"), "w");

    assert_non_null(file);
    fputs("{\"lockfile\":1,\"apps\":[", file);
    for (size_t i = 0; i < len; i++) {
        hl_install_report report = HL_INSTALL_REPORT_INIT;
        hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, packages[i]);

        spec.flags = HL_INSTALL_VERIFY_ONLY;
        ok(hl_install(runtime, &spec, &report));
        fprintf(file,
                "%s{\"app\":\"%s\",\"version\":\"%s\",\"type\":\"path\",\"source\":\"%s\",\"tag\":\"\",\"asset\":\"\","
                "\"sha256\":\"%s\",\"key\":\"\",\"requires\":{},\"optional\":{}}",
                i ? "," : "", report.app, report.version, packages[i], report.sha256);
        hl_install_report_cleanup(&report);
    }
    fputs("]}", file);
    assert_int_equal(fclose(file), 0);
}

static hl_status apply(unsigned flags)
{
    hl_install_spec spec = HL_INSTALL_INIT((hl_source_type)0, NULL);

    spec.flags = flags;
    return hl_install_locked(other, test_path("a.lock"), NULL, &spec);
}

/* Each of the two versions takes only its like. */
static const char *half(const char *app, const char *mate, const char *version, const char *range)
{
    char demand[128];

    snprintf(demand, sizeof(demand), "\"requires\":{\"%s\":\"%s\"}", mate, range);
    return app_package(.app = app, .version = version, .manifest = demand);
}

/* front 1 with back 1 in both stores; the lockfile then says front 2 with back 2. */
static void make_pair(void)
{
    char front[4096], back[4096];

    snprintf(back, sizeof(back), "%s",
             app_package(.app = "back", .version = "1.0.0", .manifest = "\"conflicts\":{\"front\":\">=2\"}"));
    snprintf(front, sizeof(front), "%s", half("front", "back", "1.0.0", ">=1 <2"));
    install(runtime, back);
    install(runtime, front);
    install(other, back);
    install(other, front);
    snprintf(front, sizeof(front), "%s", half("front", "back", "2.0.0", ">=2"));
    snprintf(back, sizeof(back), "%s",
             app_package(.app = "back", .version = "2.0.0", .manifest = "\"conflicts\":{\"front\":\"<2\"}"));
    refused(test_install(runtime, front, NULL), HL_ERR_REQUIRES, "requires");
    refused(test_install(runtime, back, NULL), HL_ERR_REQUIRES, "requires");
    ok(hl_uninstall(runtime, "front", 0, NULL));
    install(runtime, back);
    install(runtime, front);
    lock();
}

/* neither can move alone. */
static void apps_that_constrain_each_other_move_together(void **state)
{
    uint64_t entries;

    (void)state;
    make_pair();
    entries = test_log_len(other);
    ok(apply(HL_WAIT_IDLE));
    assert_string_equal(test_apps(other), "back 2.0.0<1.0.0 front 2.0.0<1.0.0 ");
    assert_string_equal(trail(other), "back@2.0.0,front@2.0.0,");
    assert_int_equal(test_log_len(other), entries + 2);
    assert_string_equal(test_last_entry(other), "upgrade front 1.0.0 -> 2.0.0 HL_OK");
    ok(apply(0));
    assert_int_equal(test_log_len(other), entries + 2);
}

/* The first of the two is never seen without the second. */
static void failure_of_one_leaves_all_as_they_were(void **state)
{
    uint64_t entries;

    (void)state;
    make_pair();
    app_package(.app = "front", .version = "2.0.0", .plugins = "front-other"); /* in the place of the locked one */
    entries = test_log_len(other);
    refused(apply(0), HL_ERR_CHECKSUM, "sha256");
    assert_string_equal(test_apps(other), "back 1.0.0 front 1.0.0 ");
    assert_string_equal(trail(other), "back@1.0.0,front@1.0.0,");
    assert_int_equal(test_log_len(other), entries + 1);
    assert_string_equal(test_last_entry(other), "upgrade front 1.0.0 -> 2.0.0 HL_ERR_CHECKSUM");
    test_shell("test -z \"$(ls '%s/other/apps/staging')\"", test_place);
    test_shell("test -z \"$(find '%s/other/apps' -name '2.0.0*')\"", test_place);
}

/* Its code refuses to be loaded: by then the other one lies in its place and is mapped. */
static void failure_after_placing_takes_everything_back(void **state)
{
    const char *packages[] = {app_package(.app = "ant", .version = "1.0.0"),
                              app_package(.app = "wasp", .version = "1.0.0", .defines = "-DLOAD_RESULT=7")};

    (void)state;
    lock_packages(packages, 2);
    install(other, app_package(.app = "bee", .version = "1.0.0"));
    refused(apply(0), HL_ERR_LIBRARY, "load");
    assert_string_equal(test_apps(other), "bee 1.0.0 ");
    assert_string_equal(trail(other), "bee@1.0.0,");
    assert_int_equal(test_mapped("/ant/"), 0);
    assert_false(test_exists(test_path("other/apps/ant")));
    assert_false(test_exists(test_path("other/apps/wasp")));
}

/* The end state counts, not the claims of the lockfile. */
static void end_state_that_does_not_fit_is_refused_before_any_change(void **state)
{
    (void)state;
    make_pair();
    install(other, app_package(.app = "guard", .version = "1.0.0", .manifest = "\"conflicts\":{\"back\":\">=2\"}"));
    refused(apply(0), HL_ERR_CONFLICTS, "conflicts");
    assert_non_null(strstr(hl_last_error()->message, "guard excludes back"));
    assert_string_equal(test_apps(other), "back 1.0.0 front 1.0.0 guard 1.0.0 ");
    ok(apply(HL_INSTALL_PRUNE));
    assert_string_equal(test_apps(other), "back 2.0.0<1.0.0 front 2.0.0<1.0.0 ");
}

static void version_before_is_rolled_back_to(void **state)
{
    char one[4096];

    (void)state;
    snprintf(one, sizeof(one), "%s", app_package(.app = "shop", .version = "1.0.0"));
    install(runtime, one);
    lock();
    install(other, one);
    install(other, app_package(.app = "shop", .version = "1.1.0"));
    ok(apply(0));
    assert_string_equal(test_apps(other), "shop 1.0.0<1.1.0 ");
    assert_string_equal(trail(other), "shop@1.0.0,");
    assert_string_equal(test_last_entry(other), "rollback shop 1.1.0 -> 1.0.0 HL_OK");
}

static void older_version_that_is_not_kept_is_refused_before_it_is_fetched(void **state)
{
    (void)state;
    install(runtime, app_package(.app = "shop", .version = "1.0.0"));
    lock();
    install(other, app_package(.app = "shop", .version = "1.1.0"));
    test_shell("rm '%s/shop-1.0.0.tar.gz'", test_place);
    refused(apply(0), HL_ERR_VERSION, "version");
    assert_string_equal(test_last_entry(other), "upgrade shop 1.1.0 -> 1.0.0 HL_ERR_VERSION");
    assert_string_equal(test_apps(other), "shop 1.1.0 ");
}

/* Apps that are not named are left alone, unless the caller says that there shall be no others. */
static void what_is_not_named_goes_only_when_asked_for(void **state)
{
    (void)state;
    install(runtime, app_package(.app = "shop", .version = "1.0.0"));
    lock();
    install(other, app_package(.app = "crm", .version = "1.0.0"));
    ok(apply(0));
    assert_string_equal(test_apps(other), "crm 1.0.0 shop 1.0.0 ");
    ok(apply(HL_INSTALL_PRUNE));
    assert_string_equal(test_apps(other), "shop 1.0.0 ");
    assert_string_equal(trail(other), "shop@1.0.0,");
    assert_string_equal(test_last_entry(other), "uninstall crm 1.0.0 -> 1.0.0 HL_OK");
    assert_false(test_exists(test_path("other/apps/crm")));
    assert_int_equal(test_mapped("/other/apps/crm"), 0);
}

static void asking_first_changes_nothing(void **state)
{
    uint64_t entries;

    (void)state;
    make_pair();
    entries = test_log_len(other);
    ok(apply(HL_INSTALL_VERIFY_ONLY | HL_INSTALL_PRUNE));
    assert_string_equal(test_apps(other), "back 1.0.0 front 1.0.0 ");
    assert_int_equal(test_log_len(other), entries);
    refused(apply(1u << 30), HL_ERR_FLAGS, NULL);
}

static void same_plugin_in_two_apps_is_refused(void **state)
{
    const char *packages[] = {app_package(.app = "ant", .version = "1.0.0", .plugins = "same"),
                              app_package(.app = "bee", .version = "1.0.0", .plugins = "same")};

    (void)state;
    lock_packages(packages, 2);
    refused(apply(0), HL_ERR_CONFLICTS, "plugins");
    assert_string_equal(test_apps(other), "");
}

/* What another process has just committed is seen, also while this one has not followed yet. */
static void what_another_process_installed_is_left_alone(void **state)
{
    uint64_t entries;
    char one[4096];

    (void)state;
    snprintf(one, sizeof(one), "%s", app_package(.app = "shop", .version = "1.0.0"));
    install(runtime, one);
    lock();
    test_store = other_store;
    assert_int_equal(test_change("install", one, &(test_fault){0}).end, 0);
    ok(apply(0));
    entries = test_log_len(other);
    assert_int_equal(entries, 1);
    assert_string_equal(test_apps(other), "shop 1.0.0 ");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(apps_that_constrain_each_other_move_together),
        CASE(failure_of_one_leaves_all_as_they_were),
        CASE(failure_after_placing_takes_everything_back),
        CASE(end_state_that_does_not_fit_is_refused_before_any_change),
        CASE(version_before_is_rolled_back_to),
        CASE(older_version_that_is_not_kept_is_refused_before_it_is_fetched),
        CASE(what_is_not_named_goes_only_when_asked_for),
        CASE(asking_first_changes_nothing),
        CASE(same_plugin_in_two_apps_is_refused),
        CASE(what_another_process_installed_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
