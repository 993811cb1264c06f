/* Loading keys and calling their functions, also with modules that fail, and with newer code. Keys are small numbers here. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/module/support/modules.h"

#define PLUGIN(name) HL_TEST_PLUGINS "/module_" name ".so"

static void take_code(const char *path)
{
    hl_module_code code = HL_MODULE_CODE_INIT;

    ok(hl_module_load_file(test_runtime, path, &code));
    hl_module_code_cleanup(&code);
}

static hl_key key_of(unsigned number)
{
    hl_key key = {{0}};

    memcpy(key.bytes, &number, sizeof(number));
    return key;
}

static void put(hl_key key, const char *module, const hl_isolation *isolation)
{
    hl_module_spec spec = HL_MODULE_SPEC_INIT(key, module);

    spec.isolation = isolation;
    ok(hl_module_register(test_runtime, &spec));
}

static int begin(void **state)
{
    test_module_begin(state);
    take_code(PLUGIN("calls_1"));
    put(key_of(1), "calls", NULL);
    return 0;
}

static int32_t pid_of(hl_key key)
{
    int32_t pid = 0;

    return hl_module_worker_pid(test_runtime, &key, &pid) == HL_OK ? pid : 0;
}

/* ---- calling in one line: the result as JSON, or the status's name; static, the last 4 are good ---- */

typedef hl_status call_fn(hl_runtime *, const hl_key *, const char *, const hl_value *, uint32_t, hl_value **);

static const char *call(call_fn *how, hl_key key, const char *function, const char *json, uint32_t timeout_ms)
{
    static __thread char texts[4][256];
    static __thread unsigned next;
    char *text = texts[next++ % 4], *written = NULL;
    hl_value *args = NULL, *result = NULL;
    hl_status status = json ? hl_value_from_json(json, &args) : HL_OK;

    if (status == HL_OK)
        status = how(test_runtime, &key, function, args, timeout_ms, &result);
    if (status == HL_OK)
        status = hl_value_to_json(result, &written);
    snprintf(text, sizeof(texts[0]), "%s", status == HL_OK ? written : hl_status_name(status));
    free(written);
    hl_value_free(args);
    hl_value_free(result);
    return text;
}

#define executed(key, function, json) call(hl_module_execute, (key), (function), (json), 0)
#define ran(key, function, json) call(hl_module_run, (key), (function), (json), 0)
#define ran_and_released(key, function, json) call(hl_module_run_and_release, (key), (function), (json), 0)

/* What the last call's error says; NULL: it does not say so. */
static const char *said(const char *what)
{
    return strstr(hl_last_error()->message, what);
}

/* ---- loading ----------------------------------------------------------------------------------------------------- */

/* ML-01, ML-04, ML-05 */
static void loading_again_keeps_the_worker(void **state)
{
    hl_key key = key_of(1), other = key_of(2);
    int32_t pid, again = 0;

    (void)state;
    assert_false(hl_module_is_loaded(test_runtime, &key));
    refused(hl_module_worker_pid(test_runtime, &key, &pid), HL_ERR_NOT_LOADED, "key");
    ok(hl_module_load(test_runtime, &key));
    assert_true(hl_module_is_loaded(test_runtime, &key));
    ok(hl_module_worker_pid(test_runtime, &key, &pid));
    assert_int_equal(kill(pid, 0), 0);
    ok(hl_module_load(test_runtime, &key));
    ok(hl_module_worker_pid(test_runtime, &key, &again));
    assert_int_equal(pid, again);
    refused(hl_module_load(test_runtime, &other), HL_ERR_NOT_FOUND, "key");
    refused(hl_module_load(test_runtime, NULL), HL_ERR_INVALID, "key");
}

