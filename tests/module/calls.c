/* Calling functions of loaded keys, also of modules that fail in every way. Row EC-05. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "tests/module/support/calling.h"

/* ---- calling ----------------------------------------------------------------------------------------------------- */

/* MX-01 */
static void a_call_without_a_timeout_has_five_seconds(void **state)
{
    hl_key key = key_of(1);

    (void)state;
    ok(hl_module_load(test_runtime, &key));
    assert_in_range(atoi(executed(key, "left", NULL)), 2000, 5000);
}

/* MX-01 */
static void arguments_arrive_and_results_come_back(void **state)
{
    hl_key key = key_of(1);

    (void)state;
    assert_string_equal(executed(key, "echo", "[1]"), "HL_ERR_NOT_LOADED");
    ok(hl_module_load(test_runtime, &key));
    assert_string_equal(executed(key, "echo", "[{\"a\":[1,-2.5,null,true,\"\\u00fc\\u0000\"],\"$bytes\":1}]"),
                        "{\"a\":[1,-2.5,null,true,\"\xc3\xbc\\u0000\"],\"$bytes\":1}");
    assert_string_equal(executed(key, "echo", NULL), "null");
    assert_string_equal(executed(key, "nothing", "[]"), "null");
    assert_string_equal(executed(key, "bytes", "[3]"), "{\"$bytes\":\"AAAA\"}");
}

static void a_function_may_ask_how_much_time_is_left(void **state)
{
    hl_key key = key_of(1);

    (void)state;
    assert_in_range(atoi(call(hl_module_run, key, "left", NULL, 30000)), 15000, 30000);
}

/* MX-02 */
static void a_run_loads_and_keeps(void **state)
{
    hl_key key = key_of(1), other = key_of(2);

    (void)state;
    assert_string_equal(ran(key, "count", NULL), "1");
    assert_string_equal(ran(key, "count", NULL), "2");
    assert_true(hl_module_is_loaded(test_runtime, &key));
    assert_string_equal(ran(other, "count", NULL), "HL_ERR_NOT_FOUND");
}

/* MX-03 */
static void run_and_release_leaves_what_others_hold(void **state)
{
    hl_key key = key_of(1);

    (void)state;
    assert_string_equal(ran_and_released(key, "count", NULL), "1");
    assert_false(hl_module_is_loaded(test_runtime, &key));
    assert_string_equal(ran_and_released(key, "count", NULL), "1");
    ok(hl_module_load(test_runtime, &key));
    assert_string_equal(ran_and_released(key, "count", NULL), "1");
    assert_string_equal(ran_and_released(key, "count", NULL), "2");
    assert_true(hl_module_is_loaded(test_runtime, &key));
}

/* MX-04 */
static void an_unknown_function_names_those_there_are(void **state)
{
    (void)state;
    assert_string_equal(ran(key_of(1), "absent", NULL), "HL_ERR_NOT_FOUND");
    assert_true(said("absent") && said("echo") && said("count"));
    assert_string_equal(ran(key_of(1), "ech", NULL), "HL_ERR_NOT_FOUND");
    assert_string_equal(ran(key_of(1), "echo2", NULL), "HL_ERR_NOT_FOUND");
    assert_string_equal(ran(key_of(1), "count", NULL), "1");
}

/* MX-01 */
static void a_failing_function_is_quoted(void **state)
{
    (void)state;
    assert_string_equal(ran(key_of(1), "fail", "[-1]"), "HL_ERR_PLUGIN");
    assert_string_equal(hl_last_error()->message, "as asked");
    assert_string_equal(hl_last_error()->field, "HL_ERR_INVALID");
    assert_string_equal(ran(key_of(1), "fail", "[-5]"), "HL_ERR_PLUGIN");
    assert_string_equal(hl_last_error()->field, "HL_ERR_NOT_FOUND");
    assert_string_equal(ran(key_of(1), "fail_silently", "[-4]"), "HL_ERR_PLUGIN");
    assert_string_equal(hl_last_error()->field, "HL_ERR_NO_MEMORY");
    assert_true(hl_last_error()->message[0]);
    assert_string_equal(ran(key_of(1), "fail_silently", "[12345]"), "HL_ERR_PLUGIN");
    assert_string_equal(ran(key_of(1), "count", NULL), "1");
}

