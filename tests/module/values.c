/* Values: what they keep, what they refuse, and that CBOR and JSON of strangers get an answer and nothing else. What is
 * too much of it: value_limits.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <hookline/value.h>

#define ok(expression) assert_int_equal((expression), HL_OK)

static void refused(hl_status status, hl_status wanted)
{
    assert_string_equal(hl_status_name(status), hl_status_name(wanted));
    assert_int_equal(hl_last_error()->status, wanted);
    assert_true(hl_last_error()->field[0] && hl_last_error()->message[0]);
}

/* A tree with every kind in it. */
static hl_value *make_all(void)
{
    hl_value *map = hl_value_map(), *list = hl_value_list();

    ok(hl_value_append(list, hl_value_int(INT64_MIN)));
    ok(hl_value_append(list, hl_value_int(INT64_MAX)));
    ok(hl_value_append(list, hl_value_int(-1)));
    ok(hl_value_append(list, hl_value_float(0.1)));
    ok(hl_value_append(list, hl_value_null()));
    ok(hl_value_append(list, hl_value_bool(true)));
    ok(hl_value_set(map, "list", list));
    ok(hl_value_set(map, "text", hl_value_text_n("gr\xc3\xbc\xc3\x9f\0e", 8)));
    ok(hl_value_set(map, "bytes", hl_value_bytes("\xff\0\x80", 3)));
    ok(hl_value_set(map, "empty", hl_value_map()));
    ok(hl_value_set(map, "", hl_value_bool(false)));
    return map;
}

/* ---- trees ------------------------------------------------------------------------------------------------------- */

static void each_kind_answers_its_own_question_only(void **state)
{
    hl_value *map = make_all();
    const hl_value *list = hl_value_get(map, "list");
    int64_t integer = 7;
    double number = 7;
    bool flag = true;
    size_t len = 7;

    (void)state;
    assert_int_equal(hl_value_len(map), 5);
    assert_true(hl_value_as_int(hl_value_at(list, 0), &integer) && integer == INT64_MIN);
    assert_true(hl_value_as_number(hl_value_at(list, 2), &number) && number == -1.0);
    assert_true(hl_value_as_number(hl_value_at(list, 3), &number) && number == 0.1);
    assert_false(hl_value_as_int(hl_value_at(list, 3), &integer));
    assert_false(hl_value_as_number(hl_value_get(map, "text"), &number));
    assert_true(hl_value_as_bool(hl_value_get(map, ""), &flag) && !flag);
    assert_int_equal(hl_value_kind_of(hl_value_at(list, 4)), HL_VALUE_NULL);
    assert_int_equal(hl_value_kind_of(NULL), HL_VALUE_NULL);
    assert_memory_equal(hl_value_as_text(hl_value_get(map, "text"), &len), "gr\xc3\xbc\xc3\x9f\0e", 9);
    assert_int_equal(len, 8);
    assert_null(hl_value_as_text(hl_value_get(map, "bytes"), &len));
    assert_int_equal(len, 0);
    assert_memory_equal(hl_value_as_bytes(hl_value_get(map, "bytes"), &len), "\xff\0\x80", 3);
    assert_string_equal(hl_value_key_at(map, 1), "text");
    assert_null(hl_value_key_at(list, 0));
    assert_null(hl_value_at(list, 6));
    assert_null(hl_value_at(hl_value_get(map, "text"), 0));
    assert_null(hl_value_get(map, "absent"));
    assert_null(hl_value_get(list, "list"));
    hl_value_free(map);
}

static void a_key_that_is_set_again_keeps_its_place(void **state)
{
    hl_value *map = hl_value_map();
    int64_t integer = 0;

    (void)state;
    ok(hl_value_set(map, "a", hl_value_int(1)));
    ok(hl_value_set(map, "b", hl_value_int(2)));
    ok(hl_value_set(map, "a", hl_value_int(3)));
    assert_int_equal(hl_value_len(map), 2);
    assert_string_equal(hl_value_key_at(map, 0), "a");
    assert_true(hl_value_as_int(hl_value_get(map, "a"), &integer) && integer == 3);
    assert_ptr_equal(hl_value_get(map, "a"), hl_value_at(map, 0));
    hl_value_free(map);
}