/* ML-02, ML-07 */
static void a_reload_begins_with_fresh_state(void **state)
{
    hl_key key = key_of(1);
    int32_t pid;

    (void)state;
    ok(hl_module_reload(test_runtime, &key)); /* loads what is not loaded */
    pid = pid_of(key);
    assert_string_equal(executed(key, "count", NULL), "1");
    assert_string_equal(executed(key, "count", NULL), "2");
    ok(hl_module_reload(test_runtime, &key));
    assert_true(pid_of(key) != pid && pid_of(key) > 0);
    assert_string_equal(executed(key, "count", NULL), "1");
    assert_true(kill(pid, 0) != 0 && errno == ESRCH);
}

/* ML-03 */
static void a_released_key_can_be_loaded_again(void **state)
{
    hl_key key = key_of(1);
    char name[HL_MODULE_NAME_MAX];
    int32_t pid;

    (void)state;
    refused(hl_module_release(test_runtime, &key), HL_ERR_NOT_LOADED, "key");
    ok(hl_module_load(test_runtime, &key));
    pid = pid_of(key);
    ok(hl_module_release(test_runtime, &key));
    assert_false(hl_module_is_loaded(test_runtime, &key));
    assert_true(kill(pid, 0) != 0 && errno == ESRCH);
    refused(hl_module_release(test_runtime, &key), HL_ERR_NOT_LOADED, "key");
    assert_string_equal(executed(key, "count", NULL), "HL_ERR_NOT_LOADED");
    ok(hl_module_lookup(test_runtime, &key, name));
    ok(hl_module_load(test_runtime, &key));
    assert_string_equal(executed(key, "count", NULL), "1");
}

static bool note_row(const hl_module_info *info, void *user)
{
    *(hl_module_info *)user = *info;
    return true;
}

/* ML-06, ML-07 */
static void the_list_tells_what_is_loaded(void **state)
{
    hl_key key = key_of(1);
    hl_module_info info;

    (void)state;
    ok(hl_module_load(test_runtime, &key));
    executed(key, "count", NULL);
    executed(key, "count", NULL);
    ok(hl_modules(test_runtime, note_row, &info));
    assert_true(info.loaded && info.available);
    assert_int_equal(info.pid, pid_of(key));
    assert_int_equal(info.calls, 2);
    assert_int_equal(info.holders, 1);
    ok(hl_module_release(test_runtime, &key));
    ok(hl_modules(test_runtime, note_row, &info));
    assert_true(!info.loaded && info.pid == 0 && info.holders == 0);
}

static void a_module_that_refuses_to_load_is_not_loaded(void **state)
{
    hl_key key = key_of(2);

    (void)state;
    take_code(PLUGIN("refuses"));
    put(key, "refuses", NULL);
    assert_true(hl_module_load(test_runtime, &key) != HL_OK);
    assert_true(hl_last_error()->message[0]);
    assert_false(hl_module_is_loaded(test_runtime, &key));
    assert_true(strncmp(ran(key, "nothing", NULL), "HL_ERR_", 7) == 0);
}

/* ---- calling ----------------------------------------------------------------------------------------------------- */

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

/* ---- modules that fail ------------------------------------------------------------------------------------------- */

/* The seed let some of these through to its caller: X-108. */
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

static void a_module_that_floods_memory_meets_its_limit(void **state)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);
    hl_sandbox sandbox = {.size = sizeof(sandbox), .memory_bytes = 256u << 20};
    const char *answer;

    (void)state;
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

/* ---- newer code -------------------------------------------------------------------------------------------------- */

/* MC-05 */
static void newer_code_runs_with_the_next_call_and_takes_the_state_over(void **state)
{
    hl_key key = key_of(1);
    int32_t pid;

    (void)state;
    assert_string_equal(ran(key, "count", NULL), "1");
    assert_string_equal(ran(key, "version", NULL), "\"1.0.0\"");
    pid = pid_of(key);
    take_code(PLUGIN("calls_2"));
    assert_string_equal(executed(key, "version", NULL), "\"2.0.0\"");
    assert_string_equal(executed(key, "from", NULL), "\"1.0.0\"");
    assert_string_equal(executed(key, "count", NULL), "2");
    assert_int_equal(pid_of(key), pid);
    ok(hl_module_reload(test_runtime, &key));
    assert_string_equal(executed(key, "version", NULL), "\"2.0.0\"");
    assert_string_equal(executed(key, "from", NULL), "\"\"");
    assert_string_equal(executed(key, "count", NULL), "1");
}

