/* Signatures as minisign writes them: Ed25519 over the file ("Ed") or over its BLAKE2b-512 ("ED"), and a signed trusted
 * comment. Verified offline, with OpenSSL. */
#ifndef HL_INSTALL_MINISIGN_H
#define HL_INSTALL_MINISIGN_H

#include <hookline/status.h>

#define HL__KEY_ID_TEXT 17           /* 16 hexadecimal digits and the end mark, as minisign shows them */
#define HL__SIGNATURE_BYTES_MAX 8192 /* of a signature file */
#define HL__LEGACY_BYTES_MAX                                                                                           \
    ((size_t)8 << 20) /* of a file signed with "Ed": it has to be read into memory as a whole */

typedef struct hl__public_key {
    uint8_t id[8];
    uint8_t key[32];
} hl__public_key;

/* The base64 line of a public key, with or without the comment line before it. HL_ERR_INVALID naming the field. */
hl_status hl__public_key_parse(const char *field, const char *text, hl__public_key *out);
void hl__public_key_id(const hl__public_key *key, char out[HL__KEY_ID_TEXT]);

/* Checks a signature text against a file's content with the key that it names among `keys`. key_id gets the id of
 * the key that fits. HL_ERR_SIGNATURE: malformed, no such key, or it does not fit; the message says which, and the
 * remedy. HL_ERR_LIMIT: an "Ed" signature of a file larger than HL__LEGACY_BYTES_MAX. */
hl_status hl__signature_verify(const char *text, size_t len, int fd, const hl__public_key *keys, size_t keys_len,
                               char key_id[HL__KEY_ID_TEXT]);

#endif
