/* A server for tests that download: it serves a folder by https and http on 127.0.0.1, and misbehaves as asked.
 *
 *   https_server FOLDER STATE
 *
 * Prints one line, which a shell can take as assignments, and serves until its standard input ends (where that is a
 * pipe) or the process that started it does:
 *
 *   https=PORT http=PORT expired=PORT other=PORT ca=STATE/ca.pem
 *
 * https shows a good certificate of the authority in ca.pem, expired and other a bad one. STATE/requests gets a line
 * for each request. What a query asks for, besides the file that the path names:
 *
 *   bytes=N         made-up content instead of a file        rotten=1      one bit is not as it should be
 *   redirect=URL    302 to there; code=N: another code        code=N        that answer; rate=1: as GitHub's rate limit
 *   stall=N         nothing more after N bytes                reset=N       the connection is reset after N bytes
 *   close=N         it is closed after N bytes                once=KEY      ... at the first request with this key
 *   length=N        claims that length; length=none: none     chunked=1     sent in chunks
 *   drip=MS         one byte at a time                        gzip=1        claims to be compressed
 *   ranges=0        the rest cannot be asked for              wrong_range=1 gives another rest than asked for
 *   etag=none|weak|changing                                   silent=1      no answer at all
 *
 * /loop leads to itself for ever, /hops/N/FILE to FILE in N steps. /repos/... plays GitHub; see support/releases.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/packages/support/answer.h"
#include "tests/packages/support/certificates.h"

#define AT_ONCE_MAX 64
#define DOORS 4
#define TIMEOUT_S 60

/* One listening socket. */
typedef struct door {
    const char *name;
    int fd;
    unsigned port;
    SSL_CTX *context; /* NULL: plain http */
} door;

typedef struct visit {
    const door *door;
    int fd;
} visit;

static const char *folder;
static FILE *requests;
static sem_t free_places;

