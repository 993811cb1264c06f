/* Asking the other servers of a store over their control sockets; see servers.h. A request has room for a limited
 * number of bytes, so long lists go in pieces. */
#include "install/servers.h"

#include <hookline/control.h>

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "core/grow.h"
#include "install/json_text.h"

#define ACTION "ask servers"
#define PREPARE_MS 15000 /* a server tries each library in a throw-away process before it maps it */
#define RELEASE_MS 5000
#define LIBRARIES_MS 1000
#define DYING_MS 1000 /* from a process's sockets being closed to its end */
#define PAUSE_NS 5000000L
#define PIECE_BYTES 48000 /* of paths and stamps in one request */
#define ROW_BYTES 160     /* what a row takes beside its strings */

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static json_t *encode_row(const hl__prepared *row)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "path", hl__json_text(row->path), "stamp", hl__json_text(row->stamp),
                     "replaces_path", hl__json_text(row->replaces_path), "replaces_stamp",
                     hl__json_text(row->replaces_stamp));
}

/* A runtime that loads code takes part by itself: its process leaves the question out. */
static bool takes_part(const hl_runtime *runtime)
{
    return !(runtime->options.flags & HL_OPEN_RECORDS_ONLY);
}

static char *encode(const hl_runtime *runtime, const char *ask, const hl__prepared *rows, size_t len)
{
    json_t *request = json_object(), *libraries = json_array();
    char *text;

    for (size_t i = 0; i < len; i++)
        json_array_append_new(libraries, encode_row(&rows[i]));
    hl__json_put_text(request, "ask", ask);
    json_object_set_new(request, "libraries", libraries);
    if (takes_part(runtime))
        json_object_set_new(request, "except_pid", json_integer((json_int_t)getpid()));
    text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    return text;
}

static size_t row_bytes(const hl__prepared *row)
{
    return strlen(row->path) + strlen(row->stamp) + strlen(row->replaces_path) + strlen(row->replaces_stamp) +
           ROW_BYTES;
}

