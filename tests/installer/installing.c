/* Installing: what a server sees of it, what the report says, and what comes and goes with an app. Row CF-03. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
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

/* IR-01 IR-02 IN-01 IN-02 IN-06 IN-13: the record, the folder and the chain. */
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

/* IN-03 IN-08 IR-04 LH-01: from an archive; records name the library in the version's folder, in the store's. */
static void package_is_installed_and_records_name_its_library(void **state)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;
    const char *package = app_package(.app = "shop", .version = "1.0.0");
    hl_plugin_info info;
    struct stat about;

    (void)state;
    ok(test_install(runtime, package, &report));
    ok(hl_plugin_get(runtime, "shop", &info));
    assert_string_equal(info.extension, "shop");
    assert_string_equal(info.version, "1.0.0");
    assert_int_equal(strncmp(info.library, report.folder, strlen(report.folder)), 0);
    assert_string_equal(info.library + strlen(report.folder), "/lib/shop.so");
    assert_int_equal(info.status, HL_STARTED);
    assert_int_equal(strncmp(strrchr(report.folder, '/'), "/1.0.0-", 7), 0);
    assert_non_null(strstr(report.folder, "/store/apps/shop/"));
    assert_int_equal(strncmp(strrchr(report.folder, '-') + 1, report.sha256, 8), 0);
    assert_int_equal(stat(package, &about), 0);
    assert_int_equal(report.bytes, about.st_size);
    assert_true(report.unpacked_bytes > 0);
    hl_plugin_info_cleanup(&info);
    hl_install_report_cleanup(&report);
}

/* RP-03 X-012: after the process has ended and begun anew everything is there again, with this version's code alone. */
static void app_is_there_again_after_a_restart(void **state)
{
    (void)state;
    ok(test_install(runtime, app_folder(.app = "shop", .version = "1.0.0"), NULL));
    ok(test_install(runtime, app_folder(.app = "shop", .version = "1.1.0"), NULL));
    hl_close(runtime);
    runtime = test_open_store(0);
    event = test_event(runtime, "e");
    assert_string_equal(test_seen_trail(event), "shop@1.1.0,");
    assert_int_equal(test_mapped("/1.0.0-"), 0);
    assert_string_equal(test_apps(runtime), "shop 1.1.0<1.0.0 ");
}

static void chain_follows_priorities_and_dependencies_over_apps(void **state)
{
    (void)state;
    ok(test_install(runtime, app_folder(.app = "b", .version = "1.0.0", .plugins = "b10 b20"), NULL));
    ok(test_install(runtime, app_folder(.app = "a", .version = "1.0.0", .plugins = "a10 a20"), NULL));
    run(runtime, .name = "host", .event = "e", .priority = PRIORITY(15));
    assert_string_equal(test_seen_trail(event), "a10@1.0.0,b10@1.0.0,host,a20@1.0.0,b20@1.0.0,");
}

static void plugins_wait_to_be_started_when_asked_to(void **state)
{
    (void)state;
    ok(test_install_flags(runtime, app_folder(.app = "shop", .version = "1.0.0", .plugins = "p q"),
                          HL_INSTALL_NO_START));
    assert_string_equal(test_status(runtime, "p"), "registered");
    ok(hl_start(runtime, "p", 0));
    ok(test_install(runtime, app_folder(.app = "shop", .version = "1.1.0", .plugins = "p q r"), NULL));
    assert_string_equal(test_status(runtime, "p"), "started");
    assert_string_equal(test_status(runtime, "q"), "registered");
    assert_string_equal(test_status(runtime, "r"), "started");
}

/* ---- progress and verifying only ---- */

typedef struct course {
    char text[256];
    hl_install_step end_at;
} course;

static bool follow(void *user, hl_install_step step, uint64_t done, uint64_t total)
{
    course *seen = user;
    char digit[3] = {(char)('0' + step), ' ', '\0'};
    size_t len = strlen(seen->text);

    (void)total;
    if (done == 0 && (len < 2 || seen->text[len - 2] != digit[0]))
        strcat(seen->text, digit);
    return step != seen->end_at;
}

