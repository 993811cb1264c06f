/* Compiles a batch of chains to a relocatable object. Only the hookline-jit program calls it. */
#ifndef HL_JIT_EMIT_H
#define HL_JIT_EMIT_H

#include <stdbool.h>

#include "jit/wire.h"

/* Writes the object of the batch at `bytes` to `path`. On failure writes the reason to `why`. */
bool hl__emit(const void *bytes, size_t bytes_len, uint32_t units_len, const char *path, char *why, size_t why_len);

#endif
