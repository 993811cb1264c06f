/* Lives: one worker process with its channel, shared by the supervisor and the callers that wait for it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/supervisor.h"

hl__life *hl__life_ref(hl__life *life)
{
    __atomic_add_fetch(&life->refs, 1, __ATOMIC_RELAXED);
    return life;
}

void hl__life_unref(hl__life *life)
{
    if (!life || __atomic_sub_fetch(&life->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    hl__channel_free(life->channel);
    if (life->pidfd >= 0)
        close(life->pidfd);
    if (life->report_fd >= 0)
        close(life->report_fd);
    free(life->name);
    free(life);
}

void hl__life_signal(const hl__life *life, int signal)
{
    if (life->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, life->pidfd, signal, NULL, 0);
}

void hl__life_kill(hl__life *life, hl__why why)
{
    life->serving = false;
    if (life->ended || life->killed_ns)
        return;
    if (life->why == HL__WHY_NONE)
        life->why = why;
    life->killed_ns = hl__now_ns();
    hl__life_signal(life, SIGKILL);
}

/* A process that somebody else has reaped has ended, nobody knows how. */
void hl__life_look(hl__life *life)
{
    siginfo_t info;

    if (life->ended)
        return;
    memset(&info, 0, sizeof(info));
    if (life->pidfd >= 0 && waitid((idtype_t)P_PIDFD, (id_t)life->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
        if (info.si_pid == 0)
            return;
        life->end = (hl__child_end){true, info.si_code != CLD_EXITED, info.si_status};
    }
    life->ended = true;
    life->serving = false;
    life->fault = hl__channel_fault(life->channel);
}

static void describe_end(const hl__life *life, char *out, size_t out_len)
{
    size_t used;

    hl__child_describe(&life->end, out, out_len);
    used = strlen(out);
    if (life->end.signalled && life->fault.signal == life->end.code)
        snprintf(out + used, out_len - used, " at address 0x%llx", (unsigned long long)life->fault.address);
}

void hl__life_describe(const hl__life *life, char *out, size_t out_len)
{
    switch (life->why) {
    case HL__WHY_LATE:
        snprintf(out, out_len, "was killed because a call was over its deadline");
        break;
    case HL__WHY_MALFORMED:
        snprintf(out, out_len, "was killed because what it said broke the channel's rules");
        break;
    case HL__WHY_UNREADY:
        snprintf(out, out_len, "was killed because it did not get ready");
        break;
    case HL__WHY_DEAF:
        snprintf(out, out_len, "was killed because it did not take the order to use newer code");
        break;
    case HL__WHY_REFUSED:
        snprintf(out, out_len, "refused to serve");
        break;
    case HL__WHY_ENDING:
    case HL__WHY_GROUP:
        snprintf(out, out_len, "was ended by its supervisor");
        break;
    default:
        if (life->ended)
            describe_end(life, out, out_len);
        else
            snprintf(out, out_len, "has not ended");
    }
}
