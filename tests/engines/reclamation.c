/* Code and plugins go when nobody is inside, and not before; a plugin may do anything but wait from inside its call;
 * who holds an old generation can be asked. */
#include <pthread.h>
#include <unistd.h>

#include "tests/engines/support/guest.h"
#include "tests/engines/support/scene.h"

#define LIBRARY HL_TEST_PLUGINS "/engines-guest.so"

static hl_runtime *runtime;
static hl_event *visits;
static hl_engine engine;

static int begin(void **state)
{
    if (scene_begin(state) != 0)
        return -1;
    ok(hl_open(NULL, &runtime));
    visits = test_event(runtime, "visits");
    engine = HL_TEST_HAVE_JIT ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE;
    return 0;
}

static int end(void **state)
{
    hl_close(runtime);
    return scene_end(state);
}

static void settle(void)
{
    ok(hl_wait_compiled(runtime, 30000));
    assert_int_equal(hl_event_engine(visits), engine);
}

static void invite(void)
{
    ok(hl_register_library(runtime, LIBRARY, HL_START));
    settle();
}

static void *visit(void *state)
{
    assert_int_equal(hl_call(visits, state, NULL).verdict, HL_NEXT);
    return NULL;
}

static pthread_t visit_on_a_thread(guest_state *state)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, visit, state), 0);
    eventually(__atomic_load_n(&state->inside, __ATOMIC_SEQ_CST));
    return thread;
}

