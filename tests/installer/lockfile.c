/* Lockfiles and bundles: the same apps elsewhere, byte for byte, with a network or without. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/installer/support/app.h"

static hl_runtime *runtime, *other;
static char other_store[4096], package[4096];

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

#define install(...) ok(test_install(runtime, app_package(__VA_ARGS__), NULL))

static const char *read_file(const char *path)
{
    static char texts[4][64 * 1024];
    static unsigned at;
    char *out = texts[at++ % 4];
    FILE *file = fopen(path, "r");
    size_t len;

    assert_non_null(file);
    len = fread(out, 1, sizeof(texts[0]) - 1, file);
    out[len] = '\0';
    fclose(file);
    return out;
}

static const char *trail(hl_runtime *of)
{
    return test_seen_trail(test_event(of, "e"));
}

static void shell(const char *command)
{
    char line[8192];

    snprintf(line, sizeof(line), "cd '%s' && %s", test_place, command);
    assert_int_equal(system(line), 0);
}

/* ---- lockfiles --------------------------------------------------------------------------------------------------- */

static void lockfile_is_the_same_text_for_the_same_apps(void **state)
{
    const char *text;

    (void)state;
    install(.app = "shop", .version = "1.0.0");
    install(.app = "crm", .version = "2.0.0", .manifest = "\"requires\":{\"shop\":\">=1 <2\"}");
    ok(hl_lock_write(runtime, test_path("a.lock")));
    ok(hl_lock_write(runtime, test_path("b.lock")));
    text = read_file(test_path("a.lock"));
    assert_string_equal(text, read_file(test_path("b.lock")));
    assert_non_null(strstr(text, "\"requires\": {\n        \"shop\": \">=1 <2\""));
    assert_non_null(strstr(text, "\"type\": \"path\""));
    assert_false(test_exists(test_path("a.lock.new")));
}

/* IN-15 of a whole list, X-027: in the order of the requirements, whatever their names. */
static void everything_locked_is_installed_elsewhere_in_order(void **state)
{
    (void)state;
    install(.app = "zebra", .version = "1.0.0");
    install(.app = "ant", .version = "2.0.0", .manifest = "\"requires\":{\"zebra\":\"*\"}");
    ok(hl_lock_write(runtime, test_path("a.lock")));
    ok(hl_install_locked(other, test_path("a.lock"), NULL, NULL));
    assert_string_equal(test_apps(other), "ant 2.0.0 zebra 1.0.0 ");
    assert_string_equal(trail(other), "ant@2.0.0,zebra@1.0.0,");
    assert_int_equal(test_log_len(other), 2);
    ok(hl_install_locked(other, test_path("a.lock"), NULL, NULL)); /* what is there already is left alone */
    assert_int_equal(test_log_len(other), 2);
}

/* SE-07: another package in the place of the one that was locked. */
static void package_that_is_not_the_locked_one_is_refused(void **state)
{
    const char *location = app_package(.app = "shop", .version = "1.0.0");

    (void)state;
    snprintf(package, sizeof(package), "%s", location);
    ok(test_install(runtime, package, NULL));
    ok(hl_lock_write(runtime, test_path("a.lock")));
    app_package(.app = "shop", .version = "1.0.0", .plugins = "shop-other");
    refused(hl_install_locked(other, test_path("a.lock"), NULL, NULL), HL_ERR_CHECKSUM, "sha256");
    assert_string_equal(test_apps(other), "");
}

static void locked_installation_takes_only_what_the_lockfile_names(void **state)
{
    (void)state;
    snprintf(package, sizeof(package), "%s", app_package(.app = "shop", .version = "1.0.0"));
    ok(test_install(runtime, package, NULL));
    ok(hl_lock_write(runtime, test_path("other/hookline.lock")));
    refused(test_install_flags(other, app_package(.app = "crm", .version = "1.0.0"), HL_INSTALL_LOCKED),
            HL_ERR_LOCKFILE, "app");
    refused(test_install_flags(other, app_package(.app = "shop", .version = "1.1.0"), HL_INSTALL_LOCKED),
            HL_ERR_LOCKFILE, "version");
    refused(test_install_flags(other, app_package(.app = "shop", .version = "1.0.0", .plugins = "shop-other"),
                               HL_INSTALL_LOCKED),
            HL_ERR_LOCKFILE, "sha256");
    app_package(.app = "shop", .version = "1.0.0");
    ok(test_install_flags(other, package, HL_INSTALL_LOCKED));
    assert_string_equal(test_apps(other), "shop 1.0.0 ");
}

