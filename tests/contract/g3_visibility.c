/* G3 Visibility. When a lifecycle call returns HL_OK, every dispatch that begins later in this process runs the new
 * chain, on whatever thread, and whether it is compiled yet or not. Rows CM-10, LC-18. */
#include <pthread.h>
#include <sched.h>

#include "tests/support/support.h"

/* A thread that dispatches once for each request and says what it saw: its dispatch begins after the request. */
typedef struct dispatcher {
    pthread_t thread;
    hl_event *event;
    unsigned asked, answered; /* atomic */
    test_trail trail;
} dispatcher;

#define END UINT32_MAX

static void *serve(void *argument)
{
    dispatcher *me = argument;
    unsigned served = 0, asked;

    while ((asked = __atomic_load_n(&me->asked, __ATOMIC_ACQUIRE)) != END) {
        if (asked == served) {
            sched_yield();
            continue;
        }
        me->trail.text[0] = '\0';
        (void)hl_call(me->event, &me->trail, NULL);
        served = asked;
        __atomic_store_n(&me->answered, served, __ATOMIC_RELEASE);
    }
    return NULL;
}

static const char *dispatch_elsewhere(dispatcher *on)
{
    unsigned number = on->answered + 1;

    __atomic_store_n(&on->asked, number, __ATOMIC_RELEASE);
    while (__atomic_load_n(&on->answered, __ATOMIC_ACQUIRE) != number)
        sched_yield();
    return on->trail.text;
}

static void begin(dispatcher *on, hl_event *event)
{
    *on = (dispatcher){.event = event};
    assert_int_equal(pthread_create(&on->thread, NULL, serve, on), 0);
}

static void end(dispatcher *on)
{
    __atomic_store_n(&on->asked, END, __ATOMIC_RELEASE);
    pthread_join(on->thread, NULL);
}

/* Each verb changes what the other thread's next dispatch does; compiled chains come and go under way. */
static void go_round(hl_runtime *runtime, dispatcher *on)
{
    run(runtime, .name = "b", .event = "e");
    assert_string_equal(dispatch_elsewhere(on), "a,b,");
    ok(hl_stop(runtime, "a", 0));
    assert_string_equal(dispatch_elsewhere(on), "b,");
    ok(hl_enable(runtime, "a", 0));
    assert_string_equal(dispatch_elsewhere(on), "a,b,");
    run(runtime, .name = "a", .event = "e", .depends = "b");
    assert_string_equal(dispatch_elsewhere(on), "b,a,");
    ok(hl_stop(runtime, "b", 0));
    assert_string_equal(dispatch_elsewhere(on), "");
    ok(hl_unregister(runtime, "b", 0));
    assert_string_equal(dispatch_elsewhere(on), "");
    run(runtime, .name = "a", .event = "e");
    assert_string_equal(dispatch_elsewhere(on), "a,");
    run(runtime, .name = "a", .event = "e", .self = (void *)(uintptr_t) "other");
    assert_string_equal(dispatch_elsewhere(on), "other,");
    run(runtime, .name = "a", .event = "e");
    assert_string_equal(dispatch_elsewhere(on), "a,");
}

static void go_round_often(const char *store, unsigned rounds)
{
    hl_runtime *runtime = test_open(store, 0);
    hl_event *event = test_event(runtime, "e");
    dispatcher on;

    run(runtime, .name = "a", .event = "e");
    begin(&on, event);
    for (unsigned round = 0; round < rounds; round++) {
        go_round(runtime, &on);
        if (round % 20 == 0)
            test_settle(runtime, event);
    }
    end(&on);
    hl_close(runtime);
}

static void a_dispatch_begun_after_a_verb_returned_runs_the_new_chain_on_any_thread(void **unused)
{
    (void)unused;
    go_round_often("memory:", 300);
}

static void so_it_is_with_a_store_on_disk(void **unused)
{
    const char *folder = test_folder();

    (void)unused;
    go_round_often(test_lmdb(folder), 20);
    test_folder_remove(folder);
}

