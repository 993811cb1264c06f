/* What the tests' server answers, well or badly. For programs/https_server.c, whose head lists what can be asked. */
#ifndef HL_TEST_ANSWER_H
#define HL_TEST_ANSWER_H

#include "tests/packages/support/request.h"

/* What is served: a file, a text, or bytes made up. */
typedef struct test_content {
    int fd;           /* -1: none */
    const char *text; /* NULL: none */
    uint64_t len;
    char etag[64];
} test_content;

/* The byte that stands at `at` in made-up content. */
unsigned char test_made_up_byte(uint64_t at);

/* An answer without content worth having. */
void test_answer_code(const test_wire *wire, unsigned code, const char *query);
/* Content, sent in whatever way the query asks for. */
void test_answer_content(const test_wire *wire, const test_request *request, const char *query,
                         const test_content *content);

/* The JSON of a release below `folder`, or NULL when there is none: `path` is that of GitHub's API, `place` the address
 * of this server. `query` gets how the answer has to be sent. Owned by the caller. */
char *test_release_json(const char *folder, const test_request *request, const char *place, char *query,
                        size_t query_len);

#endif
