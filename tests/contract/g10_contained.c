/* G10 Contained. Nothing that a plugin in a worker does ends the server or holds it up beyond the plugin's deadline: it
 * crashes, exits, hangs, stops itself, takes all memory, or writes over the channel; the caller gets a status in time
 * with its state as it was, the next call is served, and no process, descriptor or shared memory is left in the end.
 * Row X-043. */
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include "tests/support/support.h"
#include "tests/support/worker_guest.h"

#define LIBRARY HL_TEST_PLUGINS "/worker-guest.so"
#define DEADLINE_MS 300
#define MARGIN_NS (test_sanitized() ? UINT64_C(3000000000) : UINT64_C(500000000))

static hl_runtime *runtime;
static hl_event *event;
static uint64_t deadline_ns; /* of the plugin's calls */

/* ---- what this process holds ---- */

static size_t count_fds(void)
{
    DIR *entries = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(entries);
    while (readdir(entries))
        count++;
    closedir(entries);
    return count;
}

static size_t count_maps(const char *word)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[1024];
    size_t count = 0;

    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps))
        count += strstr(line, word) != NULL;
    fclose(maps);
    return count;
}

static bool is_gone(int32_t pid)
{
    return kill(pid, 0) != 0;
}

/* ---- the scene: the library is registered for workers, and its event is "work" ---- */

static hl_isolation isolation(void)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);

    isolation.deadline_ms = DEADLINE_MS;
    isolation.restarts_most = 1000;
    isolation.backoff_ms = 1;
    isolation.backoff_most_ms = 1;
    return isolation;
}

static void isolate(const hl_isolation *how)
{
    deadline_ns = how->deadline_ms * UINT64_C(1000000);
    ok(hl_isolate(runtime, "guest", how, HL_WAIT_COMPILED | HL_WAIT_IDLE));
    test_settle(runtime, event);
}

static void define_event(const char *name, hl_event **out)
{
    static const hl_field fields[] = {
        {"id", "uint64_t", offsetof(guest_state, id), sizeof(uint64_t)},
        {"answer", "uint64_t", offsetof(guest_state, answer), sizeof(uint64_t)},
    };
    static const hl_contract contract = {sizeof(hl_contract), "guest_state", sizeof(guest_state), fields, 2, NULL, 0};
    hl_event_spec spec = HL_EVENT_INIT(name);

    spec.contract = &contract;
    ok(hl_event_define(runtime, &spec, out));
}

static int open_it(void **unused)
{
    hl_isolation how = isolation();
    hl_event *other;

    (void)unused;
    runtime = test_open("memory:", 0);
    define_event("work", &event);
    define_event("other", &other);
    ok(hl_register_library(runtime, LIBRARY, HL_ISOLATED | HL_START));
    isolate(&how);
    return 0;
}

static int close_it(void **unused)
{
    (void)unused;
    hl_close(runtime);
    assert_int_equal(count_maps("hookline-channel"), 0);
    return 0;
}

static guest_state make(guest_act act, int32_t number)
{
    return (guest_state){.id = 14, .answer = 5, .act = act, .number = number, .text = "mine"};
}

static void expect_service(void)
{
    guest_state state = make(GUEST_ANSWER, 0);
    hl_reply reply = hl_call(event, &state, NULL);

    assert_int_equal(reply.verdict, HL_NEXT);
    assert_ptr_equal(reply.state, &state);
    assert_int_equal(state.answer, 43);
    assert_int_not_equal(state.pid, getpid());
    assert_string_equal(state.text, "mine");
}

/* ---- the plugin works ---- */

static void a_plugin_in_a_worker_does_to_the_state_what_it_does_in_process(void **unused)
{
    hl_reply reply;
    guest_state state = make(GUEST_HALT, 0);

    (void)unused;
    expect_service();
    reply = hl_call(event, &state, NULL);
    assert_int_equal(reply.verdict, HL_HALT);
    assert_ptr_equal(reply.state, &state);
    assert_int_equal(state.answer, 43);
    reply = hl_call(event, NULL, NULL);
    assert_int_equal(reply.verdict, HL_NEXT);
    assert_null(reply.state);
}

