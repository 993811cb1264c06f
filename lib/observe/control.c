/* The server's end of the control socket. See control.h.
 *
 * The descriptor that core waits on is an epoll set of its own, holding the listener and a timer. While all threads are
 * busy, or the process is out of descriptors, the listener is taken out of the set, so that waiting connections do not
 * make core's loop spin; a thread that ends, or the timer, puts it back. */
#include "observe/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/error.h"
#include "observe/answers.h"
#include "observe/control_address.h"
#include "observe/frame.h"

#define ACTION "open control socket"
#define BACKLOG 64
#define REQUEST_MS 2000
#define ANSWER_MS 5000
#define RETRY_NS 100000000L

typedef enum slot_state { SLOT_FREE, SLOT_BUSY, SLOT_ENDED } slot_state;

typedef struct slot {
    hl__control *control;
    pthread_t thread;
    slot_state state;
    int fd;
} slot;

struct hl__control {
    hl_runtime *runtime;
    int directory;
    int listener;
    int timer;
    int epoll;
    char name[64];        /* of the socket in the directory; "" until it has one */
    pthread_mutex_t lock; /* of the slots */
    slot slots[HL__CONTROL_THREADS];
};

/* ---- the directory and the socket in it ------------------------------------------------------------------------ */

static hl_status open_directory(const char *store_directory, int *out)
{
    char path[4096];
    struct stat st;
    int fd;

    if (snprintf(path, sizeof(path), "%s/control", store_directory) >= (int)sizeof(path))
        return hl__fail(HL_ERR_INVALID, ACTION, "store", "The store's path is too long.");
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "store", "Cannot make the folder %s.", path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "store", "Cannot open the folder %s.", path);
    if (fstat(fd, &st) != 0 || ((st.st_mode & 077) && fchmod(fd, 0700) != 0)) {
        hl_status status = hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "store",
                                          "Cannot keep other users out of the folder %s.", path);
        close(fd);
        return status;
    }
    *out = fd;
    return HL_OK;
}

static bool is_process_dead(const char *name)
{
    long pid = strtol(name, NULL, 10);

    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* Whether nobody will ever answer on a name. Names of a process's own half-made sockets end in ".new": those refuse
 * connections while they are being made, so only the process's death tells. */
static bool is_stale(int directory, const char *name)
{
    const char *end = strrchr(name, '.');
    int fd;
    bool refused;

    if (!end)
        return false;
    if (strcmp(end, ".new") == 0)
        return is_process_dead(name);
    if (strcmp(end, ".sock") != 0)
        return false;
    fd = hl__control_connect(directory, name);
    refused = fd < 0 && (errno == ECONNREFUSED || errno == ESRCH);
    if (fd >= 0)
        close(fd);
    return refused;
}

static void sweep(int directory)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;

    if (!entries) {
        if (copy >= 0)
            close(copy);
        return;
    }
    while ((entry = readdir(entries)))
        if (is_stale(directory, entry->d_name))
            unlinkat(directory, entry->d_name, 0);
    closedir(entries);
}

/* Gives the listening socket the first name PID-N.sock that is free. */
static hl_status publish_socket(hl__control *control, const char *new_name)
{
    char name[sizeof(control->name)];

    for (unsigned n = 1; n < 100000; n++) {
        snprintf(name, sizeof(name), "%ld-%u.sock", (long)getpid(), n);
        if (renameat2(control->directory, new_name, control->directory, name, RENAME_NOREPLACE) == 0) {
            memcpy(control->name, name, sizeof(name));
            return HL_OK;
        }
        if (errno != EEXIST)
            break;
    }
    return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "store", "Cannot name the control socket %s.", name);
}

static hl_status bind_socket(hl__control *control)
{
    char new_name[64];
    struct sockaddr_un address;
    uint64_t number = 0;
    hl_status status;

    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        number = (uint64_t)(uintptr_t)control;
    snprintf(new_name, sizeof(new_name), "%ld-%016llx.new", (long)getpid(), (unsigned long long)number);
    hl__control_address(control->directory, new_name, &address);
    if (fchmod(control->listener, 0600) != 0 ||
        bind(control->listener, (const struct sockaddr *)&address, sizeof(address)) != 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "store", "Cannot make a control socket.");
    status = listen(control->listener, BACKLOG) == 0
                 ? publish_socket(control, new_name)
                 : hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "store", "Cannot listen on the control socket.");
    if (status != HL_OK)
        unlinkat(control->directory, new_name, 0);
    return status;
}

/* ---- one connection -------------------------------------------------------------------------------------------- */

