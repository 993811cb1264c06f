/* Policies: what may be installed from where, closed by default. Rows CF-04, CF-05. */
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "install/policy.h"
#include "tests/support/support.h"

/* A key as minisign writes it: "Ed", 8 bytes of id, 32 bytes. */
#define KEY "RWQAAQIDBAUGBwABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fchmod(fileno(file), mode), 0);
    assert_int_equal(fclose(file), 0);
}

static void write_policy(const char *folder, const char *text, mode_t mode)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, HL__POLICY_NAME);
    write_file(path, text, mode);
}

static int setup(void **state)
{
    *state = (void *)test_folder();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    test_folder_remove(*state);
    return 0;
}

static void load(const char *folder, const char *text, hl__policy *policy)
{
    write_policy(folder, text, 0644);
    ok(hl__policy_load(folder, policy));
}

/* The policy is refused over this field, and the message tells which file. */
static void refuse(const char *folder, const char *text, const char *field)
{
    hl__policy policy;

    write_policy(folder, text, 0644);
    refused(hl__policy_load(folder, &policy), HL_ERR_POLICY, field);
    assert_non_null(strstr(hl_last_error()->message, folder));
    hl__policy_cleanup(&policy);
}

static bool allowed(const hl__policy *policy, const char *url)
{
    hl_status status = hl__policy_check_url(policy, url);

    assert_true(status == HL_OK || status == HL_ERR_POLICY);
    return status == HL_OK;
}

/* ---- defaults ---- */

/* SE-03, SE-04, X-018, X-020 */
static void without_a_policy_nothing_remote_is_allowed_and_limits_hold(void **state)
{
    hl__policy policy;

    ok(hl__policy_load(*state, &policy));
    refused(hl__policy_check_url(&policy, "https://packages.example.org/a.tar.gz"), HL_ERR_POLICY, "hosts");
    assert_non_null(strstr(hl_last_error()->message, "add \"packages.example.org\" to \"hosts\" in "));
    assert_non_null(strstr(hl_last_error()->message, "install.json"));
    refused(hl__policy_check_repository(&policy, "owner/shop"), HL_ERR_POLICY, "repositories");
    assert_non_null(strstr(hl_last_error()->message, "add \"owner/shop\" to \"repositories\""));
    assert_true(hl__policy_needs_signature(&policy, "https://packages.example.org/a", NULL));
    assert_true(policy.download_bytes == UINT64_C(1) << 30 && policy.archive.unpacked_bytes == UINT64_C(4) << 30);
    assert_int_equal(policy.download_seconds, 600);
    assert_int_equal(policy.stall_seconds, 30);
    assert_int_equal(policy.redirects, 5);
    assert_int_equal(policy.archive.entries, 10000);
    assert_int_equal(policy.archive.name_bytes, 512);
    assert_int_equal(policy.archive.ratio, 200);
    assert_int_equal(policy.keep, 1);
    assert_string_equal(policy.github_api, "https://api.github.com");
    assert_null(policy.ca_file);
    assert_null(policy.token);
    hl__policy_cleanup(&policy);
}

static void without_a_folder_the_defaults_hold(void **state)
{
    hl__policy policy;

    (void)state;
    ok(hl__policy_load(NULL, &policy));
    refused(hl__policy_check_url(&policy, "https://example.org/"), HL_ERR_POLICY, "hosts");
    hl__policy_cleanup(&policy);
}

