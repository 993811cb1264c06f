/* Versions, ranges and names: one spelling each, ordered as semver.org 2.0.0 says, whatever a stranger writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "install/version.h"

#define ROWS(array) (sizeof(array) / sizeof((array)[0]))

static hl__version version(const char *text)
{
    hl__version parsed;

    if (hl__version_parse("install", "version", text, &parsed) != HL_OK)
        fail_msg("\"%s\" is not taken: %s", text, hl_last_error()->message);
    return parsed;
}

static void expect_refused(const char *text)
{
    hl__version parsed;

    if (hl__version_parse("install", "version", text, &parsed) != HL_ERR_VERSION)
        fail_msg("\"%s\" is taken for a version", text ? text : "NULL");
    assert_string_equal(hl_last_error()->field, "version");
    assert_string_equal(hl_last_error()->action, "install");
    assert_true(hl_last_error()->message[0]);
}

/* ---- versions ---- */

static void the_parts_of_a_version_are_read(void **state)
{
    hl__version parsed = version("1.20.300-rc.1.x-y+build.007");

    (void)state;
    assert_true(parsed.major == 1 && parsed.minor == 20 && parsed.patch == 300);
    assert_string_equal(parsed.pre, "rc.1.x-y");
    assert_true(version("18446744073709551615.0.0").major == UINT64_MAX);
}

/* The list of semver.org's own regular expression. */
static void valid_versions_are_taken(void **state)
{
    static const char *const valid[] = {"0.0.4",
                                        "1.2.3",
                                        "10.20.30",
                                        "1.1.2-prerelease+meta",
                                        "1.1.2+meta-valid",
                                        "1.0.0-alpha",
                                        "1.0.0-alpha.beta.1",
                                        "1.0.0-alpha0.valid",
                                        "1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay",
                                        "2.0.0-rc.1+build.123",
                                        "1.2.3-SNAPSHOT-123",
                                        "1.0.0-0A.is.legal",
                                        "1.0.0+0.build.1-rc.10000aaa-kk-0.1",
                                        "1.2.3----RC-SNAPSHOT.12.9.1--.12",
                                        "1.0.0--",
                                        "1.0.0-x.0"};

    (void)state;
    for (size_t i = 0; i < ROWS(valid); i++)
        version(valid[i]);
}

