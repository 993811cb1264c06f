/* The seccomp filter of a worker: an allow-list, written as BPF for the processor that it runs on. What is not in it is an
 * error of the call (EPERM), so that a plugin that tries can still say so; what is newer than this list, ENOSYS, which
 * libraries know to get around. Called by sandbox_worker.c; sandbox.c asks what the kernel has. Links libc only. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/sandbox_plan.h"
#include "worker/seccomp_calls.h"

#ifdef HL__SECCOMP_ARCHITECTURE

#define PROGRAM_MAX 1024
#define NEWEST_CALL 450       /* what has a greater number is newer than this list */
#define X32_CALLS 0x40000000u /* x86-64: the same calls with 32-bit pointers; no such number exists elsewhere */
#define CALL_CLONE3 435
#define CALL_OPENAT2 437
#define PR_SET_VMA_NUMBER 0x53564d41
#define NAMESPACES 0x7e020080u /* CLONE_NEW* of clone */
#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

typedef struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short len;
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

/* ---- rules ------------------------------------------------------------------------------------------------------- */

static void allow_calls(program *to, const int *calls, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        when_call(to, (uint32_t)calls[i], 1);
        give(to, SECCOMP_RET_ALLOW);
    }
}

#define ALLOW(to, ...) allow_calls((to), (const int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int))

static void allow_values(program *to, int call, unsigned argument, const uint32_t *values, size_t len)
{
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
    when_call(to, (uint32_t)call, 4);
    load_argument(to, argument);
    put(to, BPF_JMP | BPF_JSET | BPF_K, 0, 1, bits);
    deny(to, EPERM);
    give(to, SECCOMP_RET_ALLOW);
}

static void answer(program *to, int call, uint32_t error)
{
    when_call(to, (uint32_t)call, 1);
    deny(to, error);
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static void check_architecture(program *to)
{
    load(to, offsetof(struct seccomp_data, arch));
    put(to, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, HL__SECCOMP_ARCHITECTURE);
    give(to, SECCOMP_RET_KILL_PROCESS);
    load(to, offsetof(struct seccomp_data, nr));
    put(to, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_CALLS);
    give(to, SECCOMP_RET_KILL_PROCESS);
}

/* Signals to itself only, so that abort and raise work. Its death signal, its name of another process, tracing: not at all. */
static void allow_process(program *to)
{
    uint32_t own = (uint32_t)getpid();

    ALLOW_VALUES(to, SYS_kill, 0, own);
    ALLOW_VALUES(to, SYS_tgkill, 0, own);
    ALLOW_VALUES(to, SYS_prlimit64, 0, 0);
    ALLOW_VALUES(to, SYS_prctl, 0, PR_SET_NAME, PR_GET_NAME, PR_SET_VMA_NUMBER);
}

/* No owner and no signal of a descriptor: by them the kernel would signal others. */
static void allow_descriptors(program *to)
{
    ALLOW_VALUES(to, SYS_fcntl, 1, F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK,
                 F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_GET_SEALS);
    ALLOW_VALUES(to, SYS_ioctl, 1, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TCGETS, TIOCGWINSZ);
}

static void allow_files(program *to, bool writing)
{
    if (writing) {
        ALLOW(to, SYS_openat, CALL_OPENAT2, HL__CALLS_WRITING);
    } else {
        allow_without_bits(to, SYS_openat, 2, WRITES);
        answer(to, CALL_OPENAT2, ENOSYS);
    }
#ifdef HL__CALLS_WRITING_OLD
    if (writing)
        ALLOW(to, HL__CALL_OPEN_OLD, HL__CALLS_WRITING_OLD);
    else
        allow_without_bits(to, HL__CALL_OPEN_OLD, 1, WRITES);
#endif
}

/* clone3 hides its flags behind a pointer: the C library takes clone then. */
static void allow_processes(program *to, bool processes)
{
    answer(to, CALL_CLONE3, ENOSYS);
    if (!processes)
        return;
    allow_without_bits(to, SYS_clone, 0, NAMESPACES);
    ALLOW(to, HL__CALLS_PROCESSES);
#ifdef HL__CALLS_PROCESSES_OLD
    ALLOW(to, HL__CALLS_PROCESSES_OLD);
#endif
}

static void allow_network(program *to)
{
    ALLOW_VALUES(to, SYS_socket, 0, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK);
    ALLOW_VALUES(to, SYS_socketpair, 0, AF_UNIX);
    ALLOW(to, HL__CALLS_NETWORK);
}

static void write_program(program *to, const hl__sandbox_head *sandbox)
{
    check_architecture(to);
    ALLOW(to, HL__CALLS_ALWAYS);
#ifdef HL__CALLS_ALWAYS_OLD
    ALLOW(to, HL__CALLS_ALWAYS_OLD);
#endif
    allow_process(to);
    allow_descriptors(to);
    allow_files(to, sandbox->write_len > 0);
    allow_processes(to, sandbox->processes > 0);
    if (sandbox->network)
        allow_network(to);
    put(to, BPF_JMP | BPF_JGT | BPF_K, 0, 1, NEWEST_CALL);
    deny(to, ENOSYS);
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