/* Each function gets what the one before it gave; the first failure ends the row. */
static hl_status through(hl_key key, const char *const *functions, hl_value **value)
{
    hl_status status = HL_OK;

    for (; status == HL_OK && *functions; functions++) {
        hl_value *args = hl_value_list(), *result = NULL;

        ok(hl_value_append(args, *value));
        status = hl_module_run(test_runtime, &key, *functions, args, 0, &result);
        hl_value_free(args);
        *value = result;
    }
    return status;
}

/* M1-07: functions are composed by who calls them */
static void a_result_is_the_next_calls_argument_and_a_failure_ends_the_row(void **state)
{
    static const char *const whole[] = {"bytes", "echo", NULL}, *const broken[] = {"echo", "fail", "count", NULL};
    hl_value *value = hl_value_int(3);

    (void)state;
    ok(through(key_of(1), whole, &value));
    assert_int_equal(hl_value_kind_of(value), HL_VALUE_BYTES);
    assert_int_equal(hl_value_len(value), 3);
    hl_value_free(value);
    value = hl_value_int(-1);
    assert_int_equal(through(key_of(1), broken, &value), HL_ERR_PLUGIN);
    assert_null(value);
    assert_string_equal(ran(key_of(1), "count", NULL), "1");
}

static void wrong_arguments_are_refused_before_anything_is_called(void **state)
{
    hl_key key = key_of(1);
    hl_value *map = hl_value_map(), *result = NULL;
    char name[300];

    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    ok(hl_module_load(test_runtime, &key));
    refused(hl_module_execute(test_runtime, &key, "count", map, 0, &result), HL_ERR_INVALID, "args");
    refused(hl_module_execute(test_runtime, &key, NULL, NULL, 0, &result), HL_ERR_INVALID, "function");
    refused(hl_module_execute(test_runtime, &key, "", NULL, 0, &result), HL_ERR_INVALID, "function");
    refused(hl_module_execute(test_runtime, &key, name, NULL, 0, &result), HL_ERR_INVALID, "function");
    refused(hl_module_execute(test_runtime, &key, "count", NULL, 0, NULL), HL_ERR_INVALID, "result");
    refused(hl_module_execute(test_runtime, NULL, "count", NULL, 0, &result), HL_ERR_INVALID, "key");
    refused(hl_module_execute(NULL, &key, "count", NULL, 0, &result), HL_ERR_INVALID, "runtime");
    assert_string_equal(executed(key, "count", NULL), "1");
    hl_value_free(map);
}

static void values_as_large_as_the_limit_pass_and_larger_ones_do_not(void **state)
{
    hl_key key = key_of(1);
    size_t most = HL_VALUE_BYTES_MAX - 6, len;
    char *bytes = malloc(most + 1);
    hl_value *args = hl_value_list(), *result = NULL;

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < most; i++)
        bytes[i] = (char)(i * 31 >> 4);
    ok(hl_value_append(args, hl_value_bytes(bytes, most)));
    ok(hl_module_load(test_runtime, &key));
    ok(hl_module_execute(test_runtime, &key, "echo", args, 0, &result));
    assert_memory_equal(hl_value_as_bytes(result, &len), bytes, most);
    assert_int_equal(len, most);
    ok(hl_value_append(args, hl_value_null()));
    hl_value_free(result);
    refused(hl_module_execute(test_runtime, &key, "echo", args, 0, &result), HL_ERR_LIMIT, NULL);
    assert_null(result);
    assert_string_equal(executed(key, "bytes", "[16777216]"), "HL_ERR_LIMIT");
    assert_string_equal(executed(key, "bytes", "[100000000]"), "HL_ERR_LIMIT");
    assert_string_equal(executed(key, "count", NULL), "1");
    hl_value_free(args);
    free(bytes);
}

/* What the process holds of the memory that it shares with workers, in KiB. */
static size_t shared_kib(void)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[512];
    bool inside = false;
    size_t sum = 0, kib;

    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        if (strchr(line, '-') && strchr(line, '-') < strchr(line, ' '))
            inside = strstr(line, "memfd:") != NULL;
        if (inside && sscanf(line, "Rss: %zu kB", &kib) == 1)
            sum += kib;
    }
    fclose(maps);
    return sum;
}

