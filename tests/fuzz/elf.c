/* Damaged plugin libraries: whatever the bytes, the reader answers with a status and touches nothing outside of them.
 * The seeds are real libraries that the build makes: see cmake/HooklineFuzz.cmake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "library/entry.h"
#include "library/facts.h"
#include "tests/fuzz/support/fuzz.h"

/* Reads every string of a copied entry, so that a sanitizer sees one without an end. */
static size_t walk(const hl__entry *entry)
{
    size_t sum = strlen(entry->name) + strlen(entry->version);

    for (size_t i = 0; i < entry->specs_len; i++) {
        const hl_plugin_spec *spec = &entry->specs[i];

        sum += strlen(spec->name) + strlen(spec->event) + strlen(spec->extension);
        sum += spec->extra ? strlen(spec->extra) : 0;
        for (size_t k = 0; spec->depends && spec->depends[k]; k++)
            sum += strlen(spec->depends[k]);
        for (size_t k = 0; spec->contract && k < spec->contract->fields_len; k++)
            sum += strlen(spec->contract->fields[k].name) + strlen(spec->contract->fields[k].type);
    }
    return sum;
}

/* In memory of exactly this length, so that a sanitizer sees every step beyond. */
static hl_status read_bytes(const uint8_t *data, size_t size)
{
    uint8_t *exact = (uint8_t *)malloc(size ? size : 1);
    hl__elf elf;
    hl__entry entry = {0};
    hl__facts facts = {0};
    hl_status status;

    if (!exact)
        return HL_ERR_NO_MEMORY;
    memcpy(exact, data, size);
    status = hl__elf_open(&elf, "input", exact, size);
    if (status == HL_OK)
        status = hl__entry_read(&entry, &elf);
    if (status == HL_OK && walk(&entry) == 0)
        status = HL_ERR_INVALID;
    if (status == HL_OK)
        status = hl__facts_read(&facts, &elf);
    hl__facts_cleanup(&facts);
    hl__entry_cleanup(&entry);
    hl__elf_close(&elf);
    free(exact);
    return status;
}

/* Each answer is one that hl_library_inspect may give, with a message. */
static void require_documented(hl_status status)
{
    static const hl_status documented[] = {HL_ERR_NOT_ELF, HL_ERR_TRUNCATED, HL_ERR_ARCHITECTURE, HL_ERR_NO_ENTRY,
                                           HL_ERR_ABI,     HL_ERR_INVALID,   HL_ERR_LIMIT};
    bool found = status == HL_OK;

    for (size_t i = 0; i < sizeof(documented) / sizeof(documented[0]); i++)
        found = found || status == documented[i];
    fuzz_require(found && (status == HL_OK || hl_last_error()->message[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    require_documented(read_bytes(data, size));
    return 0;
}

#ifndef HL_TEST_LIBFUZZER

static uint8_t *seed;
static size_t seed_len;

static int read_seed(void **state)
{
    FILE *file = fopen(HL_TEST_PLUGINS "/fuzz_seed.so", "rb");
    long end;

    (void)state;
    if (!file || fseek(file, 0, SEEK_END) != 0)
        return -1;
    end = ftell(file);
    rewind(file);
    seed_len = (size_t)end;
    seed = (uint8_t *)malloc(seed_len);
    if (!seed || fread(seed, 1, seed_len, file) != seed_len)
        return -1;
    return fclose(file);
}

static int free_seed(void **state)
{
    (void)state;
    free(seed);
    return 0;
}

static void the_seed_itself_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_bytes(seed, seed_len), HL_OK);
}

static void every_shortened_library_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < seed_len; len += 64)
        assert_true(read_bytes(seed, len) < 0);
}

static void kept_libraries_get_a_documented_answer(void **state)
{
    (void)state;
    assert_true(fuzz_corpus("elf") >= 5);
}

static void damaged_libraries_get_a_documented_answer(void **state)
{
    (void)state;
    assert_true(fuzz_damage("elf", NULL, NULL) >= 1000);
}

/* Every word of the headers and of the first tables, set to what overflows most. */
static void extreme_numbers_get_a_documented_answer(void **state)
{
    const uint64_t extremes[] = {0, 1, UINT64_MAX, UINT64_MAX / 2, UINT64_C(1) << 63, UINT32_MAX, 0x1000};
    uint8_t *bytes = (uint8_t *)malloc(seed_len);
    size_t reach = seed_len < 4096 ? seed_len : 4096;

    (void)state;
    assert_non_null(bytes);
    memcpy(bytes, seed, seed_len);
    for (size_t at = 16; at + 8 <= reach; at += 8) {
        for (size_t i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++) {
            memcpy(bytes + at, &extremes[i], 8);
            require_documented(read_bytes(bytes, seed_len));
        }
        memcpy(bytes + at, seed + at, 8);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_seed_itself_is_read),
        cmocka_unit_test(every_shortened_library_is_refused),
        cmocka_unit_test(kept_libraries_get_a_documented_answer),
        cmocka_unit_test(damaged_libraries_get_a_documented_answer),
        cmocka_unit_test(extreme_numbers_get_a_documented_answer),
    };

    return cmocka_run_group_tests(tests, read_seed, free_seed);
}

#endif
