/* What is not installed, and not removed: each refusal with its code, the field, and nothing changed. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "tests/installer/support/app.h"

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

static void install(const char *location)
{
    ok(test_install(runtime, location, NULL));
}

static void says(const char *text)
{
    if (!strstr(hl_last_error()->message, text))
        fail_msg("\"%s\" does not speak of \"%s\"", hl_last_error()->message, text);
}

static void set_policy(const char *text)
{
    test_write(test_path("store/install.json"), text);
}

/* IN-10 LH-07 VD-08: the message names both. */
static void same_and_older_versions_are_refused_naming_both(void **state)
{
    (void)state;
    install(app_folder(.app = "shop", .version = "1.2.0"));
    refused(test_install(runtime, app_folder(.app = "shop", .version = "1.2.0"), NULL), HL_ERR_VERSION, "version");
    refused(test_install(runtime, app_folder(.app = "shop", .version = "1.1.9"), NULL), HL_ERR_VERSION, "version");
    says("1.2.0");
    says("1.1.9");
    refused(test_install(runtime, app_folder(.app = "shop", .version = "1.2.0-rc.1"), NULL), HL_ERR_VERSION, "version");
    refused(test_install(runtime, app_folder(.app = "shop", .version = "1.2.0+build"), NULL), HL_ERR_VERSION,
            "version");
    assert_string_equal(test_apps(runtime), "shop 1.2.0 ");
}

/* X-015 X-022 SE-09 SE-17: a version is a semantic version and nothing else, wherever it comes from. */
static void version_that_is_a_path_is_refused(void **state)
{
    static const char *const versions[] =
        {"0.1.0/../other-1.0", "1.0",          "1.0.0/x", "v1.0.0", "1.0.0.0", "1.0.0-", "01.0.0", "1.0.0 ",
         "../1.0.0",           "1.0.0-../../x"};

    (void)state;
    install(app_folder(.app = "other", .version = "1.0.0"));
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        const char *folder = app_folder(.app = "shop", .version = "1.0.0");
        char manifest[4096], text[1024];
        FILE *file;
        hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, folder);

        spec.version = versions[i];
        refused(hl_install(runtime, &spec, NULL), HL_ERR_VERSION, "version");
        snprintf(manifest, sizeof(manifest), "%s/hookline.json", folder);
        file = fopen(manifest, "r");
        assert_non_null(file);
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        fclose(file);
        file = fopen(manifest, "w");
        fprintf(file, "{\"app\":\"shop\",\"version\":\"%s\"%s", versions[i], strstr(text, ",\"abi\""));
        fclose(file);
        refused(test_install(runtime, folder, NULL), HL_ERR_VERSION, "version");
    }
    assert_string_equal(test_apps(runtime), "other 1.0.0 ");
}

/* X-029 IN-06: the package says its version; what the caller expects has to be the same. */
static void package_of_another_version_or_app_than_asked_for_is_refused(void **state)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, app_folder(.app = "shop", .version = "1.0.0"));

    (void)state;
    spec.version = "1.0.1";
    refused(hl_install(runtime, &spec, NULL), HL_ERR_VERSION, "version");
    says("1.0.0");
    says("1.0.1");
    spec.version = NULL;
    spec.app = "crm"; /* IN-09 */
    refused(hl_install(runtime, &spec, NULL), HL_ERR_MANIFEST, "app");
    spec.app = "Shop\n"; /* SE-01 X-016 */
    refused(hl_install(runtime, &spec, NULL), HL_ERR_INVALID, "app");
    spec.app = "shop";
    spec.version = "1.0.0";
    ok(hl_install(runtime, &spec, NULL));
}

/* SE-02 X-023: Hookline itself is protected, whatever the policy lists beside it. */
static void protected_apps_are_neither_installed_nor_removed(void **state)
{
    (void)state;
    refused(test_install(runtime, app_folder(.app = "hookline", .version = "9.0.0"), NULL), HL_ERR_PROTECTED, NULL);
    refused(hl_uninstall(runtime, "hookline", 0, NULL), HL_ERR_PROTECTED, NULL);
    install(app_folder(.app = "billing", .version = "1.0.0"));
    set_policy("{\"protected\":[\"billing\"]}");
    refused(test_install(runtime, app_folder(.app = "hookline", .version = "9.0.0"), NULL), HL_ERR_PROTECTED, NULL);
    refused(test_install(runtime, app_folder(.app = "billing", .version = "1.1.0"), NULL), HL_ERR_PROTECTED, NULL);
    assert_string_equal(test_last_entry(runtime), "upgrade billing 1.0.0 -> 1.1.0 HL_ERR_PROTECTED"); /* SE-06 */
    refused(hl_uninstall(runtime, "billing", 0, NULL), HL_ERR_PROTECTED, NULL);
    assert_string_equal(test_apps(runtime), "billing 1.0.0 ");
}

