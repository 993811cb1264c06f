/* A compiler program that has gone mad: $BABBLE says how it answers. For tests of what the client believes. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jit/wire.h"

static int file_of(const void *bytes, size_t len)
{
    int fd = memfd_create("babble", MFD_CLOEXEC);

    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
        exit(9);
    return fd;
}

static void answer(const void *bytes, size_t len, const int *fds, size_t fds_len)
{
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    union {
        char bytes[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    memset(&control, 0, sizeof(control));
    if (fds_len) {
        control.align.cmsg_len = CMSG_LEN(fds_len * sizeof(int));
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.align), fds, fds_len * sizeof(int));
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(fds_len * sizeof(int));
    }
    sendmsg(HL__WIRE_SOCKET, &message, MSG_NOSIGNAL);
}

static void answer_object(hl__wire_reply *reply, int fd)
{
    const int fds[] = {fd, fd, fd, fd};

    answer(reply, sizeof(*reply), fds, getenv("BABBLE_MANY") ? 4 : 1);
}

int main(void)
{
    const char *how = getenv("BABBLE");
    hl__wire_request request;
    hl__wire_reply reply = {.magic = HL__WIRE_MAGIC, .outcome = HL__WIRE_OBJECT};

    if (!how || recv(HL__WIRE_SOCKET, &request, sizeof(request), 0) != sizeof(request))
        return 8;
    reply.batch = request.batch;
    if (!strcmp(how, "short"))
        answer("nonsense", 8, NULL, 0);
    else if (!strcmp(how, "no object"))
        answer(&reply, sizeof(reply), NULL, 0);
    else if (!strcmp(how, "other batch"))
        reply.batch += 7, answer_object(&reply, file_of("x", 1));
    else if (!strcmp(how, "endless text"))
        reply.outcome = HL__WIRE_FAILED, memset(reply.text, 'x', sizeof(reply.text)),
        answer(&reply, sizeof(reply), NULL, 0);
    else if (!strcmp(how, "device"))
        answer_object(&reply, open("/dev/zero", O_RDONLY | O_CLOEXEC));
    else if (!strcmp(how, "empty"))
        answer_object(&reply, file_of("", 0));
    else
        answer_object(&reply, file_of("\177ELF nonsense that is longer than a header of an ELF file must be.....", 70));
    pause();
    return 0;
}
