/* Calling another process without Hookline: a ping-pong over shared memory that two eventfds wake, and one over a Unix
 * socket. No deadline, no check, no notice of a death: what is below that is the kernel's own price. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_worker.h"

struct bench_bare {
    bool by_socket;
    bench_work *shared;
    int memory, there, back; /* there: the socket's own end, where that is the way */
    int socket;              /* the other end, until the process has it */
    int out;
    pid_t pid;
};

/* ---- the process that answers ------------------------------------------------------------------------------------ */

static void answer(bench_work *work)
{
    work->answer = work->id * 3 + 1;
}

static int serve_shared(int memory, int there, int back)
{
    bench_work *work = mmap(NULL, sizeof(*work), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    uint64_t one = 1;

    if (work == MAP_FAILED)
        return TOOL_REFUSED;
    while (read(there, &one, sizeof(one)) == sizeof(one) && work->id != UINT64_MAX) {
        answer(work);
        if (write(back, &one, sizeof(one)) != sizeof(one))
            break;
    }
    return TOOL_DONE;
}

static int serve_socket(int socket)
{
    bench_work work;

    while (recv(socket, &work, sizeof(work), 0) == sizeof(work)) {
        answer(&work);
        if (send(socket, &work, sizeof(work), MSG_NOSIGNAL) != sizeof(work))
            break;
    }
    return TOOL_DONE;
}

int bench_worker_bare_child(bench *b, int argc, char **argv)
{
    int fds[3];

    if (argc != 1)
        return tool_usage(b->context, "the child takes its descriptors");
    if (sscanf(argv[0], "shared %d %d %d", &fds[0], &fds[1], &fds[2]) == 3)
        return serve_shared(fds[0], fds[1], fds[2]);
    if (sscanf(argv[0], "socket %d", &fds[0]) == 1)
        return serve_socket(fds[0]);
    return tool_usage(b->context, "the child takes its descriptors");
}

/* ---- starting it ------------------------------------------------------------------------------------------------- */

/* The descriptors are inherited by their numbers. */
static bool make_shared(bench_bare *bare)
{
    bare->memory = memfd_create("hookline-bench", 0);
    bare->there = eventfd(0, 0);
    bare->back = eventfd(0, 0);
    if (bare->memory < 0 || bare->there < 0 || bare->back < 0 || ftruncate(bare->memory, sizeof(*bare->shared)) != 0)
        return false;
    bare->shared = mmap(NULL, sizeof(*bare->shared), PROT_READ | PROT_WRITE, MAP_SHARED, bare->memory, 0);
    return bare->shared != MAP_FAILED;
}

static bool make_socket(bench_bare *bare)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    bare->there = ends[0];
    bare->socket = dup(ends[1]);
    close(ends[1]);
    return bare->socket >= 0;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void destroy(bench_bare *bare)
{
    close_fd(&bare->memory);
    close_fd(&bare->there);
    close_fd(&bare->back);
    close_fd(&bare->socket);
    close_fd(&bare->out);
    if (bare->shared && bare->shared != MAP_FAILED)
        munmap(bare->shared, sizeof(*bare->shared));
    free(bare);
}

static int start(bench *b, bench_bare *bare)
{
    char argument[64];

    if (!(bare->by_socket ? make_socket(bare) : make_shared(bare)))
        return tool_error(b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "", "No descriptors for another process: %s",
                          strerror(errno));
    if (bare->by_socket)
        snprintf(argument, sizeof(argument), "socket %d", bare->socket);
    else
        snprintf(argument, sizeof(argument), "shared %d %d %d", bare->memory, bare->there, bare->back);
    return bench_child_start(b, "worker-bare", argument, &bare->pid, &bare->out);
}

int bench_bare_start(bench *b, bool by_socket, bench_bare **out)
{
    bench_bare *bare = malloc(sizeof(*bare));
    int code;

    if (!bare)
        return tool_error(b->context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "There is no memory.");
    *bare = (bench_bare){.by_socket = by_socket, .memory = -1, .there = -1, .back = -1, .socket = -1, .out = -1};
    code = start(b, bare);
    close_fd(&bare->socket);
    if (code == TOOL_DONE)
        *out = bare;
    else
        destroy(bare);
    return code;
}

int bench_bare_end(bench *b, bench_bare *bare)
{
    uint64_t one = 1;
    int code;

    if (!bare)
        return TOOL_DONE;
    if (bare->by_socket) {
        close_fd(&bare->there);
    } else {
        bare->shared->id = UINT64_MAX;
        (void)!write(bare->there, &one, sizeof(one));
    }
    code = bench_child_end(b, bare->pid);
    destroy(bare);
    return code;
}

pid_t bench_bare_pid(const bench_bare *bare)
{
    return bare->pid;
}

/* ---- calling it -------------------------------------------------------------------------------------------------- */

void bench_bare_call(bench_bare *bare, bench_work *work)
{
    uint64_t one = 1;

    if (bare->by_socket) {
        if (send(bare->there, work, sizeof(*work), MSG_NOSIGNAL) == sizeof(*work))
            (void)!recv(bare->there, work, sizeof(*work), 0); /* a wrong answer is found out */
        return;
    }
    *bare->shared = *work;
    if (write(bare->there, &one, sizeof(one)) == sizeof(one) && read(bare->back, &one, sizeof(one)) == sizeof(one))
        *work = *bare->shared;
}
