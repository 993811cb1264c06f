/* Memory files. Called by arena.c and client.c. */
#ifndef HL_JIT_MEMFILE_H
#define HL_JIT_MEMFILE_H

#include <stdbool.h>
#include <stddef.h>

/* A memory file of `bytes` bytes, which take memory only when they are written; -1 with errno. */
int hl__memfile_new(const char *name, size_t bytes, bool executable);

/* Writes all of it, or returns the error number. */
int hl__memfile_write(int fd, const void *bytes, size_t len, size_t at);

#endif
