/* hl_verify: every check by itself, in order, and no code of the package is run. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/installer/support/app.h"

static char told[8192];

static int begin(void **state)
{
    told[0] = '\0';
    return test_begin(state);
}

static void take(void *user, const char *check, hl_status status, const char *message)
{
    size_t len = strlen(told);

    (void)user;
    assert_non_null(message);
    assert_true(message[0] != '\0');
    snprintf(told + len, sizeof(told) - len, "%s%s%s ", check, status == HL_OK ? "" : "=",
             status == HL_OK ? "" : hl_status_name(status));
}

static hl_status verify(const char *store, const char *location, unsigned flags)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, location);

    told[0] = '\0';
    spec.flags = flags;
    return hl_verify(store, &spec, take, NULL);
}

static void good_package_passes_every_check_without_a_store(void **state)
{
    (void)state;
    ok(verify(NULL, app_package(.app = "shop", .version = "1.0.0"), 0));
    assert_string_equal(told, "store source checksum signature archive manifest machine name version requirements "
                              "lockfile content lib/shop.so ");
    ok(verify(NULL, app_folder(.app = "shop", .version = "1.0.0"), 0));
    assert_string_equal(told, "store source signature folder manifest machine name version requirements lockfile "
                              "content lib/shop.so ");
}

/* OL-04: the package's constructor would end this process. */
static void no_code_of_the_package_is_run(void **state)
{
    const char *package = app_folder(.app = "shop", .version = "1.0.0", .defines = "-DCRASH=1");

    (void)state;
    ok(verify(NULL, package, 0));
    assert_int_equal(test_mapped("shop.so"), 0);
}

static void package_is_held_against_the_apps_of_a_store(void **state)
{
    hl_runtime *runtime = test_open_store(0);
    const char *package = app_package(.app = "shop", .version = "1.0.0", .manifest = "\"requires\":{\"crm\":\">=2\"}");
    char before[32 * 1024];

    (void)state;
    ok(test_install(runtime, app_package(.app = "shop", .version = "1.0.0"), NULL));
    package = app_package(.app = "shop", .version = "0.9.0", .manifest = "\"requires\":{\"crm\":\">=2\"}");
    snprintf(before, sizeof(before), "%s", test_tree(test_path("store/apps")));
    refused(verify(test_store, package, HL_INSTALL_LOCKED), HL_ERR_VERSION, "version");
    assert_string_equal(told, "store source checksum signature archive manifest machine name version=HL_ERR_VERSION "
                              "requirements=HL_ERR_REQUIRES lockfile=HL_ERR_LOCKFILE content lib/shop.so ");
    assert_string_equal(test_tree(test_path("store/apps")), before);
    assert_int_equal(test_log_len(runtime), 1);
    hl_close(runtime);
}

/* hl_pack would refuse it. */
static const char *pack_by_tar(const char *folder)
{
    const char *package = test_path("by-tar.tar.gz");
    char command[8192];

    snprintf(command, sizeof(command), "tar -C '%s' -czf '%s' .", folder, package);
    assert_int_equal(system(command), 0);
    return package;
}

static void checks_after_a_failed_one_are_told_too(void **state)
{
    const char *package = pack_by_tar(app_folder(.app = "shop", .version = "1.0.0", .listed = "shop other"));
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, package);

    (void)state;
    spec.sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
    spec.app = "crm";
    refused(hl_verify(NULL, &spec, take, NULL), HL_ERR_CHECKSUM, "sha256");
    assert_string_equal(told,
                        "store source checksum=HL_ERR_CHECKSUM signature archive manifest machine "
                        "name=HL_ERR_MANIFEST version requirements lockfile content lib/shop.so=HL_ERR_MANIFEST ");
}

static void what_cannot_be_read_ends_the_checks_that_need_it(void **state)
{
    (void)state;
    refused(verify(NULL, test_path("nothing"), 0), HL_ERR_NOT_FOUND, "location");
    assert_string_equal(told, "store source=HL_ERR_NOT_FOUND ");
    test_write(test_path("text.tar.gz"), "this is no archive");
    refused(verify(NULL, test_path("text.tar.gz"), 0), HL_ERR_ARCHIVE, NULL);
    assert_string_equal(told, "store source checksum signature archive=HL_ERR_ARCHIVE ");
    refused(hl_verify(NULL, NULL, take, NULL), HL_ERR_INVALID, "spec");
}

static void library_that_could_never_be_unloaded_is_named(void **state)
{
    (void)state;
    refused(verify(NULL, app_package(.app = "shop", .version = "1.0.0", .defines = "-DNEEDS_TLS"), 0), HL_ERR_UNLOAD,
            NULL);
    assert_non_null(strstr(told, "lib/shop.so=HL_ERR_UNLOAD"));
}

static void missing_store_is_told_and_the_rest_is_checked(void **state)
{
    char url[4096];

    (void)state;
    snprintf(url, sizeof(url), "lmdb:%s", test_path("nowhere"));
    assert_int_not_equal(verify(url, app_package(.app = "shop", .version = "1.0.0"), 0), HL_OK);
    assert_ptr_equal(strstr(told, "store=HL_ERR_"), told);
    assert_non_null(strstr(told, " content lib/shop.so "));
    assert_false(test_exists(test_path("nowhere")));
}

/* A machine that is being set up: the policy lies there already, and nobody has opened the store. */
static void folder_with_a_policy_alone_counts_as_a_store_without_apps(void **state)
{
    const char *package = app_package(.app = "shop", .version = "1.0.0");
    char url[4096];

    (void)state;
    assert_int_equal(mkdir(test_path("new"), 0755), 0);
    test_write(test_path("new/install.json"), "{\"protected\":[\"shop\"]}");
    snprintf(url, sizeof(url), "lmdb:%s", test_path("new"));
    refused(verify(url, package, 0), HL_ERR_PROTECTED, NULL);
    assert_string_equal(told, "store source checksum signature archive manifest machine name=HL_ERR_PROTECTED version "
                              "requirements lockfile content lib/shop.so ");
    test_write(test_path("new/install.json"), "{}");
    ok(verify(url, package, 0));
    refused(verify(url, package, HL_INSTALL_LOCKED), HL_ERR_LOCKFILE, "lockfile");
    assert_false(test_exists(test_path("new/data.mdb")));
    test_write(test_path("new/install.json"), "[]");
    assert_int_not_equal(verify(url, package, 0), HL_OK);
    assert_ptr_equal(strstr(told, "store=HL_ERR_POLICY"), told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(good_package_passes_every_check_without_a_store, begin, test_end),
        cmocka_unit_test_setup_teardown(no_code_of_the_package_is_run, begin, test_end),
        cmocka_unit_test_setup_teardown(package_is_held_against_the_apps_of_a_store, begin, test_end),
        cmocka_unit_test_setup_teardown(checks_after_a_failed_one_are_told_too, begin, test_end),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_ends_the_checks_that_need_it, begin, test_end),
        cmocka_unit_test_setup_teardown(library_that_could_never_be_unloaded_is_named, begin, test_end),
        cmocka_unit_test_setup_teardown(missing_store_is_told_and_the_rest_is_checked, begin, test_end),
        cmocka_unit_test_setup_teardown(folder_with_a_policy_alone_counts_as_a_store_without_apps, begin, test_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