static void a_map_finds_each_of_many_keys(void **state)
{
    hl_value *map = hl_value_map();

    (void)state;
    for (int i = 0; i < 5000; i++) {
        char key[16];

        snprintf(key, sizeof(key), "%d", i * 7919 % 5000);
        ok(hl_value_set(map, key, hl_value_int(i)));
    }
    assert_int_equal(hl_value_len(map), 5000);
    for (int i = 0; i < 5000; i++) {
        char key[16];
        int64_t integer = -1;

        snprintf(key, sizeof(key), "%d", i * 7919 % 5000);
        assert_true(hl_value_as_int(hl_value_get(map, key), &integer) && integer == i);
    }
    hl_value_free(map);
}

static void text_that_is_not_utf8_becomes_no_value(void **state)
{
    static const char *const wrong[] = {"\x80",         "\xc3",         "\xc0\xaf",         "\xc1\xbf",
                                        "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
                                        "\xf8\x88\x80", "\xff",         "a\xe2\x82",        "\xe2\x28\xa1"};
    hl_value *map = hl_value_map();

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_null(hl_value_text(wrong[i]));
        refused(hl_value_set(map, wrong[i], hl_value_null()), HL_ERR_INVALID);
    }
    assert_null(hl_value_text(NULL));
    refused(hl_value_set(map, NULL, hl_value_null()), HL_ERR_INVALID);
    refused(hl_value_set(map, "a", hl_value_text("\xff")), HL_ERR_INVALID);
    ok(hl_value_set(map, "\xf4\x8f\xbf\xbf", hl_value_text("\xee\x80\x80")));
    assert_int_equal(hl_value_len(map), 1);
    hl_value_free(map);
}

static void what_is_in_a_tree_is_not_given_away_again(void **state)
{
    hl_value *list = hl_value_list(), *inner = hl_value_list(), *map = hl_value_map();

    (void)state;
    ok(hl_value_append(list, inner));
    refused(hl_value_append(list, inner), HL_ERR_INVALID);
    refused(hl_value_append(inner, list), HL_ERR_INVALID);
    refused(hl_value_append(list, list), HL_ERR_INVALID);
    refused(hl_value_set(map, "a", inner), HL_ERR_INVALID);
    refused(hl_value_set(map, "a", map), HL_ERR_INVALID);
    refused(hl_value_append(list, NULL), HL_ERR_INVALID);
    refused(hl_value_append(NULL, hl_value_null()), HL_ERR_INVALID);
    refused(hl_value_append(map, hl_value_null()), HL_ERR_INVALID);
    refused(hl_value_set(list, "a", hl_value_null()), HL_ERR_INVALID);
    assert_int_equal(hl_value_len(list), 1);
    assert_int_equal(hl_value_len(inner) + hl_value_len(map), 0);
    hl_value_free(list);
    hl_value_free(map);
}

static void copies_are_equal_and_differences_are_seen(void **state)
{
    hl_value *all = make_all(), *copy = hl_value_copy(all), *one = hl_value_int(1), *real = hl_value_float(1);
    hl_value *a = hl_value_map(), *b = hl_value_map();

    (void)state;
    assert_true(hl_value_equal(all, copy));
    ok(hl_value_set(copy, "more", hl_value_null()));
    assert_false(hl_value_equal(all, copy));
    assert_false(hl_value_equal(one, real));
    assert_true(hl_value_equal(NULL, hl_value_get(all, "absent")));
    ok(hl_value_set(a, "x", hl_value_int(1)));
    ok(hl_value_set(a, "y", hl_value_int(2)));
    ok(hl_value_set(b, "y", hl_value_int(2)));
    ok(hl_value_set(b, "x", hl_value_int(1)));
    assert_true(hl_value_equal(a, b));
    ok(hl_value_set(b, "x", hl_value_int(3)));
    assert_false(hl_value_equal(a, b));
    hl_value_free(all);
    hl_value_free(copy);
    hl_value_free(one);
    hl_value_free(real);
    hl_value_free(a);
    hl_value_free(b);
}

/* ---- CBOR -------------------------------------------------------------------------------------------------------- */

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return len;
}

static void every_kind_survives_cbor(void **state)
{
    hl_value *all = make_all(), *back = NULL;
    void *bytes = NULL;
    size_t len = 0;

    (void)state;
    ok(hl_value_encode(all, &bytes, &len));
    ok(hl_value_decode(bytes, len, &back));
    assert_true(hl_value_equal(all, back));
    assert_string_equal(hl_value_key_at(back, 4), "");
    free(bytes);
    hl_value_free(back);
    ok(hl_value_encode(NULL, &bytes, &len));
    assert_int_equal(len, 1);
    assert_int_equal(*(uint8_t *)bytes, 0xf6);
    free(bytes);
    hl_value_free(all);
}