static bool may_ask(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

/* A process that was stopped for a while finds questions that nobody waits for any more: what they ask for may be wrong
 * by now. */
static bool is_awaited(int fd)
{
    struct pollfd wait = {fd, 0, 0};

    return poll(&wait, 1, 0) == 0;
}

static void serve(hl_runtime *runtime, int fd)
{
    hl__frame request = {0};
    char *answer = NULL;

    if (may_ask(fd) &&
        hl__frame_wait(&request, fd, HL__FRAME_REQUEST_MAX, hl__deadline_in(REQUEST_MS)) == HL__FRAME_WHOLE &&
        is_awaited(fd))
        answer = hl__control_answer(runtime, request.text, request.len);
    if (answer)
        hl__frame_send(fd, answer, strlen(answer), hl__deadline_in(ANSWER_MS));
    free(answer);
    hl__frame_cleanup(&request);
}

static void set_listening(hl__control *control, bool on)
{
    struct epoll_event event = {.events = on ? EPOLLIN : 0, .data.fd = control->listener};

    epoll_ctl(control->epoll, EPOLL_CTL_MOD, control->listener, &event);
}

static void *connection_main(void *argument)
{
    slot *own = argument;
    hl__control *control = own->control;

    serve(control->runtime, own->fd);
    pthread_mutex_lock(&control->lock);
    close(own->fd);
    own->fd = -1;
    own->state = SLOT_ENDED;
    set_listening(control, true);
    pthread_mutex_unlock(&control->lock);
    return NULL;
}

/* ---- taking connections ---------------------------------------------------------------------------------------- */

/* A slot that may be used; its former thread is joined, which has nothing left to do but return. */
static slot *take_slot(hl__control *control)
{
    for (size_t i = 0; i < HL__CONTROL_THREADS; i++) {
        slot *candidate = &control->slots[i];

        if (candidate->state == SLOT_BUSY)
            continue;
        if (candidate->state == SLOT_ENDED)
            pthread_join(candidate->thread, NULL);
        candidate->state = SLOT_FREE;
        return candidate;
    }
    return NULL;
}

/* The host's signal handlers run on the host's threads: ours block everything. */
static bool start_thread(slot *own)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&own->thread, NULL, connection_main, own);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !failed;
}

static void pause_listening(hl__control *control)
{
    struct itimerspec soon = {{0, 0}, {0, RETRY_NS}};

    set_listening(control, false);
    timerfd_settime(control->timer, 0, &soon, NULL);
}

/* Takes one connection; false when there is none to take, or no means to. */
static bool take_connection(hl__control *control)
{
    slot *own = take_slot(control);

    if (!own) {
        set_listening(control, false);
        return false;
    }
    own->fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (own->fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            pause_listening(control);
        return false;
    }
    own->state = SLOT_BUSY;
    if (start_thread(own))
        return true;
    close(own->fd);
    own->fd = -1;
    own->state = SLOT_FREE;
    pause_listening(control);
    return false;
}

void hl__control_service(hl__control *control)
{
    uint64_t ticks;

    pthread_mutex_lock(&control->lock);
    if (read(control->timer, &ticks, sizeof(ticks)) == (ssize_t)sizeof(ticks))
        set_listening(control, true);
    while (take_connection(control))
        continue;
    pthread_mutex_unlock(&control->lock);
}

int hl__control_fd(hl__control *control)
{
    return control->epoll;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static bool watch(hl__control *control, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    return epoll_ctl(control->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static hl_status make_descriptors(hl__control *control)
{
    control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    control->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    control->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (control->listener < 0 || control->timer < 0 || control->epoll < 0 || !watch(control, control->listener) ||
        !watch(control, control->timer))
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "", "Cannot make the control socket's descriptors.");
    return HL_OK;
}

static hl__control *control_new(hl_runtime *runtime)
{
    hl__control *control = calloc(1, sizeof(*control));

    if (!control)
        return NULL;
    if (pthread_mutex_init(&control->lock, NULL) != 0) {
        free(control);
        return NULL;
    }
    control->runtime = runtime;
    control->directory = control->listener = control->timer = control->epoll = -1;
    for (size_t i = 0; i < HL__CONTROL_THREADS; i++) {
        control->slots[i].control = control;
        control->slots[i].fd = -1;
    }
    return control;
}

hl_status hl__control_open(hl_runtime *runtime, const char *directory, hl__control **out)
{
    hl__control *control = control_new(runtime);
    hl_status status;

    if (!control)
        return hl__fail_memory(ACTION);
    status = open_directory(directory, &control->directory);
    if (status != HL_OK)
        goto out;
    sweep(control->directory);
    status = make_descriptors(control);
    if (status == HL_OK)
        status = bind_socket(control);
out:
    if (status == HL_OK)
        *out = control;
    else
        hl__control_close(control);
    return status;
}

/* Wakes every thread that waits for its peer, then waits for all of them. No new ones start: core calls no more. */
static void end_threads(hl__control *control)
{
    bool started[HL__CONTROL_THREADS];

    pthread_mutex_lock(&control->lock);
    for (size_t i = 0; i < HL__CONTROL_THREADS; i++) {
        started[i] = control->slots[i].state != SLOT_FREE;
        if (control->slots[i].state == SLOT_BUSY)
            shutdown(control->slots[i].fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&control->lock);
    for (size_t i = 0; i < HL__CONTROL_THREADS; i++)
        if (started[i])
            pthread_join(control->slots[i].thread, NULL);
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void hl__control_close(hl__control *control)
{
    if (!control)
        return;
    if (control->name[0])
        unlinkat(control->directory, control->name, 0);
    end_threads(control);
    close_if_open(control->epoll);
    close_if_open(control->timer);
    close_if_open(control->listener);
    close_if_open(control->directory);
    pthread_mutex_destroy(&control->lock);
    free(control);
}