/* SE-07: the same manifest with other code is another folder, whether the lockfile or the caller names the checksum. */
static void folder_with_other_code_than_the_locked_one_is_refused(void **state)
{
    const char *folder = app_folder(.app = "shop", .version = "1.0.0", .plugins = "shop");
    hl_install_report report = HL_INSTALL_REPORT_INIT;
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, folder);

    (void)state;
    ok(test_install(runtime, folder, &report));
    ok(hl_lock_write(runtime, test_path("other/hookline.lock")));
    assert_non_null(strstr(read_file(test_path("other/hookline.lock")), report.sha256));
    shell("cp -r $(dirname $(find . -name hookline.json -not -path './store/*' | head -n 1)) same");
    shell("find . -name '*.so' -not -path './store/*' -not -path './same/*' -exec sh -c 'printf x >>\"$1\"' - {} \\;");
    refused(test_install_flags(other, folder, HL_INSTALL_LOCKED), HL_ERR_LOCKFILE, "sha256");
    refused(hl_install_locked(other, NULL, NULL, NULL), HL_ERR_CHECKSUM, "sha256");
    spec.sha256 = report.sha256;
    refused(hl_install(other, &spec, NULL), HL_ERR_CHECKSUM, "sha256");
    assert_string_equal(test_apps(other), "");
    ok(test_install_flags(other, test_path("same"), HL_INSTALL_LOCKED));
    assert_string_equal(test_apps(other), "shop 1.0.0 ");
    hl_install_report_cleanup(&report);
}

/* Where HL_INSTALL_LOCKED and hl_install_locked look for it, also before the store has a folder of apps. */
static void lockfile_without_a_path_lies_in_the_store(void **state)
{
    (void)state;
    ok(hl_lock_write(runtime, NULL));
    shell("test -s store/hookline.lock");
    install(.app = "shop", .version = "1.0.0");
    ok(hl_lock_write(runtime, NULL));
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    ok(hl_install_locked(runtime, NULL, NULL, NULL));
    assert_string_equal(test_apps(runtime), "shop 1.0.0 ");
}

