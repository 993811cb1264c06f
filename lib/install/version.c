/* Semantic versions and names of apps, checked byte by byte. Used by the manifest, the rules of installing and the
 * command's checks. */
#include "install/version.h"

#include <string.h>

#include "core/error.h"

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_lower(char byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_identifier(char byte)
{
    return is_digit(byte) || is_lower(byte) || (byte >= 'A' && byte <= 'Z') || byte == '-';
}

/* ---- names ---- */

static bool is_app_name(const char *name)
{
    if (!is_lower(*name))
        return false;
    while (is_lower(*name) || is_digit(*name) || *name == '_' || *name == '-')
        name++;
    return *name == '\0';
}

hl_status hl__app_name_check(const char *action, const char *field, const char *name)
{
    if (!name || !name[0])
        return hl__fail(HL_ERR_INVALID, action, field, "The name is missing; give one of 1 to %d bytes.",
                        HL__APP_NAME_MAX);
    if (strnlen(name, HL__APP_NAME_MAX + 1) > HL__APP_NAME_MAX)
        return hl__fail(HL_ERR_INVALID, action, field, "The name is longer than %d bytes; shorten it.",
                        HL__APP_NAME_MAX);
    if (!is_app_name(name))
        return hl__fail(HL_ERR_INVALID, action, field,
                        "This is no name of an app: it begins with a lowercase letter and goes on with lowercase "
                        "letters, digits, '_' and '-'.");
    return HL_OK;
}

/* ---- versions ---- */

/* A number without a zero in front. NULL where there is none, or none that fits. */
static const char *read_number(const char *at, uint64_t *out)
{
    const char *begin = at;
    uint64_t number = 0;

    for (; is_digit(*at); at++) {
        uint64_t digit = (uint64_t)(*at - '0');

        if (number > (UINT64_MAX - digit) / 10)
            return NULL;
        number = number * 10 + digit;
    }
    if (at == begin || (*begin == '0' && at - begin > 1))
        return NULL;
    *out = number;
    return at;
}

/* One identifier of a pre-release or of build metadata. Only a pre-release's numbers are read as numbers. */
static const char *read_identifier(const char *at, bool numbers)
{
    const char *begin = at;
    bool digits = true;

    for (; is_identifier(*at); at++)
        digits = digits && is_digit(*at);
    if (at == begin || (numbers && digits && *begin == '0' && at - begin > 1))
        return NULL;
    return at;
}

static const char *read_identifiers(const char *at, bool numbers)
{
    at = read_identifier(at, numbers);
    while (at && *at == '.')
        at = read_identifier(at + 1, numbers);
    return at;
}

static const char *read_core(const char *at, hl__version *out)
{
    at = read_number(at, &out->major);
    at = at && *at == '.' ? read_number(at + 1, &out->minor) : NULL;
    return at && *at == '.' ? read_number(at + 1, &out->patch) : NULL;
}

static const char *read_pre(const char *at, hl__version *out)
{
    const char *end;

    if (*at != '-')
        return at;
    end = read_identifiers(at + 1, true);
    if (end)
        memcpy(out->pre, at + 1, (size_t)(end - at - 1));
    return end;
}

bool hl__version_read(const char *text, hl__version *out)
{
    const char *at;

    memset(out, 0, sizeof(*out));
    if (strnlen(text, HL__VERSION_MAX + 1) > HL__VERSION_MAX)
        return false;
    at = read_core(text, out);
    at = at ? read_pre(at, out) : NULL;
    if (at && *at == '+')
        at = read_identifiers(at + 1, false);
    return at && *at == '\0';
}

hl_status hl__version_parse(const char *action, const char *field, const char *text, hl__version *out)
{
    memset(out, 0, sizeof(*out));
    if (!text || !text[0])
        return hl__fail(HL_ERR_VERSION, action, field, "The version is missing; give one like 1.2.0.");
    if (strnlen(text, HL__VERSION_MAX + 1) > HL__VERSION_MAX)
        return hl__fail(HL_ERR_VERSION, action, field, "The version is longer than %d bytes; shorten it.",
                        HL__VERSION_MAX);
    if (!hl__version_read(text, out))
        return hl__fail(HL_ERR_VERSION, action, field,
                        "This is no semantic version; write MAJOR.MINOR.PATCH, such as 1.2.0 or 2.0.0-rc.1, with "
                        "nothing before or behind it and no zeros in front.");
    return HL_OK;
}

/* ---- precedence ---- */

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static bool all_digits(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return false;
    }
    return true;
}

static int compare_texts(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order ? order : compare_numbers(a_len, b_len);
}

/* Numbers have no zeros in front, so that the longer one is the larger one, however long it is. */
static int compare_identifiers(const char *a, size_t a_len, const char *b, size_t b_len)
{
    bool a_number = all_digits(a, a_len), b_number = all_digits(b, b_len);

    if (a_number != b_number)
        return a_number ? -1 : 1;
    if (a_number && a_len != b_len)
        return compare_numbers(a_len, b_len);
    return compare_texts(a, a_len, b, b_len);
}

/* A version with a pre-release comes before the one without. */
static int compare_pre(const char *a, const char *b)
{
    if (!*a || !*b)
        return (*a == '\0') - (*b == '\0');
    for (;;) {
        size_t a_len = strcspn(a, "."), b_len = strcspn(b, ".");
        int order = compare_identifiers(a, a_len, b, b_len);

        if (order)
            return order;
        if (!a[a_len] || !b[b_len])
            return (a[a_len] != '\0') - (b[b_len] != '\0');
        a += a_len + 1;
        b += b_len + 1;
    }
}

int hl__version_compare(const hl__version *a, const hl__version *b)
{
    int order = compare_numbers(a->major, b->major);

    if (!order)
        order = compare_numbers(a->minor, b->minor);
    if (!order)
        order = compare_numbers(a->patch, b->patch);
    return order ? order : compare_pre(a->pre, b->pre);
}
