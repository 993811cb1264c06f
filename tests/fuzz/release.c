/* Answers of a release API that others made up: whatever the bytes, there is one asset with all that belongs to it, or
 * a documented refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "install/fetch.h"
#include "tests/fuzz/support/fuzz.h"

static void ask(const uint8_t *data, size_t size, const char *wished)
{
    hl__asset asset;
    hl_status status = hl__github_choose((const char *)data, size, wished, &asset);

    if (status == HL_OK) {
        fuzz_require(asset.name[0] && asset.url[0] && asset.tag[0] && !strchr(asset.name, '/'));
        fuzz_require(!wished || strcmp(asset.name, wished) == 0);
        fuzz_require(!asset.signature_url || asset.signature_url[0]);
    } else {
        fuzz_require(status == HL_ERR_ASSET || status == HL_ERR_DOWNLOAD);
        fuzz_require(hl_last_error()->field[0] && hl_last_error()->message[0]);
        fuzz_require(!asset.name && !asset.url && !asset.signature_url && !asset.tag);
    }
    hl__asset_cleanup(&asset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ask(data, size, NULL);
    ask(data, size, "shop-1.2.0-x86_64-gnu.tar.gz");
    return 0;
}

#ifndef HL_TEST_LIBFUZZER

static void kept_answers_are_understood_or_refused(void **state)
{
    (void)state;
    assert_true(fuzz_corpus("release") > 3);
}

static void damaged_answers_are_understood_or_refused(void **state)
{
    static const char *const words[] = {"\"tag_name\":",  "\"assets\":", "\"name\":", "\"browser_download_url\":",
                                        ".minisig",       ".tar.gz",     "x86_64",    "aarch64",
                                        "-musl",          "\\u0000",     "\\ud800",   "[[[[[[[[",
                                        "{\"a\":{\"a\":", "1e999",       "null",      NULL};

    (void)state;
    assert_true(fuzz_damage("release", words, NULL) >= 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_answers_are_understood_or_refused),
        cmocka_unit_test(damaged_answers_are_understood_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
