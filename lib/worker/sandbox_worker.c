/* A worker locks itself in. Called by start_worker.c; links libc only. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/sandbox_plan.h"

/* Sanitizers reserve terabytes of addresses: their workers have no limit of address space. And they look for leaks at
 * exit by tracing the process, which the sandbox forbids: their workers do not look. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

#if SANITIZED
HL_API const char *__asan_default_options(void);
HL_API const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

static bool limit(int resource, uint64_t most, const char *name, char *why, size_t why_len)
{
    struct rlimit limits;

    if (getrlimit((__rlimit_resource_t)resource, &limits) != 0)
        limits.rlim_max = RLIM_INFINITY;
    if (limits.rlim_max == RLIM_INFINITY || most < limits.rlim_max)
        limits.rlim_max = most;
    limits.rlim_cur = limits.rlim_max;
    if (setrlimit((__rlimit_resource_t)resource, &limits) == 0)
        return true;
    snprintf(why, why_len, "The limit %s cannot be set in a worker: %s.", name, strerror(errno));
    return false;
}

/* The channel's descriptors lie without a greater gap behind the first ones. */
static uint64_t files_open(void)
{
    uint64_t end = STDERR_FILENO + 1;

    for (uint64_t fd = end; fd < end + 4; fd++)
        if (fcntl((int)fd, F_GETFD) >= 0)
            end = fd + 1;
    return end;
}

/* The kernel counts all processes of the user, so the limit is above all that there are: a bound, though not a close
 * one. */
static uint64_t processes_bound(uint32_t processes)
{
    char text[128] = "";
    unsigned long all = 0;
    int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    const char *slash = len > 0 ? strchr(text, '/') : NULL;

    if (fd >= 0)
        close(fd);
    if (processes == 0 || !slash || sscanf(slash + 1, "%lu", &all) != 1)
        return processes;
    return (uint64_t)all + processes;
}

/* Numbers that no distribution gives to anybody, and no container is mapped to. */
#define OWN_USERS 0x70000000u
#define OWN_USERS_MASK 0x07ffffffu

/* The kernel counts for each real user, and does not count root's. So a worker of a server that runs as root becomes a
 * real user of its own. The effective one stays: files are whose they were. */
static bool take_own_user(void)
{
    uint32_t bits;

    return getrandom(&bits, sizeof(bits), 0) == (ssize_t)sizeof(bits) &&
           setresuid(OWN_USERS | (bits & OWN_USERS_MASK), (uid_t)-1, (uid_t)-1) == 0;
}

/* Threads that are there already: a sanitizer has some. */
static uint64_t threads_now(void)
{
    struct stat info;

    return stat("/proc/self/task", &info) == 0 && info.st_nlink > 2 ? info.st_nlink - 2 : 1;
}

static bool limit_processes(const hl__sandbox_given *given, const hl__sandbox_head *sandbox, uint32_t *reached,
                            char *why, size_t why_len)
{
    bool alone = given->count && getuid() == 0 && take_own_user();

    if (alone || (given->count && getuid() != 0))
        *reached |= HL__SANDBOX_COUNTED;
    else if (given->count && sandbox->require) {
        snprintf(why, why_len, "Nothing counts root's processes in a worker here, and it is required.");
        return false;
    }
    return limit(RLIMIT_NPROC, alone ? threads_now() + sandbox->processes : processes_bound(sandbox->processes),
                 "processes", why, why_len);
}

static bool limit_all(const hl__sandbox_head *sandbox, size_t shared_bytes, char *why, size_t why_len)
{
    signal(SIGXFSZ, SIG_IGN); /* writing too much is an error of write */
    return (SANITIZED || limit(RLIMIT_AS, sandbox->memory_bytes + shared_bytes, "memory_bytes", why, why_len)) &&
           limit(RLIMIT_FSIZE, sandbox->file_bytes, "file_bytes", why, why_len) &&
           limit(RLIMIT_NOFILE, files_open() + sandbox->files, "files", why, why_len) &&
           (!sandbox->cpu_seconds || limit(RLIMIT_CPU, sandbox->cpu_seconds, "cpu_seconds", why, why_len));
}

/* A server that runs as root gives its workers none of root's powers. */
static bool drop_privileges(char *why, size_t why_len)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

    memset(none, 0, sizeof(none));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_capset, &header, none) == 0)
        return true;
    snprintf(why, why_len, "Privileges cannot be given up in a worker: %s.", strerror(errno));
    return false;
}

/* The plan was made by the server, for this very program. */
static hl__sandbox_head head_of(const hl__sandbox_given *given)
{
    hl__sandbox_head head;

    memcpy(&head, given->plan, sizeof(head));
    return head;
}

bool hl__sandbox_begin(const hl__sandbox_given *given, uint32_t *reached, uint32_t *landlock_abi, char *why,
                       size_t why_len)
{
    hl__sandbox_head head = head_of(given);
    const char *paths = (const char *)given->plan + sizeof(head);
    hl__landlock_rules rules = {.read = {paths, head.read_len},
                                .beside = {given->beside, given->beside_len},
                                .write = {paths + head.read_len, head.write_len},
                                .library_fd = given->library_fd,
                                .library_folder = given->library_folder,
                                .network = head.network};
    int landlock;

    if (!limit_all(&head, given->shared_bytes, why, why_len) || !limit_processes(given, &head, reached, why, why_len) ||
        !drop_privileges(why, why_len))
        return false;
    *reached |= HL__SANDBOX_RLIMITS | HL__SANDBOX_NO_NEW_PRIVS;
    landlock = hl__landlock_apply(&rules, landlock_abi, why, why_len);
    if (landlock > 0)
        *reached |= HL__SANDBOX_LANDLOCK;
    return landlock >= 0;
}

void hl__sandbox_close(const hl__sandbox_given *given, uint32_t *reached)
{
    hl__sandbox_head head = head_of(given);

    if (hl__seccomp_apply(&head))
        *reached |= HL__SANDBOX_SECCOMP;
}
