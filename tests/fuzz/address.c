/* Addresses that others made up, alone and as the place of a redirect: what is taken has a host in one normal form, and
 * only the very host that is listed is allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "install/policy.h"
#include "install/url.h"
#include "tests/fuzz/support/fuzz.h"

#define HOST "packages.example.org"

/* The entry that stands for an address is read as that address's place. */
static void check_normal_form(const hl__url *url)
{
    char entry[HL__URL_BYTES_MAX + 32];
    hl__url again;

    fuzz_require(url->host[0] && strlen(url->host) == strspn(url->host, "abcdefghijklmnopqrstuvwxyz0123456789-._[]:"));
    fuzz_require(hl__url_entry(url, entry, sizeof(entry)));
    fuzz_require(!hl__url_parse_host(entry, &again));
    fuzz_require(strcmp(again.host, url->host) == 0 && again.port == url->port && again.http == url->http);
    hl__url_cleanup(&again);
}

static void check(const hl__policy *policy, const char *text)
{
    hl_status status = hl__policy_check_url(policy, text);
    hl__url url;
    const char *reason = hl__url_parse(text, &url);

    if (!reason)
        check_normal_form(&url);
    if (status == HL_OK)
        fuzz_require(!reason && strcmp(url.host, HOST) == 0 && url.port == 443 && !url.http);
    else
        fuzz_require(status == HL_ERR_POLICY && hl_last_error()->message[0]);
    hl__url_cleanup(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char host[] = HOST;
    hl__policy_host row = {host, 443, false};
    hl__policy policy = {.hosts = &row, .hosts_len = 1};
    char *text = strndup((const char *)data, size);
    char *joined = text ? hl__url_join("https://" HOST "/folder/file?query", text) : NULL;
    hl__url entry;

    fuzz_require(text != NULL);
    check(&policy, text);
    if (joined)
        check(&policy, joined);
    hl__url_parse_host(text, &entry);
    hl__url_cleanup(&entry);
    free(joined);
    free(text);
    return 0;
}

#ifndef HL_TEST_LIBFUZZER

static void kept_addresses_are_taken_or_refused(void **state)
{
    (void)state;
    assert_true(fuzz_corpus("address") > 5);
}

/* X-017 */
static void damaged_addresses_never_reach_another_host(void **state)
{
    static const char *const words[] = {"https://", "http://", "//", "@",   ":443", "%2e", "%00", "\\", "#",
                                        "?",        "[::1]",   "..", "%40", "\xd0", "%5c", "/",   HOST, "evil.example",
                                        NULL};

    (void)state;
    assert_true(fuzz_damage("address", words, NULL) >= 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_addresses_are_taken_or_refused),
        cmocka_unit_test(damaged_addresses_never_reach_another_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
