/* Preloaded into a process: once HOOKLINE_TEST_KILL_AFTER_META is set in its environment it is killed right after LMDB
 * has written the page that makes a transaction the newest one, before it can tell anybody. */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>

#define META_PAGES_END 8192

typedef ssize_t pwrite_fn(int fd, const void *bytes, size_t len, off_t at);

static ssize_t write_and_die(const char *name, int fd, const void *bytes, size_t len, off_t at)
{
    pwrite_fn *real = (pwrite_fn *)dlsym(RTLD_NEXT, name);
    ssize_t written = real(fd, bytes, len, at);

    if (at < META_PAGES_END && getenv("HOOKLINE_TEST_KILL_AFTER_META"))
        raise(SIGKILL);
    return written;
}

__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return write_and_die("pwrite", fd, bytes, len, at);
}

__attribute__((visibility("default"))) ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
    return write_and_die("pwrite64", fd, bytes, len, at);
}
