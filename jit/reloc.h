/* Relocation of code, one function for each processor. Called by object.c only. */
#ifndef HL_JIT_RELOC_H
#define HL_JIT_RELOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One place to patch. */
typedef struct hl__patch {
    uint8_t *where;   /* the bytes, in a buffer */
    size_t room;      /* bytes from there to the buffer's end */
    uint64_t address; /* where these bytes will run */
    uint64_t target;  /* symbol plus addend */
} hl__patch;

typedef enum hl__patched {
    HL__PATCHED,
    HL__PATCH_UNKNOWN,      /* no such relocation type here */
    HL__PATCH_OUT_OF_REACH, /* the target is too far away */
    HL__PATCH_OUT_OF_BOUNDS /* the place is not inside the code, or not aligned */
} hl__patched;

/* Applies relocation `type` of the processor with ELF number `machine`. */
hl__patched hl__relocate(unsigned machine, unsigned type, const hl__patch *patch);

#endif
