/* hl_answer_give and hl_answer_fail: the worker's program exports them to the module. */
#include "module/serve_answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "module/value_tree.h"

hl_status hl__answer_status(hl_status status)
{
    return status < 0 ? status : HL_ERR_PLUGIN;
}

/* How many bytes the character with this first byte has. */
static size_t character_len(unsigned char first)
{
    if (first >= 0xf0)
        return 4;
    if (first >= 0xe0)
        return 3;
    return first >= 0xc0 ? 2 : 1;
}

/* A sentence that was cut may end in the middle of a character. */
static void cut_whole(char *sentence)
{
    size_t len = strlen(sentence);
    size_t last = len;

    while (last > 0 && len - last < 3 && ((unsigned char)sentence[last - 1] & 0xc0) == 0x80)
        last--;
    if (last > 0 && character_len((unsigned char)sentence[last - 1]) > len - last + 1)
        sentence[last - 1] = '\0';
}

void hl__answer_clean(char *sentence)
{
    cut_whole(sentence);
    for (char *at = sentence; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = ' ';
    }
    if (hl__is_utf8(sentence, strlen(sentence)))
        return;
    for (char *at = sentence; *at; at++) {
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    }
}

hl_status hl_answer_fail(hl_answer *answer, hl_status status, const char *format, ...)
{
    va_list arguments;

    answer->failed = true;
    answer->status = hl__answer_status(status);
    va_start(arguments, format);
    vsnprintf(answer->sentence, sizeof(answer->sentence), format, arguments);
    va_end(arguments);
    hl__answer_clean(answer->sentence);
    return answer->status;
}

hl_status hl_answer_give(hl_answer *answer, hl_value *result)
{
    if (!result)
        return hl_answer_fail(answer, HL_ERR_NO_MEMORY,
                              "The result could not be made: no memory, or a text that is "
                              "not UTF-8.");
    if (result->parent || result == answer->args)
        return hl_answer_fail(answer, HL_ERR_INVALID,
                              "The result is a part of another value; give a copy of it (hl_value_copy).");
    if (answer->result != result)
        hl_value_free(answer->result);
    answer->result = result;
    return HL_OK;
}
