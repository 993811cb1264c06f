/* The headers of a shared object: is it one, for this processor, whole, and where are its dynamic tables. Called for
 * every library file before anything else is done with it. */
#include "library/elf.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"

#define SEGMENTS_MAX 128

/* This code's own ELF header, which the linker provides: what a plugin library must agree with. */
extern const hl__elf_header hl__elf_own __asm__("__ehdr_start") __attribute__((visibility("hidden")));

static const struct {
    unsigned machine;
    const char *name;
} machines[] = {
    {EM_386, "i386"},     {EM_X86_64, "x86-64"},    {EM_ARM, "ARM"},        {EM_AARCH64, "AArch64"},
    {EM_RISCV, "RISC-V"}, {EM_PPC64, "PowerPC 64"}, {EM_S390, "IBM S/390"}, {EM_MIPS, "MIPS"},
};

static const char *machine_name(unsigned machine)
{
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
        if (machines[i].machine == machine)
            return machines[i].name;
    return "unknown processor";
}

static const char *bits_name(unsigned char elf_class)
{
    return elf_class == ELFCLASS64 ? "64-bit" : elf_class == ELFCLASS32 ? "32-bit" : "unknown word size";
}

static const char *order_name(unsigned char data)
{
    return data == ELFDATA2LSB ? "little-endian" : data == ELFDATA2MSB ? "big-endian" : "unknown byte order";
}

/* e_machine lies at the same place in every class, but in the file's byte order. */
static unsigned machine_of(const unsigned char *bytes)
{
    unsigned low = bytes[bytes[EI_DATA] == ELFDATA2MSB ? 19 : 18];
    unsigned high = bytes[bytes[EI_DATA] == ELFDATA2MSB ? 18 : 19];

    return low | high << 8;
}

static hl_status check_architecture(const hl__elf *elf)
{
    const unsigned char *ident = elf->bytes;
    unsigned machine = machine_of(elf->bytes);

    if (ident[EI_CLASS] == hl__elf_own.e_ident[EI_CLASS] && ident[EI_DATA] == hl__elf_own.e_ident[EI_DATA] &&
        machine == hl__elf_own.e_machine)
        return HL_OK;
    return hl__fail(HL_ERR_ARCHITECTURE, HL__ELF_ACTION, "e_machine",
                    "%s is built for %s (machine %u, %s, %s); this server is %s (machine %u, %s, %s). "
                    "Build the library for this server's processor.",
                    elf->path, machine_name(machine), machine, bits_name(ident[EI_CLASS]), order_name(ident[EI_DATA]),
                    machine_name(hl__elf_own.e_machine), (unsigned)hl__elf_own.e_machine,
                    bits_name(hl__elf_own.e_ident[EI_CLASS]), order_name(hl__elf_own.e_ident[EI_DATA]));
}

static hl_status malformed(const hl__elf *elf, const char *field, const char *what)
{
    return hl__fail(HL_ERR_NOT_ELF, HL__ELF_ACTION, field, "%s is not a usable shared object: %s.", elf->path, what);
}

/* Checks that the file holds bytes [offset, offset + len). */
static hl_status check_inside(const hl__elf *elf, const char *what, uint64_t offset, uint64_t len)
{
    if (len <= elf->len && offset <= elf->len - len)
        return HL_OK;
    return hl__fail(HL_ERR_TRUNCATED, HL__ELF_ACTION, what,
                    "%s is incomplete: its %s begins at byte %llu and has %llu bytes, but the file ends at byte %llu. "
                    "Copy it again.",
                    elf->path, what, (unsigned long long)offset, (unsigned long long)len, (unsigned long long)elf->len);
}

static hl_status check_ident(const hl__elf *elf)
{
    if (elf->len == 0)
        return hl__fail(HL_ERR_NOT_ELF, HL__ELF_ACTION, "path", "%s is empty.", elf->path);
    if (elf->len < SELFMAG || memcmp(elf->bytes, ELFMAG, SELFMAG) != 0)
        return hl__fail(HL_ERR_NOT_ELF, HL__ELF_ACTION, "path",
                        "%s is not an ELF file; a plugin library is a shared object (cc -shared -fPIC).", elf->path);
    return check_inside(elf, "ELF header", 0, EI_NIDENT + 4);
}

