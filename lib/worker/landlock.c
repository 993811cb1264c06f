/* Landlock: the paths that a worker may use, by raw system calls. The numbers are the kernel's; headers may be older
 * than it. Called by sandbox_worker.c, and by sandbox.c for what the kernel has; links libc only. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/sandbox_plan.h"

/* The same numbers on every processor. */
#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446
#define VERSION (1u << 0) /* flag of CREATE_RULESET */
#define PATH_BENEATH 1

#define EXECUTE (UINT64_C(1) << 0)
#define WRITE_FILE (UINT64_C(1) << 1)
#define READ_FILE (UINT64_C(1) << 2)
#define READ_DIR (UINT64_C(1) << 3)
#define MAKE_CHAR (UINT64_C(1) << 6)
#define MAKE_BLOCK (UINT64_C(1) << 11)
#define REFER (UINT64_C(1) << 13)     /* from version 2 on */
#define TRUNCATE (UINT64_C(1) << 14)  /* 3 */
#define IOCTL_DEV (UINT64_C(1) << 15) /* 5 */
#define ALL_1 ((UINT64_C(1) << 13) - 1)

#define BIND_TCP (UINT64_C(1) << 0)       /* 4 */
#define CONNECT_TCP (UINT64_C(1) << 1)    /* 4 */
#define SCOPE_ABSTRACT (UINT64_C(1) << 0) /* 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)   /* 6 */

#define READING (EXECUTE | READ_FILE | READ_DIR)
#define OF_FILES (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV)

/* Older kernels take the longer form as long as what they do not know is 0. */
typedef struct ruleset {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
} ruleset;

typedef struct __attribute__((packed)) beneath {
    uint64_t allowed;
    int32_t fd;
} beneath;

/* What libraries and the C library read on their own. What is not there is left out. */
static const char *const system_paths[] = {
    "/usr/lib",       "/lib",      "/usr/lib64",  "/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/usr/share/zoneinfo",
    "/etc/localtime", "/dev/null", "/dev/urandom"};

typedef struct building {
    int fd;
    uint64_t handled;
    char *why;
    size_t why_len;
} building;

uint32_t hl__landlock_abi(void)
{
    long abi = syscall(CREATE_RULESET, NULL, 0, VERSION);

    return abi > 0 ? (uint32_t)abi : 0;
}

static ruleset ruleset_of(uint32_t abi, bool network)
{
    ruleset set = {ALL_1, 0, 0};

    if (abi >= 2)
        set.fs |= REFER;
    if (abi >= 3)
        set.fs |= TRUNCATE;
    if (abi >= 5)
        set.fs |= IOCTL_DEV;
    if (abi >= 4 && !network)
        set.net = BIND_TCP | CONNECT_TCP;
    if (abi >= 6)
        set.scoped = SCOPE_SIGNAL | (network ? 0 : SCOPE_ABSTRACT);
    return set;
}

static bool fail(const building *at, const char *path)
{
    snprintf(at->why, at->why_len, "A worker cannot be limited to %s: %s.", path, strerror(errno));
    return false;
}

/* Memory files have no place in the file system, and are not limited. */
static bool allow_fd(const building *at, int fd, uint64_t allowed)
{
    struct stat info;
    beneath rule = {allowed & at->handled, fd};

    if (fstat(fd, &info) != 0)
        return false;
    if (!S_ISDIR(info.st_mode))
        rule.allowed &= OF_FILES;
    return syscall(ADD_RULE, at->fd, PATH_BENEATH, &rule, 0) == 0 || errno == EBADFD;
}

static bool allow_path(const building *at, const char *path, uint64_t allowed)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    bool done;

    if (fd < 0)
        return false;
    done = allow_fd(at, fd, allowed);
    close(fd);
    return done;
}

static bool allow_system(const building *at)
{
    for (size_t i = 0; i < sizeof(system_paths) / sizeof(system_paths[0]); i++)
        if (!allow_path(at, system_paths[i], READING) && errno != ENOENT && errno != EACCES && errno != ENOTDIR)
            return fail(at, system_paths[i]);
    return true;
}

static bool allow_paths(const building *at, const hl__paths *paths, uint64_t allowed)
{
    for (size_t i = 0; i < paths->len; i += strlen(paths->bytes + i) + 1)
        if (!allow_path(at, paths->bytes + i, allowed))
            return fail(at, paths->bytes + i);
    return true;
}

/* The folder of a file in memory is none. */
static bool allow_folder_of(const building *at, const char *file)
{
    char path[PATH_MAX];
    const char *slash = strrchr(file, '/');

    if (!slash || slash == file)
        return true;
    snprintf(path, sizeof(path), "%.*s", (int)(slash - file), file);
    return allow_path(at, path, READ_FILE) || errno == ENOENT || fail(at, path);
}

static bool allow_library_folder(const building *at, int library_fd)
{
    char link[40];
    char path[PATH_MAX];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", library_fd);
    len = readlink(link, path, sizeof(path) - 1);
    if (len <= 0)
        return fail(at, link);
    path[len] = '\0';
    return allow_folder_of(at, path);
}

/* They may need others that lie beside them. */
static bool allow_besides(const building *at, const hl__paths *paths)
{
    for (size_t i = 0; i < paths->len; i += strlen(paths->bytes + i) + 1)
        if (!allow_folder_of(at, paths->bytes + i))
            return false;
    return true;
}

static bool allow_all(const building *at, const hl__landlock_rules *rules)
{
    if (!allow_fd(at, rules->library_fd, READ_FILE))
        return fail(at, "the library");
    return allow_system(at) && (!rules->library_folder || allow_library_folder(at, rules->library_fd)) &&
           allow_besides(at, &rules->beside) && allow_paths(at, &rules->read, READING) &&
           allow_paths(at, &rules->write, at->handled & ~(MAKE_CHAR | MAKE_BLOCK));
}

int hl__landlock_apply(const hl__landlock_rules *rules, uint32_t *abi, char *why, size_t why_len)
{
    ruleset set;
    building at = {-1, 0, why, why_len};
    bool done;

    *abi = hl__landlock_abi();
    if (*abi == 0)
        return 0;
    set = ruleset_of(*abi, rules->network);
    at.handled = set.fs;
    at.fd = (int)syscall(CREATE_RULESET, &set, sizeof(set), 0);
    if (at.fd < 0)
        return fail(&at, "paths") ? 1 : -1;
    done = allow_all(&at, rules);
    if (done && syscall(RESTRICT_SELF, at.fd, 0) != 0)
        done = fail(&at, "paths");
    close(at.fd);
    return done ? 1 : -1;
}
