/* Relocation of code for x86-64 and AArch64: the types that chains can need. Called by object.c. */
#include "jit/reloc.h"

#include <elf.h>
#include <string.h>

static hl__patched put32(const hl__patch *patch, uint32_t value)
{
    if (patch->room < sizeof(value))
        return HL__PATCH_OUT_OF_BOUNDS;
    memcpy(patch->where, &value, sizeof(value));
    return HL__PATCHED;
}

static hl__patched put64(const hl__patch *patch, uint64_t value)
{
    if (patch->room < sizeof(value))
        return HL__PATCH_OUT_OF_BOUNDS;
    memcpy(patch->where, &value, sizeof(value));
    return HL__PATCHED;
}

/* Whether a signed distance fits into `bits` bits. */
static bool fits(int64_t distance, unsigned bits)
{
    int64_t limit = INT64_C(1) << (bits - 1);

    return distance >= -limit && distance < limit;
}

static hl__patched relocate_x86_64(unsigned type, const hl__patch *patch)
{
    int64_t distance = (int64_t)(patch->target - patch->address);

    switch (type) {
    case R_X86_64_PC32:
    case R_X86_64_PLT32:
        return fits(distance, 32) ? put32(patch, (uint32_t)distance) : HL__PATCH_OUT_OF_REACH;
    case R_X86_64_64:
        return put64(patch, patch->target);
    default:
        return HL__PATCH_UNKNOWN;
    }
}

/* Replaces the bits of `mask` in the instruction. */
static hl__patched put_field(const hl__patch *patch, uint32_t mask, uint32_t value)
{
    uint32_t instruction;

    if (patch->room < sizeof(instruction) || patch->address % 4)
        return HL__PATCH_OUT_OF_BOUNDS;
    memcpy(&instruction, patch->where, sizeof(instruction));
    return put32(patch, (instruction & ~mask) | (value & mask));
}

static hl__patched put_branch(const hl__patch *patch)
{
    int64_t distance = (int64_t)(patch->target - patch->address);

    if (distance % 4 || !fits(distance, 28))
        return HL__PATCH_OUT_OF_REACH;
    return put_field(patch, UINT32_C(0x03ffffff), (uint32_t)(distance >> 2));
}

static hl__patched put_page(const hl__patch *patch)
{
    int64_t pages = (int64_t)((patch->target & ~UINT64_C(0xfff)) - (patch->address & ~UINT64_C(0xfff))) >> 12;
    uint32_t low = (uint32_t)pages & 3;
    uint32_t high = (uint32_t)(pages >> 2) & UINT32_C(0x7ffff);

    if (!fits(pages, 21))
        return HL__PATCH_OUT_OF_REACH;
    return put_field(patch, UINT32_C(0x60ffffe0), low << 29 | high << 5);
}

static hl__patched relocate_aarch64(unsigned type, const hl__patch *patch)
{
    switch (type) {
    case R_AARCH64_CALL26:
    case R_AARCH64_JUMP26:
        return put_branch(patch);
    case R_AARCH64_ABS64:
        return put64(patch, patch->target);
    case R_AARCH64_ADR_PREL_PG_HI21:
        return put_page(patch);
    case R_AARCH64_ADD_ABS_LO12_NC:
        return put_field(patch, UINT32_C(0x003ffc00), (uint32_t)(patch->target & 0xfff) << 10);
    default:
        return HL__PATCH_UNKNOWN;
    }
}

hl__patched hl__relocate(unsigned machine, unsigned type, const hl__patch *patch)
{
    switch (machine) {
    case EM_X86_64:
        return relocate_x86_64(type, patch);
    case EM_AARCH64:
        return relocate_aarch64(type, patch);
    default:
        return HL__PATCH_UNKNOWN;
    }
}