static void what_the_plugin_replies_reaches_the_caller(void **unused)
{
    hl_reply reply;
    guest_state state = make(GUEST_FAIL, 0);

    (void)unused;
    refused_call(hl_call(event, &state, NULL), HL_ERR_LIMIT);
    assert_int_equal(state.answer, 5);
    state = make(GUEST_STRANGE, 0);
    refused_call(hl_call(event, &state, NULL), HL_ERR_PLUGIN);
    state = make(GUEST_DROP, 0);
    reply = hl_call(event, &state, NULL);
    assert_int_equal(reply.verdict, HL_HALT);
    assert_null(reply.state);
    expect_service();
}

static void the_code_of_an_isolated_library_is_never_mapped_here(void **unused)
{
    (void)unused;
    expect_service();
    assert_int_equal(count_maps("worker-guest"), 0);
}

/* ---- the plugin does its worst ---- */

/* The call fails in time, as `wanted`, with the state as it was; the next one is served. */
static void expect_contained(guest_act act, int32_t number, hl_status wanted)
{
    guest_state state = make(act, number), before = state;
    uint64_t begin_ns = test_now_ns();
    hl_reply reply = hl_call(event, &state, NULL);

    assert_true(test_now_ns() - begin_ns < deadline_ns + MARGIN_NS);
    refused_call(reply, wanted);
    assert_ptr_equal(reply.state, &state);
    assert_memory_equal(&state, &before, sizeof(state));
    eventually((state = make(GUEST_ANSWER, 0), hl_call(event, &state, NULL).verdict == HL_NEXT));
    expect_service();
}

/* Dying may take longer than a call that goes well. */
static void isolate_with_patience(void)
{
    hl_isolation how = isolation();

    how.deadline_ms = 20000;
    isolate(&how);
}

static void a_crash_an_abort_and_an_exit_of_the_plugin_fail_its_call_alone(void **unused)
{
    (void)unused;
    isolate_with_patience();
    expect_contained(GUEST_CRASH, 0, HL_ERR_PLUGIN);
    expect_contained(GUEST_ABORT, 0, HL_ERR_PLUGIN);
    expect_contained(GUEST_EXIT, 0, HL_ERR_PLUGIN);
    expect_contained(GUEST_EXIT, 3, HL_ERR_PLUGIN);
    expect_contained(GUEST_OVERFLOW, 0, HL_ERR_PLUGIN);
}

static void the_caller_is_told_what_the_worker_died_of(void **unused)
{
    guest_state state = make(GUEST_CRASH, 0);

    (void)unused;
    isolate_with_patience();
    refused_call(hl_call(event, &state, NULL), HL_ERR_PLUGIN);
    assert_non_null(strstr(hl_last_error()->message, "guest"));
    assert_non_null(strstr(hl_last_error()->message, "SIGSEGV"));
}

static bool note_generation(const hl_event_info *info, void *user)
{
    if (strcmp(info->name, "work") == 0)
        *(uint64_t *)user = info->generation;
    return true;
}

static bool check_crash(const hl_crash_info *crash, void *generation)
{
    assert_string_equal(crash->plugin, "guest");
    assert_string_equal(crash->version, "1.2.3");
    assert_string_equal(crash->event, "work");
    assert_int_equal(crash->generation, *(uint64_t *)generation);
    assert_int_equal(crash->signal, SIGSEGV);
    assert_int_equal(crash->address, 16);
    assert_true(crash->in_worker && crash->pid > 0 && crash->at > 0 && crash->text[0]);
    *(uint64_t *)generation = 0;
    return false;
}

static void a_crash_report_says_who_where_and_of_what(void **unused)
{
    guest_state state = make(GUEST_CRASH, 0);
    uint64_t generation = 0;

    (void)unused;
    isolate_with_patience();
    ok(hl_events(runtime, note_generation, &generation));
    assert_true(generation > 0);
    refused_call(hl_call(event, &state, NULL), HL_ERR_PLUGIN);
    eventually((ok(hl_crashes(runtime, check_crash, &generation)), generation == 0));
}

static void a_plugin_that_hangs_or_stops_itself_is_killed_at_its_deadline(void **unused)
{
    (void)unused;
    expect_contained(GUEST_HANG, 0, HL_ERR_TIMEOUT);
    expect_contained(GUEST_STOP, 0, HL_ERR_TIMEOUT);
}

