/* Loading, reloading and releasing keys, and what newer code and newer registrations do to what is loaded. */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/module/support/calling.h"

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

/* It has as long as a worker that is started. */
static void newer_code_that_hangs_as_it_loads_does_not_hold_its_key_for_ever(void **state)
{
    hl_key key = key_of(1);
    const char *answer = "";

    (void)state;
    ok(hl_module_load(test_runtime, &key));
    take_code(PLUGIN("hangs"));
    assert_string_equal(call(hl_module_execute, key, "count", NULL, 100), "HL_ERR_TIMEOUT");
    take_code(PLUGIN("calls_2"));
    for (unsigned i = 0; i < 40 && strcmp(answer, "\"2.0.0\"") != 0; i++)
        answer = call(hl_module_run, key, "version", NULL, 1000);
    assert_string_equal(answer, "\"2.0.0\"");
}

static void newer_code_that_takes_its_time_to_load_keeps_the_worker(void **state)
{
    hl_key key = key_of(1);
    int32_t pid;

    (void)state;
    ok(hl_module_load(test_runtime, &key));
    pid = pid_of(key);
    take_code(PLUGIN("lingers"));
    assert_string_equal(call(hl_module_execute, key, "count", NULL, 15000), "-1");
    assert_int_equal(pid_of(key), pid);
}

static bool note_crash(const hl_crash_info *info, void *text)
{
    snprintf(text, 256, "%s", info->text);
    return false;
}

/* A stopped worker of the key, which has newer code to take. */
static int32_t stop_before_newer_code(hl_key key)
{
    siginfo_t stopped;
    int32_t pid;

    ok(hl_module_load(test_runtime, &key));
    pid = pid_of(key);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &stopped, WSTOPPED | WNOWAIT), 0);
    take_code(PLUGIN("calls_2"));
    return pid;
}

/* Else each call would wait in vain as long as a worker has to get ready. */
static void a_stopped_worker_that_does_not_take_newer_code_is_replaced_by_one_that_runs_it(void **state)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER); /* its workers are started again */
    hl_key key = key_of(1);
    char text[256] = "";
    int32_t pid;

    (void)state;
    put(key, "calls", &isolation);
    pid = stop_before_newer_code(key);
    assert_string_equal(call(hl_module_execute, key, "version", NULL, 15000), "\"2.0.0\"");
    assert_int_not_equal(pid_of(key), pid);
    ok(hl_crashes(test_runtime, note_crash, text));
    assert_non_null(strstr(text, "did not take the order to use newer code"));
}

static void a_stopped_worker_that_does_not_take_newer_code_is_loaded_no_longer(void **state)
{
    hl_key key = key_of(1);

    (void)state;
    stop_before_newer_code(key);
    assert_string_equal(call(hl_module_execute, key, "version", NULL, 15000), "HL_ERR_NOT_LOADED");
    assert_non_null(said("did not take the order to use newer code"));
    assert_string_equal(ran(key, "version", NULL), "\"2.0.0\"");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        with_store(loading_again_keeps_the_worker),
        with_store(a_reload_begins_with_fresh_state),
        with_store(a_released_key_can_be_loaded_again),
        with_store(the_list_tells_what_is_loaded),
        with_store(a_module_that_refuses_to_load_is_not_loaded),
        with_store(newer_code_runs_with_the_next_call_and_takes_the_state_over),
        with_store(a_key_that_is_registered_anew_runs_its_new_module),
        with_store(an_unregistered_key_goes_on_until_it_is_released),
        with_store(newer_code_of_another_process_runs_soon),
        with_store(damaged_code_is_not_run),
        with_store(newer_code_that_hangs_as_it_loads_does_not_hold_its_key_for_ever),
        with_store(newer_code_that_takes_its_time_to_load_keeps_the_worker),
        with_store(a_stopped_worker_that_does_not_take_newer_code_is_replaced_by_one_that_runs_it),
        with_store(a_stopped_worker_that_does_not_take_newer_code_is_loaded_no_longer),
    };

    if (argc == 3 && strcmp(argv[1], "other") == 0)
        return other_process(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
