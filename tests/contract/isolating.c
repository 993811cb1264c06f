/* Saying how a plugin is isolated: by registration, by the operator, on a live event, from elsewhere. What a worker
 * then keeps from the server is g10_contained's matter. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "tests/support/codec_note.h"
#include "tests/support/support.h"
#include "tests/support/worker_guest.h"

#define GUEST HL_TEST_PLUGINS "/worker-guest.so"
#define CODEC HL_TEST_PLUGINS "/contract-codec.so"

static const hl_field fields[] = {
    {"id", "uint64_t", offsetof(guest_state, id), sizeof(uint64_t)},
    {"answer", "uint64_t", offsetof(guest_state, answer), sizeof(uint64_t)},
};
static const hl_contract contract = {sizeof(hl_contract), "guest_state", sizeof(guest_state), fields, 2, NULL, 0};

static hl_runtime *runtime;
static hl_event *work;

static hl_event *define(hl_runtime *on, const char *name)
{
    hl_event_spec spec = HL_EVENT_INIT(name);
    hl_event *event;

    spec.contract = &contract;
    ok(hl_event_define(on, &spec, &event));
    return event;
}

static int open_it(void **unused)
{
    (void)unused;
    runtime = test_open("memory:", 0);
    work = define(runtime, "work");
    define(runtime, "other");
    return 0;
}

static int close_it(void **unused)
{
    (void)unused;
    hl_close(runtime);
    return 0;
}

/* The process that the plugin runs in; the verdict, when it is negative. */
static int32_t where(hl_event *event)
{
    guest_state at = {.id = 7, .act = GUEST_ANSWER};
    hl_reply reply = hl_call(event, &at, NULL);

    if (reply.verdict < 0)
        return (int32_t)reply.verdict;
    assert_int_equal(at.answer, 22);
    return at.pid;
}

static bool is_mapped(const char *name)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4096];
    bool found = false;

    assert_non_null(maps);
    while (!found && fgets(line, sizeof(line), maps))
        found = strstr(line, name) != NULL;
    fclose(maps);
    return found;
}

static bool isolation_is(hl_runtime *on, const char *name, const char *text)
{
    hl_plugin_info info;
    bool same;

    ok(hl_plugin_get(on, name, &info));
    same = strcmp(info.isolation, text) == 0;
    hl_plugin_info_cleanup(&info);
    return same;
}

static hl_isolation in_worker(void)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_WORKER);

    isolation.deadline_ms = 20000;
    return isolation;
}

#define BY_OPERATOR "{\"mode\":\"in_worker\",\"deadline_ms\":20000,\"by\":\"operator\"}"

/* ---- by registration ---- */

static void an_isolated_library_runs_elsewhere_and_is_never_mapped(void **unused)
{
    hl_plugin_info info;

    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START | HL_ISOLATED));
    assert_true(where(work) > 0 && where(work) != getpid());
    assert_false(is_mapped("worker-guest"));
    ok(hl_plugin_get(runtime, "guest", &info));
    assert_string_equal(info.isolation, "{\"mode\":\"in_worker\"}");
    assert_string_equal(info.reason, "");
    assert_true(info.loaded);
    hl_plugin_info_cleanup(&info);
}

static void compiled_chains_call_workers_too(void **unused)
{
    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START | HL_ISOLATED));
    test_settle(runtime, work);
    assert_true(where(work) > 0 && where(work) != getpid());
}

static void no_worker_outlives_its_runtime(void **unused)
{
    hl_runtime *mine = test_open("memory:", 0);
    hl_event *event = define(mine, "work");
    int32_t pid;

    (void)unused;
    define(mine, "other");
    ok(hl_register_library(mine, GUEST, HL_START | HL_ISOLATED));
    pid = where(event);
    assert_true(pid > 0 && pid != getpid());
    hl_close(mine);
    assert_int_equal(kill(pid, 0), -1);
}

static void registering_again_keeps_the_workers(void **unused)
{
    int32_t pid;

    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START | HL_ISOLATED));
    pid = where(work);
    ok(hl_register_library(runtime, GUEST, HL_START | HL_ISOLATED));
    assert_int_equal(where(work), pid);
}

static void a_library_whose_event_has_no_contract_cannot_be_isolated(void **unused)
{
    hl_runtime *mine = test_open("memory:", 0);

    (void)unused;
    refused(hl_register_library(mine, GUEST, HL_START | HL_ISOLATED), HL_ERR_CONTRACT, "contract");
    assert_string_equal(test_statuses(mine), "");
    hl_close(mine);
}

