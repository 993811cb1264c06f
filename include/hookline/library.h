/* Plugin libraries: shared objects that export `hookline_plugin`. */
#ifndef HOOKLINE_LIBRARY_H
#define HOOKLINE_LIBRARY_H

#include <hookline/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Registers every plugin of a library, all or none. The ELF file is read and checked first (kind, processor, entry,
 * ABI, records, event contracts), then loaded in a throw-away process, then in this one; a refused library leaves
 * nothing behind. In a HL_OPEN_RECORDS_ONLY runtime it is not loaded: running servers on the store load it.
 *
 * path   made absolute; recorded, so that other processes and later starts load the same file
 * flags  HL_START, HL_WAIT_COMPILED, HL_WAIT_IDLE, HL_ISOLATED (hookline/isolation.h)
 * fails  as hl_register, and HL_ERR_NOT_FOUND (no file), HL_ERR_NOT_ELF, HL_ERR_TRUNCATED, HL_ERR_ARCHITECTURE,
 *        HL_ERR_NO_ENTRY, HL_ERR_ABI, HL_ERR_CONTRACT, HL_ERR_PROBE, HL_ERR_LIBRARY; HL_ERR_INVALID (path, or a record
 *        that is not constant data), HL_ERR_LIMIT (file, relocations or records too large), HL_ERR_SYSTEM (cannot be
 *        read), HL_ERR_UNSUPPORTED (no reader for this processor's relocations); the message goes field by field
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_register_library(hl_runtime *runtime, const char *path, unsigned flags);

/* What hl_register_library would read from the file, without running any of its code. */
typedef struct hl_library_info {
    size_t size;
    const char *path;
    const char *name;
    const char *version;
    uint32_t abi;
    const hl_plugin_spec *specs; /* strings and contracts are set; functions and self are NULL */
    size_t specs_len;
} hl_library_info;

/* Reads and checks a library file; the callback gets what it says, borrowed. Same failures as above but for PROBE,
 * LIBRARY and CONTRACT. [any-thread] */
HL_API HL_MUST_USE hl_status hl_library_inspect(const char *path, void (*callback)(const hl_library_info *, void *user),
                                                void *user);

#ifdef __cplusplus
}
#endif
#endif