/* MR-01, X-102: the seed's worker kept the old module */
static void a_key_that_is_registered_anew_runs_its_new_module(void **state)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);
    hl_key key = key_of(1);
    int32_t pid;

    (void)state;
    take_code(PLUGIN("other"));
    ok(hl_module_load(test_runtime, &key));
    pid = pid_of(key);
    put(key, "calls", NULL); /* the same again changes nothing */
    assert_string_equal(executed(key, "count", NULL), "1");
    assert_int_equal(pid_of(key), pid);
    put(key, "other", NULL);
    assert_string_equal(executed(key, "version", NULL), "\"other\"");
    put(key, "calls", &isolation);
    assert_string_equal(executed(key, "count", NULL), "1");
    assert_true(kill(pid, 0) != 0);
}

/* MR-06 */
static void an_unregistered_key_goes_on_until_it_is_released(void **state)
{
    hl_key key = key_of(1);

    (void)state;
    assert_string_equal(ran(key, "count", NULL), "1");
    ok(hl_module_unregister(test_runtime, &key));
    assert_string_equal(executed(key, "count", NULL), "2");
    assert_string_equal(ran(key, "count", NULL), "3");
    ok(hl_module_release(test_runtime, &key));
    assert_string_equal(ran(key, "count", NULL), "HL_ERR_NOT_FOUND");
}

static int other_process(const char *folder)
{
    hl_options options = HL_OPTIONS_INIT;

    options.store = test_lmdb(folder);
    options.flags = HL_OPEN_RECORDS_ONLY;
    ok(hl_open(&options, &test_runtime));
    take_code(PLUGIN("calls_2"));
    assert_string_equal(ran_and_released(key_of(1), "version", NULL), "\"2.0.0\"");
    hl_close(test_runtime);
    return 0;
}

/* The other process has no server: an operator's runtime runs modules too, in a worker of its own. */
static void newer_code_of_another_process_runs_soon(void **state)
{
    hl_key key = key_of(1);

    (void)state;
    assert_string_equal(ran(key, "version", NULL), "\"1.0.0\"");
    assert_int_equal(test_wait(test_spawn((const char *[]){"other", test_dir, NULL})), 0);
    eventually(strcmp(executed(key, "version", NULL), "\"2.0.0\"") == 0);
}

static bool note_path(const hl_module_info *info, void *path)
{
    snprintf(path, 512, "%s", info->path);
    return true;
}

static void damaged_code_is_not_run(void **state)
{
    hl_key key = key_of(1);
    char path[512];

    (void)state;
    ok(hl_modules(test_runtime, note_path, path));
    assert_int_equal(chmod(path, 0644), 0);
    test_write(path, "gone", 4);
    refused(hl_module_load(test_runtime, &key), HL_ERR_CHECKSUM, NULL);
    assert_int_equal(unlink(path), 0);
    refused(hl_module_load(test_runtime, &key), HL_ERR_NOT_FOUND, NULL);
}

/* ---- many at once ------------------------------------------------------------------------------------------------ */

enum { THREADS = 20 };

typedef struct worker {
    pthread_t thread;
    unsigned number;
    size_t wrong;
} worker;

