/* CBOR that others made up: whatever the bytes, the answer is a documented status, and what is taken keeps the limits
 * and survives being written and read again, as CBOR and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "module/value_tree.h"
#include "tests/fuzz/support/fuzz.h"

static void check_text(const char *text, size_t len)
{
    fuzz_require(hl__is_utf8(text, len) && text[len] == '\0');
}

/* Every value is where it says it is. */
static void check_tree(const hl_value *value, size_t depth)
{
    size_t len = 0;
    const char *text = hl_value_as_text(value, &len);

    fuzz_require(value->kind >= HL_VALUE_NULL && value->kind <= HL_VALUE_MAP && depth <= HL_VALUE_DEPTH_MAX + 1);
    if (text)
        check_text(text, len);
    for (size_t i = 0; hl_value_at(value, i); i++) {
        const hl_value *item = hl_value_at(value, i);
        const char *key = hl_value_key_at(value, i);

        fuzz_require(item->parent == value && item->height < value->height);
        fuzz_require(!key || hl_value_get(value, key) == item);
        if (key)
            check_text(key, strlen(key));
        check_tree(item, depth + 1);
    }
}

static void check_cbor(const hl_value *value)
{
    void *bytes = NULL;
    size_t len = 0;
    hl_value *back = NULL;
    hl_status status = hl_value_encode(value, &bytes, &len);

    if (status == HL_OK) {
        fuzz_require(hl_value_decode(bytes, len, &back) == HL_OK && hl_value_equal(value, back));
        hl_value_free(back);
    } else {
        fuzz_require(status == HL_ERR_LIMIT); /* half floats become doubles */
    }
    free(bytes);
}

static void check_json(const hl_value *value)
{
    char *json = NULL;
    hl_value *back = NULL;
    hl_status status = hl_value_to_json(value, &json);

    fuzz_require(status == HL_OK || status == HL_ERR_INVALID);
    if (status == HL_OK)
        fuzz_require(hl_value_from_json(json, &back) == HL_OK && hl_value_equal(value, back));
    hl_value_free(back);
    free(json);
}

static void check_taken(const hl_value *value)
{
    hl_value *copy = hl_value_copy(value);

    check_tree(value, 1);
    fuzz_require(copy && hl_value_equal(value, copy));
    hl_value_free(copy);
    check_cbor(value);
    check_json(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hl_value *value = NULL;
    hl_status status = hl_value_decode(data, size, &value);

    if (status == HL_OK)
        check_taken(value);
    else
        fuzz_require(!value && (status == HL_ERR_INVALID || status == HL_ERR_LIMIT) && hl_last_error()->message[0]);
    hl_value_free(value);
    return 0;
}

#ifndef HL_TEST_LIBFUZZER

static void kept_values_are_answered(void **state)
{
    (void)state;
    assert_true(fuzz_corpus("value") > 20);
}

static void damaged_values_are_answered(void **state)
{
    static const char *const words[] = {"\x81\x81\x81\x81",
                                        "\x9f\x9f",
                                        "\xff\xff",
                                        "\xbf\x61\x61",
                                        "\xa1\x61\x6b",
                                        "\x5f\x41\x01\xff",
                                        "\x7f\x61\x61\xff",
                                        "\x7a\x40",
                                        "\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
                                        "\xbb\x80",
                                        "\x1b\x80",
                                        "\x3b\x7f",
                                        "\xf9\x7c",
                                        "\xfb\x7f\xf8",
                                        "\xc2\x49",
                                        "\xf7\xf6",
                                        "\x62\xc3\xbc",
                                        "\x66$bytes",
                                        NULL};

    (void)state;
    assert_true(fuzz_damage("value", words, NULL) >= 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_values_are_answered),
        cmocka_unit_test(damaged_values_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