static void every_field_is_read(void **state)
{
    char ca[PATH_MAX], token[PATH_MAX], text[2 * PATH_MAX + 1024];
    hl__policy policy;

    assert_non_null(realpath(*state, ca));
    strcpy(token, ca);
    write_file(strcat(ca, "/ca.pem"), "authority", 0644);
    write_file(strcat(token, "/token"), "abc\n", 0600);
    snprintf(text, sizeof(text),
             "{\"hosts\": [\"a.example\"], \"repositories\": [\"Owner/Shop\"], \"keys\": [\"" KEY "\"],"
             " \"unsigned\": [\"owner/shop\"], \"protected\": [\"billing\"], \"keep\": 3,"
             " \"limits\": {\"download_bytes\": 1, \"download_seconds\": 2, \"stall_seconds\": 3, \"redirects\": 0,"
             "  \"entries\": 5, \"unpacked_bytes\": 6, \"name_bytes\": 7, \"ratio\": 8},"
             " \"github_api\": \"https://git.example/api/v3/\", \"ca_file\": \"%s\", \"token_file\": \"%s\"}",
             ca, token);
    load(*state, text, &policy);
    assert_int_equal(policy.hosts_len + policy.repositories_len + policy.keys_len + policy.protected_len, 4);
    assert_string_equal(policy.repositories[0], "owner/shop");
    assert_int_equal(policy.keys[0].id[7], 7);
    assert_int_equal(policy.download_bytes + policy.download_seconds + policy.stall_seconds + policy.redirects, 6);
    assert_int_equal(policy.archive.entries, 5);
    assert_int_equal(policy.archive.unpacked_bytes, 6);
    assert_int_equal(policy.archive.name_bytes, 7);
    assert_int_equal(policy.archive.ratio, 8);
    assert_int_equal(policy.keep, 3);
    assert_string_equal(policy.github_api, "https://git.example/api/v3");
    assert_string_equal(policy.ca_file, ca);
    assert_string_equal(policy.token, "abc");
    hl__policy_cleanup(&policy);
}

/* ---- what cannot be understood ---- */

