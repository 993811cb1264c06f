/* G2 One chain per dispatch. A dispatch runs one published chain from first to last plugin, whatever changes meanwhile,
 * also when a plugin changes registrations or dispatches again from inside its call. Rows CA-17, CM-08, EH-01. */
#include <pthread.h>

#include "tests/support/support.h"

static hl_runtime *runtime;
static hl_event *event;

static int open_three(void **unused)
{
    (void)unused;
    runtime = test_open("memory:", 0);
    event = test_event(runtime, "e");
    run(runtime, .name = "b", .event = "e");
    run(runtime, .name = "c", .event = "e");
    return 0;
}

static int close_it(void **unused)
{
    (void)unused;
    hl_close(runtime);
    return 0;
}

/* ---- changes from inside a call; the first plugin, "a", makes them ---- */

static void run_with_first(hl_call_fn *call)
{
    run(runtime, .name = "a", .event = "e", .call = call, .self = (void *)(uintptr_t) "a");
    test_settle(runtime, event);
}

static const char *dispatch(void)
{
    static test_trail trail;
    hl_reply reply;

    trail.text[0] = '\0';
    reply = hl_call(event, &trail, NULL);
    assert_int_equal(reply.verdict, HL_NEXT);
    assert_ptr_equal(reply.state, &trail);
    return trail.text;
}

static hl_reply stops_the_others(void *self, void *state, const void *meta)
{
    ok(hl_stop(runtime, "b", 0));
    ok(hl_stop(runtime, "c", 0));
    return test_leave_name(self, state, meta);
}

static void plugins_stopped_by_an_earlier_one_still_run_in_this_dispatch(void **unused)
{
    (void)unused;
    run_with_first(stops_the_others);
    assert_string_equal(dispatch(), "a,b,c,");
    assert_string_equal(test_statuses(runtime), "a=started b=stopped c=stopped ");
}

static hl_reply unregisters_everything(void *self, void *state, const void *meta)
{
    ok(hl_unregister_all(runtime, 0));
    return test_leave_name(self, state, meta);
}

static void a_plugin_that_unregisters_all_and_itself_is_followed_by_the_rest_of_its_chain(void **unused)
{
    (void)unused;
    run_with_first(unregisters_everything);
    assert_string_equal(dispatch(), "a,b,c,");
    assert_string_equal(dispatch(), "");
    assert_string_equal(test_statuses(runtime), "");
}

static hl_reply registers_another(void *self, void *state, const void *meta)
{
    run(runtime, .name = "d", .event = "e");
    return test_leave_name(self, state, meta);
}

static void a_plugin_registered_during_a_dispatch_runs_from_the_next_one_on(void **unused)
{
    (void)unused;
    run_with_first(registers_another);
    assert_string_equal(dispatch(), "a,b,c,");
    assert_string_equal(dispatch(), "a,b,c,d,");
}

static hl_reply changes_and_dispatches_again(void *self, void *state, const void *meta)
{
    test_trail *trail = state;

    if (trail->text[0] == '\0') {
        test_trail inner = {"("};

        ok(hl_stop(runtime, "b", 0));
        assert_int_equal(hl_call(event, &inner, meta).verdict, HL_NEXT);
        snprintf(trail->text, sizeof(trail->text), "%.400s)", inner.text);
    }
    return test_leave_name(self, state, meta);
}

static void a_dispatch_from_inside_runs_the_new_chain_and_the_outer_one_goes_on_with_the_old(void **unused)
{
    (void)unused;
    run_with_first(changes_and_dispatches_again);
    assert_string_equal(dispatch(), "(a,c,)a,b,c,");
}

static hl_reply replaces_itself(void *self, void *state, const void *meta)
{
    run(runtime, .name = "a", .event = "e", .self = (void *)(uintptr_t) "new-a");
    return test_leave_name(self, state, meta);
}

static void a_plugin_may_replace_itself_by_other_code(void **unused)
{
    (void)unused;
    run_with_first(replaces_itself);
    assert_string_equal(dispatch(), "a,b,c,");
    assert_string_equal(dispatch(), "new-a,b,c,");
}

static hl_reply dispatches_deeper(void *self, void *state, const void *meta)
{
    int *depth = state;

    if (--*depth > 0)
        return hl_call(event, state, meta);
    (void)self;
    return hl_next(state);
}

static void dispatches_may_be_nested_deeper_than_anyone_counts(void **unused)
{
    int depth = 600;

    (void)unused;
    ok(hl_unregister_all(runtime, 0));
    run(runtime, .name = "deep", .event = "e", .call = dispatches_deeper);
    test_settle(runtime, event);
    assert_int_equal(hl_call(event, &depth, NULL).verdict, HL_NEXT);
    assert_true(depth <= 0);
    ok(hl_unregister(runtime, "deep", HL_WAIT_IDLE));
}

/* ---- changes from other threads ---- */

