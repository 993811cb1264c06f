/* Many threads that load, call and release, and that nothing is left behind them. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>

#include "tests/module/support/calling.h"

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

static void *change_key_1(void *user)
{
    worker *self = user;
    hl_key key = key_of(1);

    for (unsigned i = 0; i < 12; i++) {
        unsigned verb = (self->number + i) % 3;
        hl_status status = verb == 0   ? hl_module_load(test_runtime, &key)
                           : verb == 1 ? hl_module_reload(test_runtime, &key)
                                       : hl_module_release(test_runtime, &key);

        self->wrong += status != HL_OK && (verb != 2 || status != HL_ERR_NOT_LOADED);
    }
    return NULL;
}

static bool count_worker(const hl_worker_info *info, void *count)
{
    (void)info;
    ++*(size_t *)count;
    return true;
}

/* MG-04 */
static void loads_reloads_and_releases_of_one_key_take_turns(void **state)
{
    hl_key key = key_of(1);
    size_t left = 0;

    (void)state;
    assert_int_equal(with_threads(6, change_key_1), 0);
    ok(hl_module_load(test_runtime, &key));
    assert_string_equal(executed(key, "count", NULL), "1");
    ok(hl_workers(test_runtime, count_worker, &left));
    assert_int_equal(left, 1);
    ok(hl_module_release(test_runtime, &key));
    left = 0;
    ok(hl_workers(test_runtime, count_worker, &left));
    assert_int_equal(left, 0);
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

static void *hang_in_key_1(void *user)
{
    worker *self = user;

    self->wrong += strcmp(call(hl_module_run, key_of(1), "hang", NULL, 3000), "HL_ERR_NOT_LOADED") != 0;
    return NULL;
}

static void a_run_that_a_release_ends_is_not_made_a_second_time(void **state)
{
    worker self = {.number = 0};
    hl_key key = key_of(1);

    (void)state;
    ok(hl_module_load(test_runtime, &key));
    assert_int_equal(pthread_create(&self.thread, NULL, hang_in_key_1, &self), 0);
    test_sleep_ms(100);
    ok(hl_module_release(test_runtime, &key));
    pthread_join(self.thread, NULL);
    assert_int_equal(self.wrong, 0);
    assert_false(hl_module_is_loaded(test_runtime, &key));
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

static bool slow_is_loaded;

static void *nap_and_let_go(void *user)
{
    worker *self = user;

    self->wrong += strncmp(call(hl_module_run_and_release, key_of(1), "nap", "[300]", 500), "HL_ERR_", 7) == 0;
    self->wrong += __atomic_load_n(&slow_is_loaded, __ATOMIC_ACQUIRE);
    return NULL;
}

static void who_lets_a_key_go_does_not_wait_for_those_who_load_it(void **state)
{
    worker self = {.number = 0};
    hl_key key = key_of(1);

    (void)state;
    take_code(PLUGIN("slow"));
    assert_int_equal(pthread_create(&self.thread, NULL, nap_and_let_go, &self), 0);
    eventually(hl_module_is_loaded(test_runtime, &key));
    put(key, "slow", NULL);
    ok(hl_module_reload(test_runtime, &key));
    __atomic_store_n(&slow_is_loaded, true, __ATOMIC_RELEASE);
    pthread_join(self.thread, NULL);
    assert_int_equal(self.wrong, 0);
    assert_false(hl_module_is_loaded(test_runtime, &key));
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

static void *call_until_closed(void *user)
{
    worker *self = user;
    const char *answer;

    do
        answer = self->number % 2 ? ran(key_of(1), "nap", "[20]") : ran_and_released(key_of(1), "nap", "[20]");
    while (strncmp(answer, "HL_ERR_", 7) != 0);
    self->wrong += strcmp(answer, "HL_ERR_CLOSED") != 0 && strcmp(answer, "HL_ERR_NOT_LOADED") != 0;
    return NULL;
}

static void closing_ends_calls_and_loads_that_are_running(void **state)
{
    worker workers[6];
    size_t wrong = 0;

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        workers[i] = (worker){.number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, call_until_closed, &workers[i]), 0);
    }
    test_sleep_ms(150);
    hl_close(test_runtime);
    for (unsigned i = 0; i < 6; i++) {
        pthread_join(workers[i].thread, NULL);
        wrong += workers[i].wrong;
    }
    assert_int_equal(wrong, 0);
}

static void *load_what_hangs(void *user)
{
    worker *self = user;
    hl_key key = key_of(1);

    self->wrong += hl_module_load(test_runtime, &key) != HL_ERR_CLOSED;
    self->wrong += strcmp(hl_last_error()->field, "runtime") != 0;
    return NULL;
}

static void a_load_that_waits_while_the_runtime_closes_says_so(void **state)
{
    worker self = {.number = 0};
    uint64_t begun;

    (void)state;
    take_code(PLUGIN("hangs"));
    assert_int_equal(pthread_create(&self.thread, NULL, load_what_hangs, &self), 0);
    test_sleep_ms(300);
    begun = test_now_ns();
    hl_close(test_runtime);
    pthread_join(self.thread, NULL);
    assert_int_equal(self.wrong, 0);
    assert_true(test_now_ns() - begun < UINT64_C(8000000000)); /* a load function has 10 s */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_store(concurrent_loads_start_one_worker),
        with_store(loads_reloads_and_releases_of_one_key_take_turns),
        with_store(callers_of_run_and_release_never_lose_the_worker_to_each_other),
        with_store(different_keys_do_not_disturb_each_other),
        with_store(a_release_lets_a_running_call_end_or_tells_it),
        with_store(a_run_that_a_release_ends_is_not_made_a_second_time),
        with_store(a_key_with_several_workers_answers_several_calls_at_once),
        with_store(a_slow_load_does_not_hold_up_other_keys),
        with_store(who_lets_a_key_go_does_not_wait_for_those_who_load_it),
        with_store(no_descriptor_stays_behind_a_key),
        with_store(closing_ends_every_worker),
        with_store(closing_ends_calls_and_loads_that_are_running),
        with_store(a_load_that_waits_while_the_runtime_closes_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
