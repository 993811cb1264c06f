/* G4 Quiescence. Code is unmapped and `self` released only when no dispatch can still be inside; who holds the old
 * generation can be asked; and nobody is made to wait for himself. Row LC-21. */
#include <pthread.h>

#include "tests/support/support.h"

/* A plugin's self, and the state of its library's cousin: calls stay inside until the gate is opened. */
typedef struct gate {
    int inside;   /* atomic */
    int open;     /* atomic */
    int released; /* atomic */
    int left;     /* atomic: calls that have come out */
} gate;

static hl_reply stay_inside(void *self, void *state, const void *meta)
{
    gate *at = self;

    (void)meta;
    __atomic_add_fetch(&at->inside, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&at->open, __ATOMIC_SEQ_CST))
        test_sleep_ms(1);
    assert_int_equal(__atomic_load_n(&at->released, __ATOMIC_SEQ_CST), 0);
    __atomic_sub_fetch(&at->inside, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&at->left, 1, __ATOMIC_SEQ_CST);
    return hl_next(state);
}

static void count_release(void *self)
{
    gate *at = self;

    assert_int_equal(__atomic_load_n(&at->inside, __ATOMIC_SEQ_CST), 0);
    __atomic_add_fetch(&at->released, 1, __ATOMIC_SEQ_CST);
}

#define released(gate) __atomic_load_n(&(gate)->released, __ATOMIC_SEQ_CST)
#define inside(gate) __atomic_load_n(&(gate)->inside, __ATOMIC_SEQ_CST)
#define open_gate(gate) __atomic_store_n(&(gate)->open, 1, __ATOMIC_SEQ_CST)

static hl_runtime *runtime;
static hl_event *event;

static int open_it(void **unused)
{
    (void)unused;
    runtime = test_open("memory:", 0);
    event = test_event(runtime, "e");
    return 0;
}

static int close_it(void **unused)
{
    (void)unused;
    hl_close(runtime);
    return 0;
}

static void run_gate(gate *at)
{
    *at = (gate){0};
    run(runtime, .name = "gate", .event = "e", .call = stay_inside, .self = at, .release = count_release);
    test_settle(runtime, event);
}

static void *dispatch_once(void *state)
{
    hl_reply reply = hl_call(event, state, NULL);

    assert_int_equal(reply.verdict, HL_NEXT);
    return NULL;
}

static pthread_t dispatch_on_a_thread(void *state)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, dispatch_once, state), 0);
    return thread;
}

static void *open_soon(void *at)
{
    test_sleep_ms(60);
    open_gate((gate *)at);
    return NULL;
}

/* Opens the gate a little later, while this thread waits for something. */
static pthread_t open_meanwhile(gate *at)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, open_soon, at), 0);
    return thread;
}

/* ---- release ---- */

static void self_is_released_once_after_the_last_call_has_left(void **unused)
{
    static gate at;
    pthread_t threads[2];

    (void)unused;
    run_gate(&at);
    for (int i = 0; i < 2; i++)
        threads[i] = dispatch_on_a_thread(NULL);
    eventually(inside(&at) == 2);
    ok(hl_unregister(runtime, "gate", 0));
    assert_string_equal(test_status(runtime, "gate"), "absent");
    test_sleep_ms(50);
    assert_int_equal(released(&at), 0);
    open_gate(&at);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    eventually(released(&at) == 1);
    test_sleep_ms(20);
    assert_int_equal(released(&at), 1);
}

static void wait_idle_returns_when_the_last_call_has_left_and_self_is_released(void **unused)
{
    pthread_t dispatching, opening;
    static gate at;

    (void)unused;
    run_gate(&at);
    dispatching = dispatch_on_a_thread(NULL);
    eventually(inside(&at) == 1);
    opening = open_meanwhile(&at);
    ok(hl_unregister(runtime, "gate", HL_WAIT_IDLE));
    assert_int_equal(at.left, 1);
    assert_int_equal(released(&at), 1);
    pthread_join(opening, NULL);
    pthread_join(dispatching, NULL);
}

