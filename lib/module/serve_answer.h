/* What a function of a module leaves behind in its worker. */
#ifndef HL_MODULE_SERVE_ANSWER_H
#define HL_MODULE_SERVE_ANSWER_H

#include <hookline/module.h>

#include "module/module_wire.h"

struct hl_answer {
    const hl_value *args;
    hl_value *result; /* NULL: null */
    bool failed;      /* status and sentence say how */
    hl_status status; /* negative */
    char sentence[HL__MODULE_SENTENCE_MAX + 1];
};

/* Makes a status that is none a failure's, and a sentence UTF-8 without control characters. */
hl_status hl__answer_status(hl_status status);
void hl__answer_clean(char *sentence);

#endif