static void lockfile_that_cannot_be_understood_is_refused(void **state)
{
    static const char *const texts[][2] = {
        {"", "lockfile"},
        {"[]", "lockfile"},
        {"{\"lockfile\":2,\"apps\":[]}", "lockfile"},
        {"{\"lockfile\":1,\"apps\":{}}", "apps"},
        {"{\"lockfile\":1,\"apps\":[7]}", "app"},
        {"{\"lockfile\":1,\"apps\":[{\"app\":\"../x\"}]}", "app"},
        {"{\"lockfile\":1,\"apps\":[{\"app\":\"x\",\"version\":\"1\"}]}", "version"},
        {"{\"lockfile\":1,\"apps\":[{\"app\":\"x\",\"version\":\"1.0.0\",\"sha256\":\"00\"}]}", "sha256"},
        {"{\"lockfile\":1,\"lockfile\":1,\"apps\":[]}", "lockfile"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        test_write(test_path("a.lock"), texts[i][0]);
        refused(hl_install_locked(other, test_path("a.lock"), NULL, NULL), HL_ERR_LOCKFILE, texts[i][1]);
    }
    refused(hl_install_locked(other, test_path("no.lock"), NULL, NULL), HL_ERR_LOCKFILE, "lockfile");
    refused(hl_install_locked(other, NULL, NULL, NULL), HL_ERR_LOCKFILE, "lockfile");
}

/* ---- bundles ----------------------------------------------------------------------------------------------------- */

static void bundle_brings_everything_without_the_sources(void **state)
{
    char command[256] = "rm -f zebra-1.0.0.tar.gz ant-2.0.0.tar.gz";

    (void)state;
    install(.app = "zebra", .version = "1.0.0");
    install(.app = "ant", .version = "2.0.0", .manifest = "\"requires\":{\"zebra\":\"*\"}");
    ok(hl_bundle_write(runtime, test_path("all.tar")));
    ok(hl_bundle_write(runtime, test_path("again.tar")));
    shell("cmp all.tar again.tar");
    ok(hl_lock_write(runtime, test_path("a.lock")));
    shell(command);
    ok(hl_install_locked(other, NULL, test_path("all.tar"), NULL));
    assert_string_equal(trail(other), "ant@2.0.0,zebra@1.0.0,");
    ok(hl_lock_write(other, test_path("b.lock")));
    shell("cmp a.lock b.lock");
    shell("test -z \"$(ls other/apps/staging)\"");
    ok(hl_bundle_write(other, test_path("third.tar"))); /* and can be handed on */
    shell("cmp all.tar third.tar");
}

/* The package is kept with the versions that can come back, and goes with them. */
static void kept_packages_go_with_their_versions(void **state)
{
    (void)state;
    install(.app = "shop", .version = "1.0.0");
    install(.app = "shop", .version = "1.1.0");
    shell("test $(ls store/apps/shop | grep -c package) = 2");
    install(.app = "shop", .version = "1.2.0");
    shell("test $(ls store/apps/shop | grep -c package) = 2 && ! ls store/apps/shop | grep -q ^1.0.0");
    ok(hl_gc(runtime, NULL));
    shell("test $(ls store/apps/shop | grep -c package) = 2");
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    shell("! test -e store/apps/shop");
}

static void bundle_of_a_folder_says_what_to_do(void **state)
{
    (void)state;
    ok(test_install(runtime, app_folder(.app = "shop", .version = "1.0.0"), NULL));
    refused(hl_bundle_write(runtime, test_path("all.tar")), HL_ERR_NOT_FOUND, "shop");
    assert_false(test_exists(test_path("all.tar")));
    refused(hl_bundle_write(runtime, NULL), HL_ERR_INVALID, "path");
}

static void changed_package_is_not_bundled(void **state)
{
    (void)state;
    install(.app = "shop", .version = "1.0.0");
    shell("f=$(ls store/apps/shop/*.package) && chmod u+w $f && echo x >>$f");
    refused(hl_bundle_write(runtime, test_path("all.tar")), HL_ERR_CHECKSUM, "shop");
}

/* Bundles from strangers: changed packages, members that do not belong, missing ones. */
static void hostile_bundle_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    install(.app = "shop", .version = "1.0.0");
    ok(hl_bundle_write(runtime, test_path("all.tar")));
    shell("mkdir b && tar -C b -xf all.tar && echo x >>b/packages/shop-1.0.0.package && tar -C b -cf changed.tar .");
    refused(hl_install_locked(other, NULL, test_path("changed.tar"), NULL), HL_ERR_CHECKSUM, "sha256");
    shell("rm -rf b && mkdir b && tar -C b -xf all.tar && echo x >b/extra && tar -C b -cf extra.tar .");
    refused(hl_install_locked(other, NULL, test_path("extra.tar"), NULL), HL_ERR_ARCHIVE, NULL);
    shell("rm -f b/extra && ln -s /etc/passwd b/packages/link && tar -C b -cf link.tar .");
    refused(hl_install_locked(other, NULL, test_path("link.tar"), NULL), HL_ERR_ARCHIVE, NULL);
    shell("rm -f b/packages/* && tar -C b -cf empty.tar .");
    refused(hl_install_locked(other, NULL, test_path("empty.tar"), NULL), HL_ERR_NOT_FOUND, "bundle");
    assert_non_null(strstr(test_last_entry(other), "install shop  -> 1.0.0 HL_ERR_NOT_FOUND"));
    refused(hl_install_locked(other, NULL, test_path("no.tar"), NULL), HL_ERR_NOT_FOUND, "bundle");
    test_write(test_path("text.tar"), "this is no archive");
    refused(hl_install_locked(other, NULL, test_path("text.tar"), NULL), HL_ERR_ARCHIVE, NULL);
    assert_string_equal(test_apps(other), "");
    assert_int_equal(test_log_len(other), 6); /* SE-06: each of them */
    ok(hl_gc(other, NULL));
    shell("test -z \"$(find other/apps -type f ! -name '*lock')\"");
}

/* SE-07: what has to be signed from its source has to be signed in a bundle. */
static void bundle_of_a_remote_source_needs_its_signature(void **state)
{
    (void)state;
    install(.app = "shop", .version = "1.0.0");
    ok(hl_bundle_write(runtime, test_path("all.tar")));
    shell("mkdir b && tar -C b -xf all.tar && sed -i 's|\"type\": \"path\"|\"type\": \"url\"|; "
          "s|\"source\": \".*\"|\"source\": \"https://packages.example.org/shop.tar.gz\"|' b/hookline.lock && "
          "tar -C b -cf remote.tar .");
    refused(hl_install_locked(other, NULL, test_path("remote.tar"), NULL), HL_ERR_SIGNATURE, "signature");
    assert_string_equal(test_apps(other), "");
}