static void policy_that_cannot_be_understood_refuses_everything(void **state)
{
    static const struct {
        const char *text, *field;
    } rows[] = {
        {"", "install.json"},
        {"[]", "install.json"},
        {"{\"hosts\": [}", "install.json"},
        {"{\"hosts\": [], \"hosts\": []}", "install.json"},
        {"{\"host\": [\"a.example\"]}", "host"},
        {"{\"Hosts\": []}", "Hosts"},
        {"{\"hosts\": \"a.example\"}", "hosts"},
        {"{\"hosts\": [\"a.example\", 1]}", "hosts[1]"},
        {"{\"hosts\": [\"\"]}", "hosts[0]"},
        {"{\"hosts\": [\"*\"]}", "hosts[0]"},
        {"{\"hosts\": [\"*.example.org\"]}", "hosts[0]"},
        {"{\"hosts\": [\"a.example/path\"]}", "hosts[0]"},
        {"{\"hosts\": [\"a.example?x\"]}", "hosts[0]"},
        {"{\"hosts\": [\"user@a.example\"]}", "hosts[0]"},
        {"{\"hosts\": [\"ftp://a.example\"]}", "hosts[0]"},
        {"{\"hosts\": [\"a.example:0\"]}", "hosts[0]"},
        {"{\"hosts\": [\"a.example:65536\"]}", "hosts[0]"},
        {"{\"hosts\": [\"b\\u00fccher.example\"]}", "hosts[0]"},
        {"{\"hosts\": [\"a..example\"]}", "hosts[0]"},
        {"{\"hosts\": [\"a.example.0x7f\"]}", "hosts[0]"},
        {"{\"hosts\": [\"[::1\"]}", "hosts[0]"},
        {"{\"hosts\": [\"[fe80::1%25lo]\"]}", "hosts[0]"},
        {"{\"repositories\": [\"owner\"]}", "repositories[0]"},
        {"{\"repositories\": [\"owner/\"]}", "repositories[0]"},
        {"{\"repositories\": [\"owner/shop/x\"]}", "repositories[0]"},
        {"{\"repositories\": [\"owner/..\"]}", "repositories[0]"},
        {"{\"repositories\": [\"owner/*\"]}", "repositories[0]"},
        {"{\"repositories\": [\"owner/shop\\n\"]}", "repositories[0]"},
        {"{\"unsigned\": [\"*\"]}", "unsigned[0]"},
        {"{\"unsigned\": true}", "unsigned"},
        {"{\"keys\": [\"RWQ\"]}", "keys[0]"},
        {"{\"protected\": [\"Not A Name\"]}", "protected[0]"},
        {"{\"limits\": 5}", "limits"},
        {"{\"limits\": {\"download_byte\": 5}}", "limits.download_byte"},
        {"{\"limits\": {\"download_bytes\": 0}}", "limits.download_bytes"},
        {"{\"limits\": {\"download_bytes\": -1}}", "limits.download_bytes"},
        {"{\"limits\": {\"download_bytes\": 1e9}}", "limits.download_bytes"},
        {"{\"limits\": {\"download_bytes\": 99999999999999999}}", "limits.download_bytes"},
        {"{\"limits\": {\"download_bytes\": 999999999999999999999}}", "install.json"},
        {"{\"limits\": {\"stall_seconds\": 0}}", "limits.stall_seconds"},
        {"{\"limits\": {\"redirects\": 51}}", "limits.redirects"},
        {"{\"limits\": {\"name_bytes\": 4096}}", "limits.name_bytes"},
        {"{\"keep\": \"1\"}", "keep"},
        {"{\"github_api\": \"api.github.com\"}", "github_api"},
        {"{\"github_api\": \"http://api.example\"}", "github_api"},
        {"{\"github_api\": \"https://a@api.example\"}", "github_api"},
        {"{\"github_api\": \"https://api.example/?x\"}", "github_api"},
        {"{\"ca_file\": \"ca.pem\"}", "ca_file"},
        {"{\"ca_file\": \"/nowhere/ca.pem\"}", "ca_file"},
        {"{\"token_file\": \"/nowhere/token\"}", "token_file"},
        {"{\"token_file\": \"/dev/zero\"}", "token_file"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        refuse(*state, rows[i].text, rows[i].field);
}

static void policy_that_others_may_write_is_refused(void **state)
{
    static const mode_t modes[] = {0664, 0646, 0666};
    hl__policy policy;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        write_policy(*state, "{}", modes[i]);
        refused(hl__policy_load(*state, &policy), HL_ERR_POLICY, "install.json");
        assert_non_null(strstr(hl_last_error()->message, "chmod go-w"));
        hl__policy_cleanup(&policy);
    }
}

static void policy_that_is_no_file_or_too_large_is_refused(void **state)
{
    char path[512];
    hl__policy policy;

    snprintf(path, sizeof(path), "%s/%s", (const char *)*state, HL__POLICY_NAME);
    assert_int_equal(mkfifo(path, 0600), 0);
    refused(hl__policy_load(*state, &policy), HL_ERR_POLICY, "install.json");
    hl__policy_cleanup(&policy);
    assert_int_equal(unlink(path), 0);
    write_policy(*state, "{}", 0600);
    assert_int_equal(truncate(path, (1 << 20) + 1), 0);
    refused(hl__policy_load(*state, &policy), HL_ERR_POLICY, "install.json");
    hl__policy_cleanup(&policy);
}

static void token_that_others_may_read_or_that_is_no_line_is_refused(void **state)
{
    char path[PATH_MAX], text[PATH_MAX + 64];

    assert_non_null(realpath(*state, path));
    strcat(path, "/token");
    snprintf(text, sizeof(text), "{\"token_file\": \"%s\"}", path);
    write_file(path, "abc\n", 0640);
    refuse(*state, text, "token_file");
    write_file(path, "abc\n", 0604);
    refuse(*state, text, "token_file");
    write_file(path, "abc\r\nX-Other: 1\n", 0600);
    refuse(*state, text, "token_file");
    write_file(path, "\n", 0600);
    refuse(*state, text, "token_file");
}

static void token_is_never_sent_over_plain_http(void **state)
{
    char path[PATH_MAX], text[PATH_MAX + 256];

    assert_non_null(realpath(*state, path));
    strcat(path, "/token");
    write_file(path, "abc\n", 0600);
    snprintf(text, sizeof(text),
             "{\"hosts\": [\"http://localhost:80\"], \"github_api\": \"http://localhost\", \"token_file\": \"%s\"}",
             path);
    refuse(*state, text, "github_api");
}

/* ---- hosts ---- */

/* SE-03, X-017 */
static void host_is_compared_in_one_normal_form(void **state)
{
    hl__policy policy;

    load(*state,
         "{\"hosts\": [\"Packages.Example.ORG.\", \"a.example:8443\", \"https://b.example\", \"127.0.0.1\","
         " \"[0:0:0:0:0:0:0:1]:99\", \"xn--bcher-kva.example\"]}",
         &policy);
    assert_true(allowed(&policy, "https://packages.example.org/a"));
    assert_true(allowed(&policy, "HTTPS://PACKAGES.example.org:443/a?b#c"));
    assert_true(allowed(&policy, "https://packages.example.org./a"));
    assert_true(allowed(&policy, "https://packages%2Eexample.org/a"));
    assert_true(allowed(&policy, "https://a.example:8443/"));
    assert_true(allowed(&policy, "https://b.example:443/"));
    assert_true(allowed(&policy, "https://127.0.0.1/"));
    assert_true(allowed(&policy, "https://[::1]:99/"));
    assert_true(allowed(&policy, "https://xn--bcher-kva.example/"));
    hl__policy_cleanup(&policy);
}

/* SE-03, X-017 */
static void host_that_only_looks_like_a_listed_one_is_refused(void **state)
{
    static const char *const urls[] = {
        "http://packages.example.org/a",
        "https://packages.example.org:8443/a",
        "https://packages.example.org.evil.example/a",
        "https://evil.example/packages.example.org",
        "https://sub.packages.example.org/a",
        "https://packages-example.org/a",
        "https://packages.example.org@evil.example/a",
        "https://evil.example@packages.example.org/a",
        "https://user:pass@packages.example.org/a",
        "https://packages.example.org\\@evil.example/a",
        "https://packages.example.org%00.evil.example/a",
        "https://packages.example.org%2F@evil.example/a",
        "https://evil.example#packages.example.org",
        "https://evil.example?packages.example.org",
        "https://p\320\260ckages.example.org/a",
        "https://packages.example.org\r\nHost: evil.example/",
        "ftp://packages.example.org/a",
        "file://packages.example.org/etc/passwd",
        "file:///etc/passwd",
        "packages.example.org/a",
        "//packages.example.org/a",
        "https:///a",
        "https://",
        "",
        " ",
        "https://packages.example.org../",
        "https://packages.example.org:99999/",
        "https://packages.example.org:0/",
        "https://packages.example.org:443x/",
        "https://[::1]/",
        "https://[fe80::1%25lo]/",
    };
    hl__policy policy;

    load(*state, "{\"hosts\": [\"packages.example.org\"]}", &policy);
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        if (allowed(&policy, urls[i]))
            fail_msg("%s was allowed", urls[i]);
    }
    hl__policy_cleanup(&policy);
}

