/* Reads relocatable ELF64 objects, which it does not trust, and places functions out of them. Called by client.c. */
#ifndef HL_JIT_OBJECT_H
#define HL_JIT_OBJECT_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include <hookline/status.h>

/* An object that has been checked. It borrows the bytes. */
typedef struct hl__object {
    const uint8_t *bytes;
    size_t len;
    unsigned machine;
    size_t sections_at;
    unsigned sections_len;
    unsigned symbols_section; /* number of the symbol table */
    size_t symbols_at;
    size_t symbols_len;
    const char *names; /* of the symbols; ends with an end mark */
    size_t names_len;
} hl__object;

/* A function in an object. */
typedef struct hl__function {
    unsigned section;
    size_t section_at; /* in the file */
    size_t section_bytes;
    size_t offset; /* in its section */
    size_t bytes;
} hl__function;

/* Checks the object's frame: header, section table, symbol table, names. `machine` is the ELF number of the processor
 * it must be for. HL_ERR_COMPILE with what is wrong. */
hl_status hl__object_open(const void *bytes, size_t len, unsigned machine, hl__object *out);

/* Finds the defined function `symbol`. */
hl_status hl__object_find(const hl__object *object, const char *symbol, hl__function *out);

/* Writes the function's bytes, relocated to run at `address`, to `code`, which has room for function->bytes. An
 * undefined symbol must be named by its address (HL__WIRE_FUNCTION, HL__WIRE_DATA). */
hl_status hl__object_place(const hl__object *object, const hl__function *function, uint64_t address, uint8_t *code);

#endif