static void a_replaced_self_is_released_and_the_new_one_is_not(void **unused)
{
    static gate first, second = {.open = 1};

    (void)unused;
    run_gate(&first);
    first.open = 1;
    ok(test_register(
        runtime,
        &(test_plugin){.name = "gate", .event = "e", .call = stay_inside, .self = &second, .release = count_release},
        HL_WAIT_IDLE));
    assert_int_equal(released(&first), 1);
    assert_int_equal(hl_call(event, NULL, NULL).verdict, HL_NEXT);
    assert_int_equal(second.left, 1);
    assert_int_equal(released(&second), 0);
    hl_close(runtime);
    assert_int_equal(released(&second), 1);
    open_it(unused);
}

static void registering_the_same_again_releases_nothing(void **unused)
{
    static gate at;

    (void)unused;
    run_gate(&at);
    for (int i = 0; i < 3; i++)
        ok(test_register(
            runtime,
            &(test_plugin){.name = "gate", .event = "e", .call = stay_inside, .self = &at, .release = count_release},
            HL_WAIT_IDLE));
    assert_int_equal(released(&at), 0);
    ok(hl_unregister(runtime, "gate", HL_WAIT_IDLE));
    assert_int_equal(released(&at), 1);
}

static void the_self_of_a_refused_registration_is_not_released(void **unused)
{
    static gate at = {0};

    (void)unused;
    refused(test_register(runtime,
                          &(test_plugin){.name = "gate",
                                         .event = "e",
                                         .depends = "gate",
                                         .call = stay_inside,
                                         .self = &at,
                                         .release = count_release},
                          0),
            HL_ERR_CYCLE, "depends");
    ok(hl_unregister_all(runtime, HL_WAIT_IDLE));
    assert_int_equal(released(&at), 0);
}

static void a_stopped_plugin_keeps_its_self(void **unused)
{
    static gate at;

    (void)unused;
    run_gate(&at);
    ok(hl_stop(runtime, "gate", HL_WAIT_IDLE));
    assert_int_equal(released(&at), 0);
    at.open = 1;
    ok(hl_enable(runtime, "gate", 0));
    assert_int_equal(hl_call(event, NULL, NULL).verdict, HL_NEXT);
    assert_int_equal(at.left, 1);
}

static void close_waits_for_the_calls_inside_and_releases_every_self(void **unused)
{
    pthread_t dispatching, opening;
    static gate at, idle = {0};

    (void)unused;
    run_gate(&at);
    run(runtime, .name = "idle", .event = "other", .call = stay_inside, .self = &idle, .release = count_release);
    dispatching = dispatch_on_a_thread(NULL);
    eventually(inside(&at) == 1);
    opening = open_meanwhile(&at);
    hl_close(runtime);
    assert_int_equal(at.left, 1);
    assert_int_equal(released(&at), 1);
    assert_int_equal(released(&idle), 1);
    pthread_join(opening, NULL);
    pthread_join(dispatching, NULL);
    open_it(unused);
}

static bool ignore_row(const hl_profile_row *row, void *unused)
{
    (void)row;
    (void)unused;
    return true;
}

static void *profile_once(void *unused)
{
    ok(hl_profile(event, NULL, NULL, ignore_row, unused, NULL));
    return NULL;
}

static void a_profiled_run_is_waited_for_like_any_other(void **unused)
{
    pthread_t profiling, opening;
    static gate at;

    (void)unused;
    run_gate(&at);
    assert_int_equal(pthread_create(&profiling, NULL, profile_once, NULL), 0);
    eventually(inside(&at) == 1);
    opening = open_meanwhile(&at);
    ok(hl_unregister(runtime, "gate", HL_WAIT_IDLE));
    assert_int_equal(at.left, 1);
    assert_int_equal(released(&at), 1);
    pthread_join(opening, NULL);
    pthread_join(profiling, NULL);
}

