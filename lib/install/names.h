/* Names of a package's members, by whoever they were made: the rules for paths, and how a name is shown in a
 * message. */
#ifndef HL_INSTALL_NAMES_H
#define HL_INSTALL_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HL__PATH_PART_MAX 255 /* bytes of one part: what file systems take */
#define HL__PATH_PARTS_MAX 32 /* folders that may lie in each other, and the file */
#define HL__SHOWN_MAX 120     /* bytes of a shown name with the end mark */

/* The rule that a relative path in its plain form breaks, as the end of a sentence ("has a part \"..\""), or NULL:
 * parts of UTF-8 without control characters and backslashes, none empty, "." or "..", at most HL__PATH_PARTS_MAX. */
const char *hl__path_problem(const char *path);

/* The name with everything that a terminal might obey or not know replaced by '?', cut to the room. Returns out. */
const char *hl__shown(const char *name, char out[HL__SHOWN_MAX]);

/* Reads one character of well-formed UTF-8. Its length in bytes; 0 when there is none. */
size_t hl__utf8_read(const char *text, uint32_t *code);
/* Control characters, and those that turn the direction of what follows. */
bool hl__is_control(uint32_t code);

/* Whether a name is lib/SOMETHING.so, in as many folders below lib/ as one likes. */
bool hl__path_is_library(const char *path);

#endif