static void names_of_hooklines_own_folders_are_refused(void **state)
{
    (void)state;
    refused(test_install(runtime, app_folder(.app = "staging", .version = "1.0.0"), NULL), HL_ERR_PROTECTED, "app");
    refused(test_install(runtime, app_folder(.app = "lock", .version = "1.0.0"), NULL), HL_ERR_PROTECTED, "app");
    refused(test_install(runtime, app_folder(.app = "boot", .version = "1.0.0"), NULL), HL_ERR_PROTECTED, "app");
}

/* A policy that cannot be understood refuses everything. */
static void broken_policy_refuses_everything(void **state)
{
    const char *folder = app_folder(.app = "shop", .version = "1.0.0");

    (void)state;
    set_policy("{\"hots\":[]}");
    refused(test_install(runtime, folder, NULL), HL_ERR_POLICY, NULL);
    set_policy("{}");
    install(folder);
}

/* Another process's hands on the apps. */
static int hold_lock(void)
{
    int lock;

    ok(hl_gc(runtime, NULL));
    lock = open(test_path("store/apps/lock"), O_RDWR | O_CLOEXEC);
    assert_true(lock >= 0);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    return lock;
}

static bool protect_while_it_waits(void *user, hl_install_step step, uint64_t done, uint64_t total)
{
    int *lock = user;

    (void)done;
    (void)total;
    if (step == HL_STEP_RESOLVE && *lock >= 0) {
        set_policy("{\"protected\":[\"shop\"]}");
        close(*lock);
        *lock = -1;
    }
    return true;
}

/* Long enough after the change began for it to wait. */
static void *protect_after_a_while(void *user)
{
    struct timespec pause = {0, 300000000};

    nanosleep(&pause, NULL);
    set_policy("{\"protected\":[\"shop\"]}");
    close(*(int *)user);
    return NULL;
}

static void policy_that_was_written_while_a_change_waited_counts(void **state)
{
    int lock;
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, app_package(.app = "shop", .version = "1.1.0"));
    pthread_t thread;

    (void)state;
    install(app_package(.app = "shop", .version = "1.0.0"));
    lock = hold_lock();
    spec.progress = protect_while_it_waits;
    spec.user = &lock;
    refused(hl_install(runtime, &spec, NULL), HL_ERR_PROTECTED, NULL);
    set_policy("{}");
    lock = hold_lock();
    assert_int_equal(pthread_create(&thread, NULL, protect_after_a_while, &lock), 0);
    refused(hl_uninstall(runtime, "shop", 0, NULL), HL_ERR_PROTECTED, NULL);
    pthread_join(thread, NULL);
    assert_string_equal(test_apps(runtime), "shop 1.0.0 ");
}

/* SE-03 SE-04 SE-05: closed by default for what is not on this disk. */
static void remote_sources_are_refused_without_a_policy(void **state)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_URL, "https://packages.example.org/shop-1.0.0.tar.gz");

    (void)state;
    refused(hl_install(runtime, &spec, NULL), HL_ERR_POLICY, NULL);
    assert_string_equal(test_last_entry(runtime), "install   ->  HL_ERR_POLICY");
    spec = (hl_install_spec)HL_INSTALL_INIT(HL_SOURCE_GITHUB_LATEST, "owner/repository");
    refused(hl_install(runtime, &spec, NULL), HL_ERR_POLICY, NULL);
    install(app_folder(.app = "shop", .version = "1.0.0"));
}

/* SE-07 X-020: compared before anything is unpacked; the letters' case does not matter. */
static void package_with_another_checksum_is_refused(void **state)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, app_package(.app = "shop", .version = "1.0.0"));
    hl_install_report report = HL_INSTALL_REPORT_INIT;

    (void)state;
    spec.sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    refused(hl_install(runtime, &spec, &report), HL_ERR_CHECKSUM, "sha256");
    says("Fetch it anew");
    assert_int_equal(report.step, HL_STEP_VERIFY);
    assert_string_equal(test_tree(test_path("store/apps")), "");
    for (char *at = report.sha256; *at; at++)
        *at = (char)(*at >= 'a' ? *at - 32 : *at);
    spec.sha256 = report.sha256;
    ok(hl_install(runtime, &spec, NULL));
    hl_install_report_cleanup(&report);
}

