/* A worker's life: it receives its plan, locks itself in, loads the library, serves, and ends when it is told to or
 * when the server has gone. Linked into worker programs only. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/deadline_worker.h"
#include "worker/guard_worker.h"
#include "worker/start.h"

#define OPEN_FILES "/proc/self/"
#define NAME_ROOM 256
#define EXIT_SERVER_GONE 1

typedef struct order {
    hl__order_head head;
    const char *bytes; /* behind the head */
    int fds[HL__CHANNEL_FDS_MAX];
    size_t fds_len;
} order;

/* The worker, which is one to a process. */
static struct {
    const hl__service *service;
    pid_t server;
    const char *entry;
    void *library;
    unsigned libraries; /* opened so far */
    uint32_t reached;
    uint32_t landlock_abi;
} self;

/* ---- reporting --------------------------------------------------------------------------------------------------- */

static void report(hl__report kind, int status, bool kept, const char *text)
{
    size_t room = HL__REPORT_MAX - sizeof(hl__report_head);
    size_t len = strnlen(text, room);
    hl__report_head head = {kind, status, self.reached, self.landlock_abi, kept, (uint32_t)len};
    struct iovec parts[] = {{&head, sizeof(head)}, {(void *)text, len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    if (sendmsg(HL__REPORT_FD, &message, MSG_NOSIGNAL) < 0)
        _exit(EXIT_SERVER_GONE);
}

/* _exit: what the library left for exit to do would run in a process that is done with it. */
static _Noreturn void refuse(int status, const char *why)
{
    report(HL__REPORT_REFUSED, status, false, why);
    _exit(0);
}

/* ---- orders ------------------------------------------------------------------------------------------------------ */

static void take_fds(struct msghdr *message, order *out)
{
    struct cmsghdr *head = CMSG_FIRSTHDR(message);

    out->fds_len = 0;
    if (!head || head->cmsg_type != SCM_RIGHTS)
        return;
    out->fds_len = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(out->fds, CMSG_DATA(head), out->fds_len * sizeof(int));
}

/* False when there is none. */
static bool receive(order *out, int flags)
{
    static char bytes[HL__PLAN_MAX];
    union {
        char bytes[CMSG_SPACE(HL__CHANNEL_FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {bytes, sizeof(bytes)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t len;

    do
        len = recvmsg(HL__REPORT_FD, &message, flags | MSG_CMSG_CLOEXEC);
    while (len < 0 && errno == EINTR);
    if (len < 0 && errno == EAGAIN)
        return false;
    if (len < (ssize_t)sizeof(out->head))
        _exit(EXIT_SERVER_GONE);
    memcpy(&out->head, bytes, sizeof(out->head));
    if ((size_t)len != sizeof(out->head) + out->head.plan_len + out->head.beside_len)
        _exit(EXIT_SERVER_GONE);
    out->bytes = bytes + sizeof(out->head);
    take_fds(&message, out);
    return true;
}

/* ---- loading ----------------------------------------------------------------------------------------------------- */

/* The dynamic linker takes a name that it has seen for the object that it has seen. So each library gets a spelling
 * that was never used: "./" and "/" stand for the digits of its number. */
static void spell(int fd, char *name)
{
    size_t len = sizeof(OPEN_FILES) - 1;

    memcpy(name, OPEN_FILES, len);
    for (unsigned number = self.libraries++; number; number >>= 1) {
        memcpy(name + len, number & 1 ? "./" : "/", 2);
        len += number & 1 ? 2 : 1;
    }
    snprintf(name + len, NAME_ROOM - len, "fd/%d", fd);
}

/* The file that was checked, whatever lies at its path by now. */
static void *open_library(int fd)
{
    char name[NAME_ROOM];
    char why[1024];
    void *library;

    spell(fd, name);
    library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(why, sizeof(why), "The library cannot be loaded in a worker: %s.", dlerror());
        refuse(HL_ERR_LIBRARY, why);
    }
    close(fd);
    return library;
}

static void open_besides(const order *plan)
{
    const char *end = plan->bytes + plan->head.plan_len + plan->head.beside_len;

    for (const char *at = plan->bytes + plan->head.plan_len; at < end; at += strlen(at) + 1) {
        char why[1024];

        if (dlopen(at, RTLD_NOW | RTLD_LOCAL))
            continue;
        snprintf(why, sizeof(why), "A library that the plugin needs cannot be loaded in a worker: %s.", dlerror());
        refuse(HL_ERR_LIBRARY, why);
    }
}

static bool load(int fd)
{
    char why[1024] = "";
    bool kept = false;
    int status;

    self.library = open_library(fd);
    status = self.service->load(self.library, self.entry, &kept, why, sizeof(why));
    if (status < 0)
        refuse(status, why);
    return kept;
}

/* ---- the life ---------------------------------------------------------------------------------------------------- */

static void lock_in(const order *plan, size_t shared_bytes)
{
    hl__sandbox_given given = {.plan = plan->bytes,
                               .plan_len = plan->head.plan_len,
                               .shared_bytes = shared_bytes,
                               .count = plan->head.guarded && !plan->head.counted,
                               .library_fd = HL__LIBRARY_FD,
                               .library_folder = self.service->kind == HL__WORKER_MODULE, /* newer code lies there */
                               .beside = plan->bytes + plan->head.plan_len,
                               .beside_len = plan->head.beside_len};
    char why[1024];

    if (!hl__sandbox_begin(&given, &self.reached, &self.landlock_abi, why, sizeof(why)))
        refuse(HL_ERR_SYSTEM, why);
    hl__sandbox_close(&given, &self.reached);
}

/* It comes before the shared memory is mapped, of which it needs none. */
static void begin_guarded(void)
{
    char why[160];

    if (hl__guard_start(self.server))
        return;
    snprintf(why, sizeof(why), "The guard of a worker that may start processes does not start: %s.", strerror(errno));
    refuse(HL_ERR_SYSTEM, why);
}

/* The sandbox comes before the library, whose constructors are the plugin's code too. */
static void begin(void)
{
    order plan;
    size_t shared_bytes = 0;

    fcntl(HL__REPORT_FD, F_SETFD, FD_CLOEXEC);
    fcntl(HL__LIBRARY_FD, F_SETFD, FD_CLOEXEC);
    if (!receive(&plan, 0) || plan.head.order != HL__ORDER_PLAN)
        _exit(EXIT_SERVER_GONE);
    if (plan.head.guarded)
        begin_guarded();
    if (!hl__serve_attach(plan.fds, plan.fds_len, &shared_bytes))
        refuse(HL_ERR_SYSTEM, "The shared memory cannot be mapped in a worker.");
    hl__serve_catch_faults();
    lock_in(&plan, shared_bytes);
    open_besides(&plan);
    load(HL__LIBRARY_FD);
    report(HL__REPORT_READY, 0, false, "");
}

static _Noreturn void end(void)
{
    self.service->unload();
    dlclose(self.library);
    _exit(0);
}

/* All that have come: of several at once the channel tells but one. */
static void obey(void)
{
    order order;

    while (receive(&order, MSG_DONTWAIT)) {
        if (order.head.order == HL__ORDER_END)
            end();
        if (order.head.order == HL__ORDER_SWITCH && order.fds_len == 1)
            report(HL__REPORT_SWITCHED, 0, load(order.fds[0]), "");
    }
}

int hl__worker_main(int argc, char **argv, const hl__service *service)
{
    if (argc != 4 || atoi(argv[2]) != (int)service->kind) {
        fprintf(stderr, "This program is started by Hookline to run a plugin or a module; it is of no use alone.\n");
        return 2;
    }
    self.server = (pid_t)atol(argv[1]);
    hl__child_begin(self.server, 0);
    self.service = service;
    self.entry = argv[3];
    begin();
    for (;;) {
        hl__served served;
        hl__reply_head reply = {0, 0, 0};
        bool ordered = false;

        if (!hl__serve_next(&ordered, &served))
            _exit(EXIT_SERVER_GONE);
        if (ordered) {
            obey();
            continue;
        }
        hl__serve_deadline(served.head.deadline_ns);
        service->serve(&served, &reply);
        hl__serve_deadline(0);
        hl__serve_reply(&served, &reply);
    }
}