static void a_plugin_that_takes_all_memory_gets_what_its_sandbox_allows(void **unused)
{
    hl_isolation how = isolation();
    hl_sandbox sandbox = {.size = sizeof(sandbox), .memory_bytes = 64 << 20};

    (void)unused;
    if (test_sanitized())
        skip(); /* its allocator needs all addresses, so that they cannot be limited */
    how.deadline_ms = 20000;
    how.sandbox = &sandbox;
    isolate(&how);
    expect_contained(GUEST_FLOOD, 0, HL_ERR_PLUGIN);
}

static void a_plugin_that_writes_over_the_channel_harms_itself_alone(void **unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++) {
        guest_state state = make(GUEST_GARBAGE, 0);
        uint64_t begin_ns = test_now_ns();
        hl_reply reply = hl_call(event, &state, NULL);

        assert_true(test_now_ns() - begin_ns < deadline_ns + MARGIN_NS);
        assert_true(reply.verdict == HL_NEXT || reply.verdict == HL_ERR_PLUGIN || reply.verdict == HL_ERR_TIMEOUT);
        eventually((state = make(GUEST_ANSWER, 0), hl_call(event, &state, NULL).verdict == HL_NEXT));
    }
    expect_service();
}

static void a_plugin_that_forks_without_end_starts_nobody(void **unused)
{
    guest_state state = make(GUEST_FORK, -1);
    hl_reply reply = hl_call(event, &state, NULL);

    (void)unused;
    if (reply.verdict == HL_NEXT)
        assert_int_equal(state.number, 0);
    else
        assert_int_equal(reply.verdict, HL_ERR_PLUGIN);
    eventually((state = make(GUEST_ANSWER, 0), hl_call(event, &state, NULL).verdict == HL_NEXT));
}

/* Whoever is behind it in the chain may rely on its state, as in a chain of plugins that are trusted. */
static hl_reply count_with_its_state(void *self, void *state, const void *meta)
{
    guest_state *at = state;

    (void)meta;
    *(uint64_t *)self += at->answer != 0;
    return hl_next(state);
}

static void a_plugin_that_loses_the_state_fails_and_those_behind_it_do_not(void **unused)
{
    hl_isolation how = isolation();
    guest_state state = make(GUEST_FORGET, 0), before = state;
    uint64_t behind = 0;

    (void)unused;
    run(runtime, .name = "trusting", .event = "work", .depends = "guest", .call = count_with_its_state,
        .self = &behind);
    test_settle(runtime, event);
    refused_call(hl_call(event, &state, NULL), HL_ERR_PLUGIN);
    assert_memory_equal(&state, &before, sizeof(state));
    assert_int_equal(behind, 0);
    how.on_failure = HL_SKIP_PLUGIN;
    isolate(&how);
    assert_int_equal(hl_call(event, &state, NULL).verdict, HL_NEXT);
    assert_int_equal(behind, 1);
}

/* ---- what the chain does then ---- */

static void the_chain_skips_or_halts_at_a_failed_plugin_as_its_policy_says(void **unused)
{
    hl_isolation how = isolation();
    guest_state state = make(GUEST_ABORT, 0), before = state;
    hl_reply reply;

    (void)unused;
    how.on_failure = HL_SKIP_PLUGIN;
    isolate(&how);
    reply = hl_call(event, &state, NULL);
    assert_int_equal(reply.verdict, HL_NEXT);
    assert_memory_equal(&state, &before, sizeof(state));
    how.on_failure = HL_HALT_CHAIN;
    isolate(&how);
    reply = hl_call(event, &state, NULL);
    assert_int_equal(reply.verdict, HL_HALT);
    assert_ptr_equal(reply.state, &state);
    assert_memory_equal(&state, &before, sizeof(state));
}

/* Until they are not started again. */
static void fail_the_workers(void)
{
    guest_state state;

    for (int i = 0; i < 2; i++) {
        state = make(GUEST_ABORT, 0);
        refused_call(hl_call(event, &state, NULL), HL_ERR_PLUGIN);
    }
    eventually((state = make(GUEST_ANSWER, 0), hl_call(event, &state, NULL).verdict == HL_ERR_NOT_LOADED));
}