static const char *type_name(unsigned type)
{
    if (type == ET_REL)
        return "it is an object file; link it with -shared";
    if (type == ET_EXEC)
        return "it is a program; link it with -shared";
    if (type == ET_CORE)
        return "it is a core dump";
    return "its ELF type is unknown";
}

static hl_status check_header(hl__elf *elf)
{
    hl_status status = check_inside(elf, "ELF header", 0, sizeof(elf->header));

    if (status != HL_OK)
        return status;
    memcpy(&elf->header, elf->bytes, sizeof(elf->header));
    if (elf->header.e_type != ET_DYN)
        return malformed(elf, "e_type", type_name(elf->header.e_type));
    if (elf->header.e_phentsize != sizeof(hl__elf_segment) || elf->header.e_phnum == 0)
        return malformed(elf, "e_phentsize", "it has no program headers of the right size");
    if (elf->header.e_phnum > SEGMENTS_MAX)
        return malformed(elf, "e_phnum", "it has too many program headers");
    status = check_inside(elf, "program header table", elf->header.e_phoff,
                          (uint64_t)elf->header.e_phnum * sizeof(hl__elf_segment));
    if (status != HL_OK || elf->header.e_shoff == 0)
        return status;
    /* Nothing reads the sections, but linkers write them last: a copy that was cut short shows here. */
    return check_inside(elf, "section header table", elf->header.e_shoff,
                        (uint64_t)elf->header.e_shnum * elf->header.e_shentsize);
}

static hl__elf_segment segment_at(const hl__elf *elf, size_t index)
{
    hl__elf_segment segment;

    memcpy(&segment, elf->bytes + elf->header.e_phoff + index * sizeof(segment), sizeof(segment));
    return segment;
}

static hl_status check_segment(const hl__elf *elf, const hl__elf_segment *segment)
{
    const char *what = segment->p_type == PT_LOAD ? "loaded segment" : "dynamic section";

    if (segment->p_type != PT_LOAD && segment->p_type != PT_DYNAMIC)
        return HL_OK;
    if (segment->p_filesz > segment->p_memsz)
        return malformed(elf, what, "a segment is larger in the file than in memory");
    if ((hl__elf_address)(segment->p_vaddr + segment->p_memsz) < segment->p_vaddr)
        return malformed(elf, what, "a segment reaches beyond the address space");
    return check_inside(elf, what, segment->p_offset, segment->p_filesz);
}

static hl_status check_segments(const hl__elf *elf)
{
    hl_status status = HL_OK;

    for (size_t i = 0; i < elf->header.e_phnum && status == HL_OK; i++) {
        hl__elf_segment segment = segment_at(elf, i);

        status = check_segment(elf, &segment);
    }
    return status;
}

static bool find_segment(const hl__elf *elf, uint64_t address, hl__elf_segment *out)
{
    for (size_t i = 0; i < elf->header.e_phnum; i++) {
        hl__elf_segment segment = segment_at(elf, i);

        if (segment.p_type != PT_LOAD || address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz)
            continue;
        *out = segment;
        return true;
    }
    return false;
}

uint64_t hl__elf_room(const hl__elf *elf, uint64_t address)
{
    hl__elf_segment segment;

    return find_segment(elf, address, &segment) ? segment.p_filesz - (address - segment.p_vaddr) : 0;
}

const void *hl__elf_at(const hl__elf *elf, uint64_t address, uint64_t len)
{
    hl__elf_segment segment;
    uint64_t skip;

    if (!find_segment(elf, address, &segment))
        return NULL;
    skip = address - segment.p_vaddr;
    return len <= segment.p_filesz - skip ? elf->bytes + segment.p_offset + skip : NULL;
}

const char *hl__elf_string(const hl__elf *elf, uint64_t address, size_t max, size_t *len)
{
    uint64_t room = hl__elf_room(elf, address);
    const char *string = (const char *)hl__elf_at(elf, address, room);
    const char *end;

    if (!string)
        return NULL;
    end = (const char *)memchr(string, '\0', room <= max ? room : max + 1);
    if (!end)
        return NULL;
    *len = (size_t)(end - string);
    return string;
}

