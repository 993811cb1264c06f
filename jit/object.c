/* Reads relocatable ELF64 objects and places functions out of them.
 *
 * An object comes from a helper that may have gone mad, so every number in it is checked before it is used, and structs
 * are copied out, because nothing says that they are aligned. */
#include "jit/object.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "jit/reloc.h"
#include "jit/wire.h"

/* Far above what libgccjit makes: keeps a forged object from costing minutes. */
#define RELOCATION_SECTIONS_MAX 64

static hl_status malformed(const char *what)
{
    return hl__fail(HL_ERR_COMPILE, "compile", "object", "the compiled object is malformed: %s", what);
}

static bool inside(const hl__object *object, uint64_t at, uint64_t len)
{
    return at <= object->len && len <= object->len - at;
}

static bool section_at(const hl__object *object, unsigned number, Elf64_Shdr *out)
{
    if (number >= object->sections_len)
        return false;
    memcpy(out, object->bytes + object->sections_at + number * sizeof(*out), sizeof(*out));
    return true;
}

static bool symbol_at(const hl__object *object, size_t number, Elf64_Sym *out)
{
    if (number >= object->symbols_len)
        return false;
    memcpy(out, object->bytes + object->symbols_at + number * sizeof(*out), sizeof(*out));
    return true;
}

static hl_status read_header(hl__object *object, unsigned machine)
{
    Elf64_Ehdr header;

    if (object->len < sizeof(header))
        return malformed("it is shorter than an ELF header");
    memcpy(&header, object->bytes, sizeof(header));
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_REL)
        return malformed("it is no relocatable ELF64 file");
    if (header.e_machine != machine)
        return malformed("it is for another processor");
    if (header.e_shentsize != sizeof(Elf64_Shdr) || !inside(object, header.e_shoff, 0) ||
        !inside(object, header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr)))
        return malformed("its section table is out of bounds");
    object->machine = machine;
    object->sections_at = header.e_shoff;
    object->sections_len = header.e_shnum;
    return HL_OK;
}

static hl_status read_names(hl__object *object, unsigned number)
{
    Elf64_Shdr section;

    if (!section_at(object, number, &section) || section.sh_type != SHT_STRTAB || !section.sh_size ||
        !inside(object, section.sh_offset, section.sh_size))
        return malformed("its symbol names are out of bounds");
    object->names = (const char *)object->bytes + section.sh_offset;
    object->names_len = section.sh_size;
    if (object->names[object->names_len - 1])
        return malformed("its symbol names do not end");
    return HL_OK;
}

static hl_status read_symbols(hl__object *object)
{
    Elf64_Shdr section;

    for (unsigned i = 0; section_at(object, i, &section); i++) {
        if (section.sh_type != SHT_SYMTAB)
            continue;
        if (section.sh_entsize != sizeof(Elf64_Sym) || !inside(object, section.sh_offset, section.sh_size))
            return malformed("its symbol table is out of bounds");
        object->symbols_section = i;
        object->symbols_at = section.sh_offset;
        object->symbols_len = section.sh_size / sizeof(Elf64_Sym);
        return read_names(object, section.sh_link);
    }
    return malformed("it has no symbol table");
}

hl_status hl__object_open(const void *bytes, size_t len, unsigned machine, hl__object *out)
{
    hl_status status;

    *out = (hl__object){.bytes = bytes, .len = len};
    status = read_header(out, machine);
    return status == HL_OK ? read_symbols(out) : status;
}

/* The names end with an end mark, so an offset inside them is a string. */
static const char *symbol_name(const hl__object *object, const Elf64_Sym *symbol)
{
    return symbol->st_name < object->names_len ? object->names + symbol->st_name : "";
}

static hl_status read_function(const hl__object *object, const Elf64_Sym *symbol, hl__function *out)
{
    Elf64_Shdr section;

    if (!section_at(object, symbol->st_shndx, &section) || section.sh_type != SHT_PROGBITS ||
        !(section.sh_flags & SHF_EXECINSTR) || !inside(object, section.sh_offset, section.sh_size))
        return malformed("a chain is in no code section");
    if (!symbol->st_size || symbol->st_value > section.sh_size || symbol->st_size > section.sh_size - symbol->st_value)
        return malformed("a chain leaves its section");
    *out = (hl__function){symbol->st_shndx, section.sh_offset, section.sh_size, symbol->st_value, symbol->st_size};
    return HL_OK;
}