static void *entry_once(void *unused)
{
    (void)unused;
    assert_int_equal(hl_event_entry(event)(NULL, NULL).verdict, HL_NEXT);
    return NULL;
}

static void *named_once(void *unused)
{
    hl_call_options options = HL_CALL_OPTIONS_INIT;

    (void)unused;
    assert_int_equal(hl_call_named(runtime, "e", NULL, &options).verdict, HL_NEXT);
    return NULL;
}

static void every_way_of_dispatching_is_waited_for(void **unused)
{
    void *(*const ways[])(void *) = {entry_once, named_once};

    (void)unused;
    for (int i = 0; i < 2; i++) {
        pthread_t dispatching, opening;
        static gate at;

        run_gate(&at);
        assert_int_equal(pthread_create(&dispatching, NULL, ways[i], NULL), 0);
        eventually(inside(&at) == 1);
        opening = open_meanwhile(&at);
        ok(hl_unregister(runtime, "gate", HL_WAIT_IDLE));
        assert_int_equal(at.left, 1);
        pthread_join(opening, NULL);
        pthread_join(dispatching, NULL);
    }
}

/* ---- who holds it ---- */

/* What is held, and the newest of it. */
typedef struct holders {
    size_t len;
    hl_held newest;
    char event[64];
} holders;

static bool take_held(const hl_held *held, void *user)
{
    holders *to = user;

    assert_int_equal(held->size, sizeof(*held));
    if (to->len++ && strcmp(held->event, to->event) == 0)
        assert_true(to->newest.generation < held->generation && to->newest.held_ns >= held->held_ns);
    to->newest = *held;
    snprintf(to->event, sizeof(to->event), "%s", held->event);
    return true;
}

static holders held_of(const char *name)
{
    holders found = {0};

    ok(hl_held_generations(runtime, name, take_held, &found));
    return found;
}

static bool take_generation(const hl_event_info *info, void *user)
{
    if (strcmp(info->name, "e") == 0)
        *(uint64_t *)user = info->generation;
    return true;
}

static void the_holder_of_an_old_generation_can_be_asked_for(void **unused)
{
    uint64_t generation = 0;
    pthread_t threads[2];
    holders found;
    static gate at;

    (void)unused;
    run_gate(&at);
    ok(hl_events(runtime, take_generation, &generation));
    for (int i = 0; i < 2; i++)
        threads[i] = dispatch_on_a_thread(NULL);
    eventually(inside(&at) == 2);
    ok(hl_unregister(runtime, "gate", 0));
    test_sleep_ms(30);
    found = held_of("e");
    assert_true(found.len >= 1);
    assert_string_equal(found.event, "e");
    assert_int_equal(found.newest.generation, generation);
    assert_int_equal(found.newest.engine, test_engine());
    assert_int_equal(found.newest.threads_len, 2);
    assert_true(found.newest.held_ns >= 30000000 && found.newest.held_ns < 30000000000);
    assert_int_equal(held_of("other").len, 0);
    assert_int_equal(held_of(NULL).len, found.len);
    open_gate(&at);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    eventually(held_of(NULL).len == 0);
}

static hl_event *outer;

static hl_reply dispatch_inner(void *self, void *state, const void *meta)
{
    (void)self;
    return hl_call(event, state, meta);
}

static void *dispatch_outer(void *unused)
{
    (void)unused;
    assert_int_equal(hl_call(outer, NULL, NULL).verdict, HL_NEXT);
    return NULL;
}

static void a_holder_is_found_inside_a_nested_dispatch(void **unused)
{
    pthread_t thread;
    static gate at;

    (void)unused;
    outer = test_event(runtime, "outer");
    run(runtime, .name = "nest", .event = "outer", .call = dispatch_inner);
    run_gate(&at);
    assert_int_equal(pthread_create(&thread, NULL, dispatch_outer, NULL), 0);
    eventually(inside(&at) == 1);
    ok(hl_unregister(runtime, "nest", 0));
    ok(hl_unregister(runtime, "gate", 0));
    assert_int_equal(held_of("outer").newest.threads_len, 1);
    assert_int_equal(held_of("e").newest.threads_len, 1);
    open_gate(&at);
    pthread_join(thread, NULL);
    eventually(held_of(NULL).len == 0);
}