static void password_of_an_address_is_not_shown(void **state)
{
    hl__policy policy;

    load(*state, "{\"hosts\": [\"packages.example.org\"]}", &policy);
    refused(hl__policy_check_url(&policy, "https://me:secret@packages.example.org/a"), HL_ERR_POLICY, "location");
    assert_null(strstr(hl_last_error()->message, "secret"));
    hl__policy_cleanup(&policy);
}

static void too_long_an_address_is_refused(void **state)
{
    char url[10000];
    hl__policy policy;

    load(*state, "{\"hosts\": [\"a.example\"]}", &policy);
    memset(url, 'a', sizeof(url));
    memcpy(url, "https://a.example/", 18);
    url[sizeof(url) - 1] = '\0';
    refused(hl__policy_check_url(&policy, url), HL_ERR_POLICY, "location");
    url[4000] = '\0';
    assert_true(allowed(&policy, url));
    hl__policy_cleanup(&policy);
}

/* SE-03 */
static void plain_http_is_allowed_only_where_it_is_listed(void **state)
{
    hl__policy policy;

    load(*state, "{\"hosts\": [\"http://build.internal:8080\", \"http://old.internal\"]}", &policy);
    assert_true(allowed(&policy, "http://build.internal:8080/a"));
    assert_true(allowed(&policy, "https://build.internal:8080/a"));
    assert_true(allowed(&policy, "http://old.internal:80/a"));
    assert_false(allowed(&policy, "http://build.internal/a"));
    assert_false(allowed(&policy, "https://old.internal/a"));
    refused(hl__policy_check_url(&policy, "http://new.internal:81/a"), HL_ERR_POLICY, "hosts");
    assert_non_null(strstr(hl_last_error()->message, "\"http://new.internal:81\""));
    hl__policy_cleanup(&policy);
}