static void a_large_call_gives_its_memory_back(void **state)
{
    hl_key key = key_of(1);
    hl_value *args = hl_value_list(), *result = NULL;
    char *bytes = calloc(1, 12 << 20);

    (void)state;
    assert_non_null(bytes);
    ok(hl_value_append(args, hl_value_bytes(bytes, 12 << 20)));
    ok(hl_module_run(test_runtime, &key, "echo", args, 0, &result));
    assert_int_equal(hl_value_len(result), 12 << 20);
    assert_in_range(shared_kib(), 1, 1024);
    hl_value_free(result);
    hl_value_free(args);
    free(bytes);
}

/* ---- modules that fail ------------------------------------------------------------------------------------------- */

/* MX-01. The seed let some of these through to its caller: X-108. */
static void a_module_that_dies_is_an_answer_and_can_be_loaded_again(void **state)
{
    static const struct {
        const char *function, *args, *reason;
    } deaths[] = {{"crash", NULL, "SIGSEGV"}, {"abort", NULL, "SIGABRT"}, {"exit", "[0]", "0"}, {"exit", "[3]", "3"}};
    hl_key key = key_of(1);

    (void)state;
    for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
        assert_string_equal(ran(key, deaths[i].function, deaths[i].args), "HL_ERR_PLUGIN");
        assert_non_null(said(deaths[i].reason));
        eventually(!hl_module_is_loaded(test_runtime, &key));
        assert_string_equal(executed(key, "count", NULL), "HL_ERR_NOT_LOADED");
        assert_string_equal(ran(key, "count", NULL), "1");
    }
    assert_string_equal(ran_and_released(key, "crash", NULL), "HL_ERR_PLUGIN");
    ok(hl_module_load(test_runtime, &key));
}

/* MX-01 */
static void a_worker_that_somebody_kills_is_not_loaded_any_more(void **state)
{
    hl_key key = key_of(1);

    (void)state;
    ok(hl_module_load(test_runtime, &key));
    assert_int_equal(kill(pid_of(key), SIGKILL), 0);
    eventually(!hl_module_is_loaded(test_runtime, &key));
    refused(hl_module_release(test_runtime, &key), HL_ERR_NOT_LOADED, "key");
    assert_string_equal(executed(key, "count", NULL), "HL_ERR_NOT_LOADED");
    assert_string_equal(ran_and_released(key, "count", NULL), "1");
    assert_false(hl_module_is_loaded(test_runtime, &key));
}

static void a_key_whose_workers_have_failed_is_loaded_anew(void **state)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);
    hl_key key = key_of(2);

    (void)state;
    isolation.restarts_most = 1;
    isolation.period_ms = 60000;
    put(key, "calls", &isolation);
    for (unsigned i = 0; i < 2; i++)
        assert_string_equal(ran(key, "crash", NULL), "HL_ERR_PLUGIN");
    eventually(!hl_module_is_loaded(test_runtime, &key));
    assert_string_equal(executed(key, "count", NULL), "HL_ERR_NOT_LOADED");
    assert_string_equal(ran(key, "count", NULL), "1");
    for (unsigned i = 0; i < 2; i++)
        assert_string_equal(executed(key, "crash", NULL), "HL_ERR_PLUGIN");
    eventually(!hl_module_is_loaded(test_runtime, &key));
    ok(hl_module_load(test_runtime, &key));
    assert_string_equal(executed(key, "count", NULL), "1");
}

static void a_worker_that_is_to_be_started_again_is(void **state)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);
    hl_key key = key_of(2);

    (void)state;
    put(key, "calls", &isolation);
    assert_string_equal(ran(key, "count", NULL), "1");
    assert_string_equal(executed(key, "crash", NULL), "HL_ERR_PLUGIN");
    eventually(strcmp(executed(key, "count", NULL), "1") == 0);
    assert_true(hl_module_is_loaded(test_runtime, &key));
}