hl_status hl__object_find(const hl__object *object, const char *symbol, hl__function *out)
{
    Elf64_Sym candidate;

    for (size_t i = 0; symbol_at(object, i, &candidate); i++)
        if (ELF64_ST_TYPE(candidate.st_info) == STT_FUNC && candidate.st_shndx != SHN_UNDEF &&
            strcmp(symbol_name(object, &candidate), symbol) == 0)
            return read_function(object, &candidate, out);
    return hl__fail(HL_ERR_COMPILE, "compile", "object", "the compiled object has no function %s", symbol);
}

/* The address in the name of an import. */
static bool import_address(const char *name, uint64_t *out)
{
    size_t prefix = sizeof(HL__WIRE_FUNCTION) - 1;

    static_assert(sizeof(HL__WIRE_FUNCTION) == sizeof(HL__WIRE_DATA), "one length serves both");
    if (strncmp(name, HL__WIRE_FUNCTION, prefix) != 0 && strncmp(name, HL__WIRE_DATA, prefix) != 0)
        return false;
    if (strlen(name) != prefix + 16 || strspn(name + prefix, "0123456789abcdef") != 16)
        return false;
    *out = strtoull(name + prefix, NULL, 16);
    return true;
}

static hl_status symbol_address(const hl__object *object, const hl__function *function, uint64_t address, size_t number,
                                uint64_t *out)
{
    Elf64_Sym symbol;

    if (!symbol_at(object, number, &symbol))
        return malformed("a relocation names no symbol");
    if (symbol.st_shndx == SHN_UNDEF) {
        if (!import_address(symbol_name(object, &symbol), out))
            return malformed("it imports something that is no plugin");
        return HL_OK;
    }
    if (symbol.st_shndx != function->section || symbol.st_value < function->offset ||
        symbol.st_value - function->offset > function->bytes)
        return malformed("a chain refers to data or to another chain");
    *out = address + (symbol.st_value - function->offset);
    return HL_OK;
}

static hl_status apply(const hl__object *object, const hl__function *function, uint64_t address, const Elf64_Rela *rela,
                       uint8_t *code)
{
    size_t at = rela->r_offset - function->offset;
    hl__patch patch = {code + at, function->bytes - at, address + at, 0};
    unsigned type = ELF64_R_TYPE(rela->r_info);
    hl_status status = symbol_address(object, function, address, ELF64_R_SYM(rela->r_info), &patch.target);

    if (status != HL_OK)
        return status;
    patch.target += (uint64_t)rela->r_addend;
    switch (hl__relocate(object->machine, type, &patch)) {
    case HL__PATCHED:
        return HL_OK;
    case HL__PATCH_OUT_OF_BOUNDS:
        return malformed("a relocation leaves its chain");
    case HL__PATCH_OUT_OF_REACH:
        return hl__fail(HL_ERR_COMPILE, "compile", "object",
                        "a plugin at 0x%" PRIx64 " is out of reach of a direct call", patch.target);
    default:
        return hl__fail(HL_ERR_COMPILE, "compile", "object",
                        "the compiled object has a relocation of type %u, which is not known here", type);
    }
}

static hl_status apply_section(const hl__object *object, const hl__function *function, uint64_t address,
                               const Elf64_Shdr *section, uint8_t *code)
{
    Elf64_Rela rela;
    hl_status status = HL_OK;

    if (section->sh_entsize != sizeof(rela) || section->sh_link != object->symbols_section ||
        !inside(object, section->sh_offset, section->sh_size))
        return malformed("its relocations are out of bounds");
    for (size_t i = 0; status == HL_OK && i < section->sh_size / sizeof(rela); i++) {
        memcpy(&rela, object->bytes + section->sh_offset + i * sizeof(rela), sizeof(rela));
        if (rela.r_offset >= function->offset && rela.r_offset - function->offset < function->bytes)
            status = apply(object, function, address, &rela, code);
    }
    return status;
}

hl_status hl__object_place(const hl__object *object, const hl__function *function, uint64_t address, uint8_t *code)
{
    Elf64_Shdr section;
    unsigned seen = 0;
    hl_status status = HL_OK;

    memcpy(code, object->bytes + function->section_at + function->offset, function->bytes);
    for (unsigned i = 0; status == HL_OK && section_at(object, i, &section); i++) {
        if (section.sh_info != function->section || (section.sh_type != SHT_RELA && section.sh_type != SHT_REL))
            continue;
        if (section.sh_type == SHT_REL || ++seen > RELOCATION_SECTIONS_MAX)
            return malformed("its relocations are of another kind");
        status = apply_section(object, function, address, &section, code);
    }
    return status;
}
