/* Is it UTF-8? Asked of every text that becomes a value, in the server and in the module's worker. */
#include "module/value_tree.h"

typedef struct form {
    uint8_t mask, lead; /* of the first byte */
    unsigned more;      /* bytes behind it */
    uint32_t least;     /* smaller ones have a shorter form */
} form;

static const form forms[] = {
    {0xe0, 0xc0, 1, 0x80},
    {0xf0, 0xe0, 2, 0x800},
    {0xf8, 0xf0, 3, 0x10000},
};

static const form *form_of(uint8_t lead)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if ((lead & forms[i].mask) == forms[i].lead)
            return &forms[i];
    }
    return NULL;
}

/* Bytes of the character that begins here; 0: none does. */
static size_t step(const uint8_t *at, size_t left)
{
    const form *found = form_of(at[0]);
    uint32_t point;

    if (!found || found->more >= left)
        return 0;
    point = at[0] & (uint8_t)~found->mask;
    for (unsigned i = 1; i <= found->more; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (at[i] & 0x3f);
    }
    if (point < found->least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    return found->more + 1;
}

bool hl__is_utf8(const char *text, size_t len)
{
    const uint8_t *at = (const uint8_t *)text, *end = at + len;

    while (at < end) {
        size_t bytes = *at < 0x80 ? 1 : step(at, (size_t)(end - at));

        if (bytes == 0)
            return false;
        at += bytes;
    }
    return true;
}
