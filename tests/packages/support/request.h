/* Requests to the tests' server, and the wire that they come by. For programs/https_server.c. */
#ifndef HL_TEST_REQUEST_H
#define HL_TEST_REQUEST_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEST_HEAD_MAX 16384

/* A connection; `ssl` is NULL for plain http. */
typedef struct test_wire {
    int fd;
    SSL *ssl;
} test_wire;

typedef struct test_request {
    char head[TEST_HEAD_MAX]; /* as it came, cut into strings */
    const char *path;         /* decoded */
    char *query;              /* not decoded; "" when none */
    const char *range;        /* header values; "" when absent */
    const char *if_range;
    const char *authorization;
    const char *agent;
    const char *cookie;
} test_request;

bool test_wire_send(const test_wire *wire, const void *bytes, size_t len);
/* Waits until the client leaves, for a minute at most. */
void test_wire_wait(const test_wire *wire);
/* Ends the connection with a reset instead of a goodbye. */
void test_wire_reset(const test_wire *wire);

/* Reads one request; false when it is none. */
bool test_request_read(const test_wire *wire, test_request *out);

/* The decoded value of a parameter of a query; false when it is absent. */
bool test_query(const char *query, const char *key, char *out, size_t out_len);
/* The same as a number; `fallback` when it is absent. */
uint64_t test_query_number(const char *query, const char *key, uint64_t fallback);
bool test_query_has(const char *query, const char *key);

#endif
