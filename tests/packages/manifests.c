/* Manifests as strangers write them: everything is checked, and each refusal names the field by its path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "install/manifest.h"

#define ROWS(array) (sizeof(array) / sizeof((array)[0]))
#define HEAD "{\"app\":\"shop\",\"version\":\"1.2.0\",\"abi\":1,\"architecture\":\"x86_64\",\"libc\":\"gnu\""
#define LIBRARIES ",\"libraries\":[{\"file\":\"lib/shop.so\",\"plugins\":[\"a\"]}]"

static hl_status parse(const char *text, hl__manifest *out)
{
    return hl__manifest_parse(text, strlen(text), out);
}

static void expect(const char *text, hl_status wanted, const char *field)
{
    hl__manifest manifest;
    hl_status status = parse(text, &manifest);

    hl__manifest_cleanup(&manifest);
    if (status != wanted || strcmp(hl_last_error()->field, field) != 0)
        fail_msg("%.200s\ngives %s over \"%s\" (%s), not %s over \"%s\"", text, hl_status_name(status),
                 hl_last_error()->field, hl_last_error()->message, hl_status_name(wanted), field);
    assert_true(strlen(hl_last_error()->message) > 10);
}

/* The usual manifest with one more field, or with a part of its own in place of a usual one. */
static void expect_with(const char *more, const char *field)
{
    char text[8192];

    snprintf(text, sizeof(text), HEAD LIBRARIES ",%s}", more);
    expect(text, HL_ERR_MANIFEST, field);
}

static void expect_libraries(const char *libraries, const char *field)
{
    char text[8192];

    snprintf(text, sizeof(text), HEAD ",\"libraries\":%s}", libraries);
    expect(text, HL_ERR_MANIFEST, field);
}

/* ---- what is read ---- */

static const char whole[] =
    "{\"app\":\"shop\",\"version\":\"1.2.0-rc.1\",\"abi\":1,\"architecture\":\"x86_64\",\"libc\":\"gnu\","
    "\"libraries\":[{\"file\":\"lib/shop.so\",\"plugins\":[\"shop-prices\",\"shop-stock\"]},"
    "{\"file\":\"lib/more/x.so\",\"plugins\":[\"caf\\u00e9\"]}],"
    "\"requires\":{\"zoo\":\"*\",\"accounts\":\">=2.0 <3\"},\"optional\":{\"mail\":\"^1\"},"
    "\"conflicts\":{\"old_shop\":\"*\"},\"capabilities\":[\"network\"],\"data\":\"priv\","
    "\"description\":\"Sells things.\"}";

/* LH-03 */
static void every_field_of_a_manifest_is_read(void **state)
{
    hl__manifest manifest;

    (void)state;
    assert_int_equal(parse(whole, &manifest), HL_OK);
    assert_string_equal(manifest.app, "shop");
    assert_string_equal(manifest.version_text, "1.2.0-rc.1");
    assert_string_equal(manifest.version.pre, "rc.1");
    assert_int_equal(manifest.abi, 1);
    assert_string_equal(manifest.architecture, "x86_64");
    assert_string_equal(manifest.libc, "gnu");
    assert_int_equal(manifest.libraries_len, 2);
    assert_string_equal(manifest.libraries[0].file, "lib/shop.so");
    assert_int_equal(manifest.libraries[0].plugins_len, 2);
    assert_string_equal(manifest.libraries[0].plugins[1], "shop-stock");
    assert_string_equal(manifest.libraries[1].plugins[0], "caf\xc3\xa9");
    assert_int_equal(manifest.needs_len, 3);
    assert_string_equal(manifest.needs[0].app, "accounts");
    assert_string_equal(manifest.needs[0].range, ">=2.0 <3");
    assert_false(manifest.needs[0].optional);
    assert_string_equal(manifest.needs[1].app, "mail");
    assert_true(manifest.needs[1].optional);
    assert_string_equal(manifest.conflicts[0].app, "old_shop");
    assert_string_equal(manifest.capabilities[0], "network");
    assert_string_equal(manifest.data, "priv");
    assert_string_equal(manifest.description, "Sells things.");
    assert_int_equal(manifest.warnings_len, 0);
    hl__manifest_cleanup(&manifest);
}

