/* Lines of text gathered under the lock and handed out without it. */
#ifndef HL_CORE_TEXT_H
#define HL_CORE_TEXT_H

#include <hookline/inspect.h>

typedef struct hl__text {
    char **lines;
    size_t len, room;
    bool failed; /* memory ran out: nothing is handed out */
} hl__text;

void hl__text_add(hl__text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Gives the lines to the callback if `status` is HL_OK, and frees them. Returns status, or HL_ERR_NO_MEMORY. */
hl_status hl__text_give(hl__text *text, hl_status status, const char *action, hl_line_fn *line, void *user);

#endif
