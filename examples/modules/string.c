/* An example module: texts in any script. Letters are those of the C library's UTF-8 locale; a character is what a
 * reader sees as one, with its accents, as far as the widths of the locale tell. Shows load and unload functions. */
#define _XOPEN_SOURCE 700 /* for wcwidth */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include <hookline/module.h>

#define JOINER 0x200d /* makes one character of those around it */

/* ---- texts as code points ---------------------------------------------------------------------------------------- */

struct text {
    wchar_t *at;
    size_t len;
};

/* The only argument, which values promise to be UTF-8. */
static bool read_text(const hl_value *args, struct text *out)
{
    size_t len = 0;
    const char *bytes = hl_value_as_text(hl_value_at(args, 0), &len);
    mbstate_t state = {0};

    out->at = NULL;
    if (hl_value_len(args) != 1 || !bytes)
        return false;
    out->at = calloc(len + 1, sizeof(*out->at));
    if (!out->at)
        return false;
    for (out->len = 0; len > 0; out->len++) {
        size_t used = mbrtowc(&out->at[out->len], bytes, len, &state);

        if (used > len)
            return false;
        used = used ? used : 1; /* U+0000 */
        bytes += used;
        len -= used;
    }
    return true;
}

static hl_status give_text(hl_answer *answer, const wchar_t *at, size_t len)
{
    char *bytes = malloc(len * MB_CUR_MAX + 1);
    size_t bytes_len = 0;
    mbstate_t state = {0};
    hl_value *result;

    for (size_t i = 0; bytes && i < len; i++)
        bytes_len += wcrtomb(bytes + bytes_len, at[i], &state);
    result = bytes ? hl_value_text_n(bytes, bytes_len) : NULL;
    free(bytes);
    return hl_answer_give(answer, result);
}

static hl_status refuse_arguments(hl_answer *answer)
{
    return hl_answer_fail(answer, HL_ERR_INVALID, "Give one text.");
}

/* ---- letters ----------------------------------------------------------------------------------------------------- */

/* Capitals of more than one letter, of which the C library's tables know nothing. */
static const struct {
    wchar_t letter;
    const wchar_t *capitals;
} longer[] = {
    {0xdf, L"SS"},    {0x149, L"\x2bcN"}, {0xfb00, L"FF"}, {0xfb01, L"FI"}, {0xfb02, L"FL"},
    {0xfb03, L"FFI"}, {0xfb04, L"FFL"},   {0xfb05, L"ST"}, {0xfb06, L"ST"},
};
#define LONGEST 3

static size_t write_capital(wchar_t letter, wchar_t *out)
{
    for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++) {
        size_t len = wcslen(longer[i].capitals);

        if (longer[i].letter != letter)
            continue;
        wmemcpy(out, longer[i].capitals, len);
        return len;
    }
    *out = (wchar_t)towupper((wint_t)letter);
    return 1;
}

static hl_status upcase(void *self, const hl_value *args, hl_answer *answer)
{
    hl_status status;
    struct text text;
    wchar_t *capitals;
    size_t len = 0;

    (void)self;
    if (!read_text(args, &text)) {
        free(text.at);
        return refuse_arguments(answer);
    }
    capitals = calloc(text.len * LONGEST + 1, sizeof(*capitals));
    for (size_t i = 0; capitals && i < text.len; i++)
        len += write_capital(text.at[i], capitals + len);
    status = capitals ? give_text(answer, capitals, len) : hl_answer_fail(answer, HL_ERR_NO_MEMORY, "No memory.");
    free(capitals);
    free(text.at);
    return status;
}

static hl_status downcase(void *self, const hl_value *args, hl_answer *answer)
{
    struct text text;
    hl_status status;

    (void)self;
    if (read_text(args, &text)) {
        for (size_t i = 0; i < text.len; i++)
            text.at[i] = (wchar_t)towlower((wint_t)text.at[i]);
        status = give_text(answer, text.at, text.len);
    } else {
        status = refuse_arguments(answer);
    }
    free(text.at);
    return status;
}

