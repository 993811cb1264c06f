/* Manifests that others made up: whatever the bytes, the answer is a documented status, and what is taken keeps the
 * rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <hookline/isolation.h>

#include "install/manifest.h"
#include "install/names.h"
#include "tests/fuzz/support/fuzz.h"

static void check_needs(const hl__manifest_need *needs, size_t len)
{
    hl__version any;

    fuzz_require(hl__version_read("1.2.3", &any));
    for (size_t i = 0; i < len; i++) {
        fuzz_require(hl__app_name_check("fuzz", "app", needs[i].app) == HL_OK);
        fuzz_require(hl__range_check("fuzz", "range", needs[i].range) == HL_OK);
        hl__range_matches(needs[i].range, &any);
    }
}

/* A text that records can keep: it is read again, and has nobody's word but the package's. */
static void check_isolation(const char *text)
{
    hl_isolation *isolation = NULL;

    if (!text[0])
        return;
    fuzz_require(hl_isolation_parse(text, &isolation) == HL_OK);
    free(isolation);
}

static void check_taken(const hl__manifest *manifest)
{
    hl__version again;

    fuzz_require(hl__app_name_check("fuzz", "app", manifest->app) == HL_OK);
    fuzz_require(hl__version_read(manifest->version_text, &again) &&
                 hl__version_compare(&again, &manifest->version) == 0);
    fuzz_require(manifest->libraries_len > 0 && manifest->abi > 0);
    for (size_t i = 0; i < manifest->libraries_len; i++) {
        fuzz_require(hl__path_is_library(manifest->libraries[i].file) && !strstr(manifest->libraries[i].file, "/../"));
        fuzz_require(manifest->libraries[i].plugins_len > 0 && manifest->libraries[i].plugins[0][0]);
        for (size_t k = 0; k < manifest->libraries[i].plugins_len; k++)
            check_isolation(manifest->libraries[i].isolation[k]);
    }
    fuzz_require(!manifest->data[0] || !hl__path_problem(manifest->data));
    check_needs(manifest->needs, manifest->needs_len);
    check_needs(manifest->conflicts, manifest->conflicts_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hl__manifest manifest;
    hl_status status = hl__manifest_parse((const char *)data, size, &manifest);

    if (status == HL_OK)
        check_taken(&manifest);
    else
        fuzz_require(status == HL_ERR_MANIFEST || status == HL_ERR_VERSION || status == HL_ERR_LIMIT);
    fuzz_require(status == HL_OK || (hl_last_error()->field[0] && hl_last_error()->message[0]));
    hl__manifest_cleanup(&manifest);
    return 0;
}

#ifndef HL_TEST_LIBFUZZER

static void kept_manifests_are_answered(void **state)
{
    (void)state;
    assert_true(fuzz_corpus("manifest") > 5);
}

static void damaged_manifests_are_answered(void **state)
{
    static const char *const words[] = {"\"app\":",
                                        "\"version\":",
                                        "\"abi\":",
                                        "\"libraries\":",
                                        "\"file\":",
                                        "\"plugins\":",
                                        "\"isolation\":",
                                        "{\"mode\":\"in_worker\"}",
                                        "\"sandbox\":",
                                        "\"requires\":",
                                        "\"optional\":",
                                        "\"conflicts\":",
                                        "\"data\":",
                                        "\"lib/a.so\"",
                                        "\"1.0.0-rc.1\"",
                                        "\">=1 <2\"",
                                        "\"^1.2\"",
                                        "\\u0000",
                                        "\\ud800\\udc00",
                                        "[[[[[[[[",
                                        "{\"a\":{\"a\":",
                                        "..",
                                        "1e999",
                                        "-9223372036854775809",
                                        NULL};

    (void)state;
    assert_true(fuzz_damage("manifest", words, NULL) >= 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_manifests_are_answered),
        cmocka_unit_test(damaged_manifests_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
