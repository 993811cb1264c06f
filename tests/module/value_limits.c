/* Limits of values: depth, bytes and number are kept however a value comes, and what is too much takes neither memory
 * nor time. */
#include "tests/support/support.h"

#include <sys/resource.h>

#include <hookline/value.h>

#include "module/value_json.h"
#include "module/value_tree.h"

/* Lists in each other, the innermost with the item; NULL: empty. */
static hl_value *nested(size_t depth, hl_value *item)
{
    hl_value *value = hl_value_list();

    if (item)
        ok(hl_value_append(value, item));
    while (--depth > 0) {
        hl_value *around = hl_value_list();

        ok(hl_value_append(around, value));
        value = around;
    }
    return value;
}

/* Of memory that the process could have had, in bytes. */
static size_t peak_bytes(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_maxrss * 1024;
}

/* ---- trees ------------------------------------------------------------------------------------------------------- */

static void depth_is_kept_however_a_tree_is_joined(void **state)
{
    hl_value *outer = hl_value_list(), *inner = hl_value_list(), *around = hl_value_list();

    (void)state;
    refused(hl_value_append(outer, nested(HL_VALUE_DEPTH_MAX, NULL)), HL_ERR_LIMIT, "item");
    ok(hl_value_append(outer, inner));
    refused(hl_value_append(inner, nested(HL_VALUE_DEPTH_MAX - 1, NULL)), HL_ERR_LIMIT, "item");
    ok(hl_value_append(inner, nested(HL_VALUE_DEPTH_MAX - 2, NULL)));
    refused(hl_value_append(around, outer), HL_ERR_LIMIT, "item"); /* frees it */
    ok(hl_value_append(around, nested(HL_VALUE_DEPTH_MAX - 1, NULL)));
    hl_value_free(around);
}

/* What was the deepest is not there any more: its depth must not count. */
static void a_deep_item_that_is_replaced_makes_room_for_another(void **state)
{
    hl_value *outer = hl_value_list(), *map = hl_value_map(), *around = hl_value_list();

    (void)state;
    ok(hl_value_append(outer, map));
    ok(hl_value_set(map, "shallow", nested(2, NULL)));
    ok(hl_value_set(map, "deep", nested(HL_VALUE_DEPTH_MAX - 2, NULL)));
    ok(hl_value_set(map, "deep", hl_value_int(1)));
    ok(hl_value_append(around, outer));
    hl_value_free(around);
    outer = hl_value_map();
    for (int i = 0; i < 2; i++)
        ok(hl_value_set(outer, i ? "again" : "deep", nested(HL_VALUE_DEPTH_MAX - 1, NULL)));
    ok(hl_value_set(outer, "deep", nested(1, NULL)));
    around = hl_value_list();
    refused(hl_value_append(around, outer), HL_ERR_LIMIT, "item"); /* frees it: the other one is as deep */
    hl_value_free(around);
}

/* ---- CBOR -------------------------------------------------------------------------------------------------------- */

/* Bytes that claim a gigabyte, or all there is, in every form. */
static const struct claim {
    const char *bytes;
    size_t len;
} claims[] = {
    {"\x5a\x40\x00\x00\x00", 5},
    {"\x7a\x40\x00\x00\x00", 5},
    {"\x9a\x40\x00\x00\x00", 5},
    {"\xba\x40\x00\x00\x00", 5},
    {"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    {"\x7b\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    {"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    {"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    {"\xbb\x80\x00\x00\x00\x00\x00\x00\x00", 9},
    {"\x9b\x00\x00\x00\x01\x00\x00\x00\x00", 9},
    {"\x7f\x7a\x40\x00\x00\x00", 6},
    {"\x9f\x9a\x40\x00\x00\x00", 6},
};

static void claimed_lengths_take_no_memory(void **state)
{
    size_t before = peak_bytes();

    (void)state;
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        uint8_t bytes[64] = {0};
        hl_value *value = NULL;

        memcpy(bytes, claims[i].bytes, claims[i].len);
        refused(hl_value_decode(bytes, claims[i].len, &value), HL_ERR_INVALID, "bytes");
        refused(hl_value_decode(bytes, sizeof(bytes), &value), HL_ERR_INVALID, "bytes");
    }
    assert_true(peak_bytes() - before < ((size_t)8 << 20));
}

static void ten_thousand_levels_are_refused_without_recursion(void **state)
{
    size_t len = 10000;
    uint8_t *bytes = malloc(len);
    hl_value *value = NULL;

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 0x81, len); /* a list of a list of ... */
    refused(hl_value_decode(bytes, len, &value), HL_ERR_LIMIT, NULL);
    memset(bytes, 0x9f, len);
    refused(hl_value_decode(bytes, len, &value), HL_ERR_LIMIT, NULL);
    for (size_t i = 0; i + 2 < len; i += 3)
        memcpy(bytes + i, "\xa1\x61k", 3);
    refused(hl_value_decode(bytes, len, &value), HL_ERR_LIMIT, NULL);
    memset(bytes, '[', len - 1);
    bytes[len - 1] = '\0';
    refused(hl_value_from_json((char *)bytes, &value), HL_ERR_LIMIT, "json");
    free(bytes);
}

