/* The seccomp filter of a worker: an allow-list, written as BPF for the processor that it runs on. What is not in it is
 * an error of the call (EPERM), so that a plugin that tries can still say so; what is newer than this list, ENOSYS,
 * which libraries know to get around. Called by sandbox_worker.c; sandbox.c asks what the kernel has. Links libc
 * only. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/sandbox_plan.h"
#include "worker/seccomp_calls.h"

#ifdef HL__SECCOMP_ARCHITECTURE

#define PROGRAM_MAX 1024 /* instructions; a program that fills it does not fit, and is not used */
#define JUMP_MOST 255
#define CALLS_END 451         /* from here on calls are newer than this list */
#define X32_CALLS 0x40000000u /* x86-64: the same calls with 32-bit pointers; no such number exists elsewhere */
#define CALL_CLONE3 435
#define CALL_OPENAT2 437
#define PR_SET_VMA_NUMBER 0x53564d41
#define NAMESPACES 0x7e020080u /* CLONE_NEW* of clone */
#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

/* What is done about a call. */
typedef enum verdict { REFUSE = 0, ALLOW, ASK /* its argument */, UNKNOWN } verdict;

/* Calls with the same verdict, up to the next run. */
typedef struct run {
    uint32_t first;
    verdict verdict;
} run;

typedef struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short len;
    unsigned char verdicts[CALLS_END + 1];
    run runs[CALLS_END + 1];
    size_t runs_len;
} program;

/* ---- instructions ------------------------------------------------------------------------------------------------ */

static void put(program *to, unsigned short code, unsigned char yes, unsigned char no, uint32_t value)
{
    if (to->len < PROGRAM_MAX)
        to->code[to->len++] = (struct sock_filter){code, yes, no, value};
}

