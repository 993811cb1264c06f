/* What a library's hookline_plugin says, copied out of the file. */
#ifndef HL_LIBRARY_ENTRY_H
#define HL_LIBRARY_ENTRY_H

#include <hookline/library.h>

#include "library/elf.h"

#define HL__ENTRY_SYMBOL "hookline_plugin"
#define HL__ENTRY_SIZE_LEAST offsetof(hl_plugin_entry, save) /* bytes: before it could carry state */

/* A copied entry. Everything it points to is in its blocks. */
typedef struct hl__entry {
    uint32_t abi;
    const char *name;
    const char *version; /* "" when the library names none */
    hl_plugin_spec *specs;
    size_t specs_len;
    struct hl__entry_block *blocks;
    size_t used_bytes;
} hl__entry;

/* Copies the entry out of an opened file. Must be followed by hl__entry_cleanup whatever the outcome. HL_ERR_NO_ENTRY,
 * HL_ERR_ABI, HL_ERR_INVALID (field names the place), HL_ERR_LIMIT, HL_ERR_NO_MEMORY. */
hl_status hl__entry_read(hl__entry *entry, const hl__elf *elf);
void hl__entry_cleanup(hl__entry *entry);

#endif
