/* Real objects out of the compiler program, for tests of what reads them. */
#ifndef HL_TEST_JIT_OBJECT_H
#define HL_TEST_JIT_OBJECT_H

#include "core/compiler.h"
#include "jit/arena.h"
#include "jit/object.h"

#if defined(__x86_64__)
#define OBJECT_MACHINE EM_X86_64
#else
#define OBJECT_MACHINE EM_AARCH64
#endif

/* The bytes of an object with these chains, for code of this reach; their symbols are those of object_symbol. The
 * caller frees. */
uint8_t *object_make(const hl__unit *units, size_t units_len, const hl__reach *reach, size_t *len);

/* The symbol of chain number `number`, whose unit has a symbol that is a plain word. */
const char *object_symbol(size_t number, const char *symbol);

#endif
