/* A list of lines. */
#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/grow.h"

void hl__text_add(hl__text *text, const char *format, ...)
{
    va_list arguments;
    char *line;

    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) < 0)
        line = NULL;
    va_end(arguments);
    if (line && hl__grow(&text->lines, text->len, &text->room, sizeof(*text->lines))) {
        text->lines[text->len++] = line;
        return;
    }
    free(line);
    text->failed = true;
}

hl_status hl__text_give(hl__text *text, hl_status status, const char *action, hl_line_fn *line, void *user)
{
    if (status == HL_OK && text->failed)
        status = hl__fail_memory(action);
    for (size_t i = 0; i < text->len; i++) {
        if (status == HL_OK)
            line(text->lines[i], user);
        free(text->lines[i]);
    }
    free(text->lines);
    *text = (hl__text){0};
    return status;
}
