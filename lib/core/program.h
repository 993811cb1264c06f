/* Finding the helper programs and the headers that belong to the library. */
#ifndef HL_CORE_PROGRAM_H
#define HL_CORE_PROGRAM_H

#include <stddef.h>

#include "core/shared.h"

/* The path of helper program `name`: what `environment_variable` says (unless the process runs with raised privileges);
 * else libexec/hookline/NAME beside the folder that holds the library's code; else `compiled_in`. What the variable
 * says and `compiled_in` are not checked for existence, so that a failing start can name them. Returns `buffer`, the
 * variable's value or `compiled_in`. */
HL__SHARED const char *hl__program_find(const char *environment_variable, const char *name, const char *compiled_in,
                                        char *buffer, size_t buffer_len);

/* The folder that has hookline/module.h, in the same way: "include" beside the library's folder. */
HL__SHARED const char *hl__headers_find(const char *environment_variable, const char *compiled_in, char *buffer,
                                        size_t buffer_len);

#endif
