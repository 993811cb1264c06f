/* A burst of changes ends as compiled code with fewer compiles than changes: what was overtaken is skipped. Row EH-10.
 * */
#include "tests/engines/support/scene.h"

#define CHANGES 200
#define EVENTS 20

static scene s;

static void need_compiler(void)
{
    if (!HL_TEST_HAVE_JIT)
        skip();
}

static const char *name_of(const char *prefix, int number)
{
    static char names[2 * CHANGES][16];
    static int at;
    char *name = names[at++ % (2 * CHANGES)];

    snprintf(name, sizeof(names[0]), "%s%d", prefix, number);
    return name;
}

/* Opening an event publishes its empty chain, which is nothing to compile. */
static void expect_all_accounted_for(uint64_t changes, uint64_t events)
{
    hl_counters counters = test_counters(s.runtime);

    print_message("%llu swaps: %llu compiled, %llu skipped\n", (unsigned long long)counters.swaps,
                  (unsigned long long)counters.compiled, (unsigned long long)counters.compile_skipped);
    assert_int_equal(counters.swaps, changes + events);
    assert_int_equal(counters.compile_failures, 0);
    assert_int_equal(counters.compiled + counters.compile_skipped, changes);
    assert_in_range(counters.helper_starts, 1, 2);
}

static void a_burst_on_one_event_is_compiled_a_few_times(void **state)
{
    hl_event *event;

    (void)state;
    need_compiler();
    scene_open(&s, NULL, 0);
    event = test_event(s.runtime, "burst");
    for (int i = 0; i < CHANGES; i++)
        run(s.runtime, .name = name_of("p", i), .event = "burst", .call = test_do_nothing);
    ok(hl_wait_compiled(s.runtime, 60000));
    assert_int_equal(hl_event_engine(event), HL_ENGINE_COMPILED);
    assert_int_equal(hl_call(event, NULL, NULL).verdict, HL_NEXT);
    expect_all_accounted_for(CHANGES + 2, 2);
    assert_in_range(test_counters(s.runtime).compiled, 2, CHANGES / 4);
    scene_close(&s);
}

static void a_burst_over_many_events_ends_with_each_of_them_compiled(void **state)
{
    hl_event *events[EVENTS];

    (void)state;
    need_compiler();
    scene_open(&s, NULL, 0);
    for (int i = 0; i < EVENTS; i++)
        events[i] = test_event(s.runtime, name_of("e", i));
    for (int i = 0; i < CHANGES; i++)
        run(s.runtime, .name = name_of("q", i), .event = hl_event_name(events[i % EVENTS]), .call = test_do_nothing);
    ok(hl_wait_compiled(s.runtime, 60000));
    for (int i = 0; i < EVENTS; i++) {
        assert_int_equal(hl_event_engine(events[i]), HL_ENGINE_COMPILED);
        assert_int_equal(hl_call(events[i], NULL, NULL).verdict, HL_NEXT);
    }
    expect_all_accounted_for(CHANGES + 2, EVENTS + 1);
    assert_in_range(test_counters(s.runtime).compiled, EVENTS, CHANGES - EVENTS);
    scene_close(&s);
}

static void a_transaction_is_one_swap_and_one_compile_for_each_event(void **state)
{
    hl_event *first, *second;
    hl_counters before;
    hl_txn *txn;

    (void)state;
    need_compiler();
    scene_open(&s, NULL, 0);
    first = test_event(s.runtime, "first");
    second = test_event(s.runtime, "second");
    ok(hl_wait_compiled(s.runtime, 30000));
    before = test_counters(s.runtime);
    ok(hl_txn_begin(s.runtime, &txn));
    for (int i = 0; i < CHANGES; i++)
        ok(test_txn_register(txn,
                             &(test_plugin){.name = name_of("t", i),
                                            .event = i % 2 ? "first" : "second",
                                            .call = test_do_nothing},
                             HL_START));
    ok(hl_txn_commit(txn, HL_WAIT_COMPILED));
    assert_int_equal(hl_event_engine(first), HL_ENGINE_COMPILED);
    assert_int_equal(hl_event_engine(second), HL_ENGINE_COMPILED);
    assert_int_equal(test_counters(s.runtime).commits, before.commits + 1);
    assert_int_equal(test_counters(s.runtime).swaps, before.swaps + 2);
    assert_int_equal(test_counters(s.runtime).compiled, before.compiled + 2);
    scene_close(&s);
}

static void a_chain_emptied_meanwhile_is_not_compiled(void **state)
{
    (void)state;
    need_compiler();
    scene_open(&s, NULL, 0);
    ok(hl_wait_compiled(s.runtime, 30000));
    for (int i = 0; i < CHANGES; i++) {
        ok(hl_stop_event(s.runtime, "e", 0));
        ok(hl_enable(s.runtime, "a", 0));
        ok(hl_enable(s.runtime, "b", 0));
    }
    ok(hl_stop_event(s.runtime, "e", HL_WAIT_COMPILED));
    assert_int_equal(hl_event_engine(s.event), HL_ENGINE_REFERENCE);
    assert_string_equal(test_run_trail(s.event), "");
    assert_int_equal(test_counters(s.runtime).compile_failures, 0);
    scene_close(&s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_burst_on_one_event_is_compiled_a_few_times),
        CASE(a_burst_over_many_events_ends_with_each_of_them_compiled),
        CASE(a_transaction_is_one_swap_and_one_compile_for_each_event),
        CASE(a_chain_emptied_meanwhile_is_not_compiled),
    };

    return cmocka_run_group_tests(tests, scene_make_folder, scene_remove_folder);
}