/* A signature that lies beside a package, or is named, has to fit. */
static void signature_that_does_not_fit_is_refused(void **state)
{
    const char *package = app_package(.app = "shop", .version = "1.0.0");
    char beside[4200];
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, package);

    (void)state;
    snprintf(beside, sizeof(beside), "%s.minisig", package);
    test_write(beside, "untrusted comment: nonsense\n");
    refused(test_install(runtime, package, NULL), HL_ERR_SIGNATURE, NULL);
    unlink(beside);
    spec.signature = beside;
    refused(hl_install(runtime, &spec, NULL), HL_ERR_SIGNATURE, "signature");
    spec.location = app_folder(.app = "shop", .version = "1.0.0");
    refused(hl_install(runtime, &spec, NULL), HL_ERR_SIGNATURE, "signature");
    install(package);
}

/* SE-10: the message says what to do. */
static void package_with_a_link_in_it_is_refused_with_the_remedy(void **state)
{
    char command[9000];
    const char *folder = app_folder(.app = "shop", .version = "1.0.0");

    (void)state;
    snprintf(command, sizeof(command),
             "ln -s hookline.json '%s/README' && tar -cf '%s' -C '%s' hookline.json lib README", folder,
             test_path("shop.tar"), folder);
    assert_int_equal(system(command), 0);
    refused(test_install(runtime, test_path("shop.tar"), NULL), HL_ERR_ARCHIVE, "README");
    says("symbolic link");
    says("pack it anew with `hookline pack`");
    assert_string_equal(test_tree(test_path("store/apps")), "");
}

static void only_locked_packages_are_installed_when_asked_to(void **state)
{
    const char *package = app_package(.app = "shop", .version = "1.0.0");

    (void)state;
    refused(test_install_flags(runtime, package, HL_INSTALL_LOCKED), HL_ERR_LOCKFILE, NULL);
    assert_string_equal(test_apps(runtime), "");
}

/* ---- apps and each other ---- */

/* IR-05 IN-12 X-027: all that is missing is listed, and both sides are asked. */
static void requirements_are_checked_both_ways_with_the_whole_list(void **state)
{
    const char *shop = app_folder(.app = "shop", .version = "1.0.0",
                                  .manifest = "\"requires\":{\"base\":\">=1.1 <2\",\"mail\":\"*\"},"
                                              "\"optional\":{\"chat\":\"^2.0\"}");

    (void)state;
    install(app_folder(.app = "base", .version = "1.0.0"));
    refused(test_install(runtime, shop, NULL), HL_ERR_REQUIRES, "requires");
    says("base >=1.1 <2");
    says("1.0.0");
    says("mail");
    install(app_folder(.app = "base", .version = "1.1.0"));
    install(app_folder(.app = "mail", .version = "0.1.0"));
    install(app_folder(.app = "chat", .version = "1.0.0"));
    refused(test_install(runtime, shop, NULL), HL_ERR_REQUIRES, "requires");
    says("chat");
    ok(hl_uninstall(runtime, "chat", 0, NULL));
    install(shop);
    refused(test_install(runtime, app_folder(.app = "base", .version = "2.0.0"), NULL), HL_ERR_REQUIRES, "requires");
    says("shop requires base");
    install(app_folder(.app = "base", .version = "1.2.0"));
    assert_string_equal(test_apps(runtime), "base 1.2.0<1.1.0 mail 0.1.0 shop 1.0.0 ");
}

/* LH-06: what others need stays. */
static void app_that_others_require_is_not_removed(void **state)
{
    (void)state;
    install(app_folder(.app = "base", .version = "1.0.0"));
    install(app_folder(.app = "shop", .version = "1.0.0", .manifest = "\"requires\":{\"base\":\"*\"}"));
    install(app_folder(.app = "crm", .version = "2.0.0", .manifest = "\"requires\":{\"base\":\"*\"}"));
    refused(hl_uninstall(runtime, "base", 0, NULL), HL_ERR_DEPENDENTS, "app");
    says("crm 2.0.0, shop 1.0.0");
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    ok(hl_uninstall(runtime, "crm", 0, NULL));
    ok(hl_uninstall(runtime, "base", 0, NULL));
    assert_string_equal(test_apps(runtime), "");
}