/* How many of the rows go into one request: at least one. */
static size_t piece_len(const hl__prepared *rows, size_t len)
{
    size_t bytes = 0, count = 0;

    while (count < len && (count == 0 || bytes + row_bytes(&rows[count]) <= PIECE_BYTES))
        bytes += row_bytes(&rows[count++]);
    return count;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* A server that was there before it was asked to load anything. */
typedef struct known {
    pid_t pid;
    int pidfd;
    bool answered; /* the last request */
    char program[64];
} known;

typedef struct knowns {
    known *rows;
    size_t len, room;
} knowns;

/* What the servers answered to one request. */
typedef struct hearing {
    bool without_own; /* this process's answers do not count */
    size_t servers_len;
    knowns *servers; /* in which those that answer are marked; may be NULL */
    pid_t refused;   /* the first that could not; 0: none */
    char reason[600];
} hearing;

static pid_t pid_of(const json_t *answer)
{
    return (pid_t)json_integer_value(json_object_get(answer, "pid"));
}

static bool is_own(const json_t *answer)
{
    return pid_of(answer) == getpid();
}

/* A process with several runtimes on the store answers, and is known, as often. */
static void mark(knowns *all, pid_t pid)
{
    for (size_t i = 0; all && i < all->len; i++) {
        if (all->rows[i].pid == pid && !all->rows[i].answered) {
            all->rows[i].answered = true;
            return;
        }
    }
}

static void take_refusal(const json_t *answer, const json_t *error, hearing *to)
{
    const char *program = json_string_value(json_object_get(answer, "program"));
    const char *status = json_string_value(json_object_get(error, "status"));
    const char *message = json_string_value(json_object_get(error, "message"));

    if (to->refused)
        return;
    to->refused = pid_of(answer);
    snprintf(to->reason, sizeof(to->reason), "%s, process %d: %s (%s)", program ? program : "A server",
             (int)to->refused, message ? message : "no reason given", status ? status : "HL_ERR_SERVER");
}

static bool hear(const char *text, void *user)
{
    json_t *answer = json_loads(text, 0, NULL);
    const json_t *error = json_object_get(answer, "error");
    hearing *to = user;

    if (answer && !(to->without_own && is_own(answer))) {
        to->servers_len++;
        mark(to->servers, pid_of(answer));
        if (error)
            take_refusal(answer, error, to);
    }
    json_decref(answer);
    return true;
}

/* No server at all is no failure. */
static hl_status ask(hl_runtime *runtime, const char *request, uint32_t timeout_ms,
                     bool (*callback)(const char *, void *), void *user)
{
    char *url = NULL;
    hl_status status;
    const char *directory = runtime->parts.store->ops->directory(runtime->parts.store);

    if (!request || asprintf(&url, "lmdb:%s", directory) < 0)
        return hl__fail_memory(ACTION);
    status = hl_control_ask(url, request, timeout_ms, callback, user);
    free(url);
    return status == HL_ERR_PEER ? HL_OK : status;
}

static hl_status ask_piece(hl_runtime *runtime, const char *question, const hl__prepared *rows, size_t len,
                           uint32_t timeout_ms, hearing *to)
{
    char *request = encode(runtime, question, rows, len);
    hl_status status;

    to->without_own = takes_part(runtime);
    status = ask(runtime, request, timeout_ms, hear, to);
    free(request);
    return status;
}

/* ---- servers that end meanwhile ---------------------------------------------------------------------------------- */

static void add_known(knowns *all, const json_t *answer, int pidfd)
{
    const char *program = json_string_value(json_object_get(answer, "program"));
    known *row;

    if (!hl__grow(&all->rows, all->len, &all->room, sizeof(*all->rows))) {
        close(pidfd);
        return;
    }
    row = &all->rows[all->len++];
    *row = (known){.pid = pid_of(answer), .pidfd = pidfd};
    snprintf(row->program, sizeof(row->program), "%s", program ? program : "a server");
}

/* One that has no process here, in another PID namespace, is not known. */
static bool meet(const char *text, void *user)
{
    json_t *answer = json_loads(text, 0, NULL);
    int pidfd = pid_of(answer) > 0 && !is_own(answer) ? (int)syscall(SYS_pidfd_open, pid_of(answer), 0) : -1;

    if (pidfd >= 0)
        add_known(user, answer, pidfd);
    json_decref(answer);
    return true;
}

static void forget(knowns *all)
{
    for (size_t i = 0; i < all->len; i++)
        close(all->rows[i].pidfd);
    free(all->rows);
}

static bool has_ended(const known *server)
{
    struct pollfd wait = {server->pidfd, POLLIN, 0};

    return poll(&wait, 1, server->answered ? 0 : DYING_MS) > 0;
}

/* Whoever is silent and alive is left out; whoever has ended is most likely what would happen to the next one too. */
static hl_status check_alive(const knowns *all)
{
    for (size_t i = 0; i < all->len; i++) {
        if (has_ended(&all->rows[i]))
            return hl__fail(
                HL_ERR_SERVER, "prepare", "servers",
                "%s, process %d, died while it was loading the new code. Nothing was changed. If it was ended "
                "on purpose in that moment, try again; otherwise mend the new version first.",
                all->rows[i].program, (int)all->rows[i].pid);
    }
    return HL_OK;
}

/* ---- preparing and letting go ------------------------------------------------------------------------------------ */

static hl_status prepare_all(hl_runtime *runtime, const hl__prepared *rows, size_t len, knowns *servers,
                             size_t *servers_len)
{
    while (len > 0) {
        size_t count = piece_len(rows, len);
        hearing heard = {.servers = servers};
        hl_status status;

        for (size_t i = 0; i < servers->len; i++)
            servers->rows[i].answered = false;
        status = ask_piece(runtime, "prepare", rows, count, PREPARE_MS, &heard);
        if (status != HL_OK)
            return status;
        if (heard.refused)
            return hl__fail(HL_ERR_SERVER, "prepare", "servers", "%s. Nothing was changed.", heard.reason);
        *servers_len = heard.servers_len;
        status = check_alive(servers);
        if (status != HL_OK)
            return status;
        rows += count;
        len -= count;
    }
    return HL_OK;
}

hl_status hl__servers_prepare(hl_runtime *runtime, const hl__prepared *rows, size_t len, size_t *servers_len)
{
    knowns servers = {0};
    hl_status status = ask(runtime, "{\"ask\":\"libraries\"}", LIBRARIES_MS, meet, &servers);

    *servers_len = 0;
    if (status == HL_OK)
        status = prepare_all(runtime, rows, len, &servers, servers_len);
    forget(&servers);
    return status;
}

/* A server that does not hear of it lets go by itself after a while. */
void hl__servers_release(hl_runtime *runtime, const hl__prepared *rows, size_t len)
{
    while (len > 0) {
        size_t count = piece_len(rows, len);
        hearing heard = {0};

        if (ask_piece(runtime, "release", rows, count, RELEASE_MS, &heard) != HL_OK)
            hl__log(runtime, HL_LOG_WARNING, "install", "%s", hl_last_error()->message);
        rows += count;
        len -= count;
    }
}

size_t hl__servers_len(hl_runtime *runtime)
{
    hearing heard = {.without_own = takes_part(runtime)};

    if (ask(runtime, "{\"ask\":\"libraries\"}", LIBRARIES_MS, hear, &heard) == HL_OK)
        return heard.servers_len;
    return 0;
}

/* ---- what is mapped ---------------------------------------------------------------------------------------------- */

typedef struct search {
    const char *const *paths;
    size_t len;
    bool found;
} search;

static bool is_wanted(const search *wanted, const char *path)
{
    for (size_t i = 0; path && i < wanted->len; i++) {
        if (strcmp(wanted->paths[i], path) == 0)
            return true;
    }
    return false;
}

static bool look(const char *text, void *user)
{
    json_t *answer = json_loads(text, 0, NULL);
    const json_t *libraries = json_object_get(answer, "libraries");
    search *wanted = user;

    for (size_t i = 0; i < json_array_size(libraries); i++) {
        const json_t *library = json_array_get(libraries, i);

        if (is_wanted(wanted, json_string_value(json_object_get(library, "path"))))
            wanted->found = true;
    }
    json_decref(answer);
    return !wanted->found;
}

bool hl__servers_unloaded(hl_runtime *runtime, const char *const *paths, size_t len, uint32_t timeout_ms)
{
    uint64_t until_ns = hl__now_ns() + (uint64_t)timeout_ms * 1000000;
    struct timespec pause = {.tv_nsec = PAUSE_NS};
    search wanted = {paths, len, false};

    for (;;) {
        wanted.found = false;
        if (ask(runtime, "{\"ask\":\"libraries\"}", LIBRARIES_MS, look, &wanted) != HL_OK)
            return false;
        if (!wanted.found || hl__now_ns() >= until_ns)
            return !wanted.found;
        nanosleep(&pause, NULL);
    }
}