static void let_go(guest_state *state, pthread_t thread)
{
    __atomic_store_n(&state->stay, 0, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
}

/* ---- libraries ---- */

static void a_library_is_unmapped_when_its_plugins_are_unregistered_and_idle(void **state)
{
    guest_state visitor = {0};

    (void)state;
    for (int i = 0; i < 5; i++) {
        invite();
        visit(&visitor);
        assert_true(scene_is_mapped(visitor.code));
        ok(hl_unregister(runtime, "guest", HL_WAIT_IDLE));
        assert_false(scene_is_mapped(visitor.code));
        visit(&visitor);
    }
}

static void a_library_stays_mapped_while_a_call_is_inside(void **state)
{
    guest_state visitor = {.stay = 1};
    pthread_t thread;

    (void)state;
    invite();
    thread = visit_on_a_thread(&visitor);
    ok(hl_unregister(runtime, "guest", 0));
    test_sleep_ms(100);
    assert_true(scene_is_mapped(visitor.code));
    assert_int_equal(visitor.inside, 1);
    let_go(&visitor, thread);
    eventually(!scene_is_mapped(visitor.code));
}

static void a_stopped_library_plugin_keeps_its_code(void **state)
{
    guest_state visitor = {0};

    (void)state;
    invite();
    visit(&visitor);
    ok(hl_stop(runtime, "guest", HL_WAIT_IDLE));
    assert_true(scene_is_mapped(visitor.code));
    visitor.code = NULL;
    visit(&visitor);
    assert_null(visitor.code);
    ok(hl_enable(runtime, "guest", HL_WAIT_COMPILED));
    visit(&visitor);
    assert_non_null(visitor.code);
}

static void close_unmaps_libraries(void **state)
{
    guest_state visitor = {0};

    (void)state;
    invite();
    visit(&visitor);
    hl_close(runtime);
    runtime = NULL;
    assert_false(scene_is_mapped(visitor.code));
    assert_int_equal(hl_call(visits, &visitor, NULL).verdict, HL_ERR_CLOSED);
}

static void unregister_guest(void *with)
{
    ok(hl_unregister(runtime, "guest", 0));
    test_sleep_ms(50);
    *(bool *)with = true;
}

static void a_library_plugin_may_unregister_itself_and_returns_into_mapped_code(void **state)
{
    bool acted = false;
    guest_state visitor = {.act = unregister_guest, .with = &acted};

    (void)state;
    invite();
    visit(&visitor);
    assert_true(acted);
    assert_string_equal(test_status(runtime, "guest"), "absent");
    eventually(!scene_is_mapped(visitor.code));
}

static void replace_guest(void *with)
{
    ok(hl_unregister(runtime, "guest", 0));
    ok(hl_register_library(runtime, LIBRARY, HL_START));
    *(bool *)with = true;
}

static void a_library_plugin_may_replace_itself_from_inside(void **state)
{
    bool acted = false;
    guest_state visitor = {.act = replace_guest, .with = &acted};

    (void)state;
    invite();
    visit(&visitor);
    assert_true(acted);
    settle();
    visitor = (guest_state){0};
    visit(&visitor);
    assert_true(scene_is_mapped(visitor.code));
    ok(hl_unregister(runtime, "guest", HL_WAIT_IDLE));
    assert_false(scene_is_mapped(visitor.code));
}

/* ---- from inside a call ---- */

/* What a plugin does, once, and what is to be seen afterwards. */
typedef struct deed {
    void (*act)(void);
    int calls, done;
} deed;

static hl_reply do_deed(void *self, void *state, const void *meta)
{
    deed *doing = self;

    (void)meta;
    doing->calls++;
    if (!doing->done++)
        doing->act();
    return hl_next(state);
}

static deed doing;

static void add_doer(void (*act)(void))
{
    doing = (deed){.act = act};
    run(runtime, .name = "doer", .event = "visits", .call = do_deed, .self = &doing);
    settle();
}

static int after_calls;

static hl_reply count_after(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    after_calls++;
    return hl_next(state);
}

static void register_another(void)
{
    run(runtime, .name = "later", .event = "visits", .call = count_after);
}

static void a_plugin_may_register_another_which_the_next_dispatch_runs(void **state)
{
    (void)state;
    after_calls = 0;
    add_doer(register_another);
    visit(NULL);
    assert_int_equal(after_calls, 0);
    visit(NULL);
    assert_int_equal(after_calls, 1);
    settle();
    visit(NULL);
    assert_int_equal(after_calls, 2);
    assert_int_equal(doing.calls, 3);
}

static void stop_self(void)
{
    ok(hl_stop(runtime, "doer", 0));
    assert_string_equal(test_status(runtime, "doer"), "stopped");
}

static void a_plugin_may_stop_itself_and_its_chain_goes_on(void **state)
{
    (void)state;
    after_calls = 0;
    run(runtime, .name = "later", .event = "visits", .call = count_after);
    add_doer(stop_self);
    visit(NULL);
    assert_int_equal(after_calls, 1);
    visit(NULL);
    assert_int_equal(after_calls, 2);
    assert_int_equal(doing.calls, 1);
}

static int released;

static void count_release(void *self)
{
    (void)self;
    __atomic_add_fetch(&released, 1, __ATOMIC_SEQ_CST);
}

static void unregister_self(void)
{
    ok(hl_unregister(runtime, "doer", 0));
    test_sleep_ms(20);
    assert_int_equal(__atomic_load_n(&released, __ATOMIC_SEQ_CST), 0);
}

static void a_plugin_may_unregister_itself_and_is_released_after_it_returned(void **state)
{
    (void)state;
    released = 0;
    doing = (deed){.act = unregister_self};
    run(runtime, .name = "doer", .event = "visits", .call = do_deed, .self = &doing, .release = count_release);
    settle();
    visit(NULL);
    eventually(__atomic_load_n(&released, __ATOMIC_SEQ_CST) == 1);
    visit(NULL);
    assert_int_equal(doing.calls, 1);
}

static void dispatch_again(void)
{
    visit(NULL);
    visit(NULL);
}

static void a_plugin_may_dispatch_its_own_event_again(void **state)
{
    (void)state;
    after_calls = 0;
    run(runtime, .name = "later", .event = "visits", .call = count_after);
    add_doer(dispatch_again);
    visit(NULL);
    assert_int_equal(doing.calls, 3);
    assert_int_equal(after_calls, 3);
}

static int depth;

static void dispatch_deeper(void)
{
    doing.done = 0;
    if (++depth < 50)
        visit(NULL);
    doing.done = 1;
}

static void dispatches_may_be_nested_deeper_than_anyone_should(void **state)
{
    (void)state;
    depth = 0;
    add_doer(dispatch_deeper);
    visit(NULL);
    assert_int_equal(depth, 50);
    ok(hl_unregister(runtime, "doer", HL_WAIT_IDLE));
}

static void wait_in_vain(void)
{
    assert_int_equal(hl_stop(runtime, "doer", HL_WAIT_IDLE), HL_ERR_IN_PLUGIN);
    assert_int_equal(hl_unregister(runtime, "doer", HL_WAIT_COMPILED), HL_ERR_IN_PLUGIN);
    assert_int_equal(hl_wait_compiled(runtime, 10), HL_ERR_IN_PLUGIN);
    hl_close(runtime);
    assert_int_equal(hl_last_error()->status, HL_ERR_IN_PLUGIN);
    assert_string_equal(test_status(runtime, "doer"), "started");
}

static void waiting_from_inside_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    add_doer(wait_in_vain);
    visit(NULL);
    visit(NULL);
    assert_int_equal(doing.calls, 2);
}

/* ---- who holds what ---- */

typedef struct held_list {
    size_t len, threads;
    uint64_t generation, held_ns;
    hl_engine engine;
} held_list;

static bool take_held(const hl_held *held, void *user)
{
    held_list *to = user;

    if (!held->threads_len)
        return true;
    assert_string_equal(held->event, "visits");
    *to = (held_list){to->len + 1, held->threads_len, held->generation, held->held_ns, held->engine};
    return true;
}

