/* Installing from elsewhere, the whole way: policy, download, signature by the minisign command, activation. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/installer/support/app.h"
#include "tests/support/https_server.h"

static hl_runtime *runtime;
static hl_event *event;
static test_server server;
static char key[128]; /* the public key's line; "" where there is no minisign */

static bool run_here(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool run_here(const char *format, ...)
{
    char command[4096];
    int len = snprintf(command, sizeof(command), "cd '%s' && ", test_place);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(command + len, sizeof(command) - (size_t)len, format, arguments);
    va_end(arguments);
    return system(command) == 0;
}

static void make_key(void)
{
    FILE *file;

    key[0] = '\0';
    if (!run_here("minisign -G -W -f -p key.pub -s key.sec >/dev/null 2>&1 </dev/null"))
        return;
    file = fopen(test_path("key.pub"), "r");
    assert_non_null(file);
    while (fgets(key, sizeof(key), file))
        key[strcspn(key, "\n")] = '\0';
    fclose(file);
}

static void sign(const char *package)
{
    assert_true(run_here("minisign -S -W -s key.sec -m '%s' >/dev/null 2>&1 </dev/null", package));
}

/* Packages of the server need no signature. */
static const char *from_the_server(void)
{
    static char text[64];

    snprintf(text, sizeof(text), ",\"unsigned\":[\"127.0.0.1:%u\"]", server.https);
    return text;
}

/* further: more fields of the policy, each with a comma before it. */
static void set_policy(const char *further)
{
    char text[8192];

    snprintf(
        text, sizeof(text),
        "{\"hosts\":[\"127.0.0.1:%u\"],\"keys\":[\"%s\"],\"ca_file\":\"%s\",\"github_api\":\"https://127.0.0.1:%u\"%s}",
        server.https, key[0] ? key : "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3", server.ca,
        server.https, further);
    test_write(test_path("store/install.json"), text);
}

static int begin(void **state)
{
    test_begin(state);
    make_key();
    assert_int_equal(mkdir(test_path("served"), 0755), 0);
    test_server_start(&server, test_path("served"), test_path("server"));
    runtime = test_open_store(0);
    event = test_event(runtime, "e");
    set_policy("");
    return 0;
}

static int end(void **state)
{
    hl_close(runtime);
    test_server_stop(&server);
    return test_end(state);
}

/* A package on the server, under a folder of it; its file name is returned. */
static const char *serve(const test_app *app, const char *folder, bool is_signed)
{
    const char *package = test_app_package(app);

    if (is_signed) {
        if (!key[0])
            skip();
        sign(package);
    }
    assert_true(run_here("mkdir -p served/%s && mv %s-%s.tar.gz* served/%s/", folder, app->app, app->version, folder));
    return strrchr(package, '/') + 1;
}

#define served(folder, is_signed, ...) serve(&(test_app){__VA_ARGS__}, folder, is_signed)

static hl_status install_url(const char *url, hl_install_report *report)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_URL, url);

    return hl_install(runtime, &spec, report);
}

static void nothing_is_installed(void)
{
    assert_string_equal(test_apps(runtime), "");
    assert_string_equal(test_tree(test_path("store/apps")), "");
    assert_string_equal(test_seen_trail(event), "");
}

/* ---- by URL ---- */

/* IN-03 SE-03 DL-01 */
static void signed_package_is_installed_from_an_allowed_host(void **state)
{
    const char *name = served("p", true, .app = "shop", .version = "1.0.0"), *url;
    hl_install_report report = HL_INSTALL_REPORT_INIT;

    (void)state;
    url = test_server_url(&server, "/p/%s", name);
    ok(install_url(url, &report));
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
    assert_string_equal(report.source, url);
    assert_int_equal(strlen(report.key), 16);
    assert_true(report.bytes > 0);
    assert_string_equal(test_last_entry(runtime), "install shop  -> 1.0.0 HL_OK");
    hl_install_report_cleanup(&report);
}

/* a remote package without a signature is refused, unless its source is named. */
static void unsigned_package_is_refused_unless_its_source_is_named(void **state)
{
    const char *name = served("p", false, .app = "shop", .version = "1.0.0");

    (void)state;
    refused(install_url(test_server_url(&server, "/p/%s", name), NULL), HL_ERR_SIGNATURE, "signature");
    nothing_is_installed();
    set_policy(from_the_server());
    ok(install_url(test_server_url(&server, "/p/%s", name), NULL));
    assert_string_equal(test_apps(runtime), "shop 1.0.0 ");
}

