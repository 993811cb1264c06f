/* What a worker notes when it dies of a fault: which signal, where, and at whose request. It then dies of it as it
 * would have without. Linked into worker programs only. */
#include <signal.h>
#include <string.h>

#include "worker/start.h"

#define STACK_BYTES 65536 /* a stack overflow is noted too: on a stack of its own */

static _Alignas(64) char stack[STACK_BYTES];

/* The default action is in place again. A fault of the processor's recurs on return; a signal that was sent has to be
 * sent again. */
static void note(int signal, siginfo_t *info, void *context)
{
    bool sent = info->si_code <= 0;

    (void)context;
    hl__serve_fault(signal, sent ? 0 : (uint64_t)(uintptr_t)info->si_addr);
    if (sent)
        raise(signal);
}

void hl__serve_catch_faults(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = note;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
    sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
}
