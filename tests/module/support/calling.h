/* What the tests of loading and calling share: keys that are small numbers, and calls in one line. */
#ifndef HL_TEST_MODULE_CALLING_H
#define HL_TEST_MODULE_CALLING_H

#include "tests/module/support/modules.h"

#define PLUGIN(name) HL_TEST_PLUGINS "/module_" name ".so"

void take_code(const char *path);
hl_key key_of(unsigned number);
void put(hl_key key, const char *module, const hl_isolation *isolation);
int32_t pid_of(hl_key key); /* 0: it has no worker */

/* Setup of a case: a store with the module "calls" in version 1, to which key 1 is registered. */
int calling_begin(void **state);
#define with_store(test) cmocka_unit_test_setup_teardown(test, calling_begin, test_module_end)

/* A call with arguments in JSON: the result as JSON, or the status's name. Static for each thread: the last 4 are
 * good. */
typedef hl_status call_fn(hl_runtime *, const hl_key *, const char *, const hl_value *, uint32_t, hl_value **);
const char *call(call_fn *how, hl_key key, const char *function, const char *json, uint32_t timeout_ms);

#define executed(key, function, json) call(hl_module_execute, (key), (function), (json), 0)
#define ran(key, function, json) call(hl_module_run, (key), (function), (json), 0)
#define ran_and_released(key, function, json) call(hl_module_run_and_release, (key), (function), (json), 0)

/* What the last call's error says; NULL: it does not say so. */
const char *said(const char *what);

#endif