/* ---- by the operator ---- */

static void a_live_plugin_moves_into_a_worker_and_back(void **unused)
{
    hl_isolation isolation = in_worker();

    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START));
    ok(hl_unregister(runtime, "other", HL_WAIT_IDLE));
    assert_int_equal(where(work), getpid());
    ok(hl_isolate(runtime, "guest", &isolation, HL_WAIT_IDLE));
    assert_true(isolation_is(runtime, "guest", BY_OPERATOR));
    assert_true(where(work) > 0 && where(work) != getpid());
    assert_false(is_mapped("worker-guest"));
    ok(hl_isolate(runtime, "guest", NULL, HL_WAIT_IDLE));
    assert_true(isolation_is(runtime, "guest", ""));
    assert_int_equal(where(work), getpid());
}

typedef struct caller {
    bool end; /* atomic */
    int failed;
    unsigned calls;
} caller;

static void *call_all_the_time(void *user)
{
    caller *of = user;

    while (!__atomic_load_n(&of->end, __ATOMIC_ACQUIRE)) {
        of->failed += where(work) <= 0;
        of->calls++;
    }
    return NULL;
}

static void moving_a_live_plugin_fails_no_call(void **unused)
{
    hl_isolation isolation = in_worker();
    caller of = {0};
    pthread_t thread;

    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START));
    assert_int_equal(pthread_create(&thread, NULL, call_all_the_time, &of), 0);
    for (uint32_t i = 1; i <= 4; i++) {
        isolation.workers = i % 2 + 1;
        ok(hl_isolate(runtime, "guest", &isolation, 0));
        ok(hl_isolate(runtime, "guest", NULL, 0));
    }
    __atomic_store_n(&of.end, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    assert_int_equal(of.failed, 0);
    assert_true(of.calls > 0);
}

static void what_cannot_be_had_changes_nothing(void **unused)
{
    const char *const nowhere[] = {"/nowhere/at/all", NULL};
    hl_sandbox sandbox = {.size = sizeof(sandbox), .read = nowhere};
    hl_isolation isolation = in_worker();
    uint64_t revision;

    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START));
    revision = test_revision(runtime, "guest");
    isolation.sandbox = &sandbox;
    refused(hl_isolate(runtime, "guest", &isolation, 0), HL_ERR_INVALID, "isolation.sandbox.read[0]");
    assert_int_equal(test_revision(runtime, "guest"), revision);
    assert_true(isolation_is(runtime, "guest", ""));
    assert_int_equal(where(work), getpid());
}

static void code_of_the_host_program_cannot_leave_it(void **unused)
{
    hl_isolation isolation = in_worker();

    (void)unused;
    run(runtime, .name = "own", .event = "plain", .call = test_do_nothing);
    refused(hl_isolate(runtime, "own", &isolation, 0), HL_ERR_UNSUPPORTED, "isolation.mode");
    isolation = (hl_isolation)HL_ISOLATION_INIT(HL_IN_PROCESS);
    isolation.deadline_ms = 60000;
    ok(hl_isolate(runtime, "own", &isolation, 0));
    assert_true(isolation_is(runtime, "own", "{\"mode\":\"in_process\",\"deadline_ms\":60000,\"by\":\"operator\"}"));
    assert_int_equal(hl_call(test_event(runtime, "plain"), NULL, NULL).verdict, HL_NEXT);
}

static int released;

static void count_release(void *self)
{
    (void)self;
    released++;
}

static void a_new_deadline_does_not_release_what_goes_on(void **unused)
{
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_PROCESS);

    (void)unused;
    released = 0;
    isolation.deadline_ms = 60000;
    run(runtime, .name = "own", .event = "plain", .call = test_do_nothing, .release = count_release);
    ok(hl_isolate(runtime, "own", &isolation, HL_WAIT_IDLE));
    assert_int_equal(released, 0);
    ok(hl_unregister(runtime, "own", HL_WAIT_IDLE));
    assert_int_equal(released, 1);
}

static void mistakes_are_refused_by_field(void **unused)
{
    hl_isolation isolation = in_worker();

    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START));
    refused(hl_isolate(runtime, "nobody", &isolation, 0), HL_ERR_NOT_FOUND, "name");
    refused(hl_isolate(runtime, NULL, &isolation, 0), HL_ERR_INVALID, "name");
    refused(hl_isolate(runtime, "guest", &isolation, HL_START), HL_ERR_FLAGS, "flags");
    isolation.workers = 65;
    refused(hl_isolate(runtime, "guest", &isolation, 0), HL_ERR_INVALID, "isolation.workers");
    isolation = (hl_isolation)HL_ISOLATION_INIT((hl_isolation_mode)0);
    refused(hl_isolate(runtime, "guest", &isolation, 0), HL_ERR_INVALID, "isolation.mode");
}

