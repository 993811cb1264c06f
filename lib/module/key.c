/* Keys: 128 random bits, and their text. */
#include <openssl/rand.h>
#include <string.h>

#include "core/error.h"

#include <hookline/modules.h>

/* Where the text has a hyphen; elsewhere it has two digits for each byte. */
static bool is_hyphen(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

static int digit_of(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

hl_status hl_key_new(hl_key *out)
{
    if (!out)
        return hl__fail(HL_ERR_INVALID, "key_new", "out", "The place for the key is NULL.");
    if (RAND_bytes(out->bytes, sizeof(out->bytes)) != 1)
        return hl__fail(HL_ERR_SYSTEM, "key_new", "out", "OpenSSL's random generator has no bytes to give.");
    out->bytes[6] = (out->bytes[6] & 0x0f) | 0x40; /* version 4: random */
    out->bytes[8] = (out->bytes[8] & 0x3f) | 0x80; /* the variant of RFC 9562 */
    return HL_OK;
}

static bool read_key(const char *text, hl_key *out)
{
    size_t len = 0;

    for (size_t at = 0; at < HL_KEY_TEXT - 1; at++) {
        int high, low;

        if (is_hyphen(at)) {
            if (text[at] != '-')
                return false;
            continue;
        }
        high = digit_of(text[at]);
        low = high < 0 ? -1 : digit_of(text[at + 1]);
        if (low < 0)
            return false;
        out->bytes[len++] = (uint8_t)(high << 4 | low);
        at++;
    }
    return text[HL_KEY_TEXT - 1] == '\0';
}

bool hl_key_is_text(const char *text)
{
    hl_key key;

    return text && read_key(text, &key);
}

hl_status hl_key_parse(const char *text, hl_key *out)
{
    hl_key key;

    if (!text || !out)
        return hl__fail(HL_ERR_INVALID, "key_parse", text ? "out" : "text", "The pointer is NULL.");
    if (!read_key(text, &key))
        return hl__fail(HL_ERR_INVALID, "key_parse", "text",
                        "\"%.64s\" is no key; keys look like \"123e4567-e89b-42d3-a456-426614174000\".", text);
    *out = key;
    return HL_OK;
}

void hl_key_format(const hl_key *key, char out[HL_KEY_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *byte = key->bytes;

    for (size_t at = 0; at < HL_KEY_TEXT - 1; at++) {
        if (is_hyphen(at)) {
            out[at] = '-';
            continue;
        }
        out[at++] = digits[*byte >> 4];
        out[at] = digits[*byte++ & 15];
    }
    out[HL_KEY_TEXT - 1] = '\0';
}
