/* Plugin libraries made while a test runs, free of the build's own sanitizers and flags, in a folder of the test's own;
 * and counts of what a process holds. Used by the programs of tests/library. */
#ifndef TESTS_LIBRARY_FIXTURE_H
#define TESTS_LIBRARY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hookline/library.h>

/* cmocka group setup and teardown: the folder. */
int fixture_begin(void **state);
int fixture_end(void **state);

/* Path of a file in the folder. Static memory: the last 32 are good. */
const char *fixture_path(const char *name);

/* Writes a C (or, when `name` ends in ".cc.so", C++) source beside `name` and builds it with `flags` after the usual
 * -shared -fPIC. False when the compiler refuses. */
bool fixture_try_build(const char *name, const char *source, const char *flags);
const char *fixture_build(const char *name, const char *source, const char *flags);

/* The same without -shared -fPIC: programs and object files. */
const char *fixture_link(const char *name, const char *source, const char *flags);

/* A library with plugins "one" and "two", and `more` (C text) before its records. Built once for each name. */
const char *fixture_plugin(const char *name, const char *more, const char *flags);

/* Whole files. The bytes are owned. */
unsigned char *fixture_read(const char *path, size_t *len);
const char *fixture_write(const char *name, const void *bytes, size_t len);

/* Fails the test unless `status` is `wanted` and, for a failure, hl_last_error speaks of `field` and contains
 * `words`. */
void expect_status(hl_status status, hl_status wanted, const char *field, const char *words);

/* What this process holds. */
typedef struct holdings {
    size_t mappings; /* of files in the fixture folder */
    size_t fds;
    size_t children;
} holdings;

holdings holdings_now(void);
void expect_same_holdings(const holdings *before);

#endif
