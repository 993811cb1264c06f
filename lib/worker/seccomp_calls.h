/* The system calls that a worker may make, by their numbers in the kernel's headers. Included by seccomp.c only. */
#ifndef HL_WORKER_SECCOMP_CALLS_H
#define HL_WORKER_SECCOMP_CALLS_H

#include <linux/audit.h>
#include <sys/syscall.h>

/* Whatever its arguments: memory, time, threads that are there, descriptors that are open, reading. */
#define HL__CALLS_ALWAYS                                                                                               \
    SYS_read, SYS_write, SYS_ppoll, SYS_futex, SYS_clock_gettime, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap,      \
        SYS_madvise, SYS_brk, SYS_msync, SYS_close, SYS_close_range, SYS_fstat, SYS_newfstatat, SYS_statx,             \
        SYS_faccessat, SYS_faccessat2, SYS_readlinkat, SYS_getdents64, SYS_lseek, SYS_pread64, SYS_readv, SYS_preadv,  \
        SYS_preadv2, SYS_writev, SYS_pwrite64, SYS_pwritev, SYS_pwritev2, SYS_fsync, SYS_fdatasync, SYS_ftruncate,     \
        SYS_fallocate, SYS_flock, SYS_fadvise64, SYS_sendfile, SYS_statfs, SYS_fstatfs, SYS_getcwd, SYS_chdir,         \
        SYS_fchdir, SYS_umask, SYS_dup, SYS_dup3, SYS_pipe2, SYS_eventfd2, SYS_epoll_create1, SYS_epoll_ctl,           \
        SYS_epoll_pwait, SYS_pselect6, SYS_signalfd4, SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime,    \
        SYS_recvfrom, SYS_recvmsg, SYS_sendto, SYS_sendmsg, SYS_getsockopt, SYS_rt_sigaction, SYS_rt_sigprocmask,      \
        SYS_rt_sigreturn, SYS_rt_sigpending, SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_sigaltstack,                  \
        SYS_restart_syscall, SYS_getitimer, SYS_setitimer, SYS_timer_create, SYS_timer_settime, SYS_timer_gettime,     \
        SYS_timer_getoverrun, SYS_timer_delete, SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_getres,                  \
        SYS_gettimeofday, SYS_times, SYS_getrusage, SYS_sysinfo, SYS_uname, SYS_getrandom, SYS_getcpu, SYS_getpid,     \
        SYS_getppid, SYS_gettid, SYS_getpgid, SYS_getsid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid,            \
        SYS_getgroups, SYS_sched_yield, SYS_sched_getaffinity, SYS_getrlimit, SYS_set_robust_list,                     \
        SYS_get_robust_list, SYS_set_tid_address, SYS_rseq, SYS_membarrier, SYS_exit, SYS_exit_group

/* Where the sandbox has paths to write; landlock says which. */
#define HL__CALLS_WRITING                                                                                              \
    SYS_unlinkat, SYS_mkdirat, SYS_renameat, SYS_renameat2, SYS_linkat, SYS_symlinkat, SYS_truncate, SYS_fchmod,       \
        SYS_fchmodat, SYS_utimensat, SYS_copy_file_range, SYS_sync_file_range

#define HL__CALLS_PROCESSES SYS_execve, SYS_execveat, SYS_wait4, SYS_waitid

#define HL__CALLS_NETWORK                                                                                              \
    SYS_connect, SYS_bind, SYS_listen, SYS_accept4, SYS_accept, SYS_getsockname, SYS_getpeername, SYS_setsockopt,      \
        SYS_shutdown, SYS_sendmmsg, SYS_recvmmsg

/* The old names of the same, which newer processors do not have. */
#if defined(__x86_64__)
#define HL__SECCOMP_ARCHITECTURE AUDIT_ARCH_X86_64
#define HL__CALLS_ALWAYS_OLD                                                                                           \
    SYS_poll, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_getdents, SYS_dup2, SYS_pipe, SYS_eventfd,            \
        SYS_epoll_create, SYS_epoll_wait, SYS_select, SYS_signalfd, SYS_pause, SYS_alarm, SYS_time, SYS_getpgrp,       \
        SYS_arch_prctl
#define HL__CALLS_WRITING_OLD                                                                                          \
    SYS_unlink, SYS_rmdir, SYS_mkdir, SYS_rename, SYS_link, SYS_symlink, SYS_chmod, SYS_utimes, SYS_creat
#define HL__CALLS_PROCESSES_OLD SYS_fork, SYS_vfork
#define HL__CALL_OPEN_OLD SYS_open
#elif defined(__aarch64__)
#define HL__SECCOMP_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#endif
