/* Preloaded into a process: counts its calls that change something on a disk. The one whose number is given in
 * HOOKLINE_TEST_FAULT_AT meets a fault: before it the process is killed, or, where HOOKLINE_TEST_FAULT_ERROR has an
 * error number, it and all that follow fail with that. With ENOSPC those do that need room. Counting begins with
 * fault_begin; other programs that the process starts are left alone. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* What a call needs of the disk. */
typedef enum need { CHANGE, ROOM } need;

static unsigned long fault_at, count;
static int fault_error;
static bool counting; /* atomic */

static unsigned long take_number(const char *name)
{
    const char *number = getenv(name);
    unsigned long out = number ? strtoul(number, NULL, 10) : 0;

    unsetenv(name);
    return out;
}

static __attribute__((constructor)) void begin(void)
{
    fault_at = take_number("HOOKLINE_TEST_FAULT_AT");
    fault_error = (int)take_number("HOOKLINE_TEST_FAULT_ERROR");
    unsetenv("LD_PRELOAD");
}

EXPORT void fault_begin(void)
{
    __atomic_store_n(&counting, true, __ATOMIC_RELEASE);
}

/* A disk that is full stays so until the process has ended. */
EXPORT unsigned long fault_end(void)
{
    __atomic_store_n(&counting, fault_error != 0, __ATOMIC_RELEASE);
    return __atomic_load_n(&count, __ATOMIC_ACQUIRE);
}

static void end_process(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Whether the call has to fail. */
static bool meets(need need)
{
    unsigned long number;

    if (!__atomic_load_n(&counting, __ATOMIC_ACQUIRE))
        return false;
    number = __atomic_add_fetch(&count, 1, __ATOMIC_ACQ_REL);
    if (!fault_at || number < fault_at)
        return false;
    if (!fault_error && number == fault_at)
        end_process();
    if (!fault_error || (fault_error == ENOSPC && need != ROOM))
        return false;
    errno = fault_error;
    return true;
}

/* Sockets, pipes and the like are no disk. */
static bool file_meets(int fd, need need)
{
    struct stat about;

    return fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && meets(need);
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

#define CALL(result, name, parameters, arguments, fails, failure)                                                      \
    EXPORT result name parameters                                                                                      \
    {                                                                                                                  \
        static result(*real) parameters;                                                                               \
        if (!real)                                                                                                     \
            *(void **)&real = next(#name);                                                                             \
        if (fails)                                                                                                     \
            return failure;                                                                                            \
        return real arguments;                                                                                         \
    }

CALL(ssize_t, write, (int fd, const void *bytes, size_t len), (fd, bytes, len), file_meets(fd, ROOM), -1)
CALL(ssize_t, pwrite, (int fd, const void *bytes, size_t len, off_t at), (fd, bytes, len, at), file_meets(fd, ROOM), -1)
CALL(ssize_t, pwrite64, (int fd, const void *bytes, size_t len, off64_t at), (fd, bytes, len, at), file_meets(fd, ROOM),
     -1)
CALL(ssize_t, writev, (int fd, const struct iovec *parts, int len), (fd, parts, len), file_meets(fd, ROOM), -1)
CALL(ssize_t, pwritev, (int fd, const struct iovec *parts, int len, off_t at), (fd, parts, len, at),
     file_meets(fd, ROOM), -1)
CALL(int, fsync, (int fd), (fd), meets(CHANGE), -1)
CALL(int, fdatasync, (int fd), (fd), file_meets(fd, CHANGE), -1)
CALL(int, msync, (void *at, size_t len, int flags), (at, len, flags), meets(CHANGE), -1)
CALL(int, ftruncate, (int fd, off_t len), (fd, len), meets(ROOM), -1)
CALL(int, ftruncate64, (int fd, off64_t len), (fd, len), meets(ROOM), -1)
CALL(int, fallocate, (int fd, int mode, off_t at, off_t len), (fd, mode, at, len), meets(ROOM), -1)
CALL(int, posix_fallocate, (int fd, off_t at, off_t len), (fd, at, len), meets(ROOM), errno)
CALL(int, rename, (const char *from, const char *to), (from, to), meets(CHANGE), -1)
CALL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), meets(CHANGE), -1)
CALL(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags),
     meets(CHANGE), -1)
CALL(int, link, (const char *from, const char *to), (from, to), meets(ROOM), -1)
CALL(int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), meets(ROOM), -1)
CALL(int, symlink, (const char *from, const char *to), (from, to), meets(ROOM), -1)
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), meets(ROOM), -1)
CALL(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode), meets(ROOM), -1)
CALL(char *, mkdtemp, (char *path), (path), meets(ROOM), NULL)
CALL(int, mkostemp, (char *path, int flags), (path, flags), meets(ROOM), -1)
CALL(int, unlink, (const char *path), (path), meets(CHANGE), -1)
CALL(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags), meets(CHANGE), -1)
CALL(int, rmdir, (const char *path), (path), meets(CHANGE), -1)
CALL(int, chmod, (const char *path, mode_t mode), (path, mode), meets(CHANGE), -1)
CALL(int, fchmod, (int fd, mode_t mode), (fd, mode), meets(CHANGE), -1)
CALL(int, fchmodat, (int fd, const char *path, mode_t mode, int flags), (fd, path, mode, flags), meets(CHANGE), -1)

/* The mode is there only when something may be made. */
#define TAKE_MODE(flags)                                                                                               \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                             \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode = (mode_t)va_arg(rest, int);                                                                              \
        va_end(rest);                                                                                                  \
    }                                                                                                                  \
    if (((flags) & (O_CREAT | O_TRUNC)) && meets((flags)&O_CREAT ? ROOM : CHANGE))                                     \
        return -1;

#define OPEN(name)                                                                                                     \
    EXPORT int name(const char *path, int flags, ...)                                                                  \
    {                                                                                                                  \
        static int (*real)(const char *, int, ...);                                                                    \
        TAKE_MODE(flags)                                                                                               \
        if (!real)                                                                                                     \
            *(void **)&real = next(#name);                                                                             \
        return real(path, flags, mode);                                                                                \
    }

#define OPENAT(name)                                                                                                   \
    EXPORT int name(int fd, const char *path, int flags, ...)                                                          \
    {                                                                                                                  \
        static int (*real)(int, const char *, int, ...);                                                               \
        TAKE_MODE(flags)                                                                                               \
        if (!real)                                                                                                     \
            *(void **)&real = next(#name);                                                                             \
        return real(fd, path, flags, mode);                                                                            \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
