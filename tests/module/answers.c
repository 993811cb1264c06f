/* What a server answers to questions of the control protocol about modules; hookline/control.h lists them. */
#include <pthread.h>

#include <jansson.h>

#include "observe/answers.h"
#include "tests/module/support/calling.h"

#define KEY_1 "01000000-0000-0000-0000-000000000000"
#define KEY_2 "02000000-0000-0000-0000-000000000000"

static json_t *answered(const char *request)
{
    char *text = hl__control_answer(test_runtime, request, strlen(request));
    json_t *answer = text ? json_loads(text, 0, NULL) : NULL;

    free(text);
    assert_true(json_is_object(answer));
    assert_int_equal(json_integer_value(json_object_get(answer, "pid")), getpid());
    return answer;
}

static json_int_t worker_of(const char *request)
{
    json_t *answer = answered(request);
    json_int_t worker = -1;

    if (json_unpack(answer, "{s:I}", "worker", &worker) != 0)
        fail_msg("%s is answered with %s", request, json_dumps(answer, 0));
    json_decref(answer);
    return worker;
}

static void expect_error(const char *request, const char *status, const char *field)
{
    json_t *answer = answered(request);
    const char *said_status = "", *said_field = "";

    json_unpack(answer, "{s:{s:s, s:s}}", "error", "status", &said_status, "field", &said_field);
    assert_string_equal(said_status, status);
    assert_string_equal(said_field, field);
    json_decref(answer);
}

static void a_key_is_loaded_reloaded_and_released_from_outside(void **state)
{
    json_int_t worker = worker_of("{\"ask\":\"module\",\"do\":\"load\",\"key\":\"" KEY_1 "\"}");
    json_int_t next;

    (void)state;
    assert_int_equal(worker, pid_of(key_of(1)));
    assert_int_equal(worker_of("{\"ask\":\"module\",\"do\":\"load\",\"key\":\"" KEY_1 "\"}"), worker);
    next = worker_of("{\"ask\":\"module\",\"do\":\"reload\",\"key\":\"" KEY_1 "\"}");
    assert_true(next != worker);
    assert_int_equal(next, pid_of(key_of(1)));
    assert_int_equal(worker_of("{\"ask\":\"module\",\"do\":\"release\",\"key\":\"" KEY_1 "\"}"), 0);
    assert_int_equal(pid_of(key_of(1)), 0);
}

/* Arguments and result travel as JSON text, so that nothing is lost on the way. */
static void a_function_is_called_in_the_worker_from_outside(void **state)
{
    json_t *answer;

    (void)state;
    expect_error("{\"ask\":\"module\",\"do\":\"execute\",\"key\":\"" KEY_1 "\",\"function\":\"count\"}",
                 "HL_ERR_NOT_LOADED", "key");
    assert_string_equal(ran(key_of(1), "count", NULL), "1");
    answer = answered("{\"ask\":\"module\",\"do\":\"execute\",\"key\":\"" KEY_1 "\",\"function\":\"count\"}");
    assert_string_equal(json_string_value(json_object_get(answer, "result")), "2");
    json_decref(answer);
    answer = answered("{\"ask\":\"module\",\"do\":\"execute\",\"key\":\"" KEY_1 "\",\"function\":\"echo\","
                      "\"args\":\"[\\\"a\\\\u0000\\u00e9\\\"]\",\"timeout_ms\":5000}");
    assert_string_equal(json_string_value(json_object_get(answer, "result")), "\"a\\u0000\xc3\xa9\"");
    json_decref(answer);
}

static void what_another_process_is_asked_is_not_done(void **state)
{
    json_t *answer = answered("{\"ask\":\"module\",\"in\":1,\"do\":\"load\",\"key\":\"" KEY_1 "\"}");

    (void)state;
    assert_true(json_is_false(json_object_get(answer, "meant")));
    assert_int_equal(pid_of(key_of(1)), 0);
    json_decref(answer);
}

