/* A forked child may dispatch; its lifecycle calls are refused and change nothing until it opens a runtime of its own,
 * which it may do whatever the parent's other threads were doing at the fork. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "tests/processes/support/peer.h"

static hl_runtime *runtime;
static hl_event *event;

static int begin(void **state)
{
    peer_begin(state);
    runtime = peer_open(0);
    event = test_event(runtime, "e");
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "e");
    ok(hl_wait_compiled(runtime, 30000));
    return 0;
}

static int end(void **state)
{
    hl_close(runtime);
    return peer_end_case(state);
}

/* ---- in the child: no cmocka there ---- */

/* Ends the child with the line's number; the parent's test fails with it. */
#define check(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail_child(__LINE__, #condition);                                                                          \
    } while (0)

static void fail_child(int line, const char *what)
{
    const hl_error *error = hl_last_error();

    fprintf(stderr, "fork.c:%d in the child: %s; last error: %s %s\n", line, what, hl_status_name(error->status),
            error->message);
    _exit(1);
}

static void check_trail(hl_event *of, const char *expected)
{
    test_trail trail = {""};
    hl_reply reply = hl_call(of, &trail, NULL);

    check(reply.verdict == HL_NEXT && reply.state == &trail);
    check(strcmp(trail.text, expected) == 0);
}

static void ignore_line(const char *line, void *user)
{
    (void)line;
    (void)user;
}

static void check_lifecycle_is_refused(void)
{
    hl_plugin_spec spec = HL_PLUGIN_INIT("c", "e", test_leave_name);
    hl_plugin_info info;
    hl_event *other = NULL;
    hl_txn *txn = NULL;

    check(hl_register(runtime, &spec, HL_START) == HL_ERR_FORKED);
    check(hl_last_error()->status == HL_ERR_FORKED && hl_last_error()->message[0]);
    check(hl_start(runtime, "a", 0) == HL_ERR_FORKED);
    check(hl_stop(runtime, "a", 0) == HL_ERR_FORKED);
    check(hl_stop(runtime, "a", HL_WAIT_IDLE | HL_WAIT_COMPILED) == HL_ERR_FORKED);
    check(hl_restart(runtime, "a", 0) == HL_ERR_FORKED);
    check(hl_enable(runtime, "a", 0) == HL_ERR_FORKED);
    check(hl_unregister(runtime, "a", 0) == HL_ERR_FORKED);
    check(hl_stop_event(runtime, "e", 0) == HL_ERR_FORKED);
    check(hl_unregister_all(runtime, 0) == HL_ERR_FORKED);
    check(hl_register_library(runtime, HL_TEST_PLUGINS "/processes-guest.so", 0) == HL_ERR_FORKED);
    check(hl_event_open(runtime, "new", &other) == HL_ERR_FORKED);
    check(hl_plugin_get(runtime, "a", &info) == HL_ERR_FORKED);
    check(hl_explain(runtime, "e", ignore_line, NULL) == HL_ERR_FORKED);
    check(hl_txn_begin(runtime, &txn) == HL_ERR_FORKED);
    check(hl_wait_compiled(runtime, 10) == HL_ERR_FORKED);
}

static void check_close_is_refused(void)
{
    hl_close(runtime);
    check(hl_last_error()->status == HL_ERR_FORKED);
    check(strcmp(hl_last_error()->action, "close") == 0);
}

static void use_own_runtime(const char *store, hl_engine engine)
{
    hl_plugin_spec spec = HL_PLUGIN_INIT("mine", "own", test_leave_name);
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *own;
    hl_event *own_event;

    options.store = store;
    options.engine = engine;
    spec.self = (char[]){"mine"};
    check(hl_open(&options, &own) == HL_OK);
    check(hl_event_open(own, "own", &own_event) == HL_OK);
    check(hl_register(own, &spec, HL_START | HL_WAIT_COMPILED) == HL_OK);
    check(hl_event_engine(own_event) == engine);
    check_trail(own_event, "mine,");
    check(hl_stop(own, "mine", HL_WAIT_IDLE) == HL_OK);
    check_trail(own_event, "");
    check(hl_enable(own, "mine", 0) == HL_OK);
    hl_close(own);
    check(hl_call(own_event, NULL, NULL).verdict == HL_ERR_CLOSED);
}

static hl_engine best_engine(void)
{
    return HL_TEST_HAVE_JIT ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE;
}

/* ---- in the parent ---- */

/* Forks; the child runs `body` and ends. A child that hangs is killed by its alarm. */
static int fork_child(void (*body)(void))
{
    pid_t pid = fork();

    if (pid == 0) {
        alarm(30);
        body();
        _exit(0);
    }
    return test_wait(pid);
}

