/* A system call filter for compilers; see sandbox_run.h. It names what is forbidden, not what is allowed: which calls
 * compilers make changes with their versions. Linked into hookline-sandbox only. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "module/sandbox_run.h"

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define OWN_ARCHITECTURE 0
#endif

#define NAMESPACES                                                                                                     \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define X32_CALLS 0x40000000 /* the x32 system calls of x86-64 begin here */
#define INSTRUCTIONS_MAX 128

static const uint16_t forbidden[] = {
    SYS_setsid,
    SYS_setpgid,
    SYS_socket,
    SYS_socketpair,
    SYS_ptrace,
    SYS_unshare,
    SYS_setns,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_open_by_handle_at,
    SYS_io_uring_setup,
    SYS_pidfd_getfd,
};

typedef struct program {
    struct sock_filter rows[INSTRUCTIONS_MAX];
    uint16_t len;
} program;

static void add(program *program, uint16_t code, uint8_t if_true, uint8_t if_false, uint32_t value)
{
    program->rows[program->len++] = (struct sock_filter){code, if_true, if_false, value};
}

static void load(program *program, uint32_t offset)
{
    add(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

static void answer(program *program, uint32_t value)
{
    add(program, BPF_RET | BPF_K, 0, 0, value);
}

static void write_program(program *program)
{
    load(program, offsetof(struct seccomp_data, arch));
    add(program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, OWN_ARCHITECTURE);
    answer(program, SECCOMP_RET_KILL_PROCESS);
    load(program, offsetof(struct seccomp_data, nr));
    add(program, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_CALLS);
    answer(program, SECCOMP_RET_KILL_PROCESS);
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
        add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, forbidden[i]);
        answer(program, SECCOMP_RET_ERRNO | EPERM);
    }
    /* Filters cannot look into clone3's struct; without it the C library uses clone. */
    add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_clone3);
    answer(program, SECCOMP_RET_ERRNO | ENOSYS);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, SYS_clone);
    load(program, offsetof(struct seccomp_data, args[0]));
    add(program, BPF_JMP | BPF_JSET | BPF_K, 0, 1, NAMESPACES);
    answer(program, SECCOMP_RET_ERRNO | EPERM);
    answer(program, SECCOMP_RET_ALLOW);
}

bool hl__sandbox_filter(void)
{
    program program = {.len = 0};
    struct sock_fprog installed;

    if (!OWN_ARCHITECTURE)
        return true;
    write_program(&program);
    installed = (struct sock_fprog){program.len, program.rows};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return false;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &installed) == 0 || errno == EINVAL;
}
