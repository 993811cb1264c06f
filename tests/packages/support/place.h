/* A folder for each test case, and files in it. */
#ifndef HL_TEST_PACKAGES_PLACE_H
#define HL_TEST_PACKAGES_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* For setup and teardown of a case: a new folder, removed afterwards. */
int place_begin(void **state);
int place_end(void **state);

/* Absolute path in the case's folder; the last 16 are good. */
const char *place_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Makes a file with all folders on the way; opened for reading and writing by place_open. */
void place_write(const char *path, const void *bytes, size_t len);
int place_open(const char *path);
/* Runs a command in the case's folder; it has to end with 0. */
void place_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Everything below a folder, a line each: kind, mode, size, path and content's beginning. Static, the last 4 are
 * good. */
const char *place_tree(const char *path);

#endif