static void a_thread_that_began_after_the_change_is_not_named_as_a_holder(void **unused)
{
    static gate old, new;
    pthread_t thread;

    (void)unused;
    run_gate(&old);
    old.open = 1;
    new = (gate){0};
    ok(test_register(runtime, &(test_plugin){.name = "gate", .event = "e", .call = stay_inside, .self = &new}, 0));
    thread = dispatch_on_a_thread(NULL);
    eventually(inside(&new) == 1);
    assert_int_equal(held_of("e").newest.threads_len, 0);
    open_gate(&new);
    pthread_join(thread, NULL);
    eventually(released(&old) == 1 && held_of(NULL).len == 0);
}

/* ---- libraries ---- */

static bool is_mapped(const char *name)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[1024];
    bool found = false;

    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps))
        found = found || strstr(line, name);
    fclose(maps);
    return found;
}

static void a_library_stays_mapped_until_the_last_call_has_left_it(void **unused)
{
    test_notices notices;
    pthread_t thread;
    static gate at = {0};

    (void)unused;
    ok(hl_register_library(runtime, HL_TEST_PLUGINS "/contract-blocking.so", HL_START));
    test_settle(runtime, event);
    assert_true(is_mapped("contract-blocking.so"));
    thread = dispatch_on_a_thread(&at);
    eventually(inside(&at) == 1);
    test_notices_begin(runtime, &notices);
    ok(hl_unregister(runtime, "blocking", 0));
    test_sleep_ms(50);
    assert_true(is_mapped("contract-blocking.so"));
    assert_null(strstr(test_notices_take(&notices), "unloaded"));
    open_gate(&at);
    pthread_join(thread, NULL);
    eventually(!is_mapped("contract-blocking.so"));
    eventually(strstr(test_notices_take(&notices), "unloaded"));
    test_notices_end(&notices);
}

static void a_stopped_plugin_keeps_its_library_mapped(void **unused)
{
    (void)unused;
    ok(hl_register_library(runtime, HL_TEST_PLUGINS "/contract-blocking.so", HL_START));
    ok(hl_stop(runtime, "blocking", HL_WAIT_IDLE));
    assert_true(is_mapped("contract-blocking.so"));
    ok(hl_unregister(runtime, "blocking", HL_WAIT_IDLE));
    assert_false(is_mapped("contract-blocking.so"));
}

/* ---- nobody waits for himself ---- */

static bool ignore_plugin_health(const hl_plugin_health *health, void *unused)
{
    (void)health;
    (void)unused;
    return true;
}

static bool ignore_event_health(const hl_event_health *health, void *unused)
{
    (void)health;
    (void)unused;
    return true;
}

static hl_reply tries_to_wait(void *self, void *state, const void *meta)
{
    const test_plugin other = {.name = "other", .event = "e"};
    hl_txn *txn;

    (void)self;
    (void)meta;
    refused(hl_unregister(runtime, "waiter", HL_WAIT_IDLE), HL_ERR_IN_PLUGIN, "flags");
    refused(hl_stop(runtime, "waiter", HL_WAIT_COMPILED), HL_ERR_IN_PLUGIN, "flags");
    refused(hl_stop_all(runtime, HL_WAIT_IDLE), HL_ERR_IN_PLUGIN, "flags");
    refused(test_register(runtime, &other, HL_WAIT_COMPILED), HL_ERR_IN_PLUGIN, "flags");
    refused(hl_register_library(runtime, HL_TEST_PLUGINS "/contract-blocking.so", HL_WAIT_IDLE), HL_ERR_IN_PLUGIN,
            "flags");
    ok(hl_txn_begin(runtime, &txn));
    ok(hl_txn_stop(txn, "waiter", 0));
    refused(hl_txn_commit(txn, HL_WAIT_IDLE), HL_ERR_IN_PLUGIN, "flags");
    refused(hl_wait_compiled(runtime, 1000), HL_ERR_IN_PLUGIN, NULL);
    refused(hl_health(runtime, 100, ignore_event_health, NULL), HL_ERR_IN_PLUGIN, NULL);
    refused(hl_health_event(runtime, "e", 100, ignore_event_health, NULL), HL_ERR_IN_PLUGIN, NULL);
    refused(hl_health_plugin(runtime, "waiter", 100, ignore_plugin_health, NULL), HL_ERR_IN_PLUGIN, NULL);
    hl_close(runtime);
    assert_int_equal(hl_last_error()->status, HL_ERR_IN_PLUGIN);
    return hl_next(state);
}