static void what_is_left_out_is_empty(void **state)
{
    hl__manifest manifest;

    (void)state;
    assert_int_equal(parse(HEAD LIBRARIES "}", &manifest), HL_OK);
    assert_string_equal(manifest.data, "");
    assert_string_equal(manifest.description, "");
    assert_int_equal(manifest.needs_len + manifest.conflicts_len + manifest.capabilities_len, 0);
    hl__manifest_cleanup(&manifest);
    hl__manifest_cleanup(&manifest);
}

static void unknown_fields_are_tolerated_and_told(void **state)
{
    hl__manifest manifest;

    (void)state;
    assert_int_equal(parse(HEAD
                           ",\"libraries\":[{\"file\":\"lib/a.so\",\"plugins\":[\"a\"],\"size\":3}],\"licence\":[{}]}",
                           &manifest),
                     HL_OK);
    assert_int_equal(manifest.warnings_len, 2);
    assert_non_null(strstr(manifest.warnings[0], "libraries[0].size"));
    assert_non_null(strstr(manifest.warnings[1], "licence"));
    hl__manifest_cleanup(&manifest);
}

static void warnings_are_bounded_and_printable(void **state)
{
    static char text[64 * 1024] = HEAD LIBRARIES;
    hl__manifest manifest;
    size_t len = strlen(text);

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, ",\"\\u001b[31m%zu\":0", i);
    strcpy(text + len, "}");
    assert_int_equal(parse(text, &manifest), HL_OK);
    assert_in_range(manifest.warnings_len, 10, 64);
    for (size_t i = 0; i < manifest.warnings_len; i++)
        assert_null(strchr(manifest.warnings[i], '\x1b'));
    assert_non_null(strstr(manifest.warnings[manifest.warnings_len - 1], "more"));
    hl__manifest_cleanup(&manifest);
}

/* ---- whole texts ---- */

static void what_is_no_json_object_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "[]",
                                        "1",
                                        "\"x\"",
                                        "null",
                                        "{}x",
                                        "{\"app\":}",
                                        "{'app':1}",
                                        "\xff\xfe",
                                        HEAD LIBRARIES,
                                        HEAD LIBRARIES ",}",
                                        HEAD LIBRARIES "}}",
                                        HEAD LIBRARIES ",\"description\":\"\xff\"}",
                                        HEAD LIBRARIES ",\"description\":\"\\ud800\"}"};

    (void)state;
    for (size_t i = 0; i < ROWS(texts); i++)
        expect(texts[i], HL_ERR_MANIFEST, "hookline.json");
}

static void the_place_of_a_mistake_is_told(void **state)
{
    hl__manifest manifest;

    (void)state;
    assert_int_equal(parse("{\n\"app\" \"shop\"}", &manifest), HL_ERR_MANIFEST);
    assert_non_null(strstr(hl_last_error()->message, "line 2"));
}

static void duplicate_keys_are_refused_wherever_they_are(void **state)
{
    (void)state;
    expect(HEAD LIBRARIES ",\"app\":\"other\"}", HL_ERR_MANIFEST, "hookline.json");
    expect(HEAD ",\"libraries\":[{\"file\":\"lib/a.so\",\"plugins\":[\"a\"],\"file\":\"lib/b.so\"}]}", HL_ERR_MANIFEST,
           "hookline.json");
    expect(HEAD LIBRARIES ",\"requires\":{\"a\":\"*\",\"a\":\"<1\"}}", HL_ERR_MANIFEST, "hookline.json");
    expect(HEAD LIBRARIES ",\"unknown\":{\"x\":1,\"x\":2}}", HL_ERR_MANIFEST, "hookline.json");
}

static void nul_bytes_are_refused(void **state)
{
    static const char raw[] = HEAD LIBRARIES ",\"description\":\"a\0b\"}";
    hl__manifest manifest;

    (void)state;
    expect(HEAD LIBRARIES ",\"description\":\"a\\u0000b\"}", HL_ERR_MANIFEST, "hookline.json");
    expect(HEAD LIBRARIES ",\"a\\u0000b\":1}", HL_ERR_MANIFEST, "hookline.json");
    assert_int_equal(hl__manifest_parse(raw, sizeof(raw) - 1, &manifest), HL_ERR_MANIFEST);
    hl__manifest_cleanup(&manifest);
}

