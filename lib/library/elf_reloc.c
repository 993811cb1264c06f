/* What the dynamic linker will write into a library's data: the pointers of a file are known only through its
 * relocations. Called by hl__elf_open, and by whoever follows a pointer in a file. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "library/elf.h"

/* The largest known shared objects have about a million. */
#define RELOCS_MAX (UINT64_C(4) << 20)

typedef ElfW(Rela) rela_row;
typedef ElfW(Rel) rel_row;

/* The relocations that can fill a pointer in data, by processor. */
typedef struct reloc_types {
    unsigned machine;
    uint32_t relative;
    uint32_t absolute; /* symbol + addend */
    uint32_t got;      /* the same, in a table of addresses */
} reloc_types;

static const reloc_types types_of[] = {
    {EM_X86_64, R_X86_64_RELATIVE, R_X86_64_64, R_X86_64_GLOB_DAT},
    {EM_AARCH64, R_AARCH64_RELATIVE, R_AARCH64_ABS64, R_AARCH64_GLOB_DAT},
};

static const reloc_types *find_types(unsigned machine)
{
    for (size_t i = 0; i < sizeof(types_of) / sizeof(types_of[0]); i++)
        if (types_of[i].machine == machine)
            return &types_of[i];
    return NULL;
}

static uint64_t word_in_place(const hl__elf *elf, uint64_t place)
{
    hl__elf_address word = 0;
    const void *bytes = hl__elf_at(elf, place, sizeof(word));

    if (bytes)
        memcpy(&word, bytes, sizeof(word));
    return word;
}

/* A symbol's own definition counts, though another object of the same name could come first at run time: the mapped
 * entry is compared with what was read here. */
static hl__elf_pointer symbol_pointer(const hl__elf *elf, uint64_t index, uint64_t addend)
{
    hl__elf_sym symbol;

    if (!hl__elf_symbol_at(elf, index, &symbol))
        return (hl__elf_pointer){HL__ELF_COMPUTED, 0};
    if (symbol.st_shndx == SHN_UNDEF)
        return (hl__elf_pointer){HL__ELF_OUTSIDE, 0};
    if (symbol.st_shndx == SHN_ABS || ELF64_ST_TYPE(symbol.st_info) == STT_TLS ||
        ELF64_ST_TYPE(symbol.st_info) == STT_GNU_IFUNC)
        return (hl__elf_pointer){HL__ELF_COMPUTED, 0};
    return (hl__elf_pointer){HL__ELF_INSIDE, symbol.st_value + addend};
}

static hl__elf_pointer resolve(const hl__elf *elf, const reloc_types *types, uint64_t info, uint64_t addend)
{
    uint32_t type = sizeof(hl__elf_address) == 8 ? (uint32_t)ELF64_R_TYPE(info) : ELF32_R_TYPE((uint32_t)info);
    uint64_t symbol = sizeof(hl__elf_address) == 8 ? ELF64_R_SYM(info) : ELF32_R_SYM((uint32_t)info);

    if (type == types->relative)
        return (hl__elf_pointer){HL__ELF_INSIDE, addend};
    if (type == types->absolute || type == types->got)
        return symbol_pointer(elf, symbol, addend);
    return (hl__elf_pointer){HL__ELF_COMPUTED, 0};
}

static hl_status grow(hl__elf *elf)
{
    size_t room = elf->relocs_room ? 2 * elf->relocs_room : 256;
    hl__elf_reloc *relocs;

    if (elf->relocs_len >= RELOCS_MAX)
        return hl__fail(HL_ERR_LIMIT, HL__ELF_ACTION, "relocations", "%s has more than %llu relocations.", elf->path,
                        (unsigned long long)RELOCS_MAX);
    relocs = (hl__elf_reloc *)realloc(elf->relocs, room * sizeof(*relocs));
    if (!relocs)
        return hl__fail_memory(HL__ELF_ACTION);
    elf->relocs = relocs;
    elf->relocs_room = room;
    return HL_OK;
}