static void run_waiter(void)
{
    run(runtime, .name = "waiter", .event = "e", .call = tries_to_wait);
    test_settle(runtime, event);
}

static void waiting_from_inside_a_plugin_is_refused_and_changes_nothing(void **unused)
{
    (void)unused;
    run_waiter();
    assert_int_equal(hl_call(event, NULL, NULL).verdict, HL_NEXT);
    assert_string_equal(test_statuses(runtime), "waiter=started ");
    assert_false(is_mapped("contract-blocking.so"));
}

static void so_it_is_from_inside_every_way_of_dispatching(void **unused)
{
    (void)unused;
    run_waiter();
    assert_int_equal(hl_event_entry(event)(NULL, NULL).verdict, HL_NEXT);
    assert_int_equal(hl_call_named(runtime, "e", NULL, NULL).verdict, HL_NEXT);
    ok(hl_profile(event, NULL, NULL, ignore_row, NULL, NULL));
    assert_string_equal(test_statuses(runtime), "waiter=started ");
}

static void *merge_and_wait(void *result, const void *private_data)
{
    (void)private_data;
    refused(hl_stop_all(runtime, HL_WAIT_IDLE), HL_ERR_IN_PLUGIN, "flags");
    return result;
}

static void waiting_from_inside_a_merge_function_is_refused_too(void **unused)
{
    hl_event_spec spec = HL_EVENT_INIT("merged");
    hl_call_options options = HL_CALL_OPTIONS_INIT;
    hl_event *merged;

    (void)unused;
    spec.merge = merge_and_wait;
    options.private_data = "private";
    ok(hl_event_define(runtime, &spec, &merged));
    run(runtime, .name = "a", .event = "merged", .call = test_do_nothing);
    assert_int_equal(hl_call_with(merged, NULL, &options).verdict, HL_NEXT);
    assert_string_equal(test_statuses(runtime), "a=started ");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(self_is_released_once_after_the_last_call_has_left),
        CASE(wait_idle_returns_when_the_last_call_has_left_and_self_is_released),
        CASE(a_replaced_self_is_released_and_the_new_one_is_not),
        CASE(registering_the_same_again_releases_nothing),
        CASE(the_self_of_a_refused_registration_is_not_released),
        CASE(a_stopped_plugin_keeps_its_self),
        CASE(close_waits_for_the_calls_inside_and_releases_every_self),
        CASE(every_way_of_dispatching_is_waited_for),
        CASE(the_holder_of_an_old_generation_can_be_asked_for),
        CASE(a_holder_is_found_inside_a_nested_dispatch),
        CASE(a_thread_that_began_after_the_change_is_not_named_as_a_holder),
        CASE(a_library_stays_mapped_until_the_last_call_has_left_it),
        CASE(a_stopped_plugin_keeps_its_library_mapped),
        CASE(waiting_from_inside_a_plugin_is_refused_and_changes_nothing),
        CASE(so_it_is_from_inside_every_way_of_dispatching),
        CASE(waiting_from_inside_a_merge_function_is_refused_too),
        CASE(a_profiled_run_is_waited_for_like_any_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