static void load(program *to, size_t offset)
{
    put(to, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void give(program *to, uint32_t value)
{
    put(to, BPF_RET | BPF_K, 0, 0, value);
}

static void deny(program *to, uint32_t error)
{
    give(to, SECCOMP_RET_ERRNO | error);
}

/* The next `skipped` instructions are for this call only. */
static void when_call(program *to, uint32_t call, unsigned char skipped)
{
    put(to, BPF_JMP | BPF_JEQ | BPF_K, 0, skipped, call);
}

/* The lower half of an argument, which is all of it where the kernel takes an int. */
static void load_argument(program *to, unsigned index)
{
    size_t low = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : sizeof(uint32_t);

    load(to, offsetof(struct seccomp_data, args) + index * sizeof(uint64_t) + low);
}

/* ---- calls that are allowed whatever their arguments ------------------------------------------------------------- */

static void mark(program *to, const int *calls, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to->verdicts[calls[i]] = ALLOW;
}

#define MARK(to, ...) mark((to), (const int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int))

static void mark_calls(program *to, const hl__sandbox_head *sandbox)
{
    MARK(to, HL__CALLS_ALWAYS);
    if (sandbox->write_len)
        MARK(to, SYS_openat, CALL_OPENAT2, HL__CALLS_WRITING);
    if (sandbox->processes)
        MARK(to, HL__CALLS_PROCESSES);
    if (sandbox->network)
        MARK(to, HL__CALLS_NETWORK);
#ifdef HL__CALL_OPEN_OLD
    MARK(to, HL__CALLS_ALWAYS_OLD);
    if (sandbox->write_len)
        MARK(to, HL__CALL_OPEN_OLD, HL__CALLS_WRITING_OLD);
    if (sandbox->processes)
        MARK(to, HL__CALLS_PROCESSES_OLD);
#endif
}

/* ---- calls whose argument is asked ------------------------------------------------------------------------------- */

static void allow_values(program *to, int call, unsigned argument, const uint32_t *values, size_t len)
{
    to->verdicts[call] = ASK;
    when_call(to, (uint32_t)call, (unsigned char)(2 * len + 2));
    load_argument(to, argument);
    for (size_t i = 0; i < len; i++) {
        put(to, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, values[i]);
        give(to, SECCOMP_RET_ALLOW);
    }
    deny(to, EPERM);
}

#define ALLOW_VALUES(to, call, argument, ...)                                                                          \
    allow_values((to), (call), (argument), (const uint32_t[]){__VA_ARGS__},                                            \
                 sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void allow_without_bits(program *to, int call, unsigned argument, uint32_t bits)
{
    to->verdicts[call] = ASK;
    when_call(to, (uint32_t)call, 4);
    load_argument(to, argument);
    put(to, BPF_JMP | BPF_JSET | BPF_K, 0, 1, bits);
    deny(to, EPERM);
    give(to, SECCOMP_RET_ALLOW);
}

/* Signals to itself only, so that abort and raise work. Its death signal, limits of another process, tracing: not at
 * all. */
static void ask_processes(program *to, const hl__sandbox_head *sandbox)
{
    uint32_t own = (uint32_t)getpid();

    ALLOW_VALUES(to, SYS_kill, 0, own);
    ALLOW_VALUES(to, SYS_tgkill, 0, own);
    ALLOW_VALUES(to, SYS_prlimit64, 0, 0);
    ALLOW_VALUES(to, SYS_prctl, 0, PR_SET_NAME, PR_GET_NAME, PR_SET_VMA_NUMBER);
    if (sandbox->processes)
        allow_without_bits(to, SYS_clone, 0, NAMESPACES);
}

/* No owner and no signal of a descriptor: by them the kernel would signal others. */
static void ask_descriptors(program *to, const hl__sandbox_head *sandbox)
{
    ALLOW_VALUES(to, SYS_fcntl, 1, F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK,
                 F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_GET_SEALS);
    ALLOW_VALUES(to, SYS_ioctl, 1, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TCGETS, TIOCGWINSZ);
    if (sandbox->network) {
        ALLOW_VALUES(to, SYS_socket, 0, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK);
        ALLOW_VALUES(to, SYS_socketpair, 0, AF_UNIX);
    }
    if (sandbox->write_len)
        return;
    allow_without_bits(to, SYS_openat, 2, WRITES);
#ifdef HL__CALL_OPEN_OLD
    allow_without_bits(to, HL__CALL_OPEN_OLD, 1, WRITES);
#endif
}

/* ---- the program ------------------------------------------------------------------------------------------------- */

static void check_architecture(program *to)
{
    load(to, offsetof(struct seccomp_data, arch));
    put(to, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, HL__SECCOMP_ARCHITECTURE);
    give(to, SECCOMP_RET_KILL_PROCESS);
    load(to, offsetof(struct seccomp_data, nr));
    put(to, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_CALLS);
    give(to, SECCOMP_RET_KILL_PROCESS);
}

/* clone3 and openat2 hide their flags behind a pointer: the C library takes the older ones then. */
static void find_runs(program *to)
{
    to->verdicts[CALLS_END] = UNKNOWN;
    to->verdicts[CALL_CLONE3] = UNKNOWN;
    if (to->verdicts[CALL_OPENAT2] == REFUSE)
        to->verdicts[CALL_OPENAT2] = UNKNOWN;
    for (uint32_t i = 0; i <= CALLS_END; i++)
        if (i == 0 || to->verdicts[i] != to->verdicts[i - 1])
            to->runs[to->runs_len++] = (run){i, (verdict)to->verdicts[i]};
}

static void put_verdict(program *to, verdict verdict)
{
    if (verdict == ALLOW)
        give(to, SECCOMP_RET_ALLOW);
    else if (verdict == ASK)
        put(to, BPF_JMP | BPF_JA, 0, 0, 0); /* to the questions behind the tree; set when that is done */
    else
        deny(to, verdict == UNKNOWN ? ENOSYS : EPERM);
}

/* A tree and no list: the kernel tries the program with every call's number when it is installed, and keeps what is
 * always allowed. It is done four times sooner. */
static void put_tree(program *to, size_t first, size_t end)
{
    size_t middle = first + (end - first) / 2;
    unsigned short at = to->len;

    if (end - first == 1) {
        put_verdict(to, to->runs[first].verdict);
        return;
    }
    put(to, BPF_JMP | BPF_JGE | BPF_K, 0, 0, to->runs[middle].first);
    put_tree(to, first, middle);
    if (to->len - at - 1 > JUMP_MOST)
        to->len = PROGRAM_MAX;
    else
        to->code[at].jt = (unsigned char)(to->len - at - 1);
    put_tree(to, middle, end);
}

/* The questions are written first, as they mark their calls, and moved behind the tree. */
static void write_program(program *to, const hl__sandbox_head *sandbox)
{
    static program questions;

    mark_calls(&questions, sandbox);
    ask_processes(&questions, sandbox);
    ask_descriptors(&questions, sandbox);
    find_runs(&questions);
    memcpy(to->runs, questions.runs, sizeof(to->runs));
    to->runs_len = questions.runs_len;
    check_architecture(to);
    put_tree(to, 0, to->runs_len);
    for (unsigned short i = 0; i < to->len; i++)
        if (to->code[i].code == (BPF_JMP | BPF_JA))
            to->code[i].k = to->len - i - 1u;
    for (unsigned short i = 0; i < questions.len; i++)
        put(to, questions.code[i].code, questions.code[i].jt, questions.code[i].jf, questions.code[i].k);
    deny(to, EPERM);
}

/* For threads that were started already too: a sanitizer has some. */
int hl__seccomp_apply(const hl__sandbox_head *sandbox)
{
    static program program;
    struct sock_fprog filter = {0, program.code};

    write_program(&program, sandbox);
    filter.len = program.len;
    return program.len < PROGRAM_MAX &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0;
}

bool hl__seccomp_known(void)
{
    uint32_t action = SECCOMP_RET_ERRNO;

    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

#else

int hl__seccomp_apply(const hl__sandbox_head *sandbox)
{
    (void)sandbox;
    return 0;
}

bool hl__seccomp_known(void)
{
    return false;
}

#endif