/* The listed host https leads to the listed host http; `unsigned_hosts` as they stand in the policy. */
static void set_policy_of_two(const char *unsigned_hosts)
{
    char text[8192];

    snprintf(text, sizeof(text),
             "{\"hosts\":[\"127.0.0.1:%u\",\"http://127.0.0.1:%u\"],\"ca_file\":\"%s\",\"unsigned\":[%s]}",
             server.https, server.http, server.ca, unsigned_hosts);
    test_write(test_path("store/install.json"), text);
}

/* a host that needs no signature does not speak for the one that it leads to. */
static void redirected_package_may_be_unsigned_only_if_both_hosts_are_named(void **state)
{
    const char *name = served("p", false, .app = "shop", .version = "1.0.0"), *url;
    char asked[64], answered[64], both[140];

    (void)state;
    snprintf(asked, sizeof(asked), "\"127.0.0.1:%u\"", server.https);
    snprintf(answered, sizeof(answered), "\"http://127.0.0.1:%u\"", server.http);
    snprintf(both, sizeof(both), "%s,%s", asked, answered);
    url = test_server_url(&server, "/p/%s?redirect=http://127.0.0.1:%u/p/%s", name, server.http, name);
    set_policy_of_two(asked);
    refused(install_url(url, NULL), HL_ERR_SIGNATURE, "signature");
    set_policy_of_two(answered);
    refused(install_url(url, NULL), HL_ERR_SIGNATURE, "signature");
    nothing_is_installed();
    set_policy_of_two(both);
    ok(install_url(url, NULL));
}

/* What is refused is recorded too. Nothing of the store's files may have the secret in it. */
static void secrets_of_an_address_are_neither_told_nor_recorded(void **state)
{
    const char *name = served("p", false, .app = "shop", .version = "1.0.0"), *plain;
    hl_install_report report = HL_INSTALL_REPORT_INIT;
    char wrong[256];

    (void)state;
    set_policy(from_the_server());
    snprintf(wrong, sizeof(wrong), "https://me:hidden-word@127.0.0.1:%u/p/%s", server.https, name);
    refused(install_url(wrong, &report), HL_ERR_POLICY, "location");
    assert_string_equal(report.source, "");
    hl_install_report_cleanup(&report);
    refused(install_url(test_server_url(&server, "/missing?token=hidden-word"), NULL), HL_ERR_DOWNLOAD, NULL);
    plain = test_server_url(&server, "/p/%s", name);
    ok(install_url(test_server_url(&server, "/p/%s?redirect=/p/%s%%3Ftoken=hidden-word", name, name), &report));
    assert_string_equal(report.source, plain);
    hl_install_report_cleanup(&report);
    ok(hl_uninstall(runtime, "shop", 0, NULL));
    ok(install_url(test_server_url(&server, "/p/%s?token=hidden-word", name), &report));
    assert_string_equal(report.source, plain);
    hl_install_report_cleanup(&report);
    assert_true(run_here("test -s store/data.mdb && ! grep -rq hidden-word store"));
}

static void signature_of_other_bytes_is_refused(void **state)
{
    const char *name = served("p", true, .app = "shop", .version = "1.0.0");

    (void)state;
    assert_true(run_here("printf x >> served/p/%s", name));
    refused(install_url(test_server_url(&server, "/p/%s", name), NULL), HL_ERR_SIGNATURE, NULL);
    nothing_is_installed();
}

/* X-017 SE-14: each hop of a redirect is held against the policy. */
static void redirect_to_a_host_that_is_not_listed_is_refused(void **state)
{
    const char *name = served("p", false, .app = "shop", .version = "1.0.0"), *away;

    (void)state;
    set_policy(from_the_server());
    away = test_server_url(&server, "/p/%s?redirect=https://localhost:%u/p/%s", name, server.https, name);
    refused(install_url(away, NULL), HL_ERR_POLICY, NULL);
    assert_string_equal(test_last_entry(runtime), "install   ->  HL_ERR_POLICY"); /* SE-06 TE-06 */
    away = test_server_url(&server, "/p/%s?redirect=http://127.0.0.1:%u/p/%s", name, server.http, name);
    refused(install_url(away, NULL), HL_ERR_POLICY, NULL);
    nothing_is_installed();
}

