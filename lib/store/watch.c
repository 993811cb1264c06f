/* Notices between the openers of an LMDB store, through inotify on the file "notify" in its directory. */
#include "store/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "core/error.h"

static bool join_epoll(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* -1 where the system has no instance left or there is no such file: the regular look has to do then. */
static int watch_file(const char *directory)
{
    char path[PATH_MAX + 16];
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    if (fd < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/notify", directory);
    if (inotify_add_watch(fd, path, IN_MODIFY) >= 0)
        return fd;
    close(fd);
    return -1;
}

hl_status hl__watch_open(hl__opener *opener)
{
    opener->inotify_fd = watch_file(opener->env->directory);
    opener->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    opener->watch_fd = epoll_create1(EPOLL_CLOEXEC);
    if (opener->wake_fd < 0 || opener->watch_fd < 0 || !join_epoll(opener->watch_fd, opener->wake_fd) ||
        (opener->inotify_fd >= 0 && !join_epoll(opener->watch_fd, opener->inotify_fd)))
        return hl__fail_errno(HL_ERR_SYSTEM, errno, "open", "store",
                              "The store in %s cannot be watched; raise the limit of open files.",
                              opener->env->directory);
    return HL_OK;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void hl__watch_close(hl__opener *opener)
{
    close_fd(&opener->watch_fd);
    close_fd(&opener->inotify_fd);
    close_fd(&opener->wake_fd);
}

void hl__watch_drain(hl__opener *opener)
{
    char events[1024];
    uint64_t count;

    while (opener->inotify_fd >= 0 && read(opener->inotify_fd, events, sizeof(events)) == (ssize_t)sizeof(events))
        continue;
    if (read(opener->wake_fd, &count, sizeof(count)) < 0)
        return; /* nobody woke it */
}

void hl__watch_wake(hl__opener *opener)
{
    uint64_t one = 1;
    if (write(opener->wake_fd, &one, sizeof(one)) < 0)
        return; /* full: it is awake already */
}

void hl__watch_tell(const hl__env *env)
{
    /* A notice that is lost is made up for by the regular look. */
    if (env->notify_fd >= 0 && pwrite(env->notify_fd, "1", 1, 0) < 0)
        return;
}
