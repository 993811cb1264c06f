/* The compiler program as a process. */
#include "jit/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/error.h"

static hl_status cannot_start(const char *program, int error)
{
    if (error == ENOENT)
        return hl__fail(HL_ERR_COMPILE, "compile", "jit_program",
                        "there is no hookline-jit at %s; install it, or say where it is with HOOKLINE_JIT", program);
    return hl__fail_errno(HL_ERR_COMPILE, error, "compile", "jit_program", "%s cannot be started", program);
}

/* In append mode it can be emptied while the helper lives. */
static int new_errors_file(void)
{
    int fd = memfd_create("hookline-jit-errors", MFD_CLOEXEC);

    if (fd >= 0)
        fcntl(fd, F_SETFL, O_APPEND);
    return fd;
}

static int spawn(const char *program, unsigned limit_s, int helper_end, hl__helper *helper)
{
    char parent[16];
    char limit[16];
    const char *const argv[] = {"hookline-jit", parent, helper->scratch.path, limit, NULL};
    const int fds[] = {helper_end, helper->scratch.fd};
    hl__child_spec spec = {.program = program, .argv = argv, .output = helper->errors, .fds = fds, .fds_len = 2};

    snprintf(parent, sizeof(parent), "%d", (int)getpid());
    snprintf(limit, sizeof(limit), "%u", limit_s);
    return hl__child_spawn(&spec, &helper->child);
}

hl_status hl__helper_start(const char *program, unsigned limit_s, hl__helper *out)
{
    hl__helper helper = HL__HELPER_NONE;
    int ends[2] = {-1, -1};
    int error = 0;
    hl_status status = hl__scratch_new(&helper.scratch);

    if (status != HL_OK)
        return status;
    helper.errors = new_errors_file();
    if (helper.errors < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        error = errno;
    helper.socket = ends[0];
    if (!error)
        error = spawn(program, limit_s, ends[1], &helper);
    if (ends[1] >= 0)
        close(ends[1]);
    if (error) {
        hl__helper_end(&helper);
        return cannot_start(program, error);
    }
    *out = helper;
    return HL_OK;
}

hl_status hl__helper_send(hl__helper *helper, const hl__wire_request *request, int batch_fd)
{
    struct iovec part = {(void *)request, sizeof(*request)};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.align = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};

    memcpy(CMSG_DATA(&control.align), &batch_fd, sizeof(batch_fd));
    if (sendmsg(helper->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(*request))
        return HL_OK;
    /* It has died already: hl__helper_receive will see that, and then there is more to say about it. */
    if (errno == EPIPE || errno == ECONNRESET)
        return HL_OK;
    return hl__fail_errno(HL_ERR_COMPILE, errno, "compile", "jit_program", "hookline-jit takes no batch");
}

/* Keeps the first descriptor of a message and closes the others. */
static int take_descriptor(struct msghdr *message)
{
    int kept = -1;

    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= head->cmsg_len; at += sizeof(int)) {
            int fd;

            memcpy(&fd, CMSG_DATA(head) + at, sizeof(fd));
            if (kept < 0)
                kept = fd;
            else
                close(fd);
        }
    }
    return kept;
}

static bool makes_sense(const hl__wire_reply *reply, ssize_t received, int object)
{
    if (received != sizeof(*reply) || reply->magic != HL__WIRE_MAGIC || reply->text[sizeof(reply->text) - 1])
        return false;
    return (reply->outcome == HL__WIRE_OBJECT && object >= 0) || (reply->outcome == HL__WIRE_FAILED && object < 0);
}

hl__heard hl__helper_receive(hl__helper *helper, hl__wire_reply *reply, int *object)
{
    struct iovec part = {reply, sizeof(*reply)};
    union {
        char bytes[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t received = recvmsg(helper->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    *object = -1;
    if (received < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? HL__HEARD_NOTHING : HL__HEARD_END;
    *object = take_descriptor(&message);
    if (makes_sense(reply, received, *object))
        return HL__HEARD_REPLY;
    if (*object >= 0)
        close(*object);
    *object = -1;
    return HL__HEARD_END;
}

void hl__helper_words(hl__helper *helper, char *out, size_t out_len)
{
    off_t end = lseek(helper->errors, 0, SEEK_END);
    off_t from = end > (off_t)out_len - 1 ? end - (off_t)out_len + 1 : 0;
    ssize_t len = pread(helper->errors, out, out_len - 1, from);

    while (len > 0 && (out[len - 1] == '\n' || out[len - 1] == ' '))
        len--;
    for (ssize_t i = 0; i < len; i++)
        if ((unsigned char)out[i] < ' ')
            out[i] = out[i] == '\n' ? ';' : ' ';
    out[len > 0 ? len : 0] = '\0';
    if (ftruncate(helper->errors, 0) < 0)
        out[0] = '\0';
}

hl__child_end hl__helper_end(hl__helper *helper)
{
    hl__child_end end = hl__child_finish(&helper->child);

    if (helper->socket >= 0)
        close(helper->socket);
    if (helper->errors >= 0)
        close(helper->errors);
    hl__scratch_remove(&helper->scratch);
    *helper = (hl__helper)HL__HELPER_NONE;
    return end;
}