static void conflicts_are_checked_both_ways(void **state)
{
    const char *excludes = "\"conflicts\":{\"old\":\"<2\"}";

    (void)state;
    install(app_folder(.app = "old", .version = "1.0.0"));
    refused(test_install(runtime, app_folder(.app = "shop", .version = "1.0.0", .manifest = excludes), NULL),
            HL_ERR_CONFLICTS, "conflicts");
    says("shop excludes old <2");
    install(app_folder(.app = "old", .version = "2.0.0"));
    install(app_folder(.app = "shop", .version = "1.0.0", .manifest = excludes));
    ok(hl_uninstall(runtime, "old", 0, NULL));
    refused(test_install(runtime, app_folder(.app = "old", .version = "1.5.0"), NULL), HL_ERR_CONFLICTS, "conflicts");
    says("shop excludes old");
}

static void plugin_names_of_others_are_refused_naming_the_owner(void **state)
{
    (void)state;
    add(runtime, .name = "taken", .event = "e", .extension = "server");
    refused(test_install(runtime, app_folder(.app = "shop", .version = "1.0.0", .plugins = "taken"), NULL),
            HL_ERR_CONFLICTS, "plugins");
    says("\"taken\" belongs to server");
    install(app_folder(.app = "crm", .version = "1.0.0", .plugins = "mine"));
    refused(test_install(runtime, app_folder(.app = "shop", .version = "1.0.0", .plugins = "mine"), NULL),
            HL_ERR_CONFLICTS, "plugins");
    says("belongs to crm");
}

/* ---- removing ---- */

/* X-024 IN-16 */
static void what_is_not_installed_cannot_be_removed(void **state)
{
    (void)state;
    refused(hl_uninstall(runtime, "shop", 0, NULL), HL_ERR_NOT_FOUND, "app");
    refused(hl_uninstall(runtime, NULL, 0, NULL), HL_ERR_INVALID, "app");
    refused(hl_uninstall(runtime, "../shop", 0, NULL), HL_ERR_INVALID, "app");
    refused(hl_uninstall(runtime, "shop", HL_START, NULL), HL_ERR_FLAGS, "flags");
    refused(hl_rollback(runtime, "shop", 0, NULL), HL_ERR_NOT_FOUND, "app");
    install(app_folder(.app = "shop", .version = "1.0.0"));
    refused(hl_rollback(runtime, "shop", 0, NULL), HL_ERR_NOT_FOUND, "before");
}

static void read_only_runtime_changes_no_apps(void **state)
{
    hl_runtime *reader;

    (void)state;
    install(app_folder(.app = "shop", .version = "1.0.0"));
    reader = test_open_store(HL_OPEN_READ_ONLY);
    refused(test_install(reader, app_folder(.app = "shop", .version = "1.1.0"), NULL), HL_ERR_STORE_READ_ONLY, NULL);
    refused(hl_uninstall(reader, "shop", 0, NULL), HL_ERR_STORE_READ_ONLY, NULL);
    refused(hl_gc(reader, NULL), HL_ERR_STORE_READ_ONLY, NULL);
    assert_string_equal(test_apps(reader), "shop 1.0.0 ");
    hl_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(same_and_older_versions_are_refused_naming_both, begin, end),
        cmocka_unit_test_setup_teardown(version_that_is_a_path_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(package_of_another_version_or_app_than_asked_for_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(protected_apps_are_neither_installed_nor_removed, begin, end),
        cmocka_unit_test_setup_teardown(names_of_hooklines_own_folders_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(broken_policy_refuses_everything, begin, end),
        cmocka_unit_test_setup_teardown(policy_that_was_written_while_a_change_waited_counts, begin, end),
        cmocka_unit_test_setup_teardown(remote_sources_are_refused_without_a_policy, begin, end),
        cmocka_unit_test_setup_teardown(package_with_another_checksum_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(signature_that_does_not_fit_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(package_with_a_link_in_it_is_refused_with_the_remedy, begin, end),
        cmocka_unit_test_setup_teardown(only_locked_packages_are_installed_when_asked_to, begin, end),
        cmocka_unit_test_setup_teardown(requirements_are_checked_both_ways_with_the_whole_list, begin, end),
        cmocka_unit_test_setup_teardown(app_that_others_require_is_not_removed, begin, end),
        cmocka_unit_test_setup_teardown(conflicts_are_checked_both_ways, begin, end),
        cmocka_unit_test_setup_teardown(plugin_names_of_others_are_refused_naming_the_owner, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_installed_cannot_be_removed, begin, end),
        cmocka_unit_test_setup_teardown(read_only_runtime_changes_no_apps, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