/* The address that answered may be of another host than the one that was asked: both have to be named as unsigned. */
static void bundle_of_a_redirected_source_needs_what_both_hosts_need(void **state)
{
    (void)state;
    install(.app = "shop", .version = "1.0.0");
    ok(hl_bundle_write(runtime, test_path("all.tar")));
    shell(
        "mkdir b && tar -C b -xf all.tar && sed -i 's|\"type\": \"path\"|\"type\": \"url\"|; "
        "s|\"source\": \".*\"|\"source\": \"https://a.example.org/shop.tar.gz\",\"answered\":\"https://b.example.org/x\"|' "
        "b/hookline.lock && tar -C b -cf remote.tar .");
    test_write(test_path("other/install.json"), "{\"hosts\":[\"a.example.org\",\"b.example.org\"],"
                                                "\"unsigned\":[\"a.example.org\"]}");
    refused(hl_install_locked(other, NULL, test_path("remote.tar"), NULL), HL_ERR_SIGNATURE, "signature");
    test_write(test_path("other/install.json"), "{\"hosts\":[\"a.example.org\",\"b.example.org\"],"
                                                "\"unsigned\":[\"a.example.org\",\"b.example.org\"]}");
    ok(hl_install_locked(other, NULL, test_path("remote.tar"), NULL));
    ok(hl_bundle_write(other, test_path("again.tar")));
    shell("tar -xOf again.tar hookline.lock | grep -q b.example.org");
}

/* What was signed when it was locked has to be signed in the bundle, wherever it came from. */
static void bundle_of_a_signed_package_needs_its_signature(void **state)
{
    (void)state;
    install(.app = "shop", .version = "1.0.0");
    ok(hl_bundle_write(runtime, test_path("all.tar")));
    shell(
        "mkdir b && tar -C b -xf all.tar && sed -i 's|\"key\": \"\"|\"key\": \"0123456789ABCDEF\"|' b/hookline.lock && "
        "tar -C b -cf signed.tar .");
    refused(hl_install_locked(other, NULL, test_path("signed.tar"), NULL), HL_ERR_SIGNATURE, "signature");
    assert_string_equal(test_apps(other), "");
}

/* SE-06: what is refused before anything is looked at is in the log too. */
static void refusals_before_the_first_package_are_logged(void **state)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, "x");

    (void)state;
    refused(hl_install_locked(other, NULL, NULL, NULL), HL_ERR_LOCKFILE, "lockfile");
    assert_string_equal(test_last_entry(other), "install   ->  HL_ERR_LOCKFILE");
    spec.app = "../x";
    refused(hl_install(other, &spec, NULL), HL_ERR_INVALID, "app");
    spec.app = NULL;
    spec.sha256 = "abc";
    refused(hl_install(other, &spec, NULL), HL_ERR_INVALID, "sha256");
    assert_int_equal(test_log_len(other), 3);
    spec.flags = HL_INSTALL_VERIFY_ONLY;
    refused(hl_install(other, &spec, NULL), HL_ERR_INVALID, "sha256");
    assert_int_equal(test_log_len(other), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lockfile_is_the_same_text_for_the_same_apps, begin, end),
        cmocka_unit_test_setup_teardown(everything_locked_is_installed_elsewhere_in_order, begin, end),
        cmocka_unit_test_setup_teardown(package_that_is_not_the_locked_one_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(locked_installation_takes_only_what_the_lockfile_names, begin, end),
        cmocka_unit_test_setup_teardown(folder_with_other_code_than_the_locked_one_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(lockfile_without_a_path_lies_in_the_store, begin, end),
        cmocka_unit_test_setup_teardown(lockfile_that_cannot_be_understood_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(bundle_brings_everything_without_the_sources, begin, end),
        cmocka_unit_test_setup_teardown(kept_packages_go_with_their_versions, begin, end),
        cmocka_unit_test_setup_teardown(bundle_of_a_folder_says_what_to_do, begin, end),
        cmocka_unit_test_setup_teardown(changed_package_is_not_bundled, begin, end),
        cmocka_unit_test_setup_teardown(hostile_bundle_is_refused_and_leaves_nothing, begin, end),
        cmocka_unit_test_setup_teardown(bundle_of_a_remote_source_needs_its_signature, begin, end),
        cmocka_unit_test_setup_teardown(bundle_of_a_redirected_source_needs_what_both_hosts_need, begin, end),
        cmocka_unit_test_setup_teardown(bundle_of_a_signed_package_needs_its_signature, begin, end),
        cmocka_unit_test_setup_teardown(refusals_before_the_first_package_are_logged, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