static hl_status add(hl__elf *elf, uint64_t place, hl__elf_pointer pointer)
{
    hl_status status = elf->relocs_len < elf->relocs_room ? HL_OK : grow(elf);

    if (status == HL_OK)
        elf->relocs[elf->relocs_len++] = (hl__elf_reloc){place, pointer};
    return status;
}

static hl_status read_rela(hl__elf *elf, const reloc_types *types)
{
    hl_status status = HL_OK;
    rela_row row;

    for (uint64_t at = 0; status == HL_OK && at + sizeof(row) <= elf->rela.len; at += sizeof(row)) {
        memcpy(&row, elf->rela.bytes + at, sizeof(row));
        status = add(elf, row.r_offset, resolve(elf, types, row.r_info, (uint64_t)row.r_addend));
    }
    return status;
}

static hl_status read_rel(hl__elf *elf, const reloc_types *types)
{
    hl_status status = HL_OK;
    rel_row row;

    for (uint64_t at = 0; status == HL_OK && at + sizeof(row) <= elf->rel.len; at += sizeof(row)) {
        memcpy(&row, elf->rel.bytes + at, sizeof(row));
        status = add(elf, row.r_offset, resolve(elf, types, row.r_info, word_in_place(elf, row.r_offset)));
    }
    return status;
}

static hl_status add_in_place(hl__elf *elf, uint64_t place)
{
    return add(elf, place, (hl__elf_pointer){HL__ELF_INSIDE, word_in_place(elf, place)});
}

/* RELR: an even word is a place; an odd one is a bitmap of the words that follow the last place. */
static hl_status read_relr(hl__elf *elf)
{
    hl__elf_address word;
    const uint64_t word_len = sizeof(word);
    uint64_t next = 0;
    hl_status status = HL_OK;

    for (uint64_t at = 0; status == HL_OK && at + word_len <= elf->relr.len; at += word_len) {
        memcpy(&word, elf->relr.bytes + at, sizeof(word));
        if (!(word & 1)) {
            status = add_in_place(elf, word);
            next = word + word_len;
            continue;
        }
        for (uint64_t bit = 1; status == HL_OK && bit < 8 * word_len; bit++)
            if (word >> bit & 1)
                status = add_in_place(elf, next + (bit - 1) * word_len);
        next += (8 * word_len - 1) * word_len;
    }
    return status;
}

static int by_place(const void *a, const void *b)
{
    uint64_t left = ((const hl__elf_reloc *)a)->place;
    uint64_t right = ((const hl__elf_reloc *)b)->place;

    return left < right ? -1 : left > right;
}

hl_status hl__elf_read_relocs(hl__elf *elf)
{
    const reloc_types *types = find_types(elf->header.e_machine);
    hl_status status;

    if (!types)
        return hl__fail(HL_ERR_UNSUPPORTED, HL__ELF_ACTION, "e_machine",
                        "Reading plugin libraries is supported on x86-64 and AArch64 only.");
    status = read_rela(elf, types);
    if (status == HL_OK)
        status = read_rel(elf, types);
    if (status == HL_OK)
        status = read_relr(elf);
    if (status == HL_OK && elf->relocs_len)
        qsort(elf->relocs, elf->relocs_len, sizeof(*elf->relocs), by_place);
    return status;
}

hl__elf_pointer hl__elf_pointer_at(const hl__elf *elf, uint64_t address)
{
    hl__elf_reloc key = {address, {HL__ELF_NULL, 0}};
    const hl__elf_reloc *found = NULL;

    if (elf->relocs_len)
        found = (const hl__elf_reloc *)bsearch(&key, elf->relocs, elf->relocs_len, sizeof(key), by_place);
    if (found)
        return found->pointer;
    return (hl__elf_pointer){word_in_place(elf, address) ? HL__ELF_FIXED : HL__ELF_NULL, 0};
}