static void a_plugin_whose_workers_failed_serves_again_after_a_restart(void **unused)
{
    hl_isolation how = isolation();
    guest_state state;

    (void)unused;
    how.restarts_most = 1;
    how.period_ms = 60000;
    isolate(&how);
    fail_the_workers();
    ok(hl_restart(runtime, "guest", 0));
    eventually((state = make(GUEST_ANSWER, 0), hl_call(event, &state, NULL).verdict == HL_NEXT));
    fail_the_workers();
    ok(hl_restart_event(runtime, "work", 0));
    eventually((state = make(GUEST_ANSWER, 0), hl_call(event, &state, NULL).verdict == HL_NEXT));
    fail_the_workers();
    ok(hl_restart_all(runtime, 0));
    eventually((state = make(GUEST_ANSWER, 0), hl_call(event, &state, NULL).verdict == HL_NEXT));
}

static void a_call_that_finds_every_worker_busy_can_run_here(void **unused)
{
    hl_isolation how = isolation();

    (void)unused;
    how.when_full = HL_RUN_INLINE;
    isolate(&how);
    expect_service();
    assert_true(count_maps("worker-guest") > 0);
}

/* ---- nothing is left ---- */

static bool note_pid(const hl_worker_info *info, void *user)
{
    if (strcmp(info->name, "guest") == 0 && info->pid)
        *(int32_t *)user = info->pid;
    return true;
}

static int32_t worker_pid(void)
{
    int32_t pid = 0;

    ok(hl_workers(runtime, note_pid, &pid));
    return pid;
}

static void an_unregistered_plugin_leaves_no_process(void **unused)
{
    int32_t pid = worker_pid();

    (void)unused;
    assert_true(pid > 0 && !is_gone(pid));
    ok(hl_unregister(runtime, "guest", HL_WAIT_IDLE));
    assert_true(is_gone(pid));
    assert_int_equal(worker_pid(), 0);
}

static void calls_and_deaths_leave_no_descriptor_and_no_memory(void **unused)
{
    size_t fds, maps;

    (void)unused;
    expect_service();
    fds = count_fds();
    maps = count_maps("hookline-channel");
    for (int i = 0; i < 20; i++)
        expect_contained(i % 2 ? GUEST_ABORT : GUEST_EXIT, 1, HL_ERR_PLUGIN);
    eventually(count_fds() <= fds && count_maps("hookline-channel") <= maps);
}

static void a_closed_runtime_leaves_nothing(void **unused)
{
    size_t fds = count_fds();
    int32_t pid;

    (void)unused;
    open_it(NULL);
    expect_service();
    expect_contained(GUEST_CRASH, 0, HL_ERR_PLUGIN);
    pid = worker_pid();
    close_it(NULL);
    assert_true(is_gone(pid));
    assert_int_equal(count_fds(), fds);
}

#define contained(test) cmocka_unit_test_setup_teardown(test, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        contained(a_plugin_in_a_worker_does_to_the_state_what_it_does_in_process),
        contained(what_the_plugin_replies_reaches_the_caller),
        contained(the_code_of_an_isolated_library_is_never_mapped_here),
        contained(a_crash_an_abort_and_an_exit_of_the_plugin_fail_its_call_alone),
        contained(the_caller_is_told_what_the_worker_died_of),
        contained(a_crash_report_says_who_where_and_of_what),
        contained(a_plugin_that_hangs_or_stops_itself_is_killed_at_its_deadline),
        contained(a_plugin_that_takes_all_memory_gets_what_its_sandbox_allows),
        contained(a_plugin_that_writes_over_the_channel_harms_itself_alone),
        contained(a_plugin_that_forks_without_end_starts_nobody),
        contained(a_plugin_that_loses_the_state_fails_and_those_behind_it_do_not),
        contained(the_chain_skips_or_halts_at_a_failed_plugin_as_its_policy_says),
        contained(a_plugin_whose_workers_failed_serves_again_after_a_restart),
        contained(a_call_that_finds_every_worker_busy_can_run_here),
        contained(an_unregistered_plugin_leaves_no_process),
        contained(calls_and_deaths_leave_no_descriptor_and_no_memory),
        cmocka_unit_test(a_closed_runtime_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
