/* Keys: random, one text for each, and no text that is taken for anything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <hookline/modules.h>

#define ok(expression) assert_int_equal((expression), HL_OK)

/* MK-01, MK-02 */
static void new_keys_are_version_4_and_never_the_same(void **state)
{
    hl_key keys[100];
    uint8_t ones[16] = {0}, zeros[16] = {0};

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        ok(hl_key_new(&keys[i]));
        assert_int_equal(keys[i].bytes[6] >> 4, 4);
        assert_int_equal(keys[i].bytes[8] >> 6, 2);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(&keys[i], &keys[j], sizeof(keys[i]));
        for (size_t j = 0; j < 16; j++) {
            ones[j] |= keys[i].bytes[j];
            zeros[j] |= (uint8_t)~keys[i].bytes[j];
        }
    }
    for (size_t j = 0; j < 16; j++) {
        assert_int_equal(ones[j], j == 6 ? 0x4f : j == 8 ? 0xbf : 0xff);
        assert_int_equal(zeros[j], j == 6 ? 0xbf : j == 8 ? 0x7f : 0xff);
    }
}

/* MK-03, MK-05, MK-06, MK-07, MK-09 */
static void any_letter_case_is_the_same_key_and_small_letters_come_back(void **state)
{
    static const uint8_t bytes[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                      0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
    static const char *const texts[] = {"01234567-89ab-cdef-fedc-ba9876543210", "01234567-89AB-CDEF-FEDC-BA9876543210",
                                        "01234567-89aB-CdEf-feDC-bA9876543210"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        hl_key key;
        char text[HL_KEY_TEXT];

        ok(hl_key_parse(texts[i], &key));
        assert_memory_equal(key.bytes, bytes, 16);
        assert_true(hl_key_is_text(texts[i]));
        hl_key_format(&key, text);
        assert_string_equal(text, texts[0]);
    }
}

/* MK-04, MK-08; X-101: sixteen characters are no key */
static void nothing_but_the_one_form_is_a_key(void **state)
{
    static const char *const wrong[] = {"",
                                        "0123456789abcdef",
                                        "0123456789abcdef0123456789abcdef",
                                        "01234567-89ab-cdef-fedc-ba987654321",
                                        "01234567-89ab-cdef-fedc-ba98765432100",
                                        "01234567-89ab-cdef-fedc-ba987654321g",
                                        "01234567-89ab-cdef-fedcba9876543210-",
                                        "01234567 89ab-cdef-fedc-ba9876543210",
                                        "0123456-789ab-cdef-fedc-ba9876543210",
                                        "{01234567-89ab-cdef-fedc-ba9876543210}",
                                        " 01234567-89ab-cdef-fedc-ba9876543210",
                                        "01234567-89ab-cdef-fedc-ba9876543210 ",
                                        "-1234567-89ab-cdef-fedc-ba9876543210",
                                        "0x234567-89ab-cdef-fedc-ba9876543210",
                                        "\xff"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        hl_key key = {{7}};

        assert_false(hl_key_is_text(wrong[i]));
        assert_int_equal(hl_key_parse(wrong[i], &key), HL_ERR_INVALID);
        assert_string_equal(hl_last_error()->field, "text");
        assert_int_equal(key.bytes[0], 7);
    }
    assert_false(hl_key_is_text(NULL));
    assert_int_equal(hl_key_parse(NULL, &(hl_key){{0}}), HL_ERR_INVALID);
    assert_int_equal(hl_key_parse(wrong[0], NULL), HL_ERR_INVALID);
    assert_int_equal(hl_key_new(NULL), HL_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_keys_are_version_4_and_never_the_same),
        cmocka_unit_test(any_letter_case_is_the_same_key_and_small_letters_come_back),
        cmocka_unit_test(nothing_but_the_one_form_is_a_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