/* X-018 SE-15 */
static void package_that_is_larger_than_allowed_is_refused(void **state)
{
    (void)state;
    set_policy(",\"limits\":{\"download_bytes\":10000}");
    refused(install_url(test_server_url(&server, "/x?bytes=20000"), NULL), HL_ERR_LIMIT, NULL);
    nothing_is_installed();
}

/* a server that fails is an error with a reason. */
static void failing_server_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    set_policy(from_the_server());
    refused(install_url(test_server_url(&server, "/x?code=500"), NULL), HL_ERR_DOWNLOAD, NULL);
    refused(install_url(test_server_url(&server, "/missing"), NULL), HL_ERR_DOWNLOAD, NULL);
    nothing_is_installed();
}

static bool stop_download(void *user, hl_install_step step, uint64_t done, uint64_t total)
{
    (void)user;
    (void)total;
    return step != HL_STEP_DOWNLOAD || done == 0;
}

static void cancelled_download_leaves_nothing(void **state)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_URL, NULL);

    (void)state;
    set_policy(from_the_server());
    spec.location = test_server_url(&server, "/x?bytes=50000000");
    spec.progress = stop_download;
    refused(hl_install(runtime, &spec, NULL), HL_ERR_CANCELLED, NULL);
    nothing_is_installed();
}

/* ---- releases ---- */

/* IN-04 IN-05 DL-02 DL-03 SE-04: by tag, and the latest. */
static void releases_are_installed_by_tag_and_the_latest(void **state)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_GITHUB_TAG, "owner/shop");
    hl_install_report report = HL_INSTALL_REPORT_INIT;

    (void)state;
    served("releases/owner/shop/v1", true, .app = "shop", .version = "1.0.0");
    served("releases/owner/shop/v2", true, .app = "shop", .version = "2.0.0");
    spec.tag = "v1";
    refused(hl_install(runtime, &spec, NULL), HL_ERR_POLICY, NULL);
    set_policy(",\"repositories\":[\"owner/shop\"]");
    ok(hl_install(runtime, &spec, &report));
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
    assert_int_equal(strlen(report.key), 16);
    hl_install_report_cleanup(&report);
    spec = (hl_install_spec)HL_INSTALL_INIT(HL_SOURCE_GITHUB_LATEST, "owner/shop");
    ok(hl_install(runtime, &spec, NULL));
    assert_string_equal(test_seen_trail(event), "shop@2.0.0,");
    assert_string_equal(test_apps(runtime), "shop 2.0.0<1.0.0 ");
}

static void release_without_a_signature_is_refused(void **state)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_GITHUB_LATEST, "owner/shop");

    (void)state;
    served("releases/owner/shop/v1", false, .app = "shop", .version = "1.0.0");
    set_policy(",\"repositories\":[\"owner/shop\"]");
    refused(hl_install(runtime, &spec, NULL), HL_ERR_SIGNATURE, "signature");
    nothing_is_installed();
    set_policy(",\"repositories\":[\"owner/shop\"],\"unsigned\":[\"owner/shop\"]");
    ok(hl_install(runtime, &spec, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(signed_package_is_installed_from_an_allowed_host, begin, end),
        cmocka_unit_test_setup_teardown(unsigned_package_is_refused_unless_its_source_is_named, begin, end),
        cmocka_unit_test_setup_teardown(redirected_package_may_be_unsigned_only_if_both_hosts_are_named, begin, end),
        cmocka_unit_test_setup_teardown(secrets_of_an_address_are_neither_told_nor_recorded, begin, end),
        cmocka_unit_test_setup_teardown(signature_of_other_bytes_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(redirect_to_a_host_that_is_not_listed_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(package_that_is_larger_than_allowed_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(failing_server_is_an_error_and_leaves_nothing, begin, end),
        cmocka_unit_test_setup_teardown(cancelled_download_leaves_nothing, begin, end),
        cmocka_unit_test_setup_teardown(releases_are_installed_by_tag_and_the_latest, begin, end),
        cmocka_unit_test_setup_teardown(release_without_a_signature_is_refused, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
