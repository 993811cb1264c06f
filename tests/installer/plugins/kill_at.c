/* Preloaded into a process: counts its calls that change something on a disk, and kills the process before the one
 * whose number is given in HOOKLINE_TEST_KILL_AT. Counting begins with kill_at_begin; other programs that the
 * process starts are left alone. */
#include <dlfcn.h>
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

static unsigned long kill_at, count;
static bool counting; /* atomic */

static __attribute__((constructor)) void begin(void)
{
    const char *number = getenv("HOOKLINE_TEST_KILL_AT");

    kill_at = number ? strtoul(number, NULL, 10) : 0;
    unsetenv("HOOKLINE_TEST_KILL_AT");
    unsetenv("LD_PRELOAD");
}

EXPORT void kill_at_begin(void)
{
    __atomic_store_n(&counting, true, __ATOMIC_RELEASE);
}

EXPORT unsigned long kill_at_end(void)
{
    __atomic_store_n(&counting, false, __ATOMIC_RELEASE);
    return __atomic_load_n(&count, __ATOMIC_ACQUIRE);
}

static void step(void)
{
    if (__atomic_load_n(&counting, __ATOMIC_ACQUIRE) && __atomic_add_fetch(&count, 1, __ATOMIC_ACQ_REL) == kill_at) {
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
}

/* Sockets, pipes and the like are no disk. */
static void step_of(int fd)
{
    struct stat about;

    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode))
        step();
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

#define CALL(result, name, parameters, arguments, before)                                                              \
    EXPORT result name parameters                                                                                      \
    {                                                                                                                  \
        static result(*real) parameters;                                                                               \
        if (!real)                                                                                                     \
            *(void **)&real = next(#name);                                                                             \
        before;                                                                                                        \
        return real arguments;                                                                                         \
    }

CALL(ssize_t, write, (int fd, const void *bytes, size_t len), (fd, bytes, len), step_of(fd))
CALL(ssize_t, pwrite, (int fd, const void *bytes, size_t len, off_t at), (fd, bytes, len, at), step_of(fd))
CALL(ssize_t, pwrite64, (int fd, const void *bytes, size_t len, off64_t at), (fd, bytes, len, at), step_of(fd))
CALL(ssize_t, writev, (int fd, const struct iovec *parts, int len), (fd, parts, len), step_of(fd))
CALL(ssize_t, pwritev, (int fd, const struct iovec *parts, int len, off_t at), (fd, parts, len, at), step_of(fd))
CALL(int, fsync, (int fd), (fd), step())
CALL(int, fdatasync, (int fd), (fd), step_of(fd))
CALL(int, msync, (void *at, size_t len, int flags), (at, len, flags), step())
CALL(int, ftruncate, (int fd, off_t len), (fd, len), step())
CALL(int, ftruncate64, (int fd, off64_t len), (fd, len), step())
CALL(int, fallocate, (int fd, int mode, off_t at, off_t len), (fd, mode, at, len), step())
CALL(int, posix_fallocate, (int fd, off_t at, off_t len), (fd, at, len), step())
CALL(int, rename, (const char *from, const char *to), (from, to), step())
CALL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), step())
CALL(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags), step())
CALL(int, link, (const char *from, const char *to), (from, to), step())
CALL(int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), step())
CALL(int, symlink, (const char *from, const char *to), (from, to), step())
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), step())
CALL(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode), step())
CALL(char *, mkdtemp, (char *path), (path), step())
CALL(int, mkostemp, (char *path, int flags), (path, flags), step())
CALL(int, unlink, (const char *path), (path), step())
CALL(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags), step())
CALL(int, rmdir, (const char *path), (path), step())
CALL(int, chmod, (const char *path, mode_t mode), (path, mode), step())
CALL(int, fchmod, (int fd, mode_t mode), (fd, mode), step())
CALL(int, fchmodat, (int fd, const char *path, mode_t mode, int flags), (fd, path, mode, flags), step())

/* The mode is there only when something may be made. */
#define TAKE_MODE(flags)                                                                                               \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                             \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode = (mode_t)va_arg(rest, int);                                                                              \
        va_end(rest);                                                                                                  \
    }                                                                                                                  \
    if ((flags) & (O_CREAT | O_TRUNC))                                                                                 \
        step();

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