static void die(const char *what)
{
    fprintf(stderr, "https_server: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- one request ---- */

static void note_request(const door *door, const test_request *request)
{
    if (!requests)
        return;
    fprintf(requests, "%s %s%s%s range=%s authorization=%s cookie=%s agent=%s\n", door->name, request->path,
            request->query[0] ? "?" : "", request->query, request->range, request->authorization, request->cookie,
            request->agent);
    fflush(requests);
}

static void say_place(const door *door, char *out, size_t out_len)
{
    snprintf(out, out_len, "%s://127.0.0.1:%u", door->context ? "https" : "http", door->port);
}

static void lead(const test_wire *wire, const door *door, const char *path, unsigned long steps, const char *rest)
{
    char place[64], query[1100];

    say_place(door, place, sizeof(place));
    if (steps > 0)
        snprintf(query, sizeof(query), "redirect=%s%s/%lu%s", place, path, steps, rest);
    else
        snprintf(query, sizeof(query), "redirect=%s%s", place, rest);
    test_answer_code(wire, steps % 2 ? 301 : 307, query);
}

/* The addresses that lead elsewhere by their path. */
static bool answer_leading(const test_wire *wire, const door *door, const test_request *request)
{
    const char *path = request->path;
    unsigned long steps;
    char *rest;

    if (strncmp(path, "/loop", 5) == 0) {
        lead(wire, door, "/loop", strtoul(path + 5 + (path[5] == '/'), NULL, 10) + 1, "");
        return true;
    }
    if (strncmp(path, "/hops/", 6) != 0)
        return false;
    steps = strtoul(path + 6, &rest, 10);
    lead(wire, door, "/hops", steps > 0 ? steps - 1 : 0, rest);
    return true;
}

static bool answer_badly(const test_wire *wire, const char *query)
{
    bool leads = test_query_has(query, "redirect");

    if (test_query_has(query, "silent")) {
        test_wire_wait(wire);
        return true;
    }
    if (!leads && !test_query_has(query, "code"))
        return false;
    test_answer_code(wire, (unsigned)test_query_number(query, "code", 302), query);
    return true;
}

static void answer_release(const test_wire *wire, const door *door, const test_request *request)
{
    test_content content = {-1, NULL, 0, ""};
    char place[64], query[512];
    char *text;

    say_place(door, place, sizeof(place));
    text = test_release_json(folder, request, place, query, sizeof(query));
    content.text = text;
    content.len = text ? strlen(text) : 0;
    if (!answer_badly(wire, query)) {
        if (text)
            test_answer_content(wire, request, query, &content);
        else
            test_answer_code(wire, 404, "");
    }
    free(text);
}

static bool open_file(const char *path, test_content *out)
{
    char whole[PATH_MAX];
    struct stat found;

    if (strstr(path, "..") || snprintf(whole, sizeof(whole), "%s%s", folder, path) >= (int)sizeof(whole))
        return false;
    out->fd = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (out->fd < 0 || fstat(out->fd, &found) != 0 || !S_ISREG(found.st_mode))
        return false;
    out->len = (uint64_t)found.st_size;
    snprintf(out->etag, sizeof(out->etag), "\"%llx-%llx\"", (unsigned long long)found.st_size,
             (unsigned long long)found.st_mtim.tv_sec * 1000000000u + (unsigned long long)found.st_mtim.tv_nsec);
    return true;
}

static void answer_file(const test_wire *wire, const test_request *request)
{
    test_content content = {-1, NULL, test_query_number(request->query, "bytes", 0), "\"made-up\""};

    if (test_query_has(request->query, "bytes") || open_file(request->path, &content))
        test_answer_content(wire, request, request->query, &content);
    else
        test_answer_code(wire, 404, "");
    if (content.fd >= 0)
        close(content.fd);
}

static void answer(const test_wire *wire, const door *door)
{
    test_request *request = malloc(sizeof(*request));

    if (request && test_request_read(wire, request)) {
        note_request(door, request);
        if (strncmp(request->path, "/repos/", 7) == 0)
            answer_release(wire, door, request);
        else if (!answer_leading(wire, door, request) && !answer_badly(wire, request->query))
            answer_file(wire, request);
    }
    free(request);
}

/* ---- connections ---- */

static void *receive(void *argument)
{
    visit *visit = argument;
    test_wire wire = {visit->fd, NULL};
    bool good = true;

    if (visit->door->context) {
        wire.ssl = SSL_new(visit->door->context);
        good = wire.ssl && SSL_set_fd(wire.ssl, wire.fd) == 1 && SSL_accept(wire.ssl) == 1;
    }
    if (good)
        answer(&wire, visit->door);
    if (good && wire.ssl)
        SSL_shutdown(wire.ssl);
    SSL_free(wire.ssl);
    close(wire.fd);
    free(visit);
    sem_post(&free_places);
    return NULL;
}

static void let_in(const door *door)
{
    const struct timeval patience = {TIMEOUT_S, 0};
    int fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC);
    visit *visit = fd >= 0 ? malloc(sizeof(*visit)) : NULL;
    pthread_t thread;

    if (!visit) {
        if (fd >= 0)
            close(fd);
        return;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    visit->door = door;
    visit->fd = fd;
    sem_wait(&free_places);
    if (pthread_create(&thread, NULL, receive, visit) != 0)
        die("thread");
    pthread_detach(thread);
}

static void open_door(door *door)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    door->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (door->fd < 0 || bind(door->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(door->fd, 64) != 0 || getsockname(door->fd, (struct sockaddr *)&address, &len) != 0)
        die("listen");
    door->port = ntohs(address.sin_port);
}

static void serve(const door doors[DOORS])
{
    struct pollfd watched[DOORS + 1];
    struct stat input;
    bool piped = fstat(0, &input) == 0 && (S_ISFIFO(input.st_mode) || S_ISSOCK(input.st_mode));

    for (size_t i = 0; i < DOORS; i++)
        watched[i] = (struct pollfd){doors[i].fd, POLLIN, 0};
    watched[DOORS] = (struct pollfd){piped ? 0 : -1, POLLIN, 0};
    for (;;) {
        char byte;

        if (poll(watched, DOORS + 1, -1) < 0 && errno != EINTR)
            die("poll");
        if (watched[DOORS].revents && read(0, &byte, 1) <= 0)
            return;
        for (size_t i = 0; i < DOORS; i++) {
            if (watched[i].revents)
                let_in(&doors[i]);
        }
    }
}

static void begin(const char *state)
{
    char path[PATH_MAX];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    sem_init(&free_places, 0, AT_ONCE_MAX);
    if (mkdir(state, 0755) != 0 && errno != EEXIST)
        die(state);
    snprintf(path, sizeof(path), "%s/requests", state);
    requests = fopen(path, "ae");
}

int main(int argc, char **argv)
{
    door doors[DOORS] = {{.name = "https"}, {.name = "expired"}, {.name = "other"}, {.name = "http"}};
    test_authority authority;
    char ca[PATH_MAX];

    if (argc != 3) {
        fprintf(stderr, "usage: https_server FOLDER STATE\n");
        return 2;
    }
    folder = argv[1];
    begin(argv[2]);
    test_authority_make(&authority);
    snprintf(ca, sizeof(ca), "%s/ca.pem", argv[2]);
    test_authority_write(&authority, ca);
    doors[0].context = test_server_context(&authority, TEST_CERTIFICATE_GOOD);
    doors[1].context = test_server_context(&authority, TEST_CERTIFICATE_EXPIRED);
    doors[2].context = test_server_context(&authority, TEST_CERTIFICATE_OTHER);
    for (size_t i = 0; i < DOORS; i++)
        open_door(&doors[i]);
    printf("https=%u http=%u expired=%u other=%u ca=%s\n", doors[0].port, doors[3].port, doors[1].port, doors[2].port,
           ca);
    fflush(stdout);
    serve(doors);
    return 0;
}