static hl_status install_following(const char *location, course *seen, unsigned flags)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, location);

    spec.flags = flags;
    spec.progress = follow;
    spec.user = seen;
    seen->text[0] = '\0';
    return hl_install(runtime, &spec, NULL);
}

static void every_step_is_told_in_order(void **state)
{
    course seen = {"", 0};

    (void)state;
    ok(install_following(app_package(.app = "shop", .version = "1.0.0"), &seen, 0));
    assert_string_equal(seen.text, "3 4 5 6 7 8 9 ");
}

static void cancelling_at_any_step_before_the_commit_changes_nothing(void **state)
{
    const char *package;

    (void)state;
    ok(test_install(runtime, app_package(.app = "shop", .version = "1.0.0"), NULL));
    package = app_package(.app = "shop", .version = "1.1.0");
    for (hl_install_step step = HL_STEP_VERIFY; step <= HL_STEP_ACTIVATE; step++) {
        const char *before = test_tree(test_path("store/apps"));
        course seen = {"", step};

        refused(install_following(package, &seen, 0), HL_ERR_CANCELLED, "progress");
        assert_string_equal(test_tree(test_path("store/apps")), before);
        assert_string_equal(test_apps(runtime), "shop 1.0.0 ");
        assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
        assert_int_equal(test_mapped("/1.1.0-"), 0);
    }
    ok(install_following(package, &(course){"", HL_STEP_RETIRE}, 0));
    assert_string_equal(test_seen_trail(event), "shop@1.1.0,");
}

static void waiting_for_another_installation_can_be_cancelled(void **state)
{
    const char *folder = app_folder(.app = "shop", .version = "1.0.0");
    int lock;

    (void)state;
    ok(hl_gc(runtime, NULL));
    lock = open(test_path("store/apps/lock"), O_RDWR | O_CLOEXEC);
    assert_true(lock >= 0);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    refused(install_following(folder, &(course){"", HL_STEP_RESOLVE}, 0), HL_ERR_CANCELLED, "progress");
    close(lock);
    ok(install_following(folder, &(course){"", 0}, 0));
}

/* OL-04 */
static void verifying_only_stops_after_the_checks_and_changes_nothing(void **state)
{
    const char *package = app_package(.app = "shop", .version = "1.0.0");
    course seen = {"", 0};
    hl_install_report report = HL_INSTALL_REPORT_INIT;
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, package);

    (void)state;
    ok(install_following(package, &seen, HL_INSTALL_VERIFY_ONLY));
    assert_string_equal(seen.text, "3 4 5 ");
    assert_string_equal(test_apps(runtime), "");
    assert_string_equal(test_tree(test_path("store/apps")), "");
    assert_int_equal(test_log_len(runtime), 0);
    spec.flags = HL_INSTALL_VERIFY_ONLY;
    ok(hl_install(runtime, &spec, &report));
    assert_string_equal(report.app, "shop");
    assert_string_equal(report.folder, "");
    assert_int_equal(report.plugins_len, 1);
    hl_install_report_cleanup(&report);
}

/* ---- data ---- */

