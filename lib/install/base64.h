/* Base64 in its one canonical spelling (RFC 4648, section 4, with padding). Used by the signatures, and by values in
 * JSON. */
#ifndef HL_INSTALL_BASE64_H
#define HL_INSTALL_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes `len` characters into exactly `out_len` bytes. False for other characters, wrong padding, bits that say
 * nothing and are not 0, and any other length. */
bool hl__base64_read(const char *text, size_t len, uint8_t *out, size_t out_len);

/* Writes (len + 2) / 3 * 4 characters, without an end mark. */
void hl__base64_write(const uint8_t *bytes, size_t len, char *out);

#endif
