/* What a module's hookline_module says, copied out of its file without running any of its code. */
#ifndef HL_MODULE_ELF_ENTRY_H
#define HL_MODULE_ELF_ENTRY_H

#include <hookline/module.h>

#include "module/code_document.h"

#define HL__MODULE_SYMBOL "hookline_module"

/* Fills name, version and functions of *out from the bytes of a shared object; `path` is for messages. Must be followed
 * by hl__code_document_cleanup whatever the outcome. HL_ERR_NOT_ELF, HL_ERR_TRUNCATED, HL_ERR_ARCHITECTURE,
 * HL_ERR_NO_ENTRY, HL_ERR_ABI, HL_ERR_INVALID (the field names the place), HL_ERR_LIMIT, HL_ERR_NO_MEMORY. */
hl_status hl__module_entry_read(const char *path, const void *bytes, size_t len, hl__code_document *out);

#endif