static void what_is_loaded_is_listed_with_its_worker(void **state)
{
    const char *key = "", *module = "";
    json_int_t worker = 0, calls = 0, holders = 0;
    json_t *answer = answered("{\"ask\":\"modules\"}");

    (void)state;
    assert_int_equal(json_array_size(json_object_get(answer, "modules")), 0);
    json_decref(answer);
    assert_string_equal(ran(key_of(1), "count", NULL), "1");
    answer = answered("{\"ask\":\"modules\"}");
    assert_int_equal(json_unpack(answer, "{s:[{s:s, s:s, s:I, s:I, s:I}!]}", "modules", "key", &key, "module", &module,
                                 "worker", &worker, "calls", &calls, "holders", &holders),
                     0);
    assert_string_equal(key, KEY_1);
    assert_string_equal(module, "calls");
    assert_int_equal(worker, pid_of(key_of(1)));
    assert_int_equal(calls, 1);
    assert_int_equal(holders, 1);
    json_decref(answer);
    assert_string_equal(call(hl_module_execute, key_of(1), "crash", NULL, 0), "HL_ERR_PLUGIN");
    answer = answered("{\"ask\":\"modules\"}");
    assert_int_equal(json_array_size(json_object_get(answer, "modules")), 0);
    json_decref(answer);
}

static void what_cannot_be_done_is_told_as_the_calls_tell_it(void **state)
{
    (void)state;
    expect_error("{\"ask\":\"module\"}", "HL_ERR_INVALID", "do");
    expect_error("{\"ask\":\"module\",\"do\":\"unregister\",\"key\":\"" KEY_1 "\"}", "HL_ERR_INVALID", "do");
    expect_error("{\"ask\":\"module\",\"do\":\"execute\",\"key\":\"" KEY_1 "\"}", "HL_ERR_INVALID", "function");
    expect_error("{\"ask\":\"module\",\"do\":\"load\"}", "HL_ERR_INVALID", "text");
    expect_error("{\"ask\":\"module\",\"do\":\"load\",\"key\":7}", "HL_ERR_INVALID", "text");
    expect_error("{\"ask\":\"module\",\"do\":\"load\",\"key\":\"" KEY_2 "\"}", "HL_ERR_NOT_FOUND", "key");
    expect_error("{\"ask\":\"module\",\"do\":\"release\",\"key\":\"" KEY_1 "\"}", "HL_ERR_NOT_LOADED", "key");
}

static void *ask_for_what_hangs(void *user)
{
    const char *request = "{\"ask\":\"module\",\"do\":\"load\",\"key\":\"" KEY_1 "\"}";
    char **answer = user;

    *answer = hl__control_answer(test_runtime, request, strlen(request));
    return NULL;
}

/* After the reopening nobody has asked for modules before. */
static void a_runtime_that_closes_ends_what_was_asked_of_it(void **state)
{
    pthread_t thread;
    char *answer = NULL;

    (void)state;
    take_code(PLUGIN("hangs"));
    test_module_reopen();
    assert_int_equal(pthread_create(&thread, NULL, ask_for_what_hangs, &answer), 0);
    test_sleep_ms(100);
    hl_close(test_runtime);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_non_null(answer);
    assert_non_null(strstr(answer, "HL_ERR_CLOSED"));
    free(answer);
    expect_error("{\"ask\":\"module\",\"do\":\"load\",\"key\":\"" KEY_1 "\"}", "HL_ERR_CLOSED", "runtime");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_store(a_key_is_loaded_reloaded_and_released_from_outside),
        with_store(a_function_is_called_in_the_worker_from_outside),
        with_store(what_another_process_is_asked_is_not_done),
        with_store(what_is_loaded_is_listed_with_its_worker),
        with_store(what_cannot_be_done_is_told_as_the_calls_tell_it),
        with_store(a_runtime_that_closes_ends_what_was_asked_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
