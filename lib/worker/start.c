/* Starting worker processes, hearing them, and giving them orders. Called on the supervisor's thread. */
#include "worker/start.h"

#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/error.h"
#include "core/program.h"

#define ACTION "start worker"
#define ENVIRONMENT_MAX 64

extern char **environ;

/* ---- the environment --------------------------------------------------------------------------------------------- */

/* A server's environment holds secrets that are not the plugin's: what is passed on is listed. */
static bool is_passed_on(const char *variable)
{
    static const char *const beginnings[] = {"PATH=",
                                             "LANG=",
                                             "LANGUAGE=",
                                             "LC_",
                                             "TZ=",
                                             "TZDIR=",
                                             "TMPDIR=",
                                             "LD_LIBRARY_PATH=",
                                             "GLIBC_TUNABLES=",
                                             "MALLOC_",
                                             "ASAN_OPTIONS=",
                                             "LSAN_OPTIONS=",
                                             "UBSAN_OPTIONS=",
                                             "TSAN_OPTIONS="};

    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
        if (strncmp(variable, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

static void choose_environment(const char *chosen[ENVIRONMENT_MAX + 1])
{
    size_t len = 0;

    for (char **at = environ; at && *at && len < ENVIRONMENT_MAX; at++)
        if (is_passed_on(*at))
            chosen[len++] = *at;
    chosen[len] = NULL;
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

typedef union rights {
    char bytes[CMSG_SPACE(HL__CHANNEL_FDS_MAX * sizeof(int))];
    struct cmsghdr align;
} rights;

static void attach_fds(struct msghdr *message, rights *rights, const int *fds, size_t fds_len)
{
    struct cmsghdr *head = &rights->align;

    if (fds_len == 0)
        return;
    memset(rights, 0, sizeof(*rights));
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(fds_len * sizeof(int));
    memcpy(CMSG_DATA(head), fds, fds_len * sizeof(int));
    message->msg_control = rights->bytes;
    message->msg_controllen = CMSG_SPACE(fds_len * sizeof(int));
}

static bool send_parts(int report_fd, struct iovec *parts, size_t parts_len, const int *fds, size_t fds_len)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = parts_len};
    rights rights;

    attach_fds(&message, &rights, fds, fds_len);
    return sendmsg(report_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static hl__order_head plan_head(const hl__start_spec *spec, const char *cgroup_folder)
{
    return (hl__order_head){.order = HL__ORDER_PLAN,
                            .plan_len = (uint32_t)spec->plan_len,
                            .beside_len = (uint32_t)spec->beside_len,
                            .guarded = spec->sandbox && spec->sandbox->processes,
                            .counted = cgroup_folder != NULL};
}

static hl_status send_plan(const hl__start_spec *spec, const char *cgroup_folder, int report_fd)
{
    hl__order_head head = plan_head(spec, cgroup_folder);
    int fds[HL__CHANNEL_FDS_MAX];
    size_t fds_len = hl__channel_fds(spec->channel, fds);
    struct iovec parts[] = {{&head, sizeof(head)},
                            {(void *)spec->plan, spec->plan_len},
                            {(void *)spec->beside, spec->beside_len}};

    if (sizeof(head) + spec->plan_len + spec->beside_len > HL__PLAN_MAX)
        return hl__fail(
            HL_ERR_LIMIT, ACTION, "sandbox",
            "The paths of the sandbox and of the libraries that the plugin brings are too long: at most %zu "
            "bytes.",
            HL__PLAN_MAX);
    if (!send_parts(report_fd, parts, 3, fds, fds_len))
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "plan", "A worker's plan cannot be sent");
    hl__channel_given(spec->channel);
    return HL_OK;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static const char *find_program(hl__worker_kind kind, char *buffer, size_t buffer_len)
{
    if (kind == HL__WORKER_PLUGIN)
        return hl__program_find("HOOKLINE_WORKER", "hookline-worker", HL__WORKER_PROGRAM, buffer, buffer_len);
    return hl__program_find("HOOKLINE_MODULE", "hookline-module", HL__MODULE_PROGRAM, buffer, buffer_len);
}

static hl_status spawn(const hl__start_spec *spec, int worker_end, hl__child *child)
{
    char buffer[PATH_MAX];
    char parent[24];
    char kind[12];
    const char *environment[ENVIRONMENT_MAX + 1];
    const char *program = find_program(spec->kind, buffer, sizeof(buffer));
    const char *argv[] = {program, parent, kind, spec->entry, NULL};
    const int fds[] = {worker_end, spec->library_fd};
    hl__child_spec process = {program, argv, environment, -1, fds, 2};
    int error;

    snprintf(parent, sizeof(parent), "%ld", (long)getpid());
    snprintf(kind, sizeof(kind), "%d", (int)spec->kind);
    choose_environment(environment);
    error = hl__child_spawn(&process, child);
    if (!error)
        return HL_OK;
    return hl__fail_errno(HL_ERR_SYSTEM, error, ACTION,
                          spec->kind == HL__WORKER_PLUGIN ? "HOOKLINE_WORKER" : "HOOKLINE_MODULE",
                          "Program %s does not start; install it, or set the variable to its path", program);
}

/* The worker waits for its plan: when that comes it is in its cgroup. */
static hl_status begin(const hl__start_spec *spec, int ends[2], hl__child *child, char **cgroup_folder)
{
    hl_status status = spawn(spec, ends[1], child);

    if (status == HL_OK)
        status = hl__sandbox_cgroup_add(spec->sandbox, child->pid, cgroup_folder);
    if (status == HL_OK)
        status = send_plan(spec, *cgroup_folder, ends[0]);
    return status;
}

hl_status hl__worker_start(const hl__start_spec *spec, hl__child *child, int *report_fd, char **cgroup_folder)
{
    int ends[2];
    hl_status status;

    *child = (hl__child)HL__CHILD_NONE;
    *report_fd = -1;
    *cgroup_folder = NULL;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "socket", "No socket for a worker");
    status = begin(spec, ends, child, cgroup_folder);
    close(ends[1]);
    if (status == HL_OK) {
        *report_fd = ends[0];
        return HL_OK;
    }
    hl__child_finish(child);
    hl__sandbox_cgroup_remove(*cgroup_folder);
    *cgroup_folder = NULL;
    close(ends[0]);
    return status;
}

/* ---- hearing and ordering ---------------------------------------------------------------------------------------- */

/* Texts go into messages and onto terminals. */
static void clean(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = ' ';
    text[len] = '\0';
}

static bool is_report(const hl__report_head *head, size_t len)
{
    if (head->kind < HL__REPORT_READY || head->kind > HL__REPORT_SWITCHED || head->text_len != len - sizeof(*head))
        return false;
    return head->kind != HL__REPORT_REFUSED || head->status < 0;
}

/* recv, not recvmsg: descriptors that a worker sends are dropped. */
hl__heard hl__worker_heard(int report_fd, hl__report_head *head, char text[HL__REPORT_MAX])
{
    char bytes[HL__REPORT_MAX];
    ssize_t len;

    do
        len = recv(report_fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC);
    while (len < 0 && errno == EINTR);
    if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return HL__HEARD_NOTHING;
    if (len <= 0)
        return HL__HEARD_END;
    if (len < (ssize_t)sizeof(*head) || len > (ssize_t)sizeof(bytes))
        return HL__HEARD_NONSENSE;
    memcpy(head, bytes, sizeof(*head));
    if (!is_report(head, (size_t)len))
        return HL__HEARD_NONSENSE;
    memcpy(text, bytes + sizeof(*head), head->text_len);
    clean(text, head->text_len);
    return HL__HEARD_REPORT;
}

hl_status hl__worker_order(hl__channel *channel, int report_fd, hl__order order, int fd)
{
    hl__order_head head = {.order = order};
    struct iovec part = {&head, sizeof(head)};

    if (!send_parts(report_fd, &part, 1, &fd, fd >= 0))
        return hl__fail_errno(HL_ERR_SYSTEM, errno, "order worker", "socket", "The worker does not take its orders");
    hl__channel_attend(channel);
    return HL_OK;
}

/* The kernel counts what it keeps for the other end. */
bool hl__worker_took_orders(int report_fd)
{
    int unread = 0;

    return ioctl(report_fd, SIOCOUTQ, &unread) != 0 || unread == 0;
}
