/* SHA-256 by OpenSSL. Used wherever the installer has to know content again. */
#include "install/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/error.h"

#define ACTION "install"
#define SHA256_BYTES 32
#define READ_BYTES ((size_t)64 * 1024)

struct hl__digest {
    EVP_MD_CTX *context;
    bool failed;
};

hl_status hl__digest_new(hl__digest **out)
{
    hl__digest *digest = calloc(1, sizeof(*digest));

    *out = NULL;
    if (!digest)
        return hl__fail_memory(ACTION);
    digest->context = EVP_MD_CTX_new();
    if (!digest->context || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1) {
        hl__digest_free(digest);
        return hl__fail(HL_ERR_SYSTEM, ACTION, "", "OpenSSL cannot begin a SHA-256; its configuration may forbid it.");
    }
    *out = digest;
    return HL_OK;
}

void hl__digest_add(hl__digest *digest, const void *bytes, size_t len)
{
    if (EVP_DigestUpdate(digest->context, bytes, len) != 1)
        digest->failed = true;
}

static void write_hex(const unsigned char *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

hl_status hl__digest_end(hl__digest *digest, char out[HL__SHA256_TEXT])
{
    unsigned char bytes[SHA256_BYTES];
    bool done = !digest->failed && EVP_DigestFinal_ex(digest->context, bytes, NULL) == 1;

    hl__digest_free(digest);
    out[0] = '\0';
    if (!done)
        return hl__fail(HL_ERR_SYSTEM, ACTION, "", "OpenSSL failed in the midst of a SHA-256; try again.");
    write_hex(bytes, sizeof(bytes), out);
    return HL_OK;
}

void hl__digest_free(hl__digest *digest)
{
    if (!digest)
        return;
    EVP_MD_CTX_free(digest->context);
    free(digest);
}

static hl_status add_file(hl__digest *digest, int fd, unsigned char *buffer)
{
    for (off_t at = 0;;) {
        ssize_t got = pread(fd, buffer, READ_BYTES, at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "", "A file cannot be read for its checksum");
        if (got == 0)
            return HL_OK;
        hl__digest_add(digest, buffer, (size_t)got);
        at += got;
    }
}

hl_status hl__digest_fd(int fd, char out[HL__SHA256_TEXT])
{
    unsigned char *buffer = malloc(READ_BYTES);
    hl__digest *digest = NULL;
    hl_status status;

    out[0] = '\0';
    status = buffer ? hl__digest_new(&digest) : hl__fail_memory(ACTION);
    if (status == HL_OK)
        status = add_file(digest, fd, buffer);
    free(buffer);
    if (status == HL_OK)
        return hl__digest_end(digest, out);
    hl__digest_free(digest);
    return status;
}

hl_status hl__digest_text(const char *text, size_t len, char out[HL__SHA256_TEXT])
{
    hl__digest *digest;
    hl_status status = hl__digest_new(&digest);

    out[0] = '\0';
    if (status != HL_OK)
        return status;
    hl__digest_add(digest, text, len);
    return hl__digest_end(digest, out);
}

bool hl__digest_is_text(const char *text)
{
    return text && strnlen(text, HL__SHA256_TEXT) == HL__SHA256_TEXT - 1 &&
           text[strspn(text, "0123456789abcdefABCDEF")] == '\0';
}

static void lower(const char *text, char out[HL__SHA256_TEXT])
{
    for (size_t i = 0; i < HL__SHA256_TEXT; i++)
        out[i] = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] + ('a' - 'A')) : text[i];
}

bool hl__digest_same(const char *a, const char *b)
{
    char a_lower[HL__SHA256_TEXT], b_lower[HL__SHA256_TEXT];

    if (!hl__digest_is_text(a) || !hl__digest_is_text(b))
        return false;
    lower(a, a_lower);
    lower(b, b_lower);
    return CRYPTO_memcmp(a_lower, b_lower, sizeof(a_lower)) == 0;
}