static size_t with_threads(unsigned len, void *(*run)(void *))
{
    worker workers[THREADS];
    size_t wrong = 0;

    for (unsigned i = 0; i < len; i++) {
        workers[i] = (worker){.number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
    }
    for (unsigned i = 0; i < len; i++) {
        pthread_join(workers[i].thread, NULL);
        wrong += workers[i].wrong;
    }
    return wrong;
}

static int32_t first_pid; /* atomic */

static void *load_key_1(void *user)
{
    worker *self = user;
    hl_key key = key_of(1);
    int32_t none = 0, pid;

    self->wrong += hl_module_load(test_runtime, &key) != HL_OK;
    pid = pid_of(key);
    self->wrong +=
        !__atomic_compare_exchange_n(&first_pid, &none, pid, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) && none != pid;
    return NULL;
}

/* ML-01, MG-04 */
static void concurrent_loads_start_one_worker(void **state)
{
    (void)state;
    first_pid = 0;
    assert_int_equal(with_threads(THREADS, load_key_1), 0);
    assert_true(first_pid > 0);
}

static void *share_key_1(void *user)
{
    worker *self = user;

    for (unsigned i = 0; i < 20; i++) {
        char args[32];

        snprintf(args, sizeof(args), "[%u]", self->number * 100 + i);
        self->wrong += strncmp(ran_and_released(key_of(1), "echo", args), args + 1, strlen(args) - 2) != 0;
    }
    return NULL;
}

/* the seed's callers pulled the worker from under each other */
static void callers_of_run_and_release_never_lose_the_worker_to_each_other(void **state)
{
    hl_key key = key_of(1);

    (void)state;
    assert_int_equal(with_threads(8, share_key_1), 0);
    assert_false(hl_module_is_loaded(test_runtime, &key));
}

static void *go_through_life(void *user)
{
    worker *self = user;
    hl_key key = key_of(100 + self->number);
    hl_module_spec spec = HL_MODULE_SPEC_INIT(key, "calls");

    self->wrong += hl_module_register(test_runtime, &spec) != HL_OK;
    self->wrong += hl_module_load(test_runtime, &key) != HL_OK;
    self->wrong += strcmp(executed(key, "count", NULL), "1") != 0;
    self->wrong += hl_module_release(test_runtime, &key) != HL_OK;
    self->wrong += hl_module_unregister(test_runtime, &key) != HL_OK;
    return NULL;
}

/* MG-08 */
static void different_keys_do_not_disturb_each_other(void **state)
{
    (void)state;
    assert_int_equal(with_threads(THREADS, go_through_life), 0);
}

static void *nap_in_key_1(void *user)
{
    worker *self = user;
    const char *answer = executed(key_of(1), "nap", "[200]");

    self->wrong += strncmp(answer, "HL_ERR_", 7) == 0 && strcmp(answer, "HL_ERR_NOT_LOADED") != 0;
    return NULL;
}

/* MG-07 */
static void a_release_lets_a_running_call_end_or_tells_it(void **state)
{
    worker self = {.number = 0};
    hl_key key = key_of(1);

    (void)state;
    ok(hl_module_load(test_runtime, &key));
    assert_int_equal(pthread_create(&self.thread, NULL, nap_in_key_1, &self), 0);
    test_sleep_ms(50);
    ok(hl_module_release(test_runtime, &key));
    assert_false(hl_module_is_loaded(test_runtime, &key));
    pthread_join(self.thread, NULL);
    assert_int_equal(self.wrong, 0);
}

static void *nap_in_key_2(void *user)
{
    worker *self = user;

    self->wrong += strncmp(executed(key_of(2), "nap", "[300]"), "HL_ERR_", 7) == 0;
    return NULL;
}

/* in the seed all calls of a key waited for each other */
static void a_key_with_several_workers_answers_several_calls_at_once(void **state)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);
    hl_key key = key_of(2);
    uint64_t begun;

    (void)state;
    isolation.workers = 3;
    put(key, "calls", &isolation);
    ok(hl_module_load(test_runtime, &key));
    eventually(strncmp(executed(key, "count", NULL), "HL_ERR_", 7) != 0);
    test_sleep_ms(200);
    begun = test_now_ns();
    assert_int_equal(with_threads(3, nap_in_key_2), 0);
    assert_true(test_now_ns() - begun < UINT64_C(800000000));
}

static void *load_slow(void *user)
{
    worker *self = user;
    hl_key key = key_of(3);

    self->wrong += hl_module_load(test_runtime, &key) != HL_OK;
    return NULL;
}

