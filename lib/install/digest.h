/* SHA-256 and hexadecimal digits, by OpenSSL. */
#ifndef HL_INSTALL_DIGEST_H
#define HL_INSTALL_DIGEST_H

#include <hookline/status.h>

#define HL__SHA256_TEXT 65 /* 64 lowercase hexadecimal digits and the end mark */

typedef struct hl__digest hl__digest;

hl_status hl__digest_new(hl__digest **out);
void hl__digest_add(hl__digest *digest, const void *bytes, size_t len);  /* a failure shows at the end */
hl_status hl__digest_end(hl__digest *digest, char out[HL__SHA256_TEXT]); /* frees it, whatever the outcome */
void hl__digest_free(hl__digest *digest);                                /* NULL is a no-op */

/* Of all bytes of a descriptor from its begin; its offset is not used and not moved. */
hl_status hl__digest_fd(int fd, char out[HL__SHA256_TEXT]);
hl_status hl__digest_text(const char *text, size_t len, char out[HL__SHA256_TEXT]);

/* 64 hexadecimal digits of any letter case. */
bool hl__digest_is_text(const char *text);
/* Whether two checksums are the same, any letter case, in constant time (SE-07, X-020). */
bool hl__digest_same(const char *a, const char *b);

#endif
