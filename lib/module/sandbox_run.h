/* What the server (compile_run.c) and the program hookline-sandbox (sandbox_main.c) agree on.
 *
 * Called as hookline-sandbox SERVER-PID FOLDER PROGRAM ARGUMENTS...: it shuts itself in, goes to the folder, runs the
 * program with a small environment, and exits as it did. Descriptor 3 holds the sandbox plan from its beginning; what
 * keeps the program from being started is written to descriptor 4 as a sentence, else a zero byte and the exit status,
 * for servers whose children somebody else reaps. */
#ifndef HL_MODULE_SANDBOX_RUN_H
#define HL_MODULE_SANDBOX_RUN_H

#include <stdbool.h>

#define HL__SANDBOX_PLAN_FD 3
#define HL__SANDBOX_WHY_FD 4
#define HL__SANDBOX_PLAN_MAX (1 << 20)
#define HL__SANDBOX_NOT_RUN 125     /* exit status beside such a sentence */
#define HL__SANDBOX_SIGNAL_EXIT 128 /* and the number of the signal that ended the program */

/* Forbids what a compiler never needs: leaving the process group, the network, namespaces, other processes' memory, and
 * what only administrators call (sandbox_filter.c). True also where this kernel or processor has no such filters: the
 * other limits hold all the same. */
bool hl__sandbox_filter(void);

#endif