static void a_group_has_one_strategy(void **unused)
{
    hl_isolation isolation = in_worker();

    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START | HL_ISOLATED));
    isolation.group = "all";
    isolation.strategy = HL_ONE_FOR_ALL;
    ok(hl_isolate(runtime, "guest", &isolation, 0));
    isolation.strategy = HL_REST_FOR_ONE;
    refused(hl_isolate(runtime, "other", &isolation, 0), HL_ERR_INVALID, "isolation.strategy");
    isolation.strategy = HL_ONE_FOR_ALL;
    ok(hl_isolate(runtime, "other", &isolation, 0));
}

/* ---- whose word counts ---- */

static void the_operators_word_outlives_registrations(void **unused)
{
    hl_isolation isolation = in_worker();

    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START));
    ok(hl_isolate(runtime, "guest", &isolation, 0));
    ok(hl_register_library(runtime, GUEST, HL_START));
    assert_true(isolation_is(runtime, "guest", BY_OPERATOR));
    assert_true(isolation_is(runtime, "other", ""));
    assert_true(where(work) > 0 && where(work) != getpid());
}

static void a_word_taken_back_leaves_what_registration_asked_for(void **unused)
{
    hl_isolation here = HL_ISOLATION_INIT(HL_IN_PROCESS);

    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START | HL_ISOLATED));
    ok(hl_isolate(runtime, "guest", &here, 0));
    assert_int_equal(where(work), getpid());
    ok(hl_isolate(runtime, "guest", NULL, 0));
    assert_true(isolation_is(runtime, "guest", "{\"mode\":\"in_worker\"}"));
    assert_true(where(work) > 0 && where(work) != getpid());
}

static void registration_without_an_operators_word_decides_each_time(void **unused)
{
    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START | HL_ISOLATED));
    ok(hl_register_library(runtime, GUEST, HL_START));
    assert_true(isolation_is(runtime, "guest", ""));
    assert_int_equal(where(work), getpid());
}

/* ---- seen by others ---- */

static void isolating_is_told_once(void **unused)
{
    hl_isolation isolation = in_worker();
    test_notices notices;

    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START));
    test_notices_begin(runtime, &notices);
    ok(hl_isolate(runtime, "guest", &isolation, 0));
    assert_string_equal(test_notices_take(&notices), "isolated guest\nswapped work\n");
    ok(hl_isolate(runtime, "guest", &isolation, 0));
    assert_string_equal(test_notices_take(&notices), "");
    test_notices_end(&notices);
}

static void an_explanation_says_where_a_plugin_runs(void **unused)
{
    hl_isolation isolation = in_worker();
    test_text text = {.len = 0};

    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START));
    isolation.workers = 2;
    isolation.on_failure = HL_SKIP_PLUGIN;
    ok(hl_isolate(runtime, "guest", &isolation, 0));
    ok(hl_explain(runtime, "work", test_take_line, &text));
    assert_non_null(strstr(text.text,
                           "1. guest (priority 50, started; runs in 2 workers, deadline 20000 ms, on failure "
                           "the plugin is skipped)"));
}

static void a_transaction_isolates_with_everything_else_or_not_at_all(void **unused)
{
    hl_isolation isolation = in_worker();
    hl_txn *txn;

    (void)unused;
    ok(hl_register_library(runtime, GUEST, HL_START));
    ok(hl_txn_begin(runtime, &txn));
    refused(hl_txn_isolate(txn, "nobody", &isolation, 0), HL_ERR_NOT_FOUND, "name");
    ok(hl_txn_isolate(txn, "guest", &isolation, 0));
    ok(hl_txn_stop(txn, "other", 0));
    hl_txn_abort(txn);
    assert_int_equal(where(work), getpid());
    ok(hl_txn_begin(runtime, &txn));
    ok(hl_txn_isolate(txn, "guest", &isolation, 0));
    ok(hl_txn_stop(txn, "other", 0));
    ok(hl_txn_commit(txn, 0));
    assert_true(where(work) > 0 && where(work) != getpid());
    assert_string_equal(test_status(runtime, "other"), "stopped");
}