static const char *read_text(const char *path)
{
    static char text[256];
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void data_is_copied_once_kept_over_upgrades_and_gone_with_the_app(void **state)
{
    const char *data = "\"data\":\"priv\"";

    (void)state;
    ok(test_install(runtime, app_package(.app = "shop", .version = "1.0.0", .manifest = data, .file = "priv/a/b.txt"),
                    NULL));
    assert_string_equal(read_text(test_path("store/apps/shop/data/a/b.txt")), "priv/a/b.txt");
    test_write(test_path("store/apps/shop/data/a/b.txt"), "mine");
    ok(test_install(runtime, app_package(.app = "shop", .version = "1.1.0", .manifest = data, .file = "priv/a/b.txt"),
                    NULL));
    assert_string_equal(read_text(test_path("store/apps/shop/data/a/b.txt")), "mine");
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    assert_false(test_exists(test_path("store/apps/shop")));
}

/* ---- defects of the seeds ---- */

/* X-025 IN-14: the process's working folder is nobody's business but the server's. */
static void working_folder_stays(void **state)
{
    char before[4096], after[4096];

    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    ok(test_install(runtime, app_package(.app = "shop", .version = "1.0.0"), NULL));
    assert_non_null(getcwd(after, sizeof(after)));
    assert_string_equal(after, before);
}

/* a name leaves nothing behind but an entry of the log when its package is refused. */
static void refused_names_leave_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        char name[16];

        snprintf(name, sizeof(name), "name%d", i);
        refused(test_install(runtime, app_folder(.app = name, .version = "1.0.0", .listed = "other"), NULL),
                HL_ERR_MANIFEST, "plugins");
    }
    assert_string_equal(test_tree(test_path("store/apps")), "");
    assert_string_equal(test_apps(runtime), "");
    assert_int_equal(test_log_len(runtime), 3);
}

static void store_without_a_folder_cannot_have_apps(void **state)
{
    const char *folder = app_folder(.app = "shop", .version = "1.0.0");
    hl_runtime *memory = test_open("memory:", 0);

    (void)state;
    refused(test_install(memory, folder, NULL), HL_ERR_UNSUPPORTED, "store");
    hl_close(memory);
}

static void spec_is_checked_field_by_field(void **state)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, "x");

    (void)state;
    refused(hl_install(runtime, NULL, NULL), HL_ERR_INVALID, "spec");
    spec.type = 9;
    refused(hl_install(runtime, &spec, NULL), HL_ERR_INVALID, "type");
    spec.type = HL_SOURCE_GITHUB_TAG; /* DL-05 */
    refused(hl_install(runtime, &spec, NULL), HL_ERR_INVALID, "tag");
    spec = (hl_install_spec)HL_INSTALL_INIT(HL_SOURCE_PATH, "");
    refused(hl_install(runtime, &spec, NULL), HL_ERR_INVALID, "location");
    spec = (hl_install_spec)HL_INSTALL_INIT(HL_SOURCE_PATH, "x");
    spec.sha256 = "abc";
    refused(hl_install(runtime, &spec, NULL), HL_ERR_INVALID, "sha256");
    spec.sha256 = NULL;
    spec.asset = "x";
    refused(hl_install(runtime, &spec, NULL), HL_ERR_INVALID, "asset");
    spec.asset = NULL;
    spec.flags = HL_START;
    refused(hl_install(runtime, &spec, NULL), HL_ERR_FLAGS, "flags");
    spec.flags = 0;
    refused(hl_install(runtime, &spec, NULL), HL_ERR_NOT_FOUND, "location");
    refused(hl_install(runtime, &spec, &(hl_install_report){.size = 1}), HL_ERR_STRUCT_SIZE, "report");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folder_is_installed_and_its_plugins_join_their_chain, begin, end),
        cmocka_unit_test_setup_teardown(package_is_installed_and_records_name_its_library, begin, end),
        cmocka_unit_test_setup_teardown(app_is_there_again_after_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(chain_follows_priorities_and_dependencies_over_apps, begin, end),
        cmocka_unit_test_setup_teardown(plugins_wait_to_be_started_when_asked_to, begin, end),
        cmocka_unit_test_setup_teardown(every_step_is_told_in_order, begin, end),
        cmocka_unit_test_setup_teardown(cancelling_at_any_step_before_the_commit_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(waiting_for_another_installation_can_be_cancelled, begin, end),
        cmocka_unit_test_setup_teardown(verifying_only_stops_after_the_checks_and_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(data_is_copied_once_kept_over_upgrades_and_gone_with_the_app, begin, end),
        cmocka_unit_test_setup_teardown(working_folder_stays, begin, end),
        cmocka_unit_test_setup_teardown(refused_names_leave_nothing, begin, end),
        cmocka_unit_test_setup_teardown(store_without_a_folder_cannot_have_apps, begin, end),
        cmocka_unit_test_setup_teardown(spec_is_checked_field_by_field, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
