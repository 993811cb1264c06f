/* What the tests of modules share: a store in a folder of its own, sources of modules, compilers made of shell
 * script. */
#ifndef HL_TEST_MODULE_SUPPORT_H
#define HL_TEST_MODULE_SUPPORT_H

#include "tests/support/support.h"

#include <hookline/modules.h>

extern const char *test_dir;     /* of the running test; absolute */
extern hl_runtime *test_runtime; /* on its store, below it */

/* Setup and teardown of a case. The teardown checks that no compiler is left. */
int test_module_begin(void **state);
int test_module_end(void **state);
void test_module_reopen(void);

/* A module "NAME" of version VERSION, whose function "answer" gives the integer `answer`. Static memory: the last 8 are
 * good. */
const char *test_source(const char *name, const char *version, int answer);

/* Compiles a text, whatever the outcome; *out is to be cleaned up. */
hl_status test_compile(const char *text, hl_module_code *out);
/* Compiles and loads into the store; fails the test when that fails. */
void test_keep(const char *text);

/* Makes a compiler of this shell script, which becomes $HOOKLINE_CC until the case ends. */
void test_compiler(const char *script);
/* A file of the test's folder: its path (static, the last 8 are good), and whether it is there. */
const char *test_path(const char *name);
bool test_exists(const char *name);
/* How many entries a folder of the store's modules has; "" the folder itself; 0 when there is none. */
size_t test_entries(const char *below);
void test_write(const char *path, const void *bytes, size_t len);
void *test_read(const char *path, size_t *len); /* malloc'ed */

#endif