static void a_transaction_becomes_visible_at_its_commit_and_not_before(void **unused)
{
    hl_runtime *runtime = test_open("memory:", 0);
    hl_event *event = test_event(runtime, "e");
    dispatcher on;
    hl_txn *txn;

    (void)unused;
    run(runtime, .name = "a", .event = "e");
    begin(&on, event);
    ok(hl_txn_begin(runtime, &txn));
    ok(hl_txn_stop(txn, "a", 0));
    ok(test_txn_register(txn, &(test_plugin){.name = "b", .event = "e"}, HL_START));
    assert_string_equal(dispatch_elsewhere(&on), "a,");
    ok(hl_txn_commit(txn, 0));
    assert_string_equal(dispatch_elsewhere(&on), "b,");
    end(&on);
    hl_close(runtime);
}

static void every_way_of_dispatching_sees_the_change(void **unused)
{
    hl_runtime *runtime = test_open("memory:", 0);
    hl_event *event = test_event(runtime, "e");
    hl_entry_fn entry = hl_event_entry(event);

    (void)unused;
    assert_non_null(entry);
    for (int round = 0; round < 20; round++) {
        test_trail trail = {""};

        run(runtime, .name = "a", .event = "e");
        assert_int_equal(entry(&trail, NULL).verdict, HL_NEXT);
        assert_int_equal(hl_call_named(runtime, "e", &trail, NULL).verdict, HL_NEXT);
        assert_int_equal(hl_call_with(event, &trail, NULL).verdict, HL_NEXT);
        assert_string_equal(trail.text, "a,a,a,");
        ok(hl_unregister(runtime, "a", 0));
        assert_int_equal(entry(&trail, NULL).verdict, HL_NEXT);
        assert_string_equal(trail.text, "a,a,a,");
    }
    hl_close(runtime);
}

static void registrations_made_before_an_event_is_opened_are_in_its_first_dispatch(void **unused)
{
    hl_runtime *runtime = test_open("memory:", 0);

    (void)unused;
    run(runtime, .name = "a", .event = "e");
    assert_string_equal(test_run_trail(test_event(runtime, "e")), "a,");
    hl_close(runtime);
}

static void a_change_is_visible_though_it_can_never_be_compiled(void **unused)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime;
    hl_event *event;

    (void)unused;
    options.jit_program = "./there-is-no-such-program";
    ok(hl_open(&options, &runtime));
    event = test_event(runtime, "e");
    run(runtime, .name = "a", .event = "e");
    assert_string_equal(test_run_trail(event), "a,");
    ok(test_register(runtime, &(test_plugin){.name = "b", .event = "e"}, HL_START | HL_WAIT_COMPILED));
    assert_string_equal(test_run_trail(event), "a,b,");
    assert_int_equal(hl_event_engine(event), HL_ENGINE_REFERENCE);
    hl_close(runtime);
}

static void wait_compiled_returns_when_the_engine_of_this_run_is_in_charge(void **unused)
{
    hl_runtime *runtime = test_open("memory:", 0);
    hl_event *event = test_event(runtime, "e");

    (void)unused;
    for (int round = 0; round < 5; round++) {
        ok(test_register(runtime, &(test_plugin){.name = "a", .event = "e"}, HL_START | HL_WAIT_COMPILED));
        assert_int_equal(hl_event_engine(event), test_engine());
        assert_string_equal(test_run_trail(event), "a,");
        ok(hl_unregister(runtime, "a", HL_WAIT_COMPILED));
        assert_int_equal(hl_event_engine(event), HL_ENGINE_REFERENCE);
    }
    hl_close(runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dispatch_begun_after_a_verb_returned_runs_the_new_chain_on_any_thread),
        cmocka_unit_test(so_it_is_with_a_store_on_disk),
        cmocka_unit_test(a_transaction_becomes_visible_at_its_commit_and_not_before),
        cmocka_unit_test(every_way_of_dispatching_sees_the_change),
        cmocka_unit_test(registrations_made_before_an_event_is_opened_are_in_its_first_dispatch),
        cmocka_unit_test(a_change_is_visible_though_it_can_never_be_compiled),
        cmocka_unit_test(wait_compiled_returns_when_the_engine_of_this_run_is_in_charge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