static void a_manifest_of_more_than_a_megabyte_is_refused_unread(void **state)
{
    size_t len = HL__MANIFEST_BYTES_MAX + 1;
    char *text = malloc(len);
    hl__manifest manifest;

    (void)state;
    assert_non_null(text);
    memset(text, ' ', len);
    memcpy(text, HEAD LIBRARIES "}", strlen(HEAD LIBRARIES "}"));
    assert_int_equal(hl__manifest_parse(text, len, &manifest), HL_ERR_LIMIT);
    assert_int_equal(hl__manifest_parse(text, len - 1, &manifest), HL_OK);
    hl__manifest_cleanup(&manifest);
    free(text);
}

/* A megabyte of the shortest names takes no more than a moment to be checked for duplicates. */
static void a_megabyte_of_plugins_is_checked_in_time(void **state)
{
    static char text[HL__MANIFEST_BYTES_MAX + 1];
    size_t len = (size_t)sprintf(text, HEAD ",\"libraries\":[");
    hl__manifest manifest;

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        len += (size_t)sprintf(text + len, "%s{\"file\":\"lib/%zu.so\",\"plugins\":[", i ? "," : "", i);
        for (size_t k = 0; k < 1000; k++)
            len += (size_t)sprintf(text + len, "%s\"%zx\"", k ? "," : "", i * 1000 + k);
        len += (size_t)sprintf(text + len, "]}");
    }
    len += (size_t)sprintf(text + len, "]}");
    assert_true(len < sizeof(text));
    assert_int_equal(hl__manifest_parse(text, len, &manifest), HL_OK);
    hl__manifest_cleanup(&manifest);
}

