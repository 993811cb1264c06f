/* The load generator of `hookline demo`: a few threads with a keep-alive connection each to 127.0.0.1, which send the
 * next request when the answer to the last is complete. Bounded in number and time. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "demo.h"

#define ANSWER_S 5
#define FAILURES_MAX 20 /* in a row: the server is gone */
#define BUFFER 16384

struct worker {
    struct load *load;
    pthread_t thread;
    bool started;
    uint64_t served, failed;
    char failure[160];
};

struct load {
    unsigned port;
    uint64_t until_ns;
    int64_t left; /* requests that may still be sent */
    bool ending;
    size_t workers_len;
    struct worker workers[];
};

/* What the server must answer: the demo's plugins never change it. */
static const struct {
    const char *path;
    int status;
} requests[] = {{"/", 200}, {"/hello", 200}, {"/files/a.txt", 200}, {"/nowhere", 404}, {"/users/42", 200}};

#define REQUESTS_LEN (sizeof(requests) / sizeof(requests[0]))

/* ---- one answer ------------------------------------------------------------------------------------------------ */

struct answer {
    char bytes[BUFFER];
    size_t len;
    int status;
    size_t head_len; /* with the empty line */
    size_t body_len;
};

static int connect_to(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval wait = {.tv_sec = ANSWER_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool send_request(int fd, const char *path)
{
    char text[256];
    int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);

    return len > 0 && (size_t)len < sizeof(text) && send(fd, text, (size_t)len, MSG_NOSIGNAL) == len;
}

/* Reads status and length when the head is complete. */
static bool read_head(struct answer *answer)
{
    static const char length[] = "Content-Length:";
    const char *end;
    const char *at = answer->bytes;

    answer->bytes[answer->len] = '\0';
    end = strstr(answer->bytes, "\r\n\r\n");
    if (!end)
        return false;
    answer->head_len = (size_t)(end - answer->bytes) + 4;
    answer->status = strncmp(at, "HTTP/1.1 ", 9) == 0 ? atoi(at + 9) : 0;
    for (; at && at < end; at = strstr(at, "\r\n")) {
        at += at == answer->bytes ? 0 : 2;
        if (strncasecmp(at, length, sizeof(length) - 1) == 0)
            answer->body_len = strtoul(at + sizeof(length) - 1, NULL, 10);
        at++;
    }
    return true;
}

static bool receive_answer(int fd, struct answer *answer)
{
    answer->len = answer->head_len = answer->body_len = 0;
    while (!answer->head_len || answer->len < answer->head_len + answer->body_len) {
        ssize_t got = recv(fd, answer->bytes + answer->len, sizeof(answer->bytes) - 1 - answer->len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        answer->len += (size_t)got;
        if (!answer->head_len && !read_head(answer) && answer->len == sizeof(answer->bytes) - 1)
            return false;
        if (answer->head_len + answer->body_len >= sizeof(answer->bytes))
            return false;
    }
    return true;
}

/* ---- a worker -------------------------------------------------------------------------------------------------- */

static void count_failure(struct worker *worker, const char *path, const char *what, int status)
{
    if (worker->failed == 0) {
        if (status)
            snprintf(worker->failure, sizeof(worker->failure), "%s was answered with %d", path, status);
        else
            snprintf(worker->failure, sizeof(worker->failure), "%s: %s", path, what);
    }
    __atomic_fetch_add(&worker->failed, 1, __ATOMIC_RELEASE);
}

static bool may_send(struct load *load)
{
    return !__atomic_load_n(&load->ending, __ATOMIC_RELAXED) && demo_now_ns() < load->until_ns &&
           __atomic_sub_fetch(&load->left, 1, __ATOMIC_RELAXED) >= 0;
}

/* One request; closes and forgets the connection when it is of no more use. True when it was answered as it must be. */
static bool run_request(struct worker *worker, int *fd, size_t turn, struct answer *answer)
{
    const char *path = requests[turn % REQUESTS_LEN].path;

    if (*fd < 0)
        *fd = connect_to(worker->load->port);
    if (*fd < 0) {
        count_failure(worker, path, "the connection was refused", 0);
        return false;
    }
    if (!send_request(*fd, path) || !receive_answer(*fd, answer)) {
        count_failure(worker, path, "the connection broke", 0);
        close(*fd);
        *fd = -1;
        return false;
    }
    if (answer->status == requests[turn % REQUESTS_LEN].status) {
        __atomic_fetch_add(&worker->served, 1, __ATOMIC_RELAXED);
        return true;
    }
    count_failure(worker, path, "", answer->status);
    return false;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct answer *answer = malloc(sizeof(*answer));
    size_t in_a_row = 0;
    int fd = -1;

    if (!answer)
        count_failure(worker, "", "no memory left", 0);
    for (size_t turn = 0; answer && in_a_row < FAILURES_MAX && may_send(worker->load); turn++)
        in_a_row = run_request(worker, &fd, turn, answer) ? 0 : in_a_row + 1;
    if (fd >= 0)
        close(fd);
    free(answer);
    return NULL;
}

/* ---- the load -------------------------------------------------------------------------------------------------- */

struct load *demo_load_start(unsigned port, unsigned threads, uint64_t requests_max, uint64_t until_ns)
{
    struct load *load = calloc(1, sizeof(*load) + threads * sizeof(load->workers[0]));

    if (!load)
        return NULL;
    load->port = port;
    load->until_ns = until_ns;
    load->left = (int64_t)requests_max;
    load->workers_len = threads;
    for (size_t i = 0; i < threads; i++) {
        struct worker *worker = &load->workers[i];

        worker->load = load;
        worker->started = pthread_create(&worker->thread, NULL, work, worker) == 0;
        if (!worker->started)
            count_failure(worker, "", "a thread could not be started", 0);
    }
    return load;
}

void demo_load_counts(struct load *load, struct demo_load_counts *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < load->workers_len; i++) {
        struct worker *worker = &load->workers[i];
        uint64_t failed = __atomic_load_n(&worker->failed, __ATOMIC_ACQUIRE);

        out->served += __atomic_load_n(&worker->served, __ATOMIC_RELAXED);
        if (failed && !out->failed)
            snprintf(out->failure, sizeof(out->failure), "%s", worker->failure);
        out->failed += failed;
    }
}

void demo_load_stop(struct load *load, struct demo_load_counts *out)
{
    if (!load)
        return;
    __atomic_store_n(&load->ending, true, __ATOMIC_RELAXED);
    for (size_t i = 0; i < load->workers_len; i++)
        if (load->workers[i].started)
            pthread_join(load->workers[i].thread, NULL);
    demo_load_counts(load, out);
    free(load);
}

/* ---- one request on its own ------------------------------------------------------------------------------------ */

/* Asks for the connection to be closed after the answer, so that its end is the body's end. */
static bool ask_once(int fd, const char *path)
{
    char text[256];
    int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", path);

    return len > 0 && (size_t)len < sizeof(text) && send(fd, text, (size_t)len, MSG_NOSIGNAL) == len;
}

static bool read_all(int fd, FILE *file)
{
    char bytes[BUFFER];
    ssize_t got;

    while ((got = recv(fd, bytes, sizeof(bytes), 0)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || fwrite(bytes, 1, (size_t)got, file) != (size_t)got)
            return false;
    }
    return true;
}

/* A whole answer, head and body; NULL unless its status is 200. */
static char *get_answer(unsigned port, const char *path)
{
    char *text = NULL;
    size_t text_len;
    int fd = connect_to(port);
    FILE *file = fd < 0 ? NULL : open_memstream(&text, &text_len);
    bool complete = file && ask_once(fd, path) && read_all(fd, file);

    if (file && fclose(file) != 0)
        complete = false;
    if (fd >= 0)
        close(fd);
    if (complete && strncmp(text, "HTTP/1.1 200", 12) == 0)
        return text;
    free(text);
    return NULL;
}

char *demo_load_get(unsigned port, const char *path)
{
    char *text = get_answer(port, path);
    char *body = text ? strstr(text, "\r\n\r\n") : NULL;

    body = body ? strdup(body + 4) : NULL;
    free(text);
    return body;
}

char *demo_load_header(unsigned port, const char *path, const char *name)
{
    char *text = get_answer(port, path);
    char *end = text ? strstr(text, "\r\n\r\n") : NULL;
    size_t name_len = strlen(name);
    char *value = NULL;

    for (char *at = text; at && at < end && !value; at = strstr(at, "\r\n")) {
        at += at == text ? 0 : 2;
        if (strncasecmp(at, name, name_len) == 0 && strncmp(at + name_len, ": ", 2) == 0)
            value = strndup(at + name_len + 2, strcspn(at + name_len + 2, "\r"));
    }
    free(text);
    return value;
}
