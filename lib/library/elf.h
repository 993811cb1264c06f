/* Reading a shared object as bytes: nothing in the file is believed before it was checked, and none of its code runs.
 *
 * elf.c checks the headers, elf_reloc.c says what pointers will point to, elf_symbol.c looks up exported symbols the
 * way the dynamic linker does. All of them work on memory, so that they can be fuzzed. */
#ifndef HL_LIBRARY_ELF_H
#define HL_LIBRARY_ELF_H

#include <elf.h>
#include <link.h>

#include <hookline/status.h>

#include "core/shared.h"

typedef ElfW(Ehdr) hl__elf_header;
typedef ElfW(Phdr) hl__elf_segment;
typedef ElfW(Dyn) hl__elf_dynamic;
typedef ElfW(Sym) hl__elf_sym;
typedef ElfW(Addr) hl__elf_address;

#define HL__ELF_ACTION "read library"

/* A table named by the dynamic section. len is 0 when there is none. Its bytes are found once, because segments of a
 * damaged file may overlap: a second search could end in another one. */
typedef struct hl__elf_table {
    uint64_t address;
    uint64_t len;
    const unsigned char *bytes;
} hl__elf_table;

/* What a word of the library's data will be once it is mapped. */
typedef enum hl__elf_kind {
    HL__ELF_NULL,     /* 0 */
    HL__ELF_INSIDE,   /* an address inside the library */
    HL__ELF_OUTSIDE,  /* the address of a symbol that another object defines */
    HL__ELF_COMPUTED, /* made by code or by a relocation that data does not need */
    HL__ELF_FIXED     /* a number that nothing relocates: no address */
} hl__elf_kind;

typedef struct hl__elf_pointer {
    hl__elf_kind kind;
    uint64_t address; /* INSIDE: as the file counts addresses */
} hl__elf_pointer;

/* One relocation, resolved. Sorted by place. */
typedef struct hl__elf_reloc {
    uint64_t place;
    hl__elf_pointer pointer;
} hl__elf_reloc;

typedef struct hl__elf {
    const char *path; /* for messages */
    const unsigned char *bytes;
    uint64_t len;
    hl__elf_header header;
    hl__elf_table dynamic; /* the dynamic section, by place in the file */
    hl__elf_table symbols; /* this and the hash tables state no length: len is what their segment has left */
    hl__elf_table strings;
    hl__elf_table gnu_hash;
    hl__elf_table hash;
    hl__elf_table rela;
    hl__elf_table rel;
    hl__elf_table relr;
    hl__elf_reloc *relocs;
    size_t relocs_len;
    size_t relocs_room;
} hl__elf;

/* Checks the headers of the file in bytes[0..len) and prepares for the questions below. The bytes are borrowed until
 * hl__elf_close, which must be called whatever the outcome. HL_ERR_NOT_ELF, HL_ERR_TRUNCATED, HL_ERR_ARCHITECTURE,
 * HL_ERR_UNSUPPORTED, HL_ERR_LIMIT, HL_ERR_NO_MEMORY. */
HL__SHARED hl_status hl__elf_open(hl__elf *elf, const char *path, const void *bytes, size_t len);
HL__SHARED void hl__elf_close(hl__elf *elf);

/* The file's bytes for an address, if all `len` of them are in the file; else NULL. They may be unaligned. */
HL__SHARED const void *hl__elf_at(const hl__elf *elf, uint64_t address, uint64_t len);

/* How many bytes the file has from an address to the end of its segment; 0 when it has none. */
HL__SHARED uint64_t hl__elf_room(const hl__elf *elf, uint64_t address);

/* The string at an address, of at most max bytes and with its end mark in the file; else NULL. */
HL__SHARED const char *hl__elf_string(const hl__elf *elf, uint64_t address, size_t max, size_t *len);

/* Where the exported object `name` lies. False when the library does not export it as data. */
HL__SHARED bool hl__elf_symbol(const hl__elf *elf, const char *name, uint64_t *address);

/* What the pointer stored at an address will point to. The address must be readable by hl__elf_at. */
HL__SHARED hl__elf_pointer hl__elf_pointer_at(const hl__elf *elf, uint64_t address);

/* Symbol `index` of the dynamic symbol table; false when the file has no such. */
bool hl__elf_symbol_at(const hl__elf *elf, uint64_t index, hl__elf_sym *out);

/* How many symbols the dynamic symbol table has, as its hash table tells. */
uint64_t hl__elf_symbols_len(const hl__elf *elf);

/* Row `index` of the dynamic section; false at its end. */
bool hl__elf_dynamic_at(const hl__elf *elf, uint64_t index, hl__elf_dynamic *out);

/* Builds elf->relocs. Called by hl__elf_open. */
hl_status hl__elf_read_relocs(hl__elf *elf);

#endif
