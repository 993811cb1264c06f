/* Keys and signatures in the files of minisign. The texts are read here and checked with Ed25519 of OpenSSL; nothing of
 * them is believed before the signatures fit. */
#include "install/minisign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "core/error.h"
#include "install/base64.h"

#define ACTION "install"
#define FIELD "signature"
#define COMMENT "untrusted comment: "
#define TRUSTED "trusted comment: "
#define SIGNATURE_BYTES 64
#define HASH_BYTES 64 /* BLAKE2b-512 */
#define READ_BYTES ((size_t)64 * 1024)

/* A part of a text, without its end of line. */
typedef struct line {
    const char *text;
    size_t len;
} line;

typedef struct signature {
    uint8_t algorithm[2];
    uint8_t id[8];
    uint8_t bytes[SIGNATURE_BYTES];
    uint8_t global[SIGNATURE_BYTES]; /* over `bytes` and the trusted comment */
    line comment;
} signature;

/* ---- lines ---- */

/* Takes the next line off the text. A line ends with LF, CR LF, or the text. */
static bool take_line(line *rest, line *out)
{
    const char *end = rest->len ? memchr(rest->text, '\n', rest->len) : NULL;
    size_t len = end ? (size_t)(end - rest->text) : rest->len;

    if (rest->len == 0)
        return false;
    *out = (line){rest->text, len};
    if (len && rest->text[len - 1] == '\r')
        out->len--;
    rest->text += end ? len + 1 : len;
    rest->len -= end ? len + 1 : len;
    return true;
}

static bool skip_prefix(line *at, const char *prefix)
{
    size_t len = strlen(prefix);

    if (at->len < len || memcmp(at->text, prefix, len) != 0)
        return false;
    at->text += len;
    at->len -= len;
    return true;
}

/* ---- keys ---- */

static bool read_key(const char *text, hl__public_key *out)
{
    uint8_t bytes[2 + sizeof(out->id) + sizeof(out->key)];
    line rest = {text, strlen(text)}, key;

    if (!take_line(&rest, &key))
        return false;
    if (skip_prefix(&key, COMMENT) && !take_line(&rest, &key))
        return false;
    if (rest.len || !hl__base64_read(key.text, key.len, bytes, sizeof(bytes)) || memcmp(bytes, "Ed", 2) != 0)
        return false;
    memcpy(out->id, bytes + 2, sizeof(out->id));
    memcpy(out->key, bytes + 2 + sizeof(out->id), sizeof(out->key));
    return true;
}

hl_status hl__public_key_parse(const char *field, const char *text, hl__public_key *out)
{
    memset(out, 0, sizeof(*out));
    if (!text || !read_key(text, out))
        return hl__fail(HL_ERR_INVALID, ACTION, field,
                        "This is no public key of minisign; give the line of 56 characters that begins with RW, from "
                        "the file minisign.pub.");
    return HL_OK;
}

/* minisign shows the id as a number whose lowest byte comes first in the file. */
static void write_id(const uint8_t id[8], char out[HL__KEY_ID_TEXT])
{
    for (size_t i = 0; i < 8; i++)
        snprintf(out + 2 * i, 3, "%02X", (unsigned)id[7 - i]);
}

void hl__public_key_id(const hl__public_key *key, char out[HL__KEY_ID_TEXT])
{
    write_id(key->id, out);
}

/* ---- signatures ---- */

static bool read_main(const line *text, signature *out)
{
    uint8_t bytes[sizeof(out->algorithm) + sizeof(out->id) + SIGNATURE_BYTES];

    if (!hl__base64_read(text->text, text->len, bytes, sizeof(bytes)))
        return false;
    memcpy(out->algorithm, bytes, 2);
    memcpy(out->id, bytes + 2, sizeof(out->id));
    memcpy(out->bytes, bytes + 2 + sizeof(out->id), SIGNATURE_BYTES);
    return bytes[0] == 'E' && (bytes[1] == 'd' || bytes[1] == 'D');
}

static hl_status malformed(const char *what)
{
    return hl__fail(HL_ERR_SIGNATURE, ACTION, FIELD,
                    "The signature file is malformed (%s); take the .minisig file that minisign wrote.", what);
}

static hl_status read_signature(const char *text, size_t len, signature *out)
{
    line rest = {text, len}, comment, main, global;

    if (len > HL__SIGNATURE_BYTES_MAX)
        return malformed("it has more than 8192 bytes");
    if (!take_line(&rest, &comment) || !skip_prefix(&comment, COMMENT))
        return malformed("its first line is no untrusted comment");
    if (!take_line(&rest, &main) || !read_main(&main, out))
        return malformed("its second line is no signature");
    if (!take_line(&rest, &out->comment) || !skip_prefix(&out->comment, TRUSTED))
        return malformed("its third line is no trusted comment");
    if (!take_line(&rest, &global) || !hl__base64_read(global.text, global.len, out->global, SIGNATURE_BYTES))
        return malformed("its fourth line is no signature of the comment");
    if (rest.len)
        return malformed("there is something behind the fourth line");
    return HL_OK;
}

/* ---- verifying ---- */

static bool fits(const hl__public_key *key, const uint8_t bytes[SIGNATURE_BYTES], const uint8_t *message, size_t len)
{
    EVP_PKEY *public_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->key, sizeof(key->key));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool result = public_key && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, public_key) == 1 &&
                  EVP_DigestVerify(context, bytes, SIGNATURE_BYTES, message, len) == 1;

    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public_key);
    return result;
}

