/* Rules for the names of members. Pure functions on text; used by manifest, archives and folders alike. */
#include "install/names.h"

#include <string.h>

/* The bytes that a sequence's first one promises, and what of the code it holds. */
static size_t begin_sequence(unsigned char first, uint32_t *code)
{
    static const uint32_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t len = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;

    *code = first & masks[len];
    return len;
}

size_t hl__utf8_read(const char *text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = begin_sequence((unsigned char)text[0], code);

    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | ((unsigned char)text[i] & 0x3f);
    }
    if (*code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
        return 0;
    return len;
}

bool hl__is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0x2028 || code == 0x2029;
}

static const char *part_problem(const char *part, size_t len)
{
    if (len == 0)
        return "has an empty part";
    if (len == 1 && part[0] == '.')
        return "has a part \".\"";
    if (len == 2 && part[0] == '.' && part[1] == '.')
        return "has a part \"..\"";
    return len > HL__PATH_PART_MAX ? "has a part of more than 255 bytes" : NULL;
}

static const char *text_problem(const char *text)
{
    uint32_t code;

    while (*text) {
        size_t len = hl__utf8_read(text, &code);

        if (len == 0)
            return "is not UTF-8";
        if (hl__is_control(code))
            return "has a control character";
        if (code == '\\')
            return "has a backslash";
        text += len;
    }
    return NULL;
}

const char *hl__path_problem(const char *path)
{
    const char *problem = path[0] == '/' ? "is absolute" : text_problem(path);
    size_t parts = 0;

    while (!problem) {
        size_t len = strcspn(path, "/");

        problem = part_problem(path, len);
        if (!problem && ++parts > HL__PATH_PARTS_MAX)
            problem = "has more than 32 parts";
        if (problem || path[len] == '\0')
            break;
        path += len + 1;
    }
    return problem;
}

const char *hl__shown(const char *name, char out[HL__SHOWN_MAX])
{
    size_t used = 0;

    while (*name) {
        uint32_t code;
        size_t len = hl__utf8_read(name, &code);
        bool good = len && !hl__is_control(code);

        if (used + (good ? len : 1) > HL__SHOWN_MAX - sizeof("..."))
            break;
        if (good)
            memcpy(out + used, name, len);
        else
            out[used] = '?';
        used += good ? len : 1;
        name += len ? len : 1;
    }
    strcpy(out + used, *name ? "..." : "");
    return out;
}

bool hl__path_is_library(const char *path)
{
    size_t len = strlen(path);
    const char *base = strrchr(path, '/');

    return strncmp(path, "lib/", 4) == 0 && !hl__path_problem(path) && strcmp(path + len - 3, ".so") == 0 &&
           strlen(base + 1) > 3;
}