/* AddressSanitizer's allocator is fit for no child that is forked while another thread uses it. */
static int run_child(void (*body)(void))
{
    int ended = fork_child(body);

    for (int tries = 1; test_sanitized() && ended == -SIGALRM && tries < 4; tries++)
        ended = fork_child(body);
    return ended;
}

static void check_parent_works(void)
{
    assert_string_equal(test_run_trail(event), "a,b,");
    assert_string_equal(test_statuses(runtime), "a=started b=started ");
    ok(hl_stop(runtime, "a", HL_WAIT_COMPILED | HL_WAIT_IDLE));
    assert_string_equal(test_run_trail(event), "b,");
    assert_int_equal(hl_event_engine(event), best_engine());
    ok(hl_enable(runtime, "a", HL_WAIT_COMPILED));
    assert_string_equal(test_run_trail(event), "a,b,");
}

static void dispatch_many_times(void)
{
    for (int i = 0; i < 1000; i++)
        check_trail(event, "a,b,");
}

static void a_child_may_dispatch(void **state)
{
    (void)state;
    assert_int_equal(run_child(dispatch_many_times), 0);
    check_parent_works();
}

/* The parent changes the chain, and its code memory with it, while children run the old one. */
static void a_child_goes_on_with_its_chain_whatever_the_parent_does(void **state)
{
    pid_t pid;

    (void)state;
    pid = fork();
    if (pid == 0) {
        uint64_t until = test_now_ns() + 1500000000;

        alarm(30);
        while (test_now_ns() < until)
            dispatch_many_times();
        _exit(0);
    }
    for (int i = 0; i < 20; i++) {
        ok(hl_stop(runtime, "a", HL_WAIT_COMPILED | HL_WAIT_IDLE));
        ok(hl_enable(runtime, "a", HL_WAIT_COMPILED | HL_WAIT_IDLE));
    }
    assert_int_equal(test_wait(pid), 0);
    assert_string_equal(test_run_trail(event), "a,b,");
}

static void lifecycle_calls_of_a_child_are_refused_and_change_nothing(void **state)
{
    (void)state;
    assert_int_equal(run_child(check_lifecycle_is_refused), 0);
    check_parent_works();
}

static void close_in_child(void)
{
    check_close_is_refused();
    dispatch_many_times();
}

static void close_in_a_child_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(run_child(close_in_child), 0);
    check_parent_works();
}

static void own_memory(void)
{
    use_own_runtime("memory:", HL_ENGINE_REFERENCE);
    use_own_runtime("memory:", best_engine());
    check_trail(event, "a,b,");
    check_lifecycle_is_refused();
}

static void a_child_may_open_a_runtime_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(run_child(own_memory), 0);
    check_parent_works();
}

static void own_lmdb(void)
{
    use_own_runtime(peer_store, best_engine());
}

static void a_child_may_open_its_parents_store_anew_and_the_parent_sees_its_changes(void **state)
{
    hl_event *own = test_event(runtime, "own");
    test_trail trail = {""};

    (void)state;
    assert_int_equal(run_child(own_lmdb), 0);
    assert_string_equal(test_status(runtime, "mine"), "restarted");
    eventually(hl_call(own, &trail, NULL).verdict == HL_ERR_NOT_LOADED);
    ok(hl_unregister(runtime, "mine", 0));
    check_parent_works();
}

static void grandchild(void)
{
    use_own_runtime("memory:", best_engine());
    check(run_child(own_memory) == 0);
    use_own_runtime(peer_store, HL_ENGINE_REFERENCE);
}

static void a_childs_child_may_do_the_same(void **state)
{
    (void)state;
    assert_int_equal(run_child(grandchild), 0);
    ok(hl_unregister(runtime, "mine", 0));
    check_parent_works();
}

/* ---- from inside a plugin ---- */

static pid_t forked;

static hl_reply fork_inside(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    forked = fork();
    if (forked == 0) {
        alarm(30);
        check_lifecycle_is_refused();
        hl_close(runtime);
        check(hl_last_error()->status == HL_ERR_FORKED);
    }
    return hl_next(state);
}

/* Returns in parent and child. */
static void dispatch_fork(void)
{
    test_trail trail = {""};
    hl_reply reply = hl_call(event, &trail, NULL);

    if (forked == 0)
        check(reply.verdict == HL_NEXT && strcmp(trail.text, "a,b,") == 0);
    else
        assert_string_equal(trail.text, "a,b,");
}

