/* Finding the helper programs that belong to the library. */
#ifndef HL_CORE_PROGRAM_H
#define HL_CORE_PROGRAM_H

#include <stddef.h>

/* The path of helper program `name`: what `environment_variable` says (unless the process runs with raised privileges);
 * else libexec/hookline/NAME beside the folder that holds the library's code; else `compiled_in`. What the variable says
 * and `compiled_in` are not checked for existence, so that a failing start can name them. Returns `buffer`, the
 * variable's value or `compiled_in`. */
const char *hl__program_find(const char *environment_variable, const char *name, const char *compiled_in, char *buffer,
                             size_t buffer_len);

#endif