#define MEMBERS 8
#define CHANGES 400

/* Each plugin writes the generation it was registered with. */
typedef struct seen {
    size_t len;
    uintptr_t generations[2 * MEMBERS];
} seen;

static hl_reply write_generation(void *self, void *state, const void *meta)
{
    seen *to = state;

    (void)meta;
    to->generations[to->len++] = (uintptr_t)self;
    return hl_next(state);
}

/* All plugins in one transaction: a chain is of one generation, and odd generations are one plugin longer. */
static void publish_generation(uintptr_t generation)
{
    static const char *const names[MEMBERS] = {"m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"};
    hl_txn *txn;

    ok(hl_txn_begin(runtime, &txn));
    for (size_t i = 0; i < MEMBERS; i++)
        ok(test_txn_register(txn,
                             &(test_plugin){.name = names[i],
                                            .event = "many",
                                            .call = write_generation,
                                            .self = (void *)generation},
                             HL_START));
    if (generation > 1)
        ok(generation % 2 ? hl_txn_enable(txn, "m8", 0) : hl_txn_stop(txn, "m8", 0));
    ok(hl_txn_commit(txn, 0));
}

static bool finished;  /* atomic */
static unsigned mixed; /* atomic */
static unsigned dispatched;

static bool is_one_chain(const seen *of)
{
    uintptr_t generation = of->len ? of->generations[0] : 0;

    for (size_t i = 0; i < of->len; i++) {
        if (of->generations[i] != generation)
            return false;
    }
    return generation && of->len == (generation % 2 ? MEMBERS : MEMBERS - 1);
}

static void *dispatch_until_finished(void *many)
{
    uintptr_t newest = 0;

    while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
        seen now = {0};

        (void)hl_call(many, &now, NULL);
        if (!is_one_chain(&now) || now.generations[0] < newest)
            __atomic_add_fetch(&mixed, 1, __ATOMIC_RELAXED);
        newest = now.generations[0];
        __atomic_add_fetch(&dispatched, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void every_dispatch_sees_one_published_chain_while_another_thread_changes_it(void **unused)
{
    pthread_t threads[2];
    hl_event *many = test_event(runtime, "many");

    (void)unused;
    finished = false;
    mixed = dispatched = 0;
    publish_generation(1);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, dispatch_until_finished, many), 0);
    for (uintptr_t generation = 2; generation < CHANGES; generation++) {
        publish_generation(generation);
        if (generation % 50 == 0)
            ok(hl_wait_compiled(runtime, 30000));
    }
    __atomic_store_n(&finished, true, __ATOMIC_RELEASE);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(mixed, 0);
    assert_true(dispatched > CHANGES);
}

/* ---- the end of a runtime is a change too ---- */

static unsigned wrong; /* atomic */

static void *dispatch_until_closed(void *late)
{
    for (;;) {
        test_trail trail = {""};
        hl_reply reply = hl_call(late, &trail, NULL);

        if (reply.verdict == HL_ERR_CLOSED && reply.state == &trail && trail.text[0] == '\0')
            return NULL;
        if (reply.verdict != HL_NEXT || strcmp(trail.text, "b,c,") != 0)
            __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
    }
}

static void dispatches_that_meet_the_end_of_the_runtime_run_all_of_the_chain_or_none(void **unused)
{
    wrong = 0;
    for (int round = 0; round < 300; round++) {
        pthread_t thread;

        if (round)
            open_three(unused);
        assert_int_equal(pthread_create(&thread, NULL, dispatch_until_closed, event), 0);
        if (round % 4 == 0)
            test_sleep_ms(1);
        hl_close(runtime);
        pthread_join(thread, NULL);
    }
    assert_int_equal(wrong, 0);
    open_three(unused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plugins_stopped_by_an_earlier_one_still_run_in_this_dispatch, open_three,
                                        close_it),
        cmocka_unit_test_setup_teardown(a_plugin_that_unregisters_all_and_itself_is_followed_by_the_rest_of_its_chain,
                                        open_three, close_it),
        cmocka_unit_test_setup_teardown(a_plugin_registered_during_a_dispatch_runs_from_the_next_one_on, open_three,
                                        close_it),
        cmocka_unit_test_setup_teardown(
            a_dispatch_from_inside_runs_the_new_chain_and_the_outer_one_goes_on_with_the_old, open_three, close_it),
        cmocka_unit_test_setup_teardown(a_plugin_may_replace_itself_by_other_code, open_three, close_it),
        cmocka_unit_test_setup_teardown(dispatches_may_be_nested_deeper_than_anyone_counts, open_three, close_it),
        cmocka_unit_test_setup_teardown(every_dispatch_sees_one_published_chain_while_another_thread_changes_it,
                                        open_three, close_it),
        cmocka_unit_test_setup_teardown(dispatches_that_meet_the_end_of_the_runtime_run_all_of_the_chain_or_none,
                                        open_three, close_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