/* ---- repositories, apps, signatures ---- */

/* SE-04 */
static void repository_is_listed_by_owner_and_name(void **state)
{
    static const char *const others[] =
        {"owner/shop2",  "owner2/shop",   "owner/",      "/shop",         "owner",        "owner/shop/",  " owner/shop",
         "owner/shop\n", "owner/../shop", "owner//shop", "../owner/shop", "owner/shop?x", "owner/sh%6fp", ""};
    hl__policy policy;

    load(*state, "{\"repositories\": [\"Owner/Shop\"]}", &policy);
    ok(hl__policy_check_repository(&policy, "owner/shop"));
    ok(hl__policy_check_repository(&policy, "OWNER/shop"));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(hl__policy_check_repository(&policy, others[i]), HL_ERR_POLICY);
    hl__policy_cleanup(&policy);
}

/* SE-02, X-023 */
static void hookline_is_protected_whatever_the_policy_says(void **state)
{
    static const char *const texts[] = {"{}", "{\"protected\": []}", "{\"protected\": [\"billing\"]}"};
    hl__policy policy;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        load(*state, texts[i], &policy);
        refused(hl__policy_check_app(&policy, "uninstall", "hookline"), HL_ERR_PROTECTED, "app");
        assert_string_equal(hl_last_error()->action, "uninstall");
        ok(hl__policy_check_app(&policy, "install", "shop"));
        assert_int_equal(hl__policy_check_app(&policy, "install", "billing"), i == 2 ? HL_ERR_PROTECTED : HL_OK);
        hl__policy_cleanup(&policy);
    }
}

/* */
static void remote_packages_need_a_signature_unless_their_source_is_named(void **state)
{
    hl__policy policy;

    load(*state, "{\"unsigned\": [\"Owner/Shop\", \"a.example\", \"http://b.example:81\"]}", &policy);
    assert_false(hl__policy_needs_signature(&policy, NULL, NULL));
    assert_false(hl__policy_needs_signature(&policy, "https://A.example/x", NULL));
    assert_false(hl__policy_needs_signature(&policy, "http://b.example:81/x", NULL));
    assert_false(hl__policy_needs_signature(&policy, NULL, "owner/SHOP"));
    assert_false(hl__policy_needs_signature(&policy, "https://c.example/x", "owner/shop"));
    assert_true(hl__policy_needs_signature(&policy, "http://a.example/x", NULL));
    assert_true(hl__policy_needs_signature(&policy, "https://a.example:8443/x", NULL));
    assert_true(hl__policy_needs_signature(&policy, "https://c.example/a.example", NULL));
    assert_true(hl__policy_needs_signature(&policy, NULL, "owner/other"));
    hl__policy_cleanup(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_policy_nothing_remote_is_allowed_and_limits_hold, setup, teardown),
        cmocka_unit_test(without_a_folder_the_defaults_hold),
        cmocka_unit_test_setup_teardown(every_field_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(policy_that_cannot_be_understood_refuses_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(policy_that_others_may_write_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(policy_that_is_no_file_or_too_large_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(token_that_others_may_read_or_that_is_no_line_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(token_is_never_sent_over_plain_http, setup, teardown),
        cmocka_unit_test_setup_teardown(host_is_compared_in_one_normal_form, setup, teardown),
        cmocka_unit_test_setup_teardown(host_that_only_looks_like_a_listed_one_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(password_of_an_address_is_not_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(too_long_an_address_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(plain_http_is_allowed_only_where_it_is_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(repository_is_listed_by_owner_and_name, setup, teardown),
        cmocka_unit_test_setup_teardown(hookline_is_protected_whatever_the_policy_says, setup, teardown),
        cmocka_unit_test_setup_teardown(remote_packages_need_a_signature_unless_their_source_is_named, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
