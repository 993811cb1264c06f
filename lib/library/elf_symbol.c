/* Looking up an exported symbol in a file by its hash tables, as dlsym will do it later. Called by the reader of plugin
 * entries and by elf_reloc.c. */
#include <string.h>

#include "library/elf.h"

bool hl__elf_symbol_at(const hl__elf *elf, uint64_t index, hl__elf_sym *out)
{
    if (index >= elf->symbols.len / sizeof(*out))
        return false;
    memcpy(out, elf->symbols.bytes + index * sizeof(*out), sizeof(*out));
    return true;
}

static bool named(const hl__elf *elf, const hl__elf_sym *symbol, const char *name)
{
    size_t len = strlen(name) + 1;

    if (symbol->st_name >= elf->strings.len || elf->strings.len - symbol->st_name < len)
        return false;
    return memcmp(elf->strings.bytes + symbol->st_name, name, len) == 0;
}

static bool exported_data(const hl__elf_sym *symbol)
{
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    unsigned binding = ELF64_ST_BIND(symbol->st_info);
    unsigned visibility = ELF64_ST_VISIBILITY(symbol->st_other);

    return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS && binding != STB_LOCAL &&
           (type == STT_OBJECT || type == STT_NOTYPE) && (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

static bool match(const hl__elf *elf, uint64_t index, const char *name, uint64_t *address)
{
    hl__elf_sym symbol;

    if (!hl__elf_symbol_at(elf, index, &symbol) || !exported_data(&symbol) || !named(elf, &symbol, name))
        return false;
    *address = symbol.st_value;
    return true;
}

/* A 32-bit word of a hash table; 0, which ends every chain, where the file has none. */
static uint32_t word_at(const hl__elf_table *table, uint64_t offset)
{
    uint32_t word;

    if (table->len < sizeof(word) || offset > table->len - sizeof(word))
        return 0;
    memcpy(&word, table->bytes + offset, sizeof(word));
    return word;
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;

    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

/* Table: bucket count, first symbol, Bloom words, shift; Bloom filter; buckets; one hash a symbol, low bit: last
 * one. */
static bool find_gnu(const hl__elf *elf, const char *name, uint64_t *address)
{
    const hl__elf_table *table = &elf->gnu_hash;
    uint32_t hash = gnu_hash(name);
    uint32_t buckets_len = word_at(table, 0);
    uint32_t first = word_at(table, 4);
    uint64_t buckets = 16 + (uint64_t)word_at(table, 8) * sizeof(hl__elf_address);
    uint64_t hashes = buckets + 4 * (uint64_t)buckets_len;
    uint64_t index;
    uint32_t word;

    if (buckets_len == 0)
        return false;
    index = word_at(table, buckets + 4 * (uint64_t)(hash % buckets_len));
    if (index == 0 || index < first)
        return false;
    do {
        word = word_at(table, hashes + 4 * (index - first));
        if ((word | 1) == (hash | 1) && match(elf, index, name, address))
            return true;
        index++;
    } while (word && !(word & 1));
    return false;
}

static uint32_t sysv_hash(const char *name)
{
    uint32_t hash = 0;
    uint32_t high;

    for (; *name; name++) {
        hash = (hash << 4) + (unsigned char)*name;
        high = hash & 0xf0000000;
        hash = (hash ^ high >> 24) & ~high;
    }
    return hash;
}

/* Table: bucket count, symbol count; buckets; one link a symbol. A damaged chain may run in a circle, and the count may
 * be any: there are no more links than the table has words. */
static bool find_sysv(const hl__elf *elf, const char *name, uint64_t *address)
{
    const hl__elf_table *table = &elf->hash;
    uint32_t buckets_len = word_at(table, 0);
    uint64_t words_len = table->len / sizeof(uint32_t);
    uint64_t links_len = word_at(table, 4) < words_len ? word_at(table, 4) : words_len;
    uint64_t links = 8 + 4 * (uint64_t)buckets_len;
    uint32_t index;

    if (buckets_len == 0)
        return false;
    index = word_at(table, 8 + 4 * (uint64_t)(sysv_hash(name) % buckets_len));
    for (uint64_t steps = 0; index && steps < links_len; steps++) {
        if (match(elf, index, name, address))
            return true;
        index = word_at(table, links + 4 * (uint64_t)index);
    }
    return false;
}

/* Symbols that no other object looks up come first and have no hash; the last one ends the chain of the last bucket. */
static uint64_t gnu_len(const hl__elf_table *table)
{
    uint32_t buckets_len = word_at(table, 0);
    uint32_t first = word_at(table, 4);
    uint64_t buckets = 16 + (uint64_t)word_at(table, 8) * sizeof(hl__elf_address);
    uint64_t hashes = buckets + 4 * (uint64_t)buckets_len;
    uint64_t last = 0;

    for (uint64_t i = 0; i < buckets_len && buckets + 4 * i < table->len; i++) {
        uint32_t bucket = word_at(table, buckets + 4 * i);

        last = bucket > last ? bucket : last;
    }
    if (last < first)
        return first;
    while (hashes + 4 * (last - first) < table->len && !(word_at(table, hashes + 4 * (last - first)) & 1))
        last++;
    return last + 1;
}

uint64_t hl__elf_symbols_len(const hl__elf *elf)
{
    return elf->gnu_hash.len ? gnu_len(&elf->gnu_hash) : word_at(&elf->hash, 4);
}

bool hl__elf_symbol(const hl__elf *elf, const char *name, uint64_t *address)
{
    return elf->gnu_hash.len ? find_gnu(elf, name, address) : find_sysv(elf, name, address);
}