static void add_forker(void)
{
    test_plugin forker = {.name = "forker", .event = "e", .priority = PRIORITY(1), .call = fork_inside};

    ok(test_register(runtime, &forker, HL_START | HL_WAIT_COMPILED));
}

static void a_child_forked_inside_a_plugin_finishes_the_chain_and_dispatches_on(void **state)
{
    hl_event *other = test_event(runtime, "other");

    (void)state;
    run(runtime, .name = "x", .event = "other");
    add_forker();
    dispatch_fork();
    if (forked == 0) {
        for (int i = 0; i < 100; i++)
            check_trail(other, "x,");
        check_lifecycle_is_refused();
        _exit(0);
    }
    assert_int_equal(test_wait(forked), 0);
    ok(hl_unregister(runtime, "forker", HL_WAIT_IDLE));
    ok(hl_unregister(runtime, "x", HL_WAIT_IDLE));
    check_parent_works();
}

static void such_a_child_may_open_a_runtime_of_its_own_when_it_has_left_the_plugin(void **state)
{
    (void)state;
    add_forker();
    dispatch_fork();
    if (forked == 0) {
        own_memory();
        _exit(0);
    }
    assert_int_equal(test_wait(forked), 0);
    ok(hl_unregister(runtime, "forker", HL_WAIT_IDLE));
    check_parent_works();
}

/* ---- while other threads are busy ---- */

static bool busy, inside;

static hl_reply stay_inside(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    __atomic_store_n(&inside, true, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&busy, __ATOMIC_SEQ_CST))
        test_sleep_ms(1);
    return hl_next(state);
}

static void *dispatch_sleeper(void *sleeper)
{
    hl_call(sleeper, NULL, NULL);
    return NULL;
}

static void a_thread_inside_a_plugin_is_not_waited_for_in_the_child(void **state)
{
    hl_event *sleeper = test_event(runtime, "sleeper");
    pthread_t thread;

    (void)state;
    busy = true;
    inside = false;
    run(runtime, .name = "stays", .event = "sleeper", .call = stay_inside);
    assert_int_equal(pthread_create(&thread, NULL, dispatch_sleeper, sleeper), 0);
    eventually(__atomic_load_n(&inside, __ATOMIC_SEQ_CST));
    assert_int_equal(run_child(own_memory), 0);
    ok(hl_stop(runtime, "stays", 0)); /* the reclaiming thread waits for it */
    test_sleep_ms(20);
    assert_int_equal(run_child(own_memory), 0);
    __atomic_store_n(&busy, false, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
    ok(hl_unregister(runtime, "stays", HL_WAIT_IDLE));
    check_parent_works();
}

static void *register_without_pause(void *unused)
{
    static const char *const names[] = {"n0", "n1", "n2", "n3", "n4", "n5", "n6"};
    static const char *const events[] = {"v0", "v1", "v2", "v3", "v4"};

    for (int i = 0; __atomic_load_n(&busy, __ATOMIC_SEQ_CST); i++) {
        hl_status status;

        test_event(runtime, events[i % 5]);
        run(runtime, .name = names[i % 7], .event = events[i % 5], .priority = PRIORITY(i % 100));
        status = i % 3 ? HL_OK : hl_unregister(runtime, names[i % 7], i % 2 ? HL_WAIT_COMPILED : 0);
        assert_int_equal(status, HL_OK);
    }
    return unused;
}

/* Every child has to end well; the first that does not is the last. */
static void children_fork_while(void *(*work)(void *), int children, void (*body)(void))
{
    pthread_t thread;
    int ended = 0;

    if (test_sanitized())
        skip();
    busy = true;
    assert_int_equal(pthread_create(&thread, NULL, work, NULL), 0);
    for (int i = 0; i < children && ended == 0; i++) {
        ended = run_child(body);
        usleep((useconds_t)(i % 10) * 200);
    }
    __atomic_store_n(&busy, false, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
    assert_int_equal(ended, 0);
}

static void children_forked_while_a_thread_registers_never_hang(void **state)
{
    (void)state;
    children_fork_while(register_without_pause, 100, own_memory);
    for (int i = 0; i < 7; i++) {
        hl_status status = hl_unregister(runtime, (const char *[]){"n0", "n1", "n2", "n3", "n4", "n5", "n6"}[i], 0);

        assert_true(status == HL_OK || status == HL_ERR_NOT_FOUND);
    }
    check_parent_works();
}

static void *open_and_close_without_pause(void *unused)
{
    while (__atomic_load_n(&busy, __ATOMIC_SEQ_CST)) {
        hl_options options = HL_OPTIONS_INIT;
        hl_runtime *other;
        char name[16];

        options.engine = HL_ENGINE_REFERENCE;
        ok(hl_open(&options, &other));
        for (int i = 0; i < 500; i++) {
            snprintf(name, sizeof(name), "o%d", i);
            test_event(other, name);
        }
        hl_close(other);
    }
    return unused;
}

static void own_reference(void)
{
    use_own_runtime("memory:", HL_ENGINE_REFERENCE);
}

static void children_forked_while_a_thread_opens_events_and_runtimes_never_hang(void **state)
{
    (void)state;
    children_fork_while(open_and_close_without_pause, 300, own_reference);
    check_parent_works();
}

/* ---- watched calls ---- */

/* Stays inside until its runtime says that it was left out, for at most ten seconds. */
static hl_reply hang_until_left_out(void *self, void *state, const void *meta)
{
    hl_plugin_info info = {.reason = ""};

    (void)meta;
    for (int i = 0; i < 10000 && !info.reason[0]; i++) {
        usleep(1000);
        check(hl_plugin_get(self, "slow", &info) == HL_OK);
        if (!info.reason[0])
            hl_plugin_info_cleanup(&info), info.reason = "";
    }
    check(strstr(info.reason, "was over its deadline"));
    hl_plugin_info_cleanup(&info);
    return hl_next(state);
}

/* The parent's watchdog does not exist here; one of the child's own begins to look. */
static void hang_in_own_runtime(void)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_PROCESS);
    hl_plugin_spec spec = HL_PLUGIN_INIT("slow", "own", hang_until_left_out);
    hl_runtime *own;
    hl_event *own_event;

    dispatch_many_times();
    check(hl_open(NULL, &own) == HL_OK);
    spec.self = own;
    isolation.deadline_ms = 20;
    check(hl_event_open(own, "own", &own_event) == HL_OK);
    check(hl_register(own, &spec, HL_START) == HL_OK);
    check(hl_isolate(own, "slow", &isolation, 0) == HL_OK);
    check(hl_call(own_event, NULL, NULL).verdict == HL_NEXT);
    check_trail(own_event, "");
    hl_close(own);
    dispatch_many_times();
}

