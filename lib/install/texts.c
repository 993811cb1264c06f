/* Collecting the texts of documents; see texts.h. */
#include "install/texts.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/grow.h"

hl_status hl__texts_take(void *texts, const char *key, const char *text)
{
    hl__texts *to = texts;

    (void)key;
    if (!hl__grow(&to->rows, to->len, &to->room, sizeof(*to->rows)))
        return hl__fail_memory("read documents");
    to->rows[to->len] = strdup(text);
    return to->rows[to->len++] ? HL_OK : hl__fail_memory("read documents");
}

void hl__texts_free(hl__texts *texts)
{
    for (size_t i = 0; i < texts->len; i++)
        free(texts->rows[i]);
    free(texts->rows);
}