/* MX-01, X-103: in the seed a call that was late kept its worker busy */
static void the_caller_never_waits_past_its_timeout(void **state)
{
    static const char *const functions[] = {"hang", "stop"};
    hl_key key = key_of(1);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint64_t begun;
        int32_t pid;

        ok(hl_module_load(test_runtime, &key));
        pid = pid_of(key);
        begun = test_now_ns();
        assert_string_equal(call(hl_module_execute, key, functions[i], NULL, 150), "HL_ERR_TIMEOUT");
        assert_in_range((test_now_ns() - begun) / 1000000, 150, 400);
        eventually(kill(pid, 0) != 0);
        begun = test_now_ns();
        assert_string_equal(call(hl_module_run_and_release, key, functions[i], NULL, 150), "HL_ERR_TIMEOUT");
        assert_in_range((test_now_ns() - begun) / 1000000, 150, 500);
    }
    assert_string_equal(ran(key, "count", NULL), "1");
}

static void who_was_told_of_a_death_loads_the_key_anew(void **state)
{
    hl_key key = key_of(1);

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        ok(hl_module_load(test_runtime, &key));
        assert_string_equal(executed(key, "count", NULL), "1");
        assert_string_equal(executed(key, "crash", NULL), "HL_ERR_PLUGIN");
        assert_false(hl_module_is_loaded(test_runtime, &key));
    }
}

static int count_in_own_runtime(void)
{
    hl_options options = HL_OPTIONS_INIT;
    bool counted;

    options.store = test_lmdb(test_dir);
    options.engine = HL_ENGINE_REFERENCE;
    if (hl_open(&options, &test_runtime) != HL_OK)
        return 2;
    counted = strcmp(ran(key_of(1), "count", NULL), "1") == 0;
    hl_close(test_runtime);
    return counted ? 0 : 1;
}

static void a_forked_child_calls_workers_of_its_own(void **state)
{
    hl_key key = key_of(1);
    pid_t child;

    (void)state;
    if (test_sanitized())
        skip();
    assert_string_equal(ran(key, "count", NULL), "1");
    child = fork();
    if (child == 0)
        _exit(count_in_own_runtime());
    assert_int_equal(test_wait(child), 0);
    assert_string_equal(ran(key, "count", NULL), "2");
}

static void a_module_that_floods_memory_meets_its_limit(void **state)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);
    hl_sandbox sandbox = {.size = sizeof(sandbox), .memory_bytes = 256u << 20};
    const char *answer;

    (void)state;
    if (test_sanitized())
        skip(); /* a sanitizer's own memory is beyond every limit, so its workers have none */
    isolation.sandbox = &sandbox;
    put(key_of(2), "calls", &isolation);
    answer = ran(key_of(2), "flood", NULL);
    assert_true(strcmp(answer, "HL_ERR_PLUGIN") == 0 || (atoi(answer) > 0 && atoi(answer) < 256));
}

static void garbage_is_no_result(void **state)
{
    (void)state;
    assert_string_equal(ran(key_of(1), "garbage", NULL), "HL_ERR_PLUGIN");
    assert_string_equal(hl_last_error()->field, "result");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_store(a_call_without_a_timeout_has_five_seconds),
        with_store(arguments_arrive_and_results_come_back),
        with_store(a_function_may_ask_how_much_time_is_left),
        with_store(a_run_loads_and_keeps),
        with_store(run_and_release_leaves_what_others_hold),
        with_store(an_unknown_function_names_those_there_are),
        with_store(a_failing_function_is_quoted),
        with_store(a_result_is_the_next_calls_argument_and_a_failure_ends_the_row),
        with_store(wrong_arguments_are_refused_before_anything_is_called),
        with_store(values_as_large_as_the_limit_pass_and_larger_ones_do_not),
        with_store(a_large_call_gives_its_memory_back),
        with_store(a_module_that_dies_is_an_answer_and_can_be_loaded_again),
        with_store(a_worker_that_somebody_kills_is_not_loaded_any_more),
        with_store(a_worker_that_is_to_be_started_again_is),
        with_store(a_key_whose_workers_have_failed_is_loaded_anew),
        with_store(the_caller_never_waits_past_its_timeout),
        with_store(who_was_told_of_a_death_loads_the_key_anew),
        with_store(a_forked_child_calls_workers_of_its_own),
        with_store(a_module_that_floods_memory_meets_its_limit),
        with_store(garbage_is_no_result),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
