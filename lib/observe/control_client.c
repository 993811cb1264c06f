/* hl_control_ask: the asking end of the control sockets. All servers are asked at once and heard in the order in which
 * they answer, so that one that hangs delays no other. Called by the hookline command and by any other program. */
#define _GNU_SOURCE
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

typedef struct peer {
    int fd;
    hl__frame answer;
} peer;

typedef struct peers {
    peer *at;
    size_t len;
    size_t room;
    size_t answered;
} peers;

typedef bool answer_fn(const char *answer, void *user);

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

static bool add_peer(peers *all, int fd)
{
    if (all->len == all->room) {
        size_t room = all->room ? all->room * 2 : 16;
        peer *grown = realloc(all->at, room * sizeof(*grown));

        if (!grown)
            return false;
        all->at = grown;
        all->room = room;
    }
    all->at[all->len++] = (peer){.fd = fd};
    return true;
}

/* Connects to every server and hands it the request. Those that do not take it at once are left out. */
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
    while (status == HL_OK && (entry = readdir(entries))) {
        int fd = is_socket_name(entry->d_name) ? hl__control_connect(directory, entry->d_name) : -1;

        if (fd < 0)
            continue;
        if (hl__frame_send(fd, request, strlen(request), deadline_ns) && add_peer(all, fd))
            continue;
        close(fd);
    }
    closedir(entries);
    return status;
}

static void drop_peer(peers *all, size_t i)
{
    close(all->at[i].fd);
    hl__frame_cleanup(&all->at[i].answer);
    all->at[i] = all->at[--all->len];
}

/* Reads from those that are ready and hands over whole answers; false when the callback wants no more. */
static bool hear(peers *all, const struct pollfd *waits, answer_fn *callback, void *user)
{
    for (size_t i = all->len; i-- > 0;) {
        hl__frame_state state;
        bool more = true;

        if (!waits[i].revents)
            continue;
        state = hl__frame_read(&all->at[i].answer, all->at[i].fd, HL__FRAME_ANSWER_MAX);
        if (state == HL__FRAME_MORE)
            continue;
        if (state == HL__FRAME_WHOLE) {
            all->answered++;
            more = callback(all->at[i].answer.text, user);
        }
        drop_peer(all, i);
        if (!more)
            return false;
    }
    return true;
}

static hl_status hear_all(peers *all, uint64_t deadline_ns, answer_fn *callback, void *user)
{
    struct pollfd *waits = calloc(all->len + 1, sizeof(*waits));
    int ready = 1;

    if (!waits)
        return hl__fail_memory(ACTION);
    while (all->len > 0 && ready != 0) {
        for (size_t i = 0; i < all->len; i++)
            waits[i] = (struct pollfd){all->at[i].fd, POLLIN, 0};
        ready = poll(waits, all->len, hl__deadline_ms(deadline_ns));
        if (ready > 0 && !hear(all, waits, callback, user))
            break;
    }
    free(waits);
    return HL_OK;
}

hl_status hl_control_ask(const char *store, const char *request, uint32_t timeout_ms,
                         bool (*callback)(const char *answer, void *user), void *user)
{
    uint64_t deadline_ns = hl__deadline_in(timeout_ms ? timeout_ms : DEFAULT_MS);
    peers all = {0};
    int directory;
    hl_status status;

    if (!request || !callback || strlen(request) > HL__FRAME_REQUEST_MAX)
        return hl__fail(HL_ERR_INVALID, ACTION, request ? "callback" : "request",
                        "A request of at most 64 KiB and a callback are needed.");
    status = open_directory(store, &directory);
    if (status != HL_OK)
        return status;
    status = ask_all(directory, request, deadline_ns, &all);
    if (status == HL_OK)
        status = hear_all(&all, deadline_ns, callback, user);
    if (status == HL_OK && all.answered == 0)
        status = hl__fail(HL_ERR_PEER, ACTION, "store", "No server on the store %s answered.", store);
    while (all.len > 0)
        drop_peer(&all, all.len - 1);
    free(all.at);
    close(directory);
    return status;
}
