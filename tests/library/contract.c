/* Contracts: what counts as the same, and how differences are told. */
#include <stdio.h>
#include <string.h>

#include "core/contract.h"
#include "tests/library/support/fixture.h"

static const hl_field fields[] = {{"fd", "int", 0, 4}, {"status", "uint32_t", 4, 4}, {"path", "char[128]", 8, 128}};
static const hl_contract event = {sizeof(hl_contract), "struct request", 136, fields, 3, NULL, 0};

static hl_status compare(const hl_contract *plugin)
{
    return hl__contract_compare(&event, plugin, "request", "limit");
}

static void the_same_contract_fits(void **state)
{
    hl_field copies[3];
    hl_contract copy = event;

    (void)state;
    memcpy(copies, fields, sizeof(fields));
    copy.fields = copies;
    copy.type = "struct another_name";
    assert_int_equal(compare(&copy), HL_OK);
    assert_true(hl_contract_hash(&copy) == hl_contract_hash(&event));
}

static void no_contract_fits_every_event_and_every_plugin(void **state)
{
    (void)state;
    assert_int_equal(compare(NULL), HL_OK);
    assert_int_equal(hl__contract_compare(NULL, &event, "request", "limit"), HL_OK);
}

static void the_order_of_fields_does_not_matter(void **state)
{
    hl_field turned[] = {fields[2], fields[0], fields[1]};
    hl_contract plugin = {sizeof(hl_contract), "struct request", 136, turned, 3, NULL, 0};

    (void)state;
    assert_int_equal(compare(&plugin), HL_OK);
}

/* One change of one field at a time, with the words that must tell of it. */
static void each_difference_of_a_field_is_told(void **state)
{
    const struct {
        hl_field field;
        const char *words;
    } rows[] = {
        {{"status", "int32_t", 4, 4}, "field 'status' is of type uint32_t in the event, int32_t in the plugin"},
        {{"status", "uint32_t", 8, 4}, "field 'status' is at offset 4 in the event, 8 in the plugin"},
        {{"status", "uint32_t", 4, 8}, "field 'status' has 4 bytes in the event, 8 in the plugin"},
        {{"state", "uint32_t", 4, 4}, "the plugin lacks field 'status'; the event lacks the plugin's field 'state'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        hl_field changed[] = {fields[0], rows[i].field, fields[2]};
        hl_contract plugin = {sizeof(hl_contract), "struct request", 136, changed, 3, NULL, 0};

        expect_status(compare(&plugin), HL_ERR_CONTRACT, "contract", rows[i].words);
        expect_status(compare(&plugin), HL_ERR_CONTRACT, "contract", "'limit' was built for another contract");
        assert_true(hl_contract_hash(&plugin) != hl_contract_hash(&event));
    }
}

static void another_state_size_is_told(void **state)
{
    hl_contract plugin = event;

    (void)state;
    plugin.state_size = 140;
    expect_status(compare(&plugin), HL_ERR_CONTRACT, "contract",
                  "the state has 136 bytes in the event, 140 in the plugin");
}

static void a_missing_field_is_told(void **state)
{
    hl_contract plugin = event;

    (void)state;
    plugin.fields_len = 2;
    expect_status(compare(&plugin), HL_ERR_CONTRACT, "contract", "the plugin lacks field 'path'");
}

static void a_field_listed_twice_is_told(void **state)
{
    hl_field twice[] = {fields[0], fields[1], fields[2], fields[2]};
    hl_contract plugin = {sizeof(hl_contract), "struct request", 136, twice, 4, NULL, 0};

    (void)state;
    expect_status(compare(&plugin), HL_ERR_CONTRACT, "contract", "more than once");
}

static void many_differences_are_cut_and_counted(void **state)
{
    hl_field many[100];
    char names[100][8];
    hl_contract plugin = {sizeof(hl_contract), "struct request", 136, many, 100, NULL, 0};

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        snprintf(names[i], sizeof(names[i]), "f%zu", i);
        many[i] = (hl_field){names[i], "int", 4 * (uint32_t)i, 4};
    }
    expect_status(compare(&plugin), HL_ERR_CONTRACT, "contract", "differences more. Build the plugin again");
}

static void the_hash_is_the_same_in_every_build(void **state)
{
    hl_contract nothing = {sizeof(hl_contract), "void", 0, NULL, 0, NULL, 0};

    (void)state;
    assert_true(hl_contract_hash(&event) == UINT64_C(0x2d55ca9e5e67a985));
    assert_true(hl_contract_hash(&nothing) == UINT64_C(0x81d23fd7003c2305));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_contract_fits),
        cmocka_unit_test(no_contract_fits_every_event_and_every_plugin),
        cmocka_unit_test(the_order_of_fields_does_not_matter),
        cmocka_unit_test(each_difference_of_a_field_is_told),
        cmocka_unit_test(another_state_size_is_told),
        cmocka_unit_test(a_missing_field_is_told),
        cmocka_unit_test(a_field_listed_twice_is_told),
        cmocka_unit_test(many_differences_are_cut_and_counted),
        cmocka_unit_test(the_hash_is_the_same_in_every_build),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