/* The examples of RFC 8949, appendix A, and what they are in JSON. */
static void forms_of_the_standard_are_understood(void **state)
{
    static const char *const pairs[][2] = {
        {"00", "0"},
        {"17", "23"},
        {"1818", "24"},
        {"1903e8", "1000"},
        {"1a000f4240", "1000000"},
        {"1b7fffffffffffffff", "9223372036854775807"},
        {"3b7fffffffffffffff", "-9223372036854775808"},
        {"3903e7", "-1000"},
        {"1800", "0"},
        {"f90000", "0.0"},
        {"f93c00", "1.0"},
        {"f97bff", "65504.0"},
        {"f9c400", "-4.0"},
        {"f90001", "5.960464477539063e-8"},
        {"fa47c35000", "100000.0"},
        {"fb3ff199999999999a", "1.1"},
        {"f4", "false"},
        {"f5", "true"},
        {"f6", "null"},
        {"60", "\"\""},
        {"62c3bc", "\"\xc3\xbc\""},
        {"64f0908591", "\"\xf0\x90\x85\x91\""},
        {"4401020304", "{\"$bytes\":\"AQIDBA==\"}"},
        {"40", "{\"$bytes\":\"\"}"},
        {"80", "[]"},
        {"8301820203820405", "[1,[2,3],[4,5]]"},
        {"a26161016162820203", "{\"a\":1,\"b\":[2,3]}"},
        {"5f42010243030405ff", "{\"$bytes\":\"AQIDBAU=\"}"},
        {"7f657374726561646d696e67ff", "\"streaming\""},
        {"7fff", "\"\""},
        {"9fff", "[]"},
        {"9f018202039f0405ffff", "[1,[2,3],[4,5]]"},
        {"bf61610161629f0203ffff", "{\"a\":1,\"b\":[2,3]}"},
        {"826161bf61626163ff", "[\"a\",{\"b\":\"c\"}]"},
        {"bf7f6161ff01ff", "{\"a\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        uint8_t bytes[64];
        size_t len = unhex(pairs[i][0], bytes);
        hl_value *value = NULL, *same = NULL;
        char *json = NULL;

        ok(hl_value_decode(bytes, len, &value));
        ok(hl_value_from_json(pairs[i][1], &same));
        assert_true(hl_value_equal(value, same));
        ok(hl_value_to_json(value, &json));
        hl_value_free(same);
        ok(hl_value_from_json(json, &same));
        assert_true(hl_value_equal(value, same));
        free(json);
        hl_value_free(value);
        hl_value_free(same);
    }
}

static void floats_that_json_lacks_pass_through_cbor(void **state)
{
    static const char *const forms[] = {"f97c00", "f9fc00", "f97e00", "fa7f800000", "fb7ff8000000000000"};

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        uint8_t bytes[16];
        hl_value *value = NULL, *back = NULL;
        void *again = NULL;
        size_t len = unhex(forms[i], bytes);
        char *json = (char *)1;

        ok(hl_value_decode(bytes, len, &value));
        ok(hl_value_encode(value, &again, &len));
        ok(hl_value_decode(again, len, &back));
        assert_true(hl_value_equal(value, back));
        refused(hl_value_to_json(value, &json), HL_ERR_INVALID);
        assert_null(json);
        free(again);
        hl_value_free(value);
        hl_value_free(back);
    }
}

