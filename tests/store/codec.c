/* Content as JSON text: nothing is lost on the way there and back, and what is wrong is named. Row HP-04. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/codec.h"
#include "tests/store/support/fixture.h"

static const char *const odd_names[] = {
    "plain",
    "with space",
    "\"quoted\"",
    "back\\slash",
    "{\"name\":\"x\"}",
    "null",
    "sl/ash",
    "caf\xc3\xa9",
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
    "\xf0\x9f\xaa\x9d",
    "e\xcc\x81",
    "'single'",
    "%s%n",
};

static void assert_same_record(const hl__record *record)
{
    char *text;
    hl__record *back;

    assert_int_equal(hl__record_encode(record, &text), HL_OK);
    assert_int_equal(hl__record_decode(text, strlen(text), &back), HL_OK);
    assert_true(hl__record_same(record, back));
    assert_string_equal(back->name, record->name);
    assert_string_equal(back->id, record->id);
    assert_string_equal(back->library_stamp, record->library_stamp);
    assert_true(back->contract_hash == record->contract_hash);
    assert_int_equal(back->inserted_at, record->inserted_at);
    assert_int_equal(back->updated_at, record->updated_at);
    assert_int_equal(back->revision, record->revision);
    assert_null(back->depends[back->depends_len]);
    hl__record_unref(back);
    free(text);
}

static void a_record_comes_back_as_it_was_whatever_its_names(void **state)
{
    const size_t odd_len = sizeof(odd_names) / sizeof(odd_names[0]);

    (void)state;
    for (size_t i = 0; i < odd_len; i++) {
        hl__record from = {.id = "01234567-89ab-4def-8123-456789abcdef",
                           .name = odd_names[i],
                           .event = odd_names[(i + 1) % odd_len],
                           .extension = odd_names[(i + 2) % odd_len],
                           .extra = "line 1\nline 2\t\"end\" \x01\x7f",
                           .depends = odd_names,
                           .depends_len = i,
                           .priority = (int)(i * 7 % 101),
                           .status = (hl_plugin_status)(1 + i % 5),
                           .library = "/usr/lib/\xc3\xbc/x.so",
                           .library_stamp = "8:1 42 100 5",
                           .version = "1.2.3",
                           .contract_hash = UINT64_MAX - i,
                           .isolation = i % 2 ? "{\"mode\":\"in_worker\",\"by\":\"operator\"}" : "",
                           .asked = i % 3 ? "{\"mode\":\"in_process\"}" : "",
                           .hold = i % 5 ? "it crashed \"often\"" : "",
                           .inserted_at = -5,
                           .updated_at = INT64_MAX,
                           .revision = (uint64_t)INT64_MAX};
        hl__record *record = hl__record_new(&from);
        assert_same_record(record);
        hl__record_unref(record);
    }
}

static void what_a_record_does_not_have_is_not_written(void **state)
{
    hl__record *record = record_named("a", "", 1);
    char *text;

    (void)state;
    assert_int_equal(hl__record_encode(record, &text), HL_OK);
    assert_null(strstr(text, "isolation"));
    assert_null(strstr(text, "hold"));
    hl__record_unref(record);
    free(text);
}

static void an_event_comes_back_as_it_was(void **state)
{
    static const hl_field fields[] = {{"path \"x\"", "const char *", 0, 8}, {"code", "uint32_t", 8, UINT32_MAX}};
    static const hl_contract contract = {sizeof(contract), "struct request", 136, fields, 2, NULL, 0};
    hl__event_def *def = hl__event_def_new("caf\xc3\xa9", 3, &contract), *back;
    char *text;

    (void)state;
    assert_int_equal(hl__event_encode(def, &text), HL_OK);
    assert_int_equal(hl__event_decode(text, strlen(text), &back), HL_OK);
    assert_string_equal(back->name, def->name);
    assert_int_equal(back->flags, 3);
    assert_true(back->contract_hash == def->contract_hash);
    assert_string_equal(back->contract->type, "struct request");
    assert_string_equal(back->contract->fields[0].name, "path \"x\"");
    assert_int_equal(back->contract->fields_len, 2);
    hl__event_def_unref(def);
    hl__event_def_unref(back);
    free(text);
}

static void a_text_that_is_not_utf8_is_refused_by_field(void **state)
{
    char *text;
    hl__record *record = record_named("a", "bad \xff byte", 1);

    (void)state;
    assert_int_equal(hl__record_encode(record, &text), HL_ERR_INVALID);
    assert_string_equal(hl_last_error()->field, "extra");
    hl__record_unref(record);
}

static void a_contract_that_is_not_utf8_is_refused(void **state)
{
    static const hl_field fields[] = {{"good", "int", 0, 4},
                                      {"b\xff"
                                       "d",
                                       "int", 4, 4},
                                      {"good too", "int", 8, 4}};
    static const hl_contract contract = {sizeof(contract), "struct request", 12, fields, 3, NULL, 0};
    hl__event_def *def = hl__event_def_new("request", 0, &contract);
    char *text;

    (void)state;
    assert_int_equal(hl__event_encode(def, &text), HL_ERR_INVALID);
    assert_string_equal(hl_last_error()->field, "name");
    hl__event_def_unref(def);
}

#define HEAD "{\"id\":\"01234567-89ab-4def-8123-456789abcdef\",\"name\":\"a\",\"event\":\"e\",\"extension\":\"x\","
#define TAIL "\"inserted_at\":1,\"updated_at\":2,\"revision\":3}"

static hl_status decode(const char *text)
{
    hl__record *record;
    hl_status status = hl__record_decode(text, strlen(text), &record);
    if (status == HL_OK)
        hl__record_unref(record);
    return status;
}

static void fields_that_are_not_known_are_skipped(void **state)
{
    (void)state;
    assert_int_equal(decode(HEAD "\"depends\":[],\"priority\":5,\"status\":\"held\",\"colour\":{\"deep\":[1]}," TAIL),
                     HL_OK);
}

static void every_wrong_field_is_named(void **state)
{
    const char *message = hl_last_error()->message;

    (void)state;
    assert_int_equal(decode(HEAD "\"depends\":\"b\",\"priority\":101,\"status\":\"sleeping\",\"extra\":7," TAIL),
                     HL_ERR_STORE_CORRUPT);
    message = hl_last_error()->message;
    assert_non_null(strstr(message, "of a "));
    assert_non_null(strstr(message, "depends must be a list"));
    assert_non_null(strstr(message, "priority must be a whole number in 0..100"));
    assert_non_null(strstr(message, "sleeping"));
    assert_non_null(strstr(message, "extra must be a text"));
    assert_string_equal(hl_last_error()->field, "status");
}

static void every_missing_field_is_named(void **state)
{
    static const char *const required[] = {"id",       "name",   "event",       "extension",  "depends",
                                           "priority", "status", "inserted_at", "updated_at", "revision"};
    (void)state;
    assert_int_equal(decode("{}"), HL_ERR_STORE_CORRUPT);
    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
        char clause[64];
        snprintf(clause, sizeof(clause), "%s is missing", required[i]);
        assert_non_null(strstr(hl_last_error()->message, clause));
    }
}

static void what_is_no_object_is_corrupt(void **state)
{
    static const char *const texts[] = {
        "",  "x", "[]", "null", "\"a\"", "{\"a\":", "{}{}", "\xff\xfe", "{\"a\":1,\"a\":2}", "{\"name\":\"a\\u0000b\"}",
        "12"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(decode(texts[i]), HL_ERR_STORE_CORRUPT);
}

static void wrong_parts_of_a_contract_are_named(void **state)
{
    static const char text[] = "{\"name\":\"e\",\"flags\":0,\"contract\":{\"type\":\"\",\"state_size\":-1,\"fields\":"
                               "[{\"name\":\"a\",\"type\":\"int\",\"offset\":4294967296,\"size\":4},7]}}";
    hl__event_def *def;

    (void)state;
    assert_int_equal(hl__event_decode(text, sizeof(text) - 1, &def), HL_ERR_STORE_CORRUPT);
    assert_string_equal(hl_last_error()->field, "contract");
    assert_non_null(strstr(hl_last_error()->message, "offset"));
    assert_non_null(strstr(hl_last_error()->message, "state_size"));
}

static void a_log_row_comes_back_as_it_was(void **state)
{
    hl__log_row row = {.at = 5, .pid = 6, .action = "register"}, back;
    char *text;

    (void)state;
    for (size_t i = 0; i < sizeof(odd_names) / sizeof(odd_names[0]); i++)
        assert_true(hl__list_push(&row.plugins, (void *)(uintptr_t)odd_names[i]));
    assert_int_equal(hl__log_encode(&row, &text), HL_OK);
    assert_int_equal(hl__log_decode(text, strlen(text), &back), HL_OK);
    assert_int_equal(back.at, 5);
    assert_int_equal(back.pid, 6);
    assert_string_equal(back.action, "register");
    assert_int_equal(back.plugins.len, row.plugins.len);
    assert_int_equal(back.events.len, 0);
    for (size_t i = 0; i < row.plugins.len; i++)
        assert_string_equal(back.plugins.items[i], odd_names[i]);
    hl__list_cleanup(&row.plugins);
    hl__log_row_cleanup(&back);
    free(text);
}

static void odd_names_survive_a_store_on_disk(void **state)
{
    char *folder = folder_new();
    char url[URL_BYTES], expected[512];

    (void)state;
    lmdb_url(folder, url);
    for (size_t i = 0; i < sizeof(odd_names) / sizeof(odd_names[0]); i++) {
        hl__store *store = open_store(url);
        uint64_t before = revision_of(store);
        assert_int_equal(put_plugin(store, odd_names[i], odd_names[i]), HL_OK);
        snprintf(expected, sizeof(expected), "+%s=%s ", odd_names[i], odd_names[i]);
        assert_changes(store, before, expected);
        close_store(store);
    }
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_comes_back_as_it_was_whatever_its_names),
        cmocka_unit_test(what_a_record_does_not_have_is_not_written),
        cmocka_unit_test(an_event_comes_back_as_it_was),
        cmocka_unit_test(a_text_that_is_not_utf8_is_refused_by_field),
        cmocka_unit_test(a_contract_that_is_not_utf8_is_refused),
        cmocka_unit_test(fields_that_are_not_known_are_skipped),
        cmocka_unit_test(every_wrong_field_is_named),
        cmocka_unit_test(every_missing_field_is_named),
        cmocka_unit_test(what_is_no_object_is_corrupt),
        cmocka_unit_test(wrong_parts_of_a_contract_are_named),
        cmocka_unit_test(a_log_row_comes_back_as_it_was),
        cmocka_unit_test(odd_names_survive_a_store_on_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
