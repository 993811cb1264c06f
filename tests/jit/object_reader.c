/* The object reader believes nothing: cut, changed and forged objects are refused or read, never followed out of
 * bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "jit/reloc.h"
#include "tests/jit/support/chains.h"
#include "tests/jit/support/object.h"

#define CHAINS 4
#define ADDRESS UINT64_C(0x7f0000000000)

static uint8_t *object_bytes;
static size_t object_len;

static int make_object(void **state)
{
    chain *chains[CHAINS];
    hl__unit units[CHAINS];
    const hl__reach reach = {{ADDRESS, ADDRESS + (1 << 20)}, {ADDRESS, ADDRESS + (1 << 20)}};

    (void)state;
    if (!HL_TEST_HAVE_JIT)
        return 0;
    for (size_t i = 0; i < CHAINS; i++) {
        chains[i] = chain_new("fuzz", 3 + i);
        units[i] = chains[i]->unit;
        for (size_t j = 0; j < 3 + i; j++)
            chains[i]->steps[j].call = (hl_call_fn *)(uintptr_t)(ADDRESS + 4096 * j);
        chains[i]->steps[1].self = (void *)(uintptr_t)(ADDRESS + 8);
    }
    object_bytes = object_make(units, CHAINS, &reach, &object_len);
    for (size_t i = 0; i < CHAINS; i++)
        free(chains[i]);
    return 0;
}

static int free_object(void **state)
{
    (void)state;
    free(object_bytes);
    return 0;
}

static int need_object(void **state)
{
    (void)state;
    if (!object_bytes)
        skip();
    return 0;
}

/* Reads all there is. The bytes are in a block of exactly their size, so that a sanitizer sees every step outside. */
static hl_status read_object(const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);
    hl__object object;
    hl_status status;

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    status = hl__object_open(exact, len, OBJECT_MACHINE, &object);
    for (size_t i = 0; status == HL_OK && i < CHAINS; i++) {
        hl__function function;
        uint8_t *code;

        status = hl__object_find(&object, object_symbol(i, "fuzz"), &function);
        if (status != HL_OK)
            break;
        code = malloc(function.bytes);
        assert_non_null(code);
        status = hl__object_place(&object, &function, ADDRESS - (1 << 20), code);
        free(code);
    }
    free(exact);
    return status;
}

static void a_real_object_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_object(object_bytes, object_len), HL_OK);
}