static void the_depth_that_is_allowed_passes(void **state)
{
    uint8_t bytes[HL_VALUE_DEPTH_MAX + 1];
    hl_value *value = NULL, *built = nested(HL_VALUE_DEPTH_MAX, NULL);
    void *encoded = NULL;
    size_t len;
    char *json = NULL;

    (void)state;
    memset(bytes, 0x81, sizeof(bytes));
    bytes[HL_VALUE_DEPTH_MAX - 1] = 0x80;
    ok(hl_value_decode(bytes, HL_VALUE_DEPTH_MAX, &value));
    assert_true(hl_value_equal(value, built));
    ok(hl_value_encode(value, &encoded, &len));
    assert_int_equal(len, HL_VALUE_DEPTH_MAX);
    ok(hl_value_to_json(value, &json));
    hl_value_free(value);
    ok(hl_value_from_json(json, &value));
    hl_value_free(value);
    bytes[HL_VALUE_DEPTH_MAX - 1] = 0x81;
    bytes[HL_VALUE_DEPTH_MAX] = 0x80;
    refused(hl_value_decode(bytes, HL_VALUE_DEPTH_MAX + 1, &value), HL_ERR_LIMIT, NULL);
    free(encoded);
    free(json);
    hl_value_free(built);
}

static void size_is_limited_both_ways(void **state)
{
    size_t most = HL_VALUE_BYTES_MAX - 5; /* a byte string's head */
    uint8_t *bytes = calloc(1, HL_VALUE_BYTES_MAX + 1);
    hl_value *value, *back = NULL;
    void *encoded = NULL;
    size_t len = 0;

    (void)state;
    assert_non_null(bytes);
    value = hl_value_bytes(bytes, most);
    ok(hl_value_encode(value, &encoded, &len));
    assert_int_equal(len, HL_VALUE_BYTES_MAX);
    ok(hl_value_decode(encoded, len, &back));
    assert_int_equal(hl_value_len(back), most);
    hl_value_free(back);
    hl_value_free(value);
    free(encoded);
    value = hl_value_bytes(bytes, most + 1);
    refused(hl_value_encode(value, &encoded, &len), HL_ERR_LIMIT, "value");
    assert_null(encoded);
    refused(hl_value_decode(bytes, HL_VALUE_BYTES_MAX + 1, &back), HL_ERR_LIMIT, NULL);
    hl_value_free(value);
    free(bytes);
}

/* Each byte would be a value: memory would grow to many times the bytes. */
static void the_number_of_values_is_limited_both_ways(void **state)
{
    size_t len = HL_VALUE_ITEMS_MAX + 5;
    uint8_t *bytes = calloc(1, len);
    hl_value *value = NULL, *outer = hl_value_list();
    void *encoded = NULL;

    (void)state;
    assert_non_null(bytes);
    memcpy(bytes, "\x9a\x00\x10\x00\x00", 5);
    refused(hl_value_decode(bytes, len, &value), HL_ERR_LIMIT, NULL);
    memcpy(bytes, "\x9a\x00\x0f\xff\xff", 5);
    ok(hl_value_decode(bytes, len - 1, &value));
    ok(hl_value_append(outer, value));
    refused(hl_value_encode(outer, &encoded, &len), HL_ERR_LIMIT, "value");
    hl_value_free(outer);
    free(bytes);
}

/* Finding a key that is there already must not cost more with each key. */
static void a_map_of_very_many_keys_is_read_in_its_time(void **state)
{
    size_t keys = 200000, len = 5;
    uint8_t *bytes = malloc(len + keys * 7);
    hl_value *value = NULL;

    (void)state;
    assert_non_null(bytes);
    memcpy(bytes, "\xba\x00\x03\x0d\x40", 5);
    for (size_t i = 0; i < keys; i++) {
        bytes[len++] = 0x65;
        for (size_t digit = 0, left = i; digit < 5; digit++, left /= 16)
            bytes[len++] = (uint8_t)('a' + left % 16);
        bytes[len++] = 0;
    }
    ok(hl_value_decode(bytes, len, &value));
    assert_int_equal(hl_value_len(value), keys);
    hl_value_free(value);
    free(bytes);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/* "[X,X,X]" with so many of them; to be freed. */
static char *list_of(const char *item, size_t len)
{
    size_t each = strlen(item) + 1;
    char *text = malloc(len * each + 3), *at = text;

    assert_non_null(text);
    *at++ = '[';
    for (size_t i = 0; i < len; i++, at += each) {
        memcpy(at, item, each - 1);
        at[each - 1] = ',';
    }
    memcpy(len > 0 ? at - 1 : at, "]", 2);
    return text;
}

/* A parser would take more than a gigabyte for each of them. */
static void json_with_too_many_values_takes_no_memory(void **state)
{
    static const char *const items[] = {"1", "[]", "{}", "{\"\":1}", "[[1]]", "\"\"", " [ 1 ] "};

    (void)state;
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        char *text = list_of(items[i], ((size_t)32 << 20) / (strlen(items[i]) + 1) - 1);
        size_t before = peak_bytes();
        hl_value *value = (hl_value *)1;

        refused(hl_value_from_json(text, &value), HL_ERR_LIMIT, "json");
        assert_null(value);
        assert_true(peak_bytes() - before < ((size_t)8 << 20));
        free(text);
    }
}

