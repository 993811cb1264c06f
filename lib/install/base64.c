/* Strict base64: one text for each content, so that a signature cannot be spelled in two ways. */
#include "install/base64.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool read_digit(char character, uint32_t *out)
{
    const char *found = character ? strchr(digits, character) : NULL;

    if (!found)
        return false;
    *out = (uint32_t)(found - digits);
    return true;
}

/* Four characters, of which the last `4 - digits_len` are padding, as 24 bits. */
static bool read_group(const char *text, size_t digits_len, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t digit = 0;

        if (i < digits_len ? !read_digit(text[i], &digit) : text[i] != '=')
            return false;
        *out = *out << 6 | digit;
    }
    return true;
}

bool hl__base64_read(const char *text, size_t len, uint8_t *out, size_t out_len)
{
    if (len != (out_len + 2) / 3 * 4)
        return false;
    for (size_t done = 0; done < out_len; done += 3, text += 4) {
        size_t bytes = out_len - done < 3 ? out_len - done : 3;
        uint32_t group;

        if (!read_group(text, bytes + 1, &group) || (group & ((UINT32_C(1) << (24 - 8 * bytes)) - 1)) != 0)
            return false;
        for (size_t i = 0; i < bytes; i++)
            out[done + i] = (uint8_t)(group >> (16 - 8 * i));
    }
    return true;
}

void hl__base64_write(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t done = 0; done < len; done += 3) {
        size_t more = len - done < 3 ? len - done : 3;
        uint32_t group = 0;

        for (size_t i = 0; i < 3; i++)
            group = group << 8 | (i < more ? bytes[done + i] : 0);
        for (size_t i = 0; i < 4; i++)
            *out++ = i <= more ? digits[group >> (18 - 6 * i) & 63] : '=';
    }
}
