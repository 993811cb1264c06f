/* hookline-jit: compiles batches of chains for one server, and ends with it.
 *
 * Started by jit/helper.c with the server's process number, its temporary folder and a limit in seconds. Descriptor 3
 * is the socket, 4 the folder. It may crash, hang or be ended by libgccjit at any point: the server takes that as an
 * outcome. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/child.h"
#include "jit/emit.h"
#include "jit/scratch.h"

/* Long chains make libgccjit recurse deeply. */
#define STACK_BYTES ((size_t)64 << 20)

typedef struct server {
    char object[600]; /* path */
    unsigned limit_s; /* for one batch */
    int ended;        /* readable when the server has died */
} server;

/* Receives a request with its batch; false when the server has closed its end. */
static bool receive(hl__wire_request *request, int *batch)
{
    struct iovec part = {request, sizeof(*request)};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t received = recvmsg(HL__WIRE_SOCKET, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *head = received == sizeof(*request) ? CMSG_FIRSTHDR(&message) : NULL;

    if (!head || head->cmsg_type != SCM_RIGHTS || request->magic != HL__WIRE_MAGIC)
        return false;
    memcpy(batch, CMSG_DATA(head), sizeof(*batch));
    return true;
}

static bool answer(const hl__wire_reply *reply, int object)
{
    struct iovec part = {(void *)reply, sizeof(*reply)};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.align = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (object >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        memcpy(CMSG_DATA(&control.align), &object, sizeof(object));
    }
    return sendmsg(HL__WIRE_SOCKET, &message, MSG_NOSIGNAL) == sizeof(*reply);
}

static bool emit(const server *s, const hl__wire_request *request, int batch, char *why, size_t why_len)
{
    struct stat info;
    void *bytes = MAP_FAILED;
    bool emitted;

    if (fstat(batch, &info) == 0 && info.st_size > 0)
        bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, batch, 0);
    if (bytes == MAP_FAILED) {
        snprintf(why, why_len, "the batch cannot be read");
        return false;
    }
    alarm(s->limit_s);
    emitted = hl__emit(bytes, (size_t)info.st_size, request->units_len, s->object, why, why_len);
    alarm(0);
    munmap(bytes, (size_t)info.st_size);
    return emitted;
}

/* Somebody may have cleaned up the temporary folder: a new helper gets a new one. */
static void end_without_folder(void)
{
    struct stat info;

    if (fstat(HL__WIRE_FOLDER, &info) == 0 && info.st_nlink > 0)
        return;
    fprintf(stderr, "the temporary folder is gone\n");
    _exit(1);
}

static bool serve(const server *s, const hl__wire_request *request, int batch)
{
    hl__wire_reply reply = {.magic = HL__WIRE_MAGIC, .outcome = HL__WIRE_FAILED, .batch = request->batch};
    int object = -1;
    bool answered;

    if (emit(s, request, batch, reply.text, sizeof(reply.text))) {
        object = open(s->object, O_RDONLY | O_CLOEXEC);
        if (object >= 0)
            reply.outcome = HL__WIRE_OBJECT;
        else
            snprintf(reply.text, sizeof(reply.text), "the object cannot be opened: %s", strerror(errno));
    }
    unlink(s->object);
    if (object < 0)
        end_without_folder();
    answered = answer(&reply, object);
    if (object >= 0)
        close(object);
    return answered;
}

/* A helper that was started before there is work has its first, slow compile behind it when work comes. What comes out
 * is of no interest. */
static void warm_up(const server *s)
{
    struct {
        hl__wire_unit unit;
        char symbol[8];
        hl__wire_step step;
    } batch = {{.steps_len = 1, .symbol_bytes = sizeof(batch.symbol)}, "warm_up", {0}};
    char why[64];

    hl__emit(&batch, sizeof(batch), 1, s->object, why, sizeof(why));
    unlink(s->object);
}

static void *run(void *user)
{
    const server *s = user;
    struct pollfd wait[2] = {{HL__WIRE_SOCKET, POLLIN, 0}, {s->ended, POLLIN, 0}};
    hl__wire_request request;
    bool more = true;
    int batch;

    if (poll(wait, 2, 0) == 0)
        warm_up(s);
    while (more) {
        if (poll(wait, 2, -1) < 0)
            continue;
        if (wait[1].revents || !receive(&request, &batch))
            break;
        more = serve(s, &request, batch);
        close(batch);
    }
    return NULL;
}

static void run_with_stack(server *s)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (pthread_create(&thread, &attributes, run, s) == 0)
        pthread_join(thread, NULL);
    else
        run(s);
}

/* When memory runs out this program goes first: without it the server is only slower. If that is refused, so be it. */
static void offer_oneself(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, "500", 3) < 0)
        errno = 0;
    close(fd);
}

/* A signal instead of the kill that hl__child_begin asks for, so that the folder can be removed. */
static int death_of(pid_t parent)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    hl__child_begin(parent, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
    server s;
    hl__scratch folder = HL__SCRATCH_NONE;

    if (argc != 4) {
        fprintf(stderr, "hookline-jit is started by the Hookline library\n");
        return 2;
    }
    s.ended = death_of((pid_t)atoi(argv[1]));
    s.limit_s = (unsigned)atoi(argv[3]);
    snprintf(s.object, sizeof(s.object), "%s/object.o", argv[2]);
    offer_oneself();
    setenv("LC_ALL", "C", 1);
    setenv("TMPDIR", argv[2], 1);
    fcntl(HL__WIRE_SOCKET, F_SETFD, FD_CLOEXEC);
    fcntl(HL__WIRE_FOLDER, F_SETFD, FD_CLOEXEC);
    run_with_stack(&s);
    snprintf(folder.path, sizeof(folder.path), "%s", argv[2]);
    folder.fd = HL__WIRE_FOLDER;
    hl__scratch_remove(&folder);
    /* Without the exit handlers: libgccjit's would only take time. */
    _exit(0);
}