/* ---- characters -------------------------------------------------------------------------------------------------- */

static bool is_flag_letter(wchar_t code)
{
    return code >= 0x1f1e6 && code <= 0x1f1ff;
}

static bool is_skin_tone(wchar_t code)
{
    return code >= 0x1f3fb && code <= 0x1f3ff;
}

/* How many code points from `at` on make one character: the first, what has no width of its own, what is joined, and
 * the second letter of a flag. */
static size_t character_len(const wchar_t *at, size_t len)
{
    size_t used = 1;

    if (at[0] == L'\r' && len > 1 && at[1] == L'\n')
        return 2;
    if (is_flag_letter(at[0]) && len > 1 && is_flag_letter(at[1]))
        used = 2;
    while (used < len && at[used] >= 0x300 &&
           (wcwidth(at[used]) == 0 || is_skin_tone(at[used]) || at[used - 1] == JOINER))
        used++;
    return used;
}

static hl_status length(void *self, const hl_value *args, hl_answer *answer)
{
    struct text text;
    hl_status status;
    int64_t count = 0;

    (void)self;
    if (read_text(args, &text)) {
        for (size_t i = 0; i < text.len; count++)
            i += character_len(text.at + i, text.len - i);
        status = hl_answer_give(answer, hl_value_int(count));
    } else {
        status = refuse_arguments(answer);
    }
    free(text.at);
    return status;
}

static hl_status reverse(void *self, const hl_value *args, hl_answer *answer)
{
    struct text text;
    hl_status status;
    wchar_t *turned;

    (void)self;
    if (!read_text(args, &text)) {
        free(text.at);
        return refuse_arguments(answer);
    }
    turned = calloc(text.len + 1, sizeof(*turned));
    for (size_t i = 0; turned && i < text.len;) {
        size_t len = character_len(text.at + i, text.len - i);

        wmemcpy(turned + text.len - i - len, text.at + i, len);
        i += len;
    }
    status = turned ? give_text(answer, turned, text.len) : hl_answer_fail(answer, HL_ERR_NO_MEMORY, "No memory.");
    free(turned);
    free(text.at);
    return status;
}

/* ---- space ------------------------------------------------------------------------------------------------------- */

/* Also the spaces at which no line may be broken, which the C library does not count. */
static bool is_space(wchar_t code)
{
    return iswspace((wint_t)code) || code == 0x85 || code == 0xa0 || code == 0x2007 || code == 0x202f;
}

static hl_status trim(void *self, const hl_value *args, hl_answer *answer)
{
    struct text text;
    hl_status status;
    size_t from = 0;

    (void)self;
    if (read_text(args, &text)) {
        while (text.len > 0 && is_space(text.at[text.len - 1]))
            text.len--;
        while (from < text.len && is_space(text.at[from]))
            from++;
        status = give_text(answer, text.at + from, text.len - from);
    } else {
        status = refuse_arguments(answer);
    }
    free(text.at);
    return status;
}

/* ---- the module -------------------------------------------------------------------------------------------------- */

/* self is the locale, in which the worker's one thread stays. */
static int load(void **self)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);

    if (!locale)
        return 1;
    uselocale(locale);
    *self = locale;
    return 0;
}

static void unload(void *self)
{
    uselocale(LC_GLOBAL_LOCALE);
    freelocale((locale_t)self);
}

static const hl_module_function functions[] = {
    {"upcase", upcase, "the text in capital letters"},         {"downcase", downcase, "the text in small letters"},
    {"reverse", reverse, "the text's characters, last first"}, {"length", length, "how many characters the text has"},
    {"trim", trim, "the text without space around it"},
};
HL_MODULE_HOOKS("string", "1.0.0", functions, load, unload, NULL)