/* The section table is at the end, so that every cut goes through it. */
static void a_cut_object_is_refused_wherever_the_cut_is(void **state)
{
    (void)state;
    for (size_t len = 0; len < object_len; len++)
        assert_int_equal(read_object(object_bytes, len), HL_ERR_COMPILE);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void an_object_with_changed_bytes_is_read_within_bounds(void **state)
{
    uint8_t *changed = malloc(object_len);
    uint64_t seed = 0x9e3779b97f4a7c15;
    size_t refused = 0;

    (void)state;
    assert_non_null(changed);
    for (int i = 0; i < 4000; i++) {
        memcpy(changed, object_bytes, object_len);
        for (uint64_t flips = 1 + next_random(&seed) % 4; flips; flips--)
            changed[next_random(&seed) % object_len] ^= (uint8_t)(1 + next_random(&seed) % 255);
        refused += read_object(changed, object_len) != HL_OK;
    }
    free(changed);
    assert_in_range(refused, 100, 3999);
}

/* Every word of the tables set to what breaks careless sums. */
static void an_object_with_extreme_numbers_is_read_within_bounds(void **state)
{
    static const uint64_t extremes[] = {0, 1, 0x7fffffffffffffff, UINT64_MAX, UINT64_MAX - 63, 0xffffffff, 0x8000};
    uint8_t *changed = malloc(object_len);

    (void)state;
    assert_non_null(changed);
    memcpy(changed, object_bytes, object_len);
    for (size_t at = 0; at + 8 <= object_len; at += 4)
        for (size_t i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++) {
            memcpy(changed + at, &extremes[i], i % 2 ? 8 : 4);
            (void)!read_object(changed, object_len);
            memcpy(changed + at, object_bytes + at, 8);
        }
    free(changed);
}

static void an_object_for_another_processor_is_refused(void **state)
{
    hl__object object;

    (void)state;
    assert_int_equal(hl__object_open(object_bytes, object_len, EM_RISCV, &object), HL_ERR_COMPILE);
    assert_non_null(strstr(hl_last_error()->message, "another processor"));
}

static void a_missing_function_is_named(void **state)
{
    hl__object object;
    hl__function function;

    (void)state;
    assert_int_equal(hl__object_open(object_bytes, object_len, OBJECT_MACHINE, &object), HL_OK);
    assert_int_equal(hl__object_find(&object, "hl_9_gone", &function), HL_ERR_COMPILE);
    assert_non_null(strstr(hl_last_error()->message, "hl_9_gone"));
}

/* Finds the first relocation of the object's code. */
static size_t first_relocation(void)
{
    Elf64_Ehdr header;
    Elf64_Shdr section;

    memcpy(&header, object_bytes, sizeof(header));
    for (unsigned i = 0; i < header.e_shnum; i++) {
        memcpy(&section, object_bytes + header.e_shoff + i * sizeof(section), sizeof(section));
        if (section.sh_type == SHT_RELA)
            return section.sh_offset;
    }
    fail_msg("the object has no relocations");
    return 0;
}

static void an_unknown_relocation_is_refused_by_its_number(void **state)
{
    uint8_t *changed = malloc(object_len);
    size_t at = first_relocation();
    Elf64_Rela rela;

    (void)state;
    assert_non_null(changed);
    memcpy(changed, object_bytes, object_len);
    memcpy(&rela, changed + at, sizeof(rela));
    rela.r_info = ELF64_R_INFO(ELF64_R_SYM(rela.r_info), 213);
    memcpy(changed + at, &rela, sizeof(rela));
    assert_int_equal(read_object(changed, object_len), HL_ERR_COMPILE);
    assert_non_null(strstr(hl_last_error()->message, "type 213"));
    free(changed);
}

static void a_target_out_of_reach_is_refused(void **state)
{
    hl__object object;
    hl__function function;
    uint8_t code[4096];

    (void)state;
    assert_int_equal(hl__object_open(object_bytes, object_len, OBJECT_MACHINE, &object), HL_OK);
    assert_int_equal(hl__object_find(&object, object_symbol(0, "fuzz"), &function), HL_OK);
    assert_true(function.bytes <= sizeof(code));
    assert_int_equal(hl__object_place(&object, &function, UINT64_C(0x550000000000), code), HL_ERR_COMPILE);
    assert_non_null(strstr(hl_last_error()->message, "out of reach"));
}

/* ---- single relocations, for both processors whatever runs the test --------------------------------------------- */

static uint32_t relocated(unsigned machine, unsigned type, uint32_t instruction, uint64_t address, uint64_t target)
{
    hl__patch patch = {(uint8_t *)&instruction, sizeof(instruction), address, target};

    assert_int_equal(hl__relocate(machine, type, &patch), HL__PATCHED);
    return instruction;
}

static hl__patched outcome(unsigned machine, unsigned type, size_t room, uint64_t address, uint64_t target)
{
    uint8_t bytes[8] = {0};
    hl__patch patch = {bytes, room, address, target};

    return hl__relocate(machine, type, &patch);
}

static void x86_64_relocations_are_those_of_the_psabi(void **state)
{
    (void)state;
    assert_int_equal(relocated(EM_X86_64, R_X86_64_PLT32, 0, 0x1000, 0x1ffc), 0xffc);
    assert_int_equal(relocated(EM_X86_64, R_X86_64_PC32, 0, 0x2000, 0x1ffc), 0xfffffffc);
    assert_int_equal(outcome(EM_X86_64, R_X86_64_PC32, 4, 0, 0x7fffffff), HL__PATCHED);
    assert_int_equal(outcome(EM_X86_64, R_X86_64_PC32, 4, 0, 0x80000000), HL__PATCH_OUT_OF_REACH);
    assert_int_equal(outcome(EM_X86_64, R_X86_64_PC32, 3, 0, 0), HL__PATCH_OUT_OF_BOUNDS);
    assert_int_equal(outcome(EM_X86_64, R_X86_64_64, 7, 0, 0), HL__PATCH_OUT_OF_BOUNDS);
    assert_int_equal(outcome(EM_X86_64, R_X86_64_GOTPCREL, 8, 0, 0), HL__PATCH_UNKNOWN);
}

/* The expected instructions are what GNU ld makes of these. */
static void aarch64_relocations_are_those_of_its_abi(void **state)
{
    (void)state;
    assert_int_equal(relocated(EM_AARCH64, R_AARCH64_CALL26, 0x94000000, 0x1000, 0x1010), 0x94000004);
    assert_int_equal(relocated(EM_AARCH64, R_AARCH64_JUMP26, 0x14000000, 0x1010, 0x1000), 0x17fffffc);
    assert_int_equal(relocated(EM_AARCH64, R_AARCH64_ADR_PREL_PG_HI21, 0x90000000, 0x1004, 0x5678), 0x90000020);
    assert_int_equal(relocated(EM_AARCH64, R_AARCH64_ADD_ABS_LO12_NC, 0x91000000, 0x1008, 0x5678), 0x9119e000);
    assert_int_equal(outcome(EM_AARCH64, R_AARCH64_CALL26, 4, 0, 0x7fffffc), HL__PATCHED);
    assert_int_equal(outcome(EM_AARCH64, R_AARCH64_CALL26, 4, 0, 0x8000000), HL__PATCH_OUT_OF_REACH);
    assert_int_equal(outcome(EM_AARCH64, R_AARCH64_CALL26, 4, 0, 2), HL__PATCH_OUT_OF_REACH);
    assert_int_equal(outcome(EM_AARCH64, R_AARCH64_CALL26, 4, 2, 2), HL__PATCH_OUT_OF_BOUNDS);
    assert_int_equal(outcome(EM_AARCH64, R_AARCH64_ABS32, 8, 0, 0), HL__PATCH_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_real_object_is_read, need_object),
        cmocka_unit_test_setup(a_cut_object_is_refused_wherever_the_cut_is, need_object),
        cmocka_unit_test_setup(an_object_with_changed_bytes_is_read_within_bounds, need_object),
        cmocka_unit_test_setup(an_object_with_extreme_numbers_is_read_within_bounds, need_object),
        cmocka_unit_test_setup(an_object_for_another_processor_is_refused, need_object),
        cmocka_unit_test_setup(a_missing_function_is_named, need_object),
        cmocka_unit_test_setup(an_unknown_relocation_is_refused_by_its_number, need_object),
        cmocka_unit_test_setup(a_target_out_of_reach_is_refused, need_object),
        cmocka_unit_test(x86_64_relocations_are_those_of_the_psabi),
        cmocka_unit_test(aarch64_relocations_are_those_of_its_abi),
    };

    return cmocka_run_group_tests(tests, make_object, free_object);
}