/* a path in a version; X-022: no version at all is an answer, not a crash; SE-09, SE-17. */
static void everything_else_is_refused_naming_the_field(void **state)
{
    static const char *const invalid[] = {NULL,
                                          "",
                                          "1",
                                          "1.2",
                                          "1.2.3.4",
                                          "v1.2.3",
                                          "=1.2.3",
                                          " 1.2.3",
                                          "1.2.3 ",
                                          "1.2.3\n",
                                          "1.2.3\r",
                                          "0.1.0/../other-1.0",
                                          "0.1.0-../x",
                                          "1.0.0-a/b",
                                          "../1.0.0",
                                          "1.0.0-",
                                          "1.0.0+",
                                          "1.0.0-+b",
                                          "1.0.0-a..b",
                                          "1.0.0-.a",
                                          "1.0.0-a.",
                                          "1.0.0+a+b",
                                          "1.0.0+a..b",
                                          "01.0.0",
                                          "1.00.0",
                                          "1.0.01",
                                          "1.0.0-01",
                                          "1.0.0-a.00",
                                          "-1.0.0",
                                          "+1.0.0",
                                          "1.-0.0",
                                          "1.0x1.0",
                                          "1e1.0.0",
                                          "1..0",
                                          ".1.0",
                                          "1.0.",
                                          "1.2.3-\xc3\xa9",
                                          "1.0.0-a_b",
                                          "18446744073709551616.0.0",
                                          "0.99999999999999999999999.0",
                                          "1.0.0-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

    (void)state;
    for (size_t i = 0; i < ROWS(invalid); i++)
        expect_refused(invalid[i]);
}

static void a_version_as_long_as_allowed_is_read_whole(void **state)
{
    char text[HL__VERSION_MAX + 2] = "1.0.0-";
    hl__version parsed;

    (void)state;
    memset(text + 6, 'a', HL__VERSION_MAX - 6);
    parsed = version(text);
    assert_int_equal(strlen(parsed.pre), HL__VERSION_MAX - 6);
    text[HL__VERSION_MAX] = 'a';
    expect_refused(text);
}

/* semver.org 2.0.0, sections 11.2 to 11.4, smallest first. */
static void precedence_is_that_of_semver(void **state)
{
    static const char *const rising[] = {"0.0.0-0",
                                         "0.0.0",
                                         "0.0.1",
                                         "0.9.0",
                                         "0.10.0",
                                         "1.0.0-1",
                                         "1.0.0-2",
                                         "1.0.0-10",
                                         "1.0.0-99999999999999999998",
                                         "1.0.0-99999999999999999999",
                                         "1.0.0-999999999999999999999",
                                         "1.0.0--",
                                         "1.0.0-Z",
                                         "1.0.0-alpha",
                                         "1.0.0-alpha.1",
                                         "1.0.0-alpha.1.0",
                                         "1.0.0-alpha.beta",
                                         "1.0.0-alpha-",
                                         "1.0.0-beta",
                                         "1.0.0-beta.2",
                                         "1.0.0-beta.11",
                                         "1.0.0-rc.1",
                                         "1.0.0",
                                         "1.0.1-a",
                                         "2.0.0",
                                         "2.1.0",
                                         "2.1.1",
                                         "18446744073709551615.0.0"};

    (void)state;
    for (size_t i = 0; i < ROWS(rising); i++) {
        for (size_t k = 0; k < ROWS(rising); k++) {
            hl__version a = version(rising[i]), b = version(rising[k]);
            int order = hl__version_compare(&a, &b);

            if ((i < k) != (order < 0) || (i == k) != (order == 0))
                fail_msg("%s against %s gives %d", rising[i], rising[k], order);
        }
    }
}

static void build_metadata_does_not_count(void **state)
{
    hl__version a = version("1.0.0+a"), b = version("1.0.0+b"), c = version("1.0.0");

    (void)state;
    assert_int_equal(hl__version_compare(&a, &b), 0);
    assert_int_equal(hl__version_compare(&a, &c), 0);
}

/* ---- ranges ---- */

static void expect(const char *range, const char *in, const char *out)
{
    char text[256];
    char *rest = text;

    if (hl__range_check("install", "requires.x", range) != HL_OK)
        fail_msg("the range \"%s\" is not taken: %s", range, hl_last_error()->message);
    for (int inside = 1; inside >= 0; inside--) {
        rest = strcpy(text, inside ? in : out);
        for (char *word = strsep(&rest, " "); word && *word; word = strsep(&rest, " ")) {
            hl__version parsed = version(word);

            if (hl__range_matches(range, &parsed) != inside)
                fail_msg("%s %s \"%s\"", word, inside ? "should be in" : "should not be in", range);
        }
    }
}

static void comparisons_hold_together(void **state)
{
    (void)state;
    expect(">=1.2 <2", "1.2.0 1.2.1 1.9.99", "1.1.9 2.0.0 2.1.0 1.2.0-rc.1");
    expect(">1.2", "1.2.1 1.3.0 9.0.0", "1.2.0 1.1.0");
    expect("<=1.2.3", "1.2.3 0.0.1 0.0.0-0", "1.2.4 2.0.0");
    expect(">1 >2 <4", "3.0.0", "1.5.0 2.0.0 4.0.0");
    expect(">=2 <1", "", "1.0.0 1.5.0 2.0.0");
}

static void exact_versions_match_themselves_only(void **state)
{
    (void)state;
    expect("1.2.3", "1.2.3 1.2.3+build", "1.2.4 1.2.2 1.2.3-rc.1");
    expect("=1.2.3-rc.1", "1.2.3-rc.1", "1.2.3 1.2.3-rc.2");
    expect("=1.2", "1.2.0", "1.2.1");
}

static void a_caret_keeps_the_leftmost_part_that_is_not_zero(void **state)
{
    (void)state;
    expect("^1.2.3", "1.2.3 1.3.0 1.99.0", "1.2.2 2.0.0 2.0.0-rc.1");
    expect("^1", "1.0.0 1.9.0", "0.9.0 2.0.0");
    expect("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0 1.0.0");
    expect("^0.0.3", "0.0.3", "0.0.4 0.0.2");
    expect("^0.0", "0.0.0 0.0.9", "0.1.0");
    expect("^0", "0.0.0 0.9.0", "1.0.0");
    expect("^1.2.3-rc.1", "1.2.3-rc.1 1.2.3 1.9.0", "1.2.3-alpha 2.0.0");
}

static void a_tilde_keeps_major_and_minor(void **state)
{
    (void)state;
    expect("~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0 1.3.0-a");
    expect("~1.2", "1.2.0 1.2.9", "1.3.0");
    expect("~1", "1.0.0 1.9.0", "2.0.0");
}

static void a_star_lets_everything_through(void **state)
{
    (void)state;
    expect("*", "0.0.0-0 0.0.0 1.0.0-rc.1 18446744073709551615.0.0", "");
    expect("* <2", "1.0.0", "2.0.0");
}

static void what_is_excluded_is_excluded_with_its_pre_releases(void **state)
{
    (void)state;
    expect("<2", "1.9.9 1.9.9-rc.1", "2.0.0-rc.1 2.0.0-0 2.0.0");
    expect("<2.0.0-rc.2", "2.0.0-rc.1 1.0.0", "2.0.0-rc.2 2.0.0");
    expect(">=1.0", "2.0.0-rc.1 1.0.0", "1.0.0-rc.1");
}

static void malformed_ranges_are_refused_and_match_nothing(void **state)
{
    static const char *const malformed[] = {"",
                                            " ",
                                            "1",
                                            "1.2",
                                            ">=",
                                            ">= 1.2",
                                            ">=1.2  <2",
                                            " >=1.2",
                                            ">=1.2 ",
                                            "1.x",
                                            "1.2.*",
                                            "**",
                                            ">>1",
                                            "=>1",
                                            "==1.0.0",
                                            "!1.0.0",
                                            "~>1.2",
                                            "1 || 2",
                                            ">=1.2,<2",
                                            ">=1.2.3.4",
                                            ">=01.2",
                                            ">=1..2",
                                            "^",
                                            "<",
                                            ">=1.2-rc",
                                            ">=1.2\n",
                                            "^18446744073709551615",
                                            ">=18446744073709551616",
                                            "latest",
                                            NULL};
    hl__version any = version("1.2.0");

    (void)state;
    for (size_t i = 0; i < ROWS(malformed); i++) {
        if (hl__range_check("install", "requires.x", malformed[i]) != HL_ERR_VERSION)
            fail_msg("\"%s\" is taken for a range", malformed[i] ? malformed[i] : "NULL");
        assert_string_equal(hl_last_error()->field, "requires.x");
        assert_false(hl__range_matches(malformed[i], &any));
    }
}

static void ranges_are_bounded(void **state)
{
    char text[400] = ">=1";

    (void)state;
    for (size_t i = 1; i < 16; i++)
        strcat(text, " >=1");
    expect(text, "1.0.0", "0.9.0");
    strcat(text, " >=1");
    assert_int_equal(hl__range_check("install", "requires.x", text), HL_ERR_VERSION);
    memset(text, '1', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(hl__range_check("install", "requires.x", text), HL_ERR_VERSION);
}

/* ---- names ---- */

/* SE-01, X-016: the name's whole text counts, a newline behind it too. */
static void names_of_apps_are_checked_byte_by_byte(void **state)
{
    static const char *const bad[] = {NULL,     "",       "Shop",  "1shop",       "_shop",    "-shop",
                                      "shop\n", "shop\r", "sho p", "shop.x",      "a/b",      "../a",
                                      "..",     "shop/",  "sh\\p", "sh\xc3\xb6p", "shop\x01", "s;p"};
    char longest[HL__APP_NAME_MAX + 2];

    (void)state;
    assert_int_equal(hl__app_name_check("install", "app", "a"), HL_OK);
    assert_int_equal(hl__app_name_check("install", "app", "shop_2-b"), HL_OK);
    memset(longest, 'a', sizeof(longest) - 1);
    longest[HL__APP_NAME_MAX] = '\0';
    assert_int_equal(hl__app_name_check("install", "app", longest), HL_OK);
    longest[HL__APP_NAME_MAX] = 'a';
    longest[HL__APP_NAME_MAX + 1] = '\0';
    assert_int_equal(hl__app_name_check("install", "app", longest), HL_ERR_INVALID);
    for (size_t i = 0; i < ROWS(bad); i++) {
        if (hl__app_name_check("install", "app", bad[i]) != HL_ERR_INVALID)
            fail_msg("\"%s\" is taken for a name", bad[i] ? bad[i] : "NULL");
        assert_string_equal(hl_last_error()->field, "app");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_of_a_version_are_read),
        cmocka_unit_test(valid_versions_are_taken),
        cmocka_unit_test(everything_else_is_refused_naming_the_field),
        cmocka_unit_test(a_version_as_long_as_allowed_is_read_whole),
        cmocka_unit_test(precedence_is_that_of_semver),
        cmocka_unit_test(build_metadata_does_not_count),
        cmocka_unit_test(comparisons_hold_together),
        cmocka_unit_test(exact_versions_match_themselves_only),
        cmocka_unit_test(a_caret_keeps_the_leftmost_part_that_is_not_zero),
        cmocka_unit_test(a_tilde_keeps_major_and_minor),
        cmocka_unit_test(a_star_lets_everything_through),
        cmocka_unit_test(what_is_excluded_is_excluded_with_its_pre_releases),
        cmocka_unit_test(malformed_ranges_are_refused_and_match_nothing),
        cmocka_unit_test(ranges_are_bounded),
        cmocka_unit_test(names_of_apps_are_checked_byte_by_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
