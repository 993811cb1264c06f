/* Memory files: made within the process's limits, written in full. */
#include "jit/memfile.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/* Going over a limit on file sizes would end the process by SIGXFSZ. */
static bool may_have(size_t bytes)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= bytes);
}

/* Kernels before 6.3 know no MFD_EXEC and make every memory file executable. */
static int create(const char *name, bool executable)
{
    int fd = memfd_create(name, MFD_CLOEXEC | (executable ? MFD_EXEC : 0));

    if (fd < 0 && errno == EINVAL && executable)
        fd = memfd_create(name, MFD_CLOEXEC);
    return fd;
}

int hl__memfile_new(const char *name, size_t bytes, bool executable)
{
    int fd;
    int error;

    if (!may_have(bytes)) {
        errno = EFBIG;
        return -1;
    }
    fd = create(name, executable);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

int hl__memfile_write(int fd, const void *bytes, size_t len, size_t at)
{
    const char *from = bytes;

    while (len) {
        ssize_t written = pwrite(fd, from, len, (off_t)at);

        if (written < 0 && errno != EINTR)
            return errno;
        if (written > 0) {
            from += written;
            len -= (size_t)written;
            at += (size_t)written;
        }
    }
    return 0;
}