static void a_child_of_a_watched_process_watches_its_own_calls(void **state)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_PROCESS);

    (void)state;
    isolation.deadline_ms = 1000;
    ok(hl_isolate(runtime, "a", &isolation, HL_WAIT_COMPILED));
    ok(hl_watch(runtime, "e", true));
    assert_int_equal(run_child(hang_in_own_runtime), 0);
    check_parent_works();
}

static void *load_without_pause(void *unused)
{
    while (__atomic_load_n(&busy, __ATOMIC_SEQ_CST)) {
        ok(hl_register_library(runtime, HL_TEST_PLUGINS "/processes-guest.so", 0));
        ok(hl_unregister(runtime, "guest", HL_WAIT_IDLE));
    }
    return unused;
}

static void load_own(void)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *own;
    hl_event *own_event;

    check(hl_open(&options, &own) == HL_OK);
    check(hl_event_open(own, "e", &own_event) == HL_OK);
    check(hl_register_library(own, HL_TEST_PLUGINS "/processes-guest.so", HL_START) == HL_OK);
    check_trail(own_event, "guest,");
    hl_close(own);
}

static void children_forked_while_a_thread_loads_libraries_may_load_them_too(void **state)
{
    (void)state;
    children_fork_while(load_without_pause, 60, load_own);
    check_parent_works();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_child_may_dispatch),
        CASE(a_child_goes_on_with_its_chain_whatever_the_parent_does),
        CASE(lifecycle_calls_of_a_child_are_refused_and_change_nothing),
        CASE(close_in_a_child_is_refused_and_changes_nothing),
        CASE(a_child_may_open_a_runtime_of_its_own),
        CASE(a_child_may_open_its_parents_store_anew_and_the_parent_sees_its_changes),
        CASE(a_childs_child_may_do_the_same),
        CASE(a_child_forked_inside_a_plugin_finishes_the_chain_and_dispatches_on),
        CASE(such_a_child_may_open_a_runtime_of_its_own_when_it_has_left_the_plugin),
        CASE(a_thread_inside_a_plugin_is_not_waited_for_in_the_child),
        CASE(a_child_of_a_watched_process_watches_its_own_calls),
        CASE(children_forked_while_a_thread_registers_never_hang),
        CASE(children_forked_while_a_thread_opens_events_and_runtimes_never_hang),
        CASE(children_forked_while_a_thread_loads_libraries_may_load_them_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
