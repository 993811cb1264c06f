/* hl_control_ask, hl_control_ask_all: the asking end of the control sockets. All servers are asked at once and heard in
 * the order in which they answer, so that one that hangs delays no other. Called by the hookline command and by any
 * other program. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hookline/control.h>

#include "core/error.h"
#include "observe/control_address.h"
#include "observe/frame.h"

#define ACTION "ask"
#define DEFAULT_MS 2000
#define LMDB_PREFIX "lmdb:"

typedef bool answer_fn(const char *answer, void *user);

typedef struct peer {
    int fd;
    long pid;
    hl__frame answer;
} peer;

typedef struct peers {
    peer *at;
    size_t len;
    size_t room;
    answer_fn *callback;
    void *user;
    bool tells_silent; /* hl_control_ask_all */
    bool enough;       /* the callback wants no more */
    size_t told;
} peers;

/* ---- telling ---------------------------------------------------------------------------------------------------- */

static void tell(peers *all, const char *answer)
{
    if (all->enough)
        return;
    all->told++;
    all->enough = !all->callback(answer, all->user);
}

/* An answer in the place of one that did not come. */
static void tell_silent(peers *all, long pid, hl_status status, const char *message)
{
    char answer[512];

    if (!all->tells_silent)
        return;
    snprintf(answer, sizeof(answer),
             "{\"pid\":%ld,\"program\":\"\",\"silent\":true,\"error\":{\"status\":\"%s\",\"action\":\"" ACTION
             "\",\"field\":\"%s\",\"message\":\"%s\"}}",
             pid, hl_status_name(status), status == HL_ERR_TIMEOUT ? "timeout_ms" : "", message);
    tell(all, answer);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static hl_status open_directory(const char *store, int *out)
{
    char path[4096];

    if (!store || strncmp(store, LMDB_PREFIX, strlen(LMDB_PREFIX)) != 0)
        return hl__fail(
            HL_ERR_UNSUPPORTED, ACTION, "store",
            "Servers can be asked only through an \"lmdb:DIR\" store, which has a place for their sockets.");
    if (snprintf(path, sizeof(path), "%s/control", store + strlen(LMDB_PREFIX)) >= (int)sizeof(path))
        return hl__fail(HL_ERR_INVALID, ACTION, "store", "The store's path is too long.");
    *out = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*out >= 0)
        return HL_OK;
    if (errno == ENOENT)
        return hl__fail(HL_ERR_PEER, ACTION, "store", "No server runs on the store %s.", store);
    return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "store", "Cannot open the folder %s.", path);
}

static bool is_socket_name(const char *name)
{
    size_t len = strlen(name);

    return len > 5 && len < 64 && strcmp(name + len - 5, ".sock") == 0;
}

static bool add_peer(peers *all, int fd, long pid)
{
    if (all->len == all->room) {
        size_t room = all->room ? all->room * 2 : 16;
        peer *grown = realloc(all->at, room * sizeof(*grown));

        if (!grown)
            return false;
        all->at = grown;
        all->room = room;
    }
    all->at[all->len++] = (peer){.fd = fd, .pid = pid};
    return true;
}

/* Connects to a server, whose socket is named PID-N.sock, and hands it the request. */
static void ask_one(int directory, const char *name, const char *request, uint64_t deadline_ns, peers *all)
{
    long pid = strtol(name, NULL, 10);
    int fd = hl__control_connect(directory, name);

    if (fd >= 0 && hl__frame_send(fd, request, strlen(request), deadline_ns) && add_peer(all, fd, pid))
        return;
    if (fd >= 0 || errno == EAGAIN)
        tell_silent(all, pid, HL_ERR_PEER, "It did not take the question: too many wait for it already, or it ended.");
    if (fd >= 0)
        close(fd);
}

static hl_status ask_all(int directory, const char *request, uint64_t deadline_ns, peers *all)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    hl_status status = HL_OK;
    struct dirent *entry;

    if (!entries) {
        status = hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "store", "Cannot list the control sockets.");
        if (copy >= 0)
            close(copy);
        return status;
    }
    while ((entry = readdir(entries)))
        if (is_socket_name(entry->d_name))
            ask_one(directory, entry->d_name, request, deadline_ns, all);
    closedir(entries);
    return HL_OK;
}

/* ---- hearing ----------------------------------------------------------------------------------------------------- */

static void drop_peer(peers *all, size_t i)
{
    close(all->at[i].fd);
    hl__frame_cleanup(&all->at[i].answer);
    all->at[i] = all->at[--all->len];
}

/* Reads from those that are ready and hands over whole answers. */
static void hear(peers *all, const struct pollfd *waits)
{
    for (size_t i = all->len; i-- > 0;) {
        peer *from = &all->at[i];
        hl__frame_state state = HL__FRAME_MORE;

        if (waits[i].revents)
            state = hl__frame_read(&from->answer, from->fd, HL__FRAME_ANSWER_MAX);
        if (state == HL__FRAME_MORE)
            continue;
        if (state == HL__FRAME_WHOLE)
            tell(all, from->answer.text);
        else
            tell_silent(all, from->pid, HL_ERR_PEER, "It ended, or closed its end, before it had answered.");
        drop_peer(all, i);
    }
}

static hl_status hear_all(peers *all, uint64_t deadline_ns)
{
    struct pollfd *waits = calloc(all->len + 1, sizeof(*waits));
    int ready = 1;

    if (!waits)
        return hl__fail_memory(ACTION);
    while (all->len > 0 && ready != 0 && !all->enough) {
        for (size_t i = 0; i < all->len; i++)
            waits[i] = (struct pollfd){all->at[i].fd, POLLIN, 0};
        ready = poll(waits, all->len, hl__deadline_ms(deadline_ns));
        if (ready > 0)
            hear(all, waits);
    }
    free(waits);
    return HL_OK;
}

static void end_waiting(peers *all)
{
    while (all->len > 0) {
        tell_silent(all, all->at[all->len - 1].pid, HL_ERR_TIMEOUT,
                    "It has not answered in time; what it was asked to do it may still do.");
        drop_peer(all, all->len - 1);
    }
    free(all->at);
}

static hl_status ask(const char *store, const char *request, uint32_t timeout_ms, peers *all)
{
    uint64_t deadline_ns = hl__deadline_in(timeout_ms ? timeout_ms : DEFAULT_MS);
    int directory;
    hl_status status;

    if (!request || !all->callback || strlen(request) > HL__FRAME_REQUEST_MAX)
        return hl__fail(HL_ERR_INVALID, ACTION, request ? "callback" : "request",
                        "A request of at most 64 KiB and a callback are needed.");
    status = open_directory(store, &directory);
    if (status != HL_OK)
        return status;
    status = ask_all(directory, request, deadline_ns, all);
    if (status == HL_OK)
        status = hear_all(all, deadline_ns);
    end_waiting(all);
    close(directory);
    if (status == HL_OK && all->told == 0)
        status = hl__fail(HL_ERR_PEER, ACTION, "store", "No server on the store %s answered.", store);
    return status;
}

hl_status hl_control_ask(const char *store, const char *request, uint32_t timeout_ms,
                         bool (*callback)(const char *answer, void *user), void *user)
{
    peers all = {.callback = callback, .user = user};

    return ask(store, request, timeout_ms, &all);
}

hl_status hl_control_ask_all(const char *store, const char *request, uint32_t timeout_ms,
                             bool (*callback)(const char *answer, void *user), void *user)
{
    peers all = {.callback = callback, .user = user, .tells_silent = true};

    return ask(store, request, timeout_ms, &all);
}