static void isolation_is_kept_by_the_store_and_followed_by_servers(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *server = test_open(test_lmdb(folder), 0), *operator;
    hl_event *event = define(server, "work");
    hl_isolation isolation = in_worker();

    (void)unused;
    define(server, "other");
    ok(hl_register_library(server, GUEST, HL_START));
    assert_int_equal(where(event), getpid());
    operator= test_open(test_lmdb(folder), HL_OPEN_RECORDS_ONLY | HL_OPEN_NO_CONTROL);
    ok(hl_isolate(operator, "guest", &isolation, 0));
    eventually(where(event) != getpid());
    assert_true(where(event) > 0);
    hl_close(operator);
    hl_close(server);
    server = test_open(test_lmdb(folder), 0);
    event = define(server, "work");
    assert_true(isolation_is(server, "guest", BY_OPERATOR));
    assert_true(where(event) > 0 && where(event) != getpid());
    hl_close(server);
    test_folder_remove(folder);
}

static void starting_a_plugin_waits_for_its_workers(void **unused)
{
    hl_isolation isolation = in_worker();

    (void)unused;
    ok(hl_register_library(runtime, GUEST, 0));
    ok(hl_isolate(runtime, "guest", &isolation, 0));
    assert_int_equal(hl_call(work, NULL, NULL).verdict, HL_NEXT);
    ok(hl_start(runtime, "guest", 0));
    assert_true(where(work) > 0 && where(work) != getpid());
}

/* ---- states with pointers ---- */

HL_TYPED_CALLS(note)

static void a_codec_carries_a_state_with_pointers_there_and_back(void **unused)
{
    note state = {0, strdup("ab")};
    note_event event;

    (void)unused;
    ok(note_open(runtime, &event));
    ok(hl_register_library(runtime, CODEC, HL_START | HL_ISOLATED));
    for (int i = 0; i < 3; i++)
        assert_int_equal(note_call(event, &state, NULL).verdict, HL_NEXT);
    assert_string_equal(state.text, "abababababababab");
    assert_true(state.pid > 0 && state.pid != getpid());
    free(state.text);
}

/* What the store knows of a codec is that there is one. */
static void a_process_without_the_codec_cannot_call_and_says_why(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *server = test_open(test_lmdb(folder), 0);
    note state = {0, strdup("ab")};
    note_event event;
    hl_event *opened;

    (void)unused;
    ok(note_open(server, &event));
    ok(hl_register_library(server, CODEC, HL_START | HL_ISOLATED));
    hl_close(server);
    server = test_open(test_lmdb(folder), 0);
    opened = test_event(server, "note");
    refused_call(hl_call(opened, &state, NULL), HL_ERR_NOT_LOADED);
    assert_non_null(strstr(hl_last_error()->message, "codec"));
    ok(note_open(server, &event));
    assert_int_equal(note_call(event, &state, NULL).verdict, HL_NEXT);
    assert_string_equal(state.text, "abab");
    hl_close(server);
    test_folder_remove(folder);
    free(state.text);
}

int main(void)
{
#define HERE(test) cmocka_unit_test_setup_teardown(test, open_it, close_it)
    const struct CMUnitTest tests[] = {
        HERE(an_isolated_library_runs_elsewhere_and_is_never_mapped),
        HERE(compiled_chains_call_workers_too),
        HERE(no_worker_outlives_its_runtime),
        HERE(registering_again_keeps_the_workers),
        HERE(a_library_whose_event_has_no_contract_cannot_be_isolated),
        HERE(a_live_plugin_moves_into_a_worker_and_back),
        HERE(moving_a_live_plugin_fails_no_call),
        HERE(what_cannot_be_had_changes_nothing),
        HERE(code_of_the_host_program_cannot_leave_it),
        HERE(a_new_deadline_does_not_release_what_goes_on),
        HERE(mistakes_are_refused_by_field),
        HERE(a_group_has_one_strategy),
        HERE(the_operators_word_outlives_registrations),
        HERE(a_word_taken_back_leaves_what_registration_asked_for),
        HERE(registration_without_an_operators_word_decides_each_time),
        HERE(isolating_is_told_once),
        HERE(an_explanation_says_where_a_plugin_runs),
        HERE(a_transaction_isolates_with_everything_else_or_not_at_all),
        HERE(isolation_is_kept_by_the_store_and_followed_by_servers),
        HERE(starting_a_plugin_waits_for_its_workers),
        HERE(a_codec_carries_a_state_with_pointers_there_and_back),
        HERE(a_process_without_the_codec_cannot_call_and_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