/* in the seed cold loads waited for each other */
static void a_slow_load_does_not_hold_up_other_keys(void **state)
{
    worker self = {.number = 0};
    hl_key key = key_of(1), slow = key_of(3);

    (void)state;
    take_code(PLUGIN("slow"));
    put(slow, "slow", NULL);
    assert_int_equal(pthread_create(&self.thread, NULL, load_slow, &self), 0);
    test_sleep_ms(100);
    ok(hl_module_load(test_runtime, &key));
    assert_string_equal(call(hl_module_run, slow, "nothing", NULL, 50), "HL_ERR_TIMEOUT");
    assert_false(hl_module_is_loaded(test_runtime, &slow));
    pthread_join(self.thread, NULL);
    assert_int_equal(self.wrong, 0);
    assert_true(hl_module_is_loaded(test_runtime, &slow));
}

/* ---- nothing is left --------------------------------------------------------------------------------------------- */

static size_t open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void no_descriptor_stays_behind_a_key(void **state)
{
    hl_key key = key_of(1);
    size_t before;

    (void)state;
    ran_and_released(key, "count", NULL);
    before = open_files();
    for (unsigned i = 0; i < 10; i++) {
        assert_string_equal(ran_and_released(key, "count", NULL), "1");
        assert_string_equal(ran_and_released(key, "crash", NULL), "HL_ERR_PLUGIN");
    }
    eventually(open_files() <= before);
}

static void closing_ends_every_worker(void **state)
{
    hl_key key = key_of(1), other = key_of(2);
    int32_t pids[2];

    (void)state;
    put(other, "calls", NULL);
    ok(hl_module_load(test_runtime, &key));
    ok(hl_module_load(test_runtime, &other));
    pids[0] = pid_of(key);
    pids[1] = pid_of(other);
    test_module_reopen();
    assert_true(kill(pids[0], 0) != 0 && kill(pids[1], 0) != 0);
    assert_false(hl_module_is_loaded(test_runtime, &key));
    assert_string_equal(ran(key, "count", NULL), "1");
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, begin, test_module_end)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        with_store(loading_again_keeps_the_worker),
        with_store(a_reload_begins_with_fresh_state),
        with_store(a_released_key_can_be_loaded_again),
        with_store(the_list_tells_what_is_loaded),
        with_store(a_module_that_refuses_to_load_is_not_loaded),
        with_store(arguments_arrive_and_results_come_back),
        with_store(a_run_loads_and_keeps),
        with_store(run_and_release_leaves_what_others_hold),
        with_store(an_unknown_function_names_those_there_are),
        with_store(a_failing_function_is_quoted),
        with_store(wrong_arguments_are_refused_before_anything_is_called),
        with_store(values_as_large_as_the_limit_pass_and_larger_ones_do_not),
        with_store(a_module_that_dies_is_an_answer_and_can_be_loaded_again),
        with_store(the_caller_never_waits_past_its_timeout),
        with_store(a_module_that_floods_memory_meets_its_limit),
        with_store(garbage_is_no_result),
        with_store(newer_code_runs_with_the_next_call_and_takes_the_state_over),
        with_store(a_key_that_is_registered_anew_runs_its_new_module),
        with_store(an_unregistered_key_goes_on_until_it_is_released),
        with_store(newer_code_of_another_process_runs_soon),
        with_store(damaged_code_is_not_run),
        with_store(concurrent_loads_start_one_worker),
        with_store(callers_of_run_and_release_never_lose_the_worker_to_each_other),
        with_store(different_keys_do_not_disturb_each_other),
        with_store(a_release_lets_a_running_call_end_or_tells_it),
        with_store(a_key_with_several_workers_answers_several_calls_at_once),
        with_store(a_slow_load_does_not_hold_up_other_keys),
        with_store(no_descriptor_stays_behind_a_key),
        with_store(closing_ends_every_worker),
    };

    if (argc == 3 && strcmp(argv[1], "other") == 0)
        return other_process(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
