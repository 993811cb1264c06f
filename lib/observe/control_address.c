/* Addresses of control sockets. See control_address.h. */
#include "observe/control_address.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void hl__control_address(int directory, const char *name, struct sockaddr_un *out)
{
    memset(out, 0, sizeof(*out));
    out->sun_family = AF_UNIX;
    snprintf(out->sun_path, sizeof(out->sun_path), "/proc/self/fd/%d/%.64s", directory, name);
}

static bool is_listener_gone(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid > 0 && kill(peer.pid, 0) != 0 &&
           errno == ESRCH;
}

int hl__control_connect(int directory, const char *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address;
    int error;

    if (fd < 0)
        return -1;
    hl__control_address(directory, name, &address);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        error = errno;
    else
        error = is_listener_gone(fd) ? ESRCH : 0;
    if (!error)
        return fd;
    close(fd);
    errno = error;
    return -1;
}