/* The file from `at` on, at most `len` bytes. Less at its end, -1 with errno. */
static ssize_t read_at(int fd, uint8_t *bytes, size_t len, off_t at)
{
    size_t have = 0;

    while (have < len) {
        ssize_t got = pread(fd, bytes + have, len - have, at + (off_t)have);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

static hl_status fail_read(void)
{
    return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, FIELD, "The signed file cannot be read");
}

static hl_status hash_blocks(EVP_MD_CTX *context, int fd, uint8_t *buffer)
{
    for (off_t at = 0;;) {
        ssize_t got = read_at(fd, buffer, READ_BYTES, at);

        if (got < 0)
            return fail_read();
        if (got == 0)
            return HL_OK;
        if (EVP_DigestUpdate(context, buffer, (size_t)got) != 1)
            return hl__fail(HL_ERR_SYSTEM, ACTION, FIELD, "OpenSSL failed in the midst of a BLAKE2b-512.");
        at += got;
    }
}

static hl_status hash_file(int fd, uint8_t **message, size_t *len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t *buffer = malloc(READ_BYTES);
    hl_status status = HL_OK;

    *message = malloc(HASH_BYTES);
    *len = HASH_BYTES;
    if (!context || !buffer || !*message)
        status = hl__fail_memory(ACTION);
    else if (EVP_DigestInit_ex(context, EVP_blake2b512(), NULL) != 1)
        status = hl__fail(HL_ERR_SYSTEM, ACTION, FIELD, "This OpenSSL has no BLAKE2b-512.");
    if (status == HL_OK)
        status = hash_blocks(context, fd, buffer);
    if (status == HL_OK && EVP_DigestFinal_ex(context, *message, NULL) != 1)
        status = hl__fail(HL_ERR_SYSTEM, ACTION, FIELD, "OpenSSL failed at the end of a BLAKE2b-512.");
    free(buffer);
    EVP_MD_CTX_free(context);
    return status;
}

static hl_status read_file(int fd, uint8_t **message, size_t *len)
{
    struct stat found;
    ssize_t got;

    if (fstat(fd, &found) != 0)
        return fail_read();
    if (found.st_size > (off_t)HL__LEGACY_BYTES_MAX)
        return hl__fail(HL_ERR_LIMIT, ACTION, FIELD,
                        "The file has more than %zu bytes, and its signature is of minisign's old kind, for which it "
                        "would have to lie in memory as a whole; sign it without -l.",
                        HL__LEGACY_BYTES_MAX);
    *message = malloc((size_t)found.st_size + 1);
    if (!*message)
        return hl__fail_memory(ACTION);
    got = read_at(fd, *message, (size_t)found.st_size, 0);
    *len = got < 0 ? 0 : (size_t)got;
    return got < 0 ? fail_read() : HL_OK;
}

/* What the signature is over: the file's hash, or the whole file. Owned by the caller, also after a failure. */
static hl_status message_of(const signature *signed_by, int fd, uint8_t **message, size_t *len)
{
    *message = NULL;
    return signed_by->algorithm[1] == 'D' ? hash_file(fd, message, len) : read_file(fd, message, len);
}

static bool comment_fits(const hl__public_key *key, const signature *signed_by)
{
    uint8_t message[SIGNATURE_BYTES + HL__SIGNATURE_BYTES_MAX];

    memcpy(message, signed_by->bytes, SIGNATURE_BYTES);
    memcpy(message + SIGNATURE_BYTES, signed_by->comment.text, signed_by->comment.len);
    return fits(key, signed_by->global, message, SIGNATURE_BYTES + signed_by->comment.len);
}

/* Ids are not unique by themselves: every key that has this one is tried. */
static hl_status try_keys(const signature *signed_by, const hl__public_key *keys, size_t keys_len,
                          const uint8_t *message, size_t message_len, const char *id)
{
    bool known = false;

    for (size_t i = 0; i < keys_len; i++) {
        if (memcmp(keys[i].id, signed_by->id, sizeof(signed_by->id)) != 0)
            continue;
        known = true;
        if (!fits(&keys[i], signed_by->bytes, message, message_len))
            continue;
        if (comment_fits(&keys[i], signed_by))
            return HL_OK;
        return hl__fail(HL_ERR_SIGNATURE, ACTION, FIELD,
                        "The signature's trusted comment was changed after key %s had signed it; fetch the .minisig "
                        "file anew.",
                        id);
    }
    if (!known)
        return hl__fail(HL_ERR_SIGNATURE, ACTION, FIELD,
                        "Key %s, which made the signature, is not among the keys of the policy; add its public key to "
                        "\"keys\" if you trust it.",
                        id);
    return hl__fail(HL_ERR_SIGNATURE, ACTION, FIELD,
                    "The signature of key %s is not one of this file; file or signature was changed or mixed up: fetch "
                    "both anew.",
                    id);
}

hl_status hl__signature_verify(const char *text, size_t len, int fd, const hl__public_key *keys, size_t keys_len,
                               char key_id[HL__KEY_ID_TEXT])
{
    signature signed_by;
    uint8_t *message;
    size_t message_len = 0;
    char id[HL__KEY_ID_TEXT];
    hl_status status;

    key_id[0] = '\0';
    status = read_signature(text, len, &signed_by);
    if (status != HL_OK)
        return status;
    write_id(signed_by.id, id);
    status = message_of(&signed_by, fd, &message, &message_len);
    if (status == HL_OK)
        status = try_keys(&signed_by, keys, keys_len, message, message_len, id);
    free(message);
    if (status == HL_OK)
        memcpy(key_id, id, sizeof(id));
    return status;
}
