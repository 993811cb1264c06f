/* Child processes: started by posix_spawn, known by pidfd, waited for one by one.
 *
 * The server has children of its own and perhaps a SIGCHLD handler that waits for all of them. So nothing here touches
 * SIGCHLD or waits for any process but its own, and a child that somebody else has reaped is an outcome, not an
 * error. */
#ifndef HL_CORE_CHILD_H
#define HL_CORE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/shared.h"

typedef struct hl__child {
    pid_t pid; /* also its process group and session */
    int pidfd; /* readable when the child has ended; -1: it has, and somebody else reaped it, or there is none */
} hl__child;

#define HL__CHILD_NONE                                                                                                 \
    {                                                                                                                  \
        -1, -1                                                                                                         \
    }
#define HL__CHILD_FDS_MAX 8

typedef struct hl__child_spec {
    const char *program;            /* a path */
    const char *const *argv;        /* NULL-terminated */
    const char *const *environment; /* NULL-terminated; NULL: the server's */
    int output;                     /* becomes descriptors 1 and 2; -1: /dev/null */
    const int *fds;                 /* become descriptors 3, 4, ...; everything else is closed */
    size_t fds_len;                 /* at most HL__CHILD_FDS_MAX */
} hl__child_spec;

/* How a child ended. */
typedef struct hl__child_end {
    bool known;     /* false: somebody else reaped it */
    bool signalled; /* code is a signal, else an exit status */
    int code;
} hl__child_end;

/* Starts a program in a session of its own with default signals and standard input from /dev/null. Returns 0, or
 * the error number. */
HL__SHARED int hl__child_spawn(const hl__child_spec *spec, hl__child *out);

/* Whether the child has ended, waiting at most until CLOCK_MONOTONIC `deadline_ns`. It is not reaped. */
bool hl__child_ended(const hl__child *child, uint64_t deadline_ns);

/* Kills what is left of the child and its process group, reaps it, tells how it ended, and forgets it. Waits only for
 * the kernel. A child that is none is a no-op. */
HL__SHARED hl__child_end hl__child_finish(hl__child *child);

/* Words such as "died by SIGABRT" or "ended with exit status 3". */
HL__SHARED void hl__child_describe(const hl__child_end *end, char *out, size_t out_len);

/* CLOCK_MONOTONIC. */
HL__SHARED uint64_t hl__child_now_ns(void);

/* The child's side, called first in a helper's main: it dies with the thread that started it, dumps no core, and is
 * killed after `cpu_seconds` of processor time (0: no limit). `parent` is the starting process. This function is in a
 * file of its own so that a helper links nothing else. */
void hl__child_begin(pid_t parent, unsigned cpu_seconds);

#endif
