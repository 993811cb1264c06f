/* What a runtime answers to a question of the control protocol. Used by control.c, and by tests that feed it
 * garbage. */
#ifndef HL_OBSERVE_ANSWERS_H
#define HL_OBSERVE_ANSWERS_H

#include <hookline/runtime.h>

/* The answer to a request, as JSON text that the caller frees; NULL without memory. Anything that is not a good request
 * is answered with an "error". Runs on a thread that may wait: never on the control thread. */
char *hl__control_answer(hl_runtime *runtime, const char *request, size_t len);

#endif