static void json_within_the_limits_is_read_up_to_the_last_value(void **state)
{
    char *text = list_of("0", HL_VALUE_ITEMS_MAX - 1);
    hl_value *value = NULL;

    (void)state;
    ok(hl_value_from_json(text, &value));
    assert_int_equal(hl_value_len(value), HL_VALUE_ITEMS_MAX - 1);
    hl_value_free(value);
    free(text);
    text = list_of("0", HL_VALUE_ITEMS_MAX);
    refused(hl_value_from_json(text, &value), HL_ERR_LIMIT, "json");
    free(text);
}

static void brackets_and_commas_in_strings_of_json_count_for_nothing(void **state)
{
    size_t len = HL_VALUE_ITEMS_MAX + 2;
    char *text = malloc(len + 3);
    hl_value *value = NULL;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i + 1] = ",[{"[i % 3];
    memcpy(text + 1, "\\\"", 2); /* does not end it */
    text[0] = text[len + 1] = '"';
    text[len + 2] = '\0';
    ok(hl_value_from_json(text, &value));
    assert_int_equal(hl_value_len(value), len - 1);
    hl_value_free(value);
    free(text);
}

/* Whoever waits for a value has a deadline; it is not what small ones miss it by. */
static void a_large_value_is_not_read_beyond_its_time(void **state)
{
    hl_value *list = hl_value_list(), *value = NULL;
    void *bytes;
    size_t len;

    (void)state;
    for (int i = 0; i < 5000; i++)
        ok(hl_value_append(list, hl_value_int(i)));
    ok(hl_value_encode(list, &bytes, &len));
    refused(hl__value_decode_until(bytes, len, 1, &value), HL_ERR_TIMEOUT, "bytes");
    assert_null(value);
    ok(hl__value_decode_until(bytes, len, UINT64_MAX, &value));
    assert_true(hl_value_equal(list, value));
    hl_value_free(value);
    ok(hl__value_decode_until("\x83\x01\x02\x03", 4, 1, &value));
    assert_int_equal(hl_value_len(value), 3);
    hl_value_free(value);
    hl_value_free(list);
    free(bytes);
}

/* In JSON they are an object with a text. */
static void bytes_in_json_are_one_value_and_no_level(void **state)
{
    char *text = list_of("{ \"$bytes\":\"\"}", HL_VALUE_ITEMS_MAX - 1);
    hl_value *value = nested(HL_VALUE_DEPTH_MAX, hl_value_bytes("x", 1)), *back = NULL;
    char *json = NULL;

    (void)state;
    ok(hl__json_check_limits(text));
    free(text);
    text = list_of("{ \"$bytes\":\"\"}", HL_VALUE_ITEMS_MAX);
    refused(hl__json_check_limits(text), HL_ERR_LIMIT, "json");
    free(text);
    ok(hl_value_to_json(value, &json));
    ok(hl_value_from_json(json, &back));
    assert_true(hl_value_equal(value, back));
    hl_value_free(value);
    hl_value_free(back);
    free(json);
}

/* What is no JSON ends the counting, not the process. */
static void json_that_is_cut_off_anywhere_is_refused(void **state)
{
    static const char whole[] = "[{\"a\\\"\":[1, {\"$bytes\":\"QQ==\"}]}, \"\\\\\"]";
    char text[sizeof(whole)];
    hl_value *value = NULL;

    (void)state;
    ok(hl_value_from_json(whole, &value));
    hl_value_free(value);
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        memcpy(text, whole, len);
        text[len] = '\0';
        refused(hl_value_from_json(text, &value), HL_ERR_INVALID, "json");
    }
    refused(hl_value_from_json("]]]]", &value), HL_ERR_INVALID, "json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depth_is_kept_however_a_tree_is_joined),
        cmocka_unit_test(a_deep_item_that_is_replaced_makes_room_for_another),
        cmocka_unit_test(claimed_lengths_take_no_memory),
        cmocka_unit_test(json_with_too_many_values_takes_no_memory),
        cmocka_unit_test(ten_thousand_levels_are_refused_without_recursion),
        cmocka_unit_test(the_depth_that_is_allowed_passes),
        cmocka_unit_test(size_is_limited_both_ways),
        cmocka_unit_test(the_number_of_values_is_limited_both_ways),
        cmocka_unit_test(a_map_of_very_many_keys_is_read_in_its_time),
        cmocka_unit_test(a_large_value_is_not_read_beyond_its_time),
        cmocka_unit_test(json_within_the_limits_is_read_up_to_the_last_value),
        cmocka_unit_test(brackets_and_commas_in_strings_of_json_count_for_nothing),
        cmocka_unit_test(bytes_in_json_are_one_value_and_no_level),
        cmocka_unit_test(json_that_is_cut_off_anywhere_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