static void too_deep_a_manifest_is_refused_before_it_is_parsed(void **state)
{
    size_t len = 1000000;
    char *text = malloc(len);
    hl__manifest manifest;

    (void)state;
    assert_non_null(text);
    for (int bracket = '['; bracket; bracket = bracket == '[' ? '{' : 0) {
        memset(text, bracket, len);
        assert_int_equal(hl__manifest_parse(text, len, &manifest), HL_ERR_LIMIT);
        assert_string_equal(hl_last_error()->field, "hookline.json");
    }
    free(text);
    expect(HEAD LIBRARIES ",\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", HL_ERR_LIMIT, "hookline.json");
    assert_int_equal(parse(HEAD LIBRARIES ",\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}", &manifest), HL_OK);
    hl__manifest_cleanup(&manifest);
    assert_int_equal(parse(HEAD LIBRARIES ",\"description\":\"[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"}", &manifest), HL_OK);
    hl__manifest_cleanup(&manifest);
}

static void lists_of_too_many_items_are_refused(void **state)
{
    static char text[64 * 1024] = HEAD LIBRARIES ",\"capabilities\":[\"a0\"";
    size_t len = strlen(text);

    (void)state;
    for (size_t i = 1; i <= HL__MANIFEST_ITEMS_MAX; i++)
        len += (size_t)sprintf(text + len, ",\"a%zu\"", i);
    strcpy(text + len, "]}");
    expect(text, HL_ERR_LIMIT, "capabilities");
    len = (size_t)sprintf(text, "{\"f\":0");
    for (size_t i = 0; i < HL__MANIFEST_ITEMS_MAX; i++)
        len += (size_t)sprintf(text + len, ",\"f%zu\":0", i);
    strcpy(text + len, "}");
    expect(text, HL_ERR_LIMIT, "hookline.json");
}

/* ---- single fields ---- */

/* IN-07 */
static void missing_fields_are_named(void **state)
{
    (void)state;
    expect("{}", HL_ERR_MANIFEST, "app");
    expect("{\"app\":\"shop\"}", HL_ERR_MANIFEST, "version");
    expect("{\"app\":\"shop\",\"version\":\"1.0.0\"}", HL_ERR_MANIFEST, "abi");
    expect("{\"app\":\"shop\",\"version\":\"1.0.0\",\"abi\":1}", HL_ERR_MANIFEST, "architecture");
    expect("{\"app\":\"shop\",\"version\":\"1.0.0\",\"abi\":1,\"architecture\":\"x86_64\"}", HL_ERR_MANIFEST, "libc");
    expect(HEAD "}", HL_ERR_MANIFEST, "libraries");
    expect_libraries("[{}]", "libraries[0].file");
    expect_libraries("[{\"file\":\"lib/a.so\"}]", "libraries[0].plugins");
}

static void wrong_types_are_named(void **state)
{
    (void)state;
    expect("{\"app\":1}", HL_ERR_MANIFEST, "app");
    expect("{\"app\":\"a\",\"version\":1.2}", HL_ERR_MANIFEST, "version");
    expect("{\"app\":\"a\",\"version\":\"1.0.0\",\"abi\":\"1\"}", HL_ERR_MANIFEST, "abi");
    expect("{\"app\":\"a\",\"version\":\"1.0.0\",\"abi\":1.0}", HL_ERR_MANIFEST, "abi");
    expect("{\"app\":\"a\",\"version\":\"1.0.0\",\"abi\":0}", HL_ERR_MANIFEST, "abi");
    expect("{\"app\":\"a\",\"version\":\"1.0.0\",\"abi\":-1}", HL_ERR_MANIFEST, "abi");
    expect("{\"app\":\"a\",\"version\":\"1.0.0\",\"abi\":4294967296}", HL_ERR_MANIFEST, "abi");
    expect("{\"app\":\"a\",\"version\":\"1.0.0\",\"abi\":99999999999999999999}", HL_ERR_MANIFEST, "hookline.json");
    expect_libraries("{}", "libraries");
    expect_libraries("[]", "libraries");
    expect_libraries("[1]", "libraries[0]");
    expect_libraries("[{\"file\":\"lib/a.so\",\"plugins\":[\"a\"]},{\"file\":[]}]", "libraries[1].file");
    expect_libraries("[{\"file\":\"lib/a.so\",\"plugins\":\"a\"}]", "libraries[0].plugins");
    expect_libraries("[{\"file\":\"lib/a.so\",\"plugins\":[]}]", "libraries[0].plugins");
    expect_libraries("[{\"file\":\"lib/a.so\",\"plugins\":[\"a\",null]}]", "libraries[0].plugins[1]");
    expect_with("\"requires\":[]", "requires");
    expect_with("\"requires\":{\"x\":1}", "requires.x");
    expect_with("\"optional\":\"x\"", "optional");
    expect_with("\"conflicts\":{\"x\":null}", "conflicts.x");
    expect_with("\"capabilities\":{}", "capabilities");
    expect_with("\"capabilities\":[true]", "capabilities[0]");
    expect_with("\"data\":[]", "data");
    expect_with("\"description\":7", "description");
}

/* IN-09, SE-01: the name that a package gives itself; X-016. */
static void names_and_versions_are_checked(void **state)
{
    (void)state;
    expect("{\"app\":\"shop\\n\"}", HL_ERR_MANIFEST, "app");
    expect("{\"app\":\"../shop\"}", HL_ERR_MANIFEST, "app");
    expect("{\"app\":\"Shop\"}", HL_ERR_MANIFEST, "app");
    expect("{\"app\":\"\"}", HL_ERR_MANIFEST, "app");
    expect("{\"app\":\"a\",\"version\":\"0.1.0/../other-1.0\"}", HL_ERR_VERSION, "version");
    expect("{\"app\":\"a\",\"version\":\"1.0\"}", HL_ERR_VERSION, "version");
    expect("{\"app\":\"a\",\"version\":\"1.0.0\\n\"}", HL_ERR_MANIFEST, "version");
    expect("{\"app\":\"a\",\"version\":\"1.0.0\",\"abi\":1,\"architecture\":\"x86 64\"}", HL_ERR_MANIFEST,
           "architecture");
    expect("{\"app\":\"a\",\"version\":\"1.0.0\",\"abi\":1,\"architecture\":\"x\",\"libc\":\"bionic\"}",
           HL_ERR_MANIFEST, "libc");
    expect_with("\"requires\":{\"Bad\":\"*\"}", "requires.Bad");
    expect_with("\"requires\":{\"../x\":\"*\"}", "requires.../x");
    expect_with("\"requires\":{\"shop\":\"*\"}", "requires.shop");
    expect_with("\"conflicts\":{\"shop\":\"*\"}", "conflicts.shop");
    expect(HEAD LIBRARIES ",\"requires\":{\"x\":\"newest\"}}", HL_ERR_VERSION, "requires.x");
    expect_with("\"requires\":{\"x\":\"*\"},\"optional\":{\"x\":\"*\"}", "optional");
    expect_with("\"capabilities\":[\"Net work\"]", "capabilities[0]");
    expect_with("\"capabilities\":[\"net\",\"net\"]", "capabilities");
    expect_with("\"description\":\"a\\u001b[0m\"", "description");
    expect_with("\"description\":\"a\\u202eb\"", "description");
}

static void libraries_lie_in_lib_and_nowhere_else(void **state)
{
    static const char *const bad[] = {"shop.so",
                                      "/lib/shop.so",
                                      "../lib/shop.so",
                                      "lib/../../x.so",
                                      "lib/../x.so",
                                      "lib//shop.so",
                                      "lib/./shop.so",
                                      "./lib/shop.so",
                                      "lib/",
                                      "lib",
                                      "lib/.so",
                                      "lib/shop",
                                      "lib/shop.so/",
                                      "lib/shop.so.1",
                                      "lib/shop.dll",
                                      "library/shop.so",
                                      "lib\\\\shop.so",
                                      "priv/shop.so",
                                      "lib/a\\u0007.so",
                                      "lib/a\\nb.so",
                                      "lib/\\u202ea.so",
                                      "lib/a/../../b.so",
                                      "",
                                      "lib/..so/../a.so"};
    char text[256];

    (void)state;
    for (size_t i = 0; i < ROWS(bad); i++) {
        snprintf(text, sizeof(text), "[{\"file\":\"%s\",\"plugins\":[\"a\"]}]", bad[i]);
        expect_libraries(text, "libraries[0].file");
    }
}

static void a_library_or_a_plugin_is_there_once(void **state)
{
    (void)state;
    expect_libraries("[{\"file\":\"lib/a.so\",\"plugins\":[\"a\"]},{\"file\":\"lib/a.so\",\"plugins\":[\"b\"]}]",
                     "libraries");
    expect_libraries("[{\"file\":\"lib/a.so\",\"plugins\":[\"a\",\"b\",\"a\"]}]", "libraries[].plugins");
    expect_libraries("[{\"file\":\"lib/a.so\",\"plugins\":[\"a\"]},{\"file\":\"lib/b.so\",\"plugins\":[\"b\",\"a\"]}]",
                     "libraries[].plugins");
}

static void the_data_folder_lies_in_the_package_and_not_with_the_code(void **state)
{
    static const char *const bad[] = {"",         "/var",          "..", "priv/..", "priv/", "lib",
                                      "lib/data", "hookline.json", ".",  "a//b"};
    char text[64];

    (void)state;
    for (size_t i = 0; i < ROWS(bad); i++) {
        snprintf(text, sizeof(text), "\"data\":\"%s\"", bad[i]);
        expect_with(text, "data");
    }
}

/* ---- this machine ---- */

static hl_status fits(const char *from, const char *to)
{
    char text[4096];
    const char *at = strstr(HEAD LIBRARIES "}", from);
    size_t before = (size_t)(at - HEAD LIBRARIES "}");
    hl__manifest manifest;
    hl_status status;

    snprintf(text, sizeof(text), "%.*s%s%s", (int)before, HEAD, to, at + strlen(from));
    assert_int_equal(parse(text, &manifest), HL_OK);
    status = hl__manifest_fits(&manifest);
    hl__manifest_cleanup(&manifest);
    return status;
}

/* IN-08: another processor is an error, not a warning. */
static void a_package_for_another_machine_is_refused(void **state)
{
    (void)state;
#if defined(__x86_64__) && defined(__GLIBC__)
    assert_int_equal(fits("gnu", "gnu"), HL_OK);
    assert_int_equal(fits("gnu", "musl"), HL_ERR_ARCHITECTURE);
    assert_string_equal(hl_last_error()->field, "libc");
#endif
    assert_int_equal(fits("x86_64", "z80"), HL_ERR_ARCHITECTURE);
    assert_string_equal(hl_last_error()->field, "architecture");
    assert_int_equal(fits("\"abi\":1", "\"abi\":4294967295"), HL_ERR_ABI);
    assert_string_equal(hl_last_error()->field, "abi");
}

/* ---- isolation ---- */

#define ISOLATED(library, plugin)                                                                                      \
    HEAD ",\"libraries\":[{\"file\":\"lib/shop.so\"" library ",\"plugins\":[\"a\"," plugin "]}]}"

static void isolation_is_read_of_the_library_and_of_each_plugin(void **state)
{
    static const char text[] = ISOLATED(",\"isolation\":{ \"mode\": \"in_worker\", \"deadline_ms\": 50}",
                                        "{\"name\":\"b\",\"isolation\":{\"mode\":\"in_process\"}},{\"name\":\"c\"}");
    hl__manifest manifest;

    (void)state;
    assert_int_equal(parse(text, &manifest), HL_OK);
    assert_int_equal(manifest.libraries[0].plugins_len, 3);
    assert_string_equal(manifest.libraries[0].plugins[1], "b");
    assert_string_equal(manifest.libraries[0].isolation[0], "{\"mode\":\"in_worker\",\"deadline_ms\":50}");
    assert_string_equal(manifest.libraries[0].isolation[1], "{\"mode\":\"in_process\"}");
    assert_string_equal(manifest.libraries[0].isolation[2], manifest.libraries[0].isolation[0]);
    assert_int_equal(manifest.warnings_len, 0);
    hl__manifest_cleanup(&manifest);
    assert_int_equal(parse(whole, &manifest), HL_OK);
    assert_string_equal(manifest.libraries[0].isolation[0], "");
    hl__manifest_cleanup(&manifest);
}

/* A package has no operator's word, and a limit that is not understood is not kept. */
static void isolation_that_is_wrong_is_refused_with_the_path_of_its_field(void **state)
{
    static const char *const rows[][2] = {
        {ISOLATED(",\"isolation\":7", "\"b\""), "libraries[0].isolation"},
        {ISOLATED(",\"isolation\":{}", "\"b\""), "libraries[0].isolation.mode"},
        {ISOLATED(",\"isolation\":{\"mode\":\"elsewhere\"}", "\"b\""), "libraries[0].isolation.mode"},
        {ISOLATED(",\"isolation\":{\"mode\":\"in_worker\",\"deadline_ms\":-1}", "\"b\""),
         "libraries[0].isolation.deadline_ms"},
        {ISOLATED(",\"isolation\":{\"mode\":\"in_worker\",\"sandbox\":{\"files\":\"x\"}}", "\"b\""),
         "libraries[0].isolation.sandbox.files"},
        {ISOLATED(",\"isolation\":{\"mode\":\"in_worker\",\"by\":\"operator\"}", "\"b\""), "libraries[0].isolation.by"},
        {ISOLATED(",\"isolation\":{\"mode\":\"in_process\",\"workers\":2}", "\"b\""), "libraries[0].isolation.workers"},
        {ISOLATED("", "{\"name\":\"b\",\"isolation\":[]}"), "libraries[0].plugins[1].isolation"},
        {ISOLATED("", "{\"name\":\"b\",\"isolation\":{\"mode\":\"in_worker\",\"more\":1}}"),
         "libraries[0].plugins[1].isolation.more"},
        {ISOLATED("", "{\"isolation\":{\"mode\":\"in_worker\"}}"), "libraries[0].plugins[1].name"},
        {ISOLATED("", "{\"name\":7}"), "libraries[0].plugins[1].name"},
        {ISOLATED("", "{\"name\":\"a\"}"), "libraries[].plugins"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        expect(rows[i][0], HL_ERR_MANIFEST, rows[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_a_manifest_is_read),
        cmocka_unit_test(what_is_left_out_is_empty),
        cmocka_unit_test(unknown_fields_are_tolerated_and_told),
        cmocka_unit_test(warnings_are_bounded_and_printable),
        cmocka_unit_test(what_is_no_json_object_is_refused),
        cmocka_unit_test(the_place_of_a_mistake_is_told),
        cmocka_unit_test(duplicate_keys_are_refused_wherever_they_are),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(a_manifest_of_more_than_a_megabyte_is_refused_unread),
        cmocka_unit_test(a_megabyte_of_plugins_is_checked_in_time),
        cmocka_unit_test(too_deep_a_manifest_is_refused_before_it_is_parsed),
        cmocka_unit_test(lists_of_too_many_items_are_refused),
        cmocka_unit_test(missing_fields_are_named),
        cmocka_unit_test(wrong_types_are_named),
        cmocka_unit_test(names_and_versions_are_checked),
        cmocka_unit_test(libraries_lie_in_lib_and_nowhere_else),
        cmocka_unit_test(a_library_or_a_plugin_is_there_once),
        cmocka_unit_test(the_data_folder_lies_in_the_package_and_not_with_the_code),
        cmocka_unit_test(a_package_for_another_machine_is_refused),
        cmocka_unit_test(isolation_is_read_of_the_library_and_of_each_plugin),
        cmocka_unit_test(isolation_that_is_wrong_is_refused_with_the_path_of_its_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
