/* Ranges of versions: the conditions of "requires" and "conflicts". Each comparison becomes a lower and an upper
 * bound. */
#include <string.h>

#include "core/error.h"
#include "install/version.h"

#define COMPARISONS_MAX 16

/* What one comparison lets through. Without `low_in` the lower bound itself is left out. */
typedef struct bounds {
    hl__version low, high;
    bool low_in, high_in;
    bool has_high;
} bounds;

/* "1", "1.2" or a whole version, and how many of its three parts are named. */
static bool read_partial(const char *text, hl__version *out, unsigned *parts)
{
    char whole[HL__VERSION_MAX + 1];
    unsigned dots = 0;

    if (strlen(text) + strlen(".0.0") > HL__VERSION_MAX)
        return hl__version_read(text, out) && (*parts = 3);
    strcpy(whole, text);
    *parts = 3;
    if (text[strspn(text, "0123456789.")] == '\0') {
        for (const char *at = text; *at; at++)
            dots += *at == '.';
        *parts = dots + 1;
        for (; dots < 2; dots++)
            strcat(whole, ".0");
    }
    return *parts <= 3 && hl__version_read(whole, out);
}

/* The first version that a part's change leads to, with all its pre-releases. False: there is no larger number. */
static bool set_high(bounds *out, unsigned part)
{
    uint64_t *numbers[] = {&out->high.major, &out->high.minor, &out->high.patch};

    out->high = out->low;
    out->high.pre[0] = '\0';
    if (*numbers[part] == UINT64_MAX)
        return false;
    ++*numbers[part];
    while (++part < 3)
        *numbers[part] = 0;
    out->has_high = true;
    return true;
}

/* The leftmost part that is not 0; of "^0.0" the last one that is named. */
static unsigned caret_part(const hl__version *version, unsigned parts)
{
    const uint64_t numbers[] = {version->major, version->minor, version->patch};
    unsigned part = 0;

    while (part + 1 < parts && numbers[part] == 0)
        part++;
    return part;
}

static void set_only_high(bounds *out, bool inclusive)
{
    out->high = out->low;
    out->has_high = true;
    out->high_in = inclusive;
    memset(&out->low, 0, sizeof(out->low));
    strcpy(out->low.pre, "0"); /* nothing is smaller than 0.0.0-0 */
    out->low_in = true;
}

static bool set_equal(bounds *out)
{
    out->high = out->low;
    out->has_high = out->high_in = true;
    return true;
}

static size_t operator_len(const char *text)
{
    if (strncmp(text, ">=", 2) == 0 || strncmp(text, "<=", 2) == 0)
        return 2;
    return text[0] && strchr("<>=^~", text[0]) ? 1 : 0;
}

static bool read_comparison(const char *text, bounds *out)
{
    size_t len = operator_len(text);
    unsigned parts;

    memset(out, 0, sizeof(*out));
    out->low_in = true;
    if (strcmp(text, "*") == 0) {
        strcpy(out->low.pre, "0");
        return true;
    }
    if (!read_partial(text + len, &out->low, &parts))
        return false;
    switch (len ? text[0] : '=') {
    case '^':
        return set_high(out, caret_part(&out->low, parts));
    case '~':
        return set_high(out, parts == 1 ? 0 : 1);
    case '<':
        set_only_high(out, len == 2);
        return true;
    case '>':
        out->low_in = len == 2;
        return true;
    default:
        return (len || parts == 3) && set_equal(out);
    }
}

static bool same_core(const hl__version *a, const hl__version *b)
{
    return a->major == b->major && a->minor == b->minor && a->patch == b->patch;
}

/* An excluded upper bound without a pre-release excludes its own pre-releases too. */
static bool below_high(const bounds *bounds, const hl__version *version)
{
    int order = hl__version_compare(version, &bounds->high);

    if (bounds->high_in)
        return order <= 0;
    return order < 0 && (bounds->high.pre[0] || !same_core(version, &bounds->high));
}

static bool lets_through(const bounds *bounds, const hl__version *version)
{
    int order = hl__version_compare(version, &bounds->low);

    if (order < 0 || (order == 0 && !bounds->low_in))
        return false;
    return !bounds->has_high || below_high(bounds, version);
}

/* Whether the range is well formed; *matches tells whether all of it lets the version through. */
static bool walk(const char *range, const hl__version *version, bool *matches)
{
    char text[HL__RANGE_MAX + 1];
    char *rest = text;
    size_t comparisons = 0;

    *matches = true;
    if (!range || strnlen(range, sizeof(text)) >= sizeof(text))
        return false;
    strcpy(text, range);
    for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
        bounds bounds;

        if (++comparisons > COMPARISONS_MAX || !read_comparison(word, &bounds))
            return false;
        *matches = *matches && lets_through(&bounds, version);
    }
    return true;
}

hl_status hl__range_check(const char *action, const char *field, const char *text)
{
    static const hl__version any;
    bool matches;

    if (!walk(text, &any, &matches))
        return hl__fail(HL_ERR_VERSION, action, field,
                        "This is no range of versions; write up to %d comparisons with one space between them, such as "
                        "\">=1.2 <2\", \"^1.2\", \"~1.2\", \"1.2.3\" or \"*\".",
                        COMPARISONS_MAX);
    return HL_OK;
}

bool hl__range_matches(const char *range, const hl__version *version)
{
    bool matches;

    return walk(range, version, &matches) && matches;
}
