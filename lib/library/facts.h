/* What a library's dynamic section says about how it is mapped and unmapped. Read with the file by inspect.c; judged by
 * safety.c; used by linker.c. */
#ifndef HL_LIBRARY_FACTS_H
#define HL_LIBRARY_FACTS_H

#include "library/elf.h"

#define HL__NEEDED_MAX 1024 /* libraries that one library may need */

typedef struct hl__facts {
    char **needed; /* names as the file has them */
    size_t needed_len;
    char *search;        /* RUNPATH, else RPATH; NULL: neither */
    bool stays;          /* marked NODELETE */
    char *unique;        /* a symbol that the process may have once only; NULL: none */
    char *thread_atexit; /* the function by which it registers destructors of thread-local variables; NULL: none */
} hl__facts;

/* Must be followed by hl__facts_cleanup whatever the outcome. HL_ERR_NOT_ELF, HL_ERR_LIMIT, HL_ERR_NO_MEMORY. */
hl_status hl__facts_read(hl__facts *facts, const hl__elf *elf);
void hl__facts_cleanup(hl__facts *facts);

/* Calls fn with each path at which `name` would lie by the library's own search list; folder stands for $ORIGIN.
 * Entries with other tokens are told as NULL. origin_only: leaves out what does not depend on the folder. False ends
 * the walk. */
typedef bool hl__place_fn(void *user, const char *path);
void hl__facts_places(const hl__facts *facts, const char *folder, const char *name, bool origin_only, hl__place_fn *fn,
                      void *user);

#endif
