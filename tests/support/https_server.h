/* The tests' HTTPS server as a process beside the test; what it can be asked for is in the head of
 * tests/packages/programs/https_server.c. */
#ifndef HL_TEST_HTTPS_SERVER_H
#define HL_TEST_HTTPS_SERVER_H

#include <limits.h>
#include <stddef.h>

typedef struct test_server {
    int pid;
    int input;                            /* its standard input: it ends when this is closed */
    unsigned https, http, expired, other; /* ports */
    char ca[PATH_MAX];                    /* what a policy names as ca_file */
    char requests[PATH_MAX];              /* a line for each request */
} test_server;

/* Starts it on what lies in `folder`; it keeps its own files in `state`, a folder that it makes. Fails the test when it
 * does not start. */
void test_server_start(test_server *server, const char *folder, const char *state);
void test_server_stop(test_server *server);

/* "https://127.0.0.1:PORT" and the rest. Static memory: the last 8 are good. */
const char *test_server_url(const test_server *server, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* How many lines of its requests have this text in them. */
size_t test_server_count(const test_server *server, const char *text);

#endif
