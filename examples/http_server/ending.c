/* When to end. See ending.h. */
#include "ending.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

bool ending_open(struct ending *ending, bool with_input)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    ending->input = with_input ? STDIN_FILENO : -1;
    ending->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    return ending->signals >= 0;
}

void ending_close(struct ending *ending)
{
    if (ending->signals >= 0)
        close(ending->signals);
}

/* Input that comes is of no interest, its end is. */
static bool input_ended(int fd)
{
    char dropped[256];

    return read(fd, dropped, sizeof(dropped)) == 0;
}

bool ending_wait(const struct ending *ending, int wait_ms)
{
    struct pollfd waits[] = {{ending->signals, POLLIN, 0}, {ending->input, POLLIN, 0}};
    int ready;

    do {
        ready = poll(waits, 2, wait_ms);
        if (ready > 0 && (waits[0].revents || input_ended(ending->input)))
            return true;
    } while (wait_ms < 0 && (ready >= 0 || errno == EINTR));
    return false;
}