static held_list held_now(void)
{
    held_list list = {0};

    ok(hl_held_generations(runtime, "visits", take_held, &list));
    return list;
}

static bool take_generation(const hl_event_info *info, void *user)
{
    if (strcmp(info->name, "visits") == 0)
        *(uint64_t *)user = info->generation;
    return true;
}

static uint64_t generation_now(void)
{
    uint64_t generation = 0;

    ok(hl_events(runtime, take_generation, &generation));
    return generation;
}

static void a_generation_with_a_sleeper_inside_is_named_with_its_thread(void **state)
{
    guest_state visitor = {.stay = 1};
    uint64_t generation;
    pthread_t thread;
    held_list held;

    (void)state;
    invite();
    generation = generation_now();
    thread = visit_on_a_thread(&visitor);
    assert_int_equal(held_now().len, 0);
    ok(hl_stop(runtime, "guest", 0));
    test_sleep_ms(30);
    held = held_now();
    assert_int_equal(held.len, 1);
    assert_int_equal(held.threads, 1);
    assert_int_equal(held.generation, generation);
    assert_int_equal(held.engine, engine);
    assert_in_range(held.held_ns, 30000000, 20000000000);
    test_sleep_ms(30);
    assert_in_range(held_now().held_ns, held.held_ns + 30000000, 30000000000);
    let_go(&visitor, thread);
    eventually(held_now().len == 0);
}

static void generations_after_the_held_one_are_not_blamed_on_its_thread(void **state)
{
    guest_state first = {.stay = 1}, second = {.stay = 1};
    pthread_t threads[3];
    held_list held;

    (void)state;
    invite();
    threads[0] = visit_on_a_thread(&first);
    ok(hl_stop(runtime, "guest", 0));
    for (int i = 0; i < 5; i++)
        run(runtime, .name = "doer", .event = "visits", .call = test_do_nothing, .priority = PRIORITY(i));
    assert_int_equal(held_now().len, 1);
    ok(hl_enable(runtime, "guest", 0));
    settle();
    threads[1] = visit_on_a_thread(&second);
    second.inside = 0;
    threads[2] = visit_on_a_thread(&second);
    ok(hl_stop(runtime, "guest", 0));
    held = held_now();
    assert_int_equal(held.len, 2);
    assert_int_equal(held.threads, 2); /* the newest is walked last */
    let_go(&second, threads[1]);
    pthread_join(threads[2], NULL);
    assert_int_equal(held_now().threads, 1);
    let_go(&first, threads[0]);
    eventually(held_now().len == 0);
}

static void a_sleeper_in_one_event_delays_no_change_of_another(void **state)
{
    guest_state visitor = {.stay = 1};
    hl_event *other = test_event(runtime, "other");
    uint64_t begun = test_now_ns();
    pthread_t thread;

    (void)state;
    invite();
    thread = visit_on_a_thread(&visitor);
    begun = test_now_ns();
    for (int i = 0; i < 100; i++)
        run(runtime, .name = "x", .event = "other", .priority = PRIORITY(i));
    assert_string_equal(test_run_trail(other), "x,");
    ok(hl_unregister(runtime, "guest", 0));
    assert_in_range(test_now_ns() - begun, 0, 2000000000);
    ok(hl_wait_compiled(runtime, 30000));
    assert_int_equal(hl_event_engine(other), engine);
    assert_int_equal(visitor.inside, 1);
    let_go(&visitor, thread);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_library_is_unmapped_when_its_plugins_are_unregistered_and_idle),
        CASE(a_library_stays_mapped_while_a_call_is_inside),
        CASE(a_stopped_library_plugin_keeps_its_code),
        CASE(close_unmaps_libraries),
        CASE(a_library_plugin_may_unregister_itself_and_returns_into_mapped_code),
        CASE(a_library_plugin_may_replace_itself_from_inside),
        CASE(a_plugin_may_register_another_which_the_next_dispatch_runs),
        CASE(a_plugin_may_stop_itself_and_its_chain_goes_on),
        CASE(a_plugin_may_unregister_itself_and_is_released_after_it_returned),
        CASE(a_plugin_may_dispatch_its_own_event_again),
        CASE(dispatches_may_be_nested_deeper_than_anyone_should),
        CASE(waiting_from_inside_is_refused_and_changes_nothing),
        CASE(a_generation_with_a_sleeper_inside_is_named_with_its_thread),
        CASE(generations_after_the_held_one_are_not_blamed_on_its_thread),
        CASE(a_sleeper_in_one_event_delays_no_change_of_another),
    };

    return cmocka_run_group_tests(tests, scene_make_folder, scene_remove_folder);
}