static void malformed_bytes_are_refused(void **state)
{
    static const char *const forms[] = {
        "",     /* nothing */
        "0000", /* something behind */
        "18",
        "19ff",
        "1a000000",
        "1b00", /* ends in a number */
        "1c",
        "1d",
        "1e",
        "1f",
        "3f", /* reserved, and indefinite integers */
        "5c",
        "7e",
        "9d",
        "bc",
        "dc", /* reserved lengths */
        "61",
        "4401",
        "7a00000002c3bc00", /* ends in a string; a byte too many */
        "61ff",
        "62c328",
        "63eda080", /* not UTF-8 */
        "81",
        "8201",
        "9f",
        "9f01", /* ends in a list */
        "a1",
        "a16161",
        "a2616101", /* ends in a map */
        "bf",
        "bf6161",
        "bf616101", /* the same, indefinite */
        "a10102",
        "a1f601",
        "a1800102", /* keys that are no texts */
        "a1410161",
        "bf01ff",         /* the same */
        "a2616101616102", /* a key twice */
        "a1620061f6",     /* a zero byte in a key */
        "bf6161ff",       /* ends behind a key */
        "ff",
        "81ff",
        "a1ff",
        "9fffff", /* breaks that end nothing */
        "c000",
        "d9d9f700",
        "c249010000000000000000", /* tags */
        "f7",
        "e0",
        "f0",
        "f820",
        "f8ff", /* undefined and simple values */
        "1b8000000000000000",
        "1bffffffffffffffff", /* beyond 64 bits with sign */
        "3b8000000000000000",
        "3bffffffffffffffff",
        "f9",
        "f9ff",
        "fa000000",
        "fb00", /* ends in a float */
        "7f4101ff",
        "5f6161ff",
        "7f01ff",
        "5f7f6161ffff",
        "7f7fffff",     /* pieces of another kind */
        "7f61c361bcff", /* a character in two pieces */
        "7f",
        "7f6161",
        "5f", /* pieces without an end */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        uint8_t bytes[64];
        hl_value *value = (hl_value *)1;
        size_t len = unhex(forms[i], bytes);
        hl_status status = hl_value_decode(bytes, len, &value);

        if (status != HL_ERR_INVALID)
            print_error("%s: %s\n", forms[i], hl_status_name(status));
        refused(status, HL_ERR_INVALID);
        assert_null(value);
    }
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void json_is_written_so_that_it_reads_back(void **state)
{
    hl_value *all = make_all(), *back = NULL;
    char *json = NULL;

    (void)state;
    ok(hl_value_to_json(all, &json));
    assert_string_equal(json,
                        "{\"list\":[-9223372036854775808,9223372036854775807,-1,0.1,null,true],\"text\":\"gr\xc3\xbc"
                        "\xc3\x9f\\u0000e\",\"bytes\":{\"$bytes\":\"/wCA\"},\"empty\":{},\"\":false}");
    ok(hl_value_from_json(json, &back));
    assert_true(hl_value_equal(all, back));
    free(json);
    hl_value_free(all);
    hl_value_free(back);
}

static void a_map_that_would_come_back_as_bytes_is_refused(void **state)
{
    hl_value *map = hl_value_map();
    char *json = NULL;

    (void)state;
    ok(hl_value_set(map, "$bytes", hl_value_text("AA==")));
    refused(hl_value_to_json(map, &json), HL_ERR_INVALID);
    ok(hl_value_set(map, "more", hl_value_null()));
    ok(hl_value_to_json(map, &json));
    assert_string_equal(json, "{\"$bytes\":\"AA==\",\"more\":null}");
    free(json);
    hl_value_free(map);
}

static void wrong_json_is_refused(void **state)
{
    static const char *const forms[] = {"",
                                        "{",
                                        "[1,]",
                                        "nul",
                                        "1 2",
                                        "{\"a\":1,\"a\":2}",
                                        "9223372036854775808",
                                        "1e999",
                                        "\"\xff\"",
                                        "{\"\\u0000\":1}",
                                        "{\"$bytes\":\"A\"}",
                                        "{\"$bytes\":\"AA=A\"}",
                                        "{\"$bytes\":\"AB==\"}",
                                        "{\"$bytes\":\"A===\"}",
                                        "{\"$bytes\":\"====\"}",
                                        "[{\"$bytes\":\" AA=\"}]"};

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        hl_value *value = (hl_value *)1;

        refused(hl_value_from_json(forms[i], &value), HL_ERR_INVALID);
        assert_null(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_answers_its_own_question_only),
        cmocka_unit_test(a_key_that_is_set_again_keeps_its_place),
        cmocka_unit_test(a_map_finds_each_of_many_keys),
        cmocka_unit_test(text_that_is_not_utf8_becomes_no_value),
        cmocka_unit_test(what_is_in_a_tree_is_not_given_away_again),
        cmocka_unit_test(copies_are_equal_and_differences_are_seen),
        cmocka_unit_test(every_kind_survives_cbor),
        cmocka_unit_test(forms_of_the_standard_are_understood),
        cmocka_unit_test(floats_that_json_lacks_pass_through_cbor),
        cmocka_unit_test(malformed_bytes_are_refused),
        cmocka_unit_test(json_is_written_so_that_it_reads_back),
        cmocka_unit_test(a_map_that_would_come_back_as_bytes_is_refused),
        cmocka_unit_test(wrong_json_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