static hl_status take_dynamic(hl__elf *elf, const hl__elf_dynamic *entry)
{
    uint64_t value = entry->d_un.d_val;

    switch (entry->d_tag) {
    case DT_SYMTAB:
        elf->symbols.address = value;
        break;
    case DT_HASH:
        elf->hash.address = value;
        break;
    case DT_GNU_HASH:
        elf->gnu_hash.address = value;
        break;
    case DT_STRTAB:
        elf->strings.address = value;
        break;
    case DT_STRSZ:
        elf->strings.len = value;
        break;
    case DT_RELA:
        elf->rela.address = value;
        break;
    case DT_RELASZ:
        elf->rela.len = value;
        break;
    case DT_REL:
        elf->rel.address = value;
        break;
    case DT_RELSZ:
        elf->rel.len = value;
        break;
    case DT_RELR:
        elf->relr.address = value;
        break;
    case DT_RELRSZ:
        elf->relr.len = value;
        break;
    case DT_FLAGS_1:
        return value & DF_1_PIE ? malformed(elf, "DT_FLAGS_1", type_name(ET_EXEC)) : HL_OK;
    default:
        break;
    }
    return HL_OK;
}

bool hl__elf_dynamic_at(const hl__elf *elf, uint64_t index, hl__elf_dynamic *out)
{
    if (index >= elf->dynamic.len / sizeof(*out))
        return false;
    memcpy(out, elf->dynamic.bytes + index * sizeof(*out), sizeof(*out));
    return out->d_tag != DT_NULL;
}

static hl_status read_dynamic(hl__elf *elf, const hl__elf_segment *segment)
{
    hl__elf_dynamic entry;
    hl_status status = HL_OK;

    elf->dynamic = (hl__elf_table){segment->p_vaddr, segment->p_filesz, elf->bytes + segment->p_offset};
    for (uint64_t i = 0; status == HL_OK && hl__elf_dynamic_at(elf, i, &entry); i++)
        status = take_dynamic(elf, &entry);
    return status;
}

static hl_status find_dynamic(hl__elf *elf)
{
    for (size_t i = 0; i < elf->header.e_phnum; i++) {
        hl__elf_segment segment = segment_at(elf, i);

        if (segment.p_type == PT_DYNAMIC)
            return read_dynamic(elf, &segment);
    }
    return malformed(elf, "PT_DYNAMIC", "it has no dynamic section (statically linked, or separate debug information)");
}

static hl_status take_table(const hl__elf *elf, const char *what, hl__elf_table *table)
{
    if (table->len == 0)
        return HL_OK;
    table->bytes = (const unsigned char *)hl__elf_at(elf, table->address, table->len);
    if (table->bytes)
        return HL_OK;
    return hl__fail(HL_ERR_TRUNCATED, HL__ELF_ACTION, what,
                    "%s is damaged: its %s (%llu bytes at address %#llx) is not in the file.", elf->path, what,
                    (unsigned long long)table->len, (unsigned long long)table->address);
}

static hl_status take_tables(hl__elf *elf)
{
    const struct {
        hl__elf_table *table;
        const char *name;
        bool to_end;
    } rows[] = {
        {&elf->symbols, "dynamic symbol table", true},
        {&elf->gnu_hash, "GNU hash table", true},
        {&elf->hash, "hash table", true},
        {&elf->strings, "dynamic string table", false},
        {&elf->rela, "relocation table (RELA)", false},
        {&elf->rel, "relocation table (REL)", false},
        {&elf->relr, "relocation table (RELR)", false},
    };
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].to_end && rows[i].table->address)
            rows[i].table->len = hl__elf_room(elf, rows[i].table->address);
        status = take_table(elf, rows[i].name, rows[i].table);
    }
    return status;
}

hl_status hl__elf_open(hl__elf *elf, const char *path, const void *bytes, size_t len)
{
    hl_status status;

    memset(elf, 0, sizeof(*elf));
    elf->path = path;
    elf->bytes = (const unsigned char *)bytes;
    elf->len = len;
    status = check_ident(elf);
    if (status == HL_OK)
        status = check_architecture(elf);
    if (status == HL_OK)
        status = check_header(elf);
    if (status == HL_OK)
        status = check_segments(elf);
    if (status == HL_OK)
        status = find_dynamic(elf);
    if (status == HL_OK)
        status = take_tables(elf);
    return status == HL_OK ? hl__elf_read_relocs(elf) : status;
}

void hl__elf_close(hl__elf *elf)
{
    free(elf->relocs);
    elf->relocs = NULL;
    elf->relocs_len = 0;
}
