/* Calling an event in every way: rows CA-01 to CA-19, CM-10, CM-11, EC-02, VD-01, VD-07, VD-09, X-040 to,
 * Rows PD-04, BS-06, EH-04, LG-03. */
#include "tests/support/support.h"

typedef struct order {
    int amount;
    int tax;
} order;

static const hl_field order_fields[] = {HL_FIELD(order, int, amount), HL_FIELD(order, int, tax)};
static const hl_contract order_contract = {sizeof(hl_contract), "order", sizeof(order), order_fields, 2, NULL, 0};

static hl_runtime *runtime;

static int open_it(void **unused)
{
    (void)unused;
    runtime = test_open("memory:", 0);
    return 0;
}

static int close_it(void **unused)
{
    (void)unused;
    hl_close(runtime);
    return 0;
}

static hl_event *define(const char *name, hl_merge_fn *merge, unsigned flags)
{
    hl_event_spec spec = HL_EVENT_INIT(name);
    hl_event *event;

    spec.contract = &order_contract;
    spec.merge = merge;
    spec.flags = flags;
    ok(hl_event_define(runtime, &spec, &event));
    return event;
}

static hl_reply add_tax(void *self, void *state, const void *meta)
{
    ((order *)state)->tax += *(const int *)self;
    (void)meta;
    return hl_next(state);
}

static int one = 1, ten = 10;

static hl_reply end_here(void *self, void *state, const void *meta)
{
    (void)meta;
    ((order *)state)->tax += *(const int *)self;
    return hl_halt(state);
}

static hl_reply break_down(void *self, void *state, const void *meta)
{
    (void)meta;
    ((order *)state)->tax = 999;
    return hl_fail(*(const hl_status *)self);
}

static hl_status refusal = HL_ERR_PLUGIN;

static void *add_amount(void *result, const void *private_data)
{
    ((order *)result)->amount += *(const int *)private_data;
    return result;
}

/* ---- results ---- */

/* CA-05: each plugin gets what the one before gave. */
static hl_reply next_char(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_next((char *)state + 1);
}

static void each_plugin_gets_what_the_one_before_gave_and_the_caller_gets_the_last(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    char text[] = "abc";
    hl_reply reply;

    (void)unused;
    run(runtime, .name = "p1", .event = "e", .call = next_char);
    run(runtime, .name = "p2", .event = "e", .call = next_char);
    test_settle(runtime, event);
    reply = hl_call(event, text, NULL);
    assert_ptr_equal(reply.state, text + 2);
    assert_int_equal(reply.verdict, HL_NEXT);
}

/* CA-06 */
static void a_halt_ends_the_chain_with_its_state_as_the_result(void **unused)
{
    hl_event *event = define("e", NULL, 0);
    order state = {100, 0};
    hl_reply reply;

    (void)unused;
    run(runtime, .name = "a", .event = "e", .call = add_tax, .self = &one);
    run(runtime, .name = "b", .event = "e", .call = end_here, .self = &ten);
    run(runtime, .name = "c", .event = "e", .call = add_tax, .self = &one);
    test_settle(runtime, event);
    reply = hl_call(event, &state, NULL);
    assert_int_equal(reply.verdict, HL_HALT);
    assert_ptr_equal(reply.state, &state);
    assert_int_equal(state.tax, 11);
}

/* CA-07 */
static void an_event_without_active_plugins_gives_the_input_back(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    int state = 5;
    hl_reply reply = hl_call(event, &state, NULL);

    (void)unused;
    assert_ptr_equal(reply.state, &state);
    assert_int_equal(reply.verdict, HL_NEXT);
    add(runtime, .name = "registered", .event = "e");
    reply = hl_call(event, NULL, NULL);
    assert_null(reply.state);
    assert_int_equal(reply.verdict, HL_NEXT);
}

/* CA-12, PD-05, VD-01 */
static hl_reply read_meta(void *self, void *state, const void *meta)
{
    *(const void **)state = meta;
    (void)self;
    return hl_next(state);
}

static void meta_reaches_every_plugin_and_is_no_part_of_the_result(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    hl_call_options options = HL_CALL_OPTIONS_INIT;
    const char *seen = NULL;
    hl_reply reply;

    (void)unused;
    run(runtime, .name = "a", .event = "e", .call = read_meta);
    test_settle(runtime, event);
    options.meta = "side information";
    reply = hl_call_with(event, &seen, &options);
    assert_string_equal(seen, "side information");
    assert_ptr_equal(reply.state, &seen);
    reply = hl_call(event, &seen, NULL);
    assert_null(seen);
}

/* CA-13, CA-14, X-041: the caller can tell, knows who it was, and has its input back. */
static void a_failing_plugin_is_named_and_the_caller_has_its_input_back(void **unused)
{
    hl_event *event = define("e", NULL, 0);
    order state = {100, 0};
    hl_reply reply;

    (void)unused;
    run(runtime, .name = "a", .event = "e", .call = add_tax, .self = &one);
    run(runtime, .name = "breaks", .event = "e", .call = break_down, .self = &refusal);
    run(runtime, .name = "c", .event = "e", .call = add_tax, .self = &one);
    test_settle(runtime, event);
    refusal = HL_ERR_TIMEOUT;
    reply = hl_call(event, &state, NULL);
    refused_call(reply, HL_ERR_TIMEOUT);
    refusal = HL_ERR_PLUGIN;
    assert_ptr_equal(reply.state, &state);
    assert_string_equal(hl_last_error()->field, "breaks");
    assert_non_null(strstr(hl_last_error()->message, "\"breaks\""));
    assert_int_equal(state.tax, 999);
}

static void with_rollback_a_failing_chain_leaves_the_bytes_as_they_were(void **unused)
{
    hl_event *event = define("e", NULL, HL_EVENT_ROLLBACK);
    order state = {100, 7};

    (void)unused;
    run(runtime, .name = "a", .event = "e", .call = add_tax, .self = &one);
    test_settle(runtime, event);
    assert_int_equal(hl_call(event, &state, NULL).verdict, HL_NEXT);
    assert_int_equal(state.tax, 8);
    run(runtime, .name = "breaks", .event = "e", .call = break_down, .self = &refusal);
    test_settle(runtime, event);
    refused_call(hl_call(event, &state, NULL), HL_ERR_PLUGIN);
    assert_int_equal(state.tax, 8);
    refused_call(hl_call_with(event, &state, NULL), HL_ERR_PLUGIN);
    assert_int_equal(state.tax, 8);
}

/* CA-13 */
static hl_reply reply_nonsense(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return (hl_reply){state, 42};
}

static void a_verdict_that_is_none_fails_the_chain_and_says_what_it_was(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    int state;

    (void)unused;
    run(runtime, .name = "odd", .event = "e", .call = reply_nonsense);
    test_settle(runtime, event);
    refused_call(hl_call(event, &state, NULL), HL_ERR_PLUGIN);
    assert_non_null(strstr(hl_last_error()->message, "42"));
}

/* ---- return_input, private data: CA-08 to CA-11, X-042, X-044, X-045 ---- */

static void return_input_runs_all_plugins_and_leaves_the_state_untouched(void **unused)
{
    static int calls;
    hl_event *event = define("e", add_amount, 0);
    hl_call_options options = HL_CALL_OPTIONS_INIT;
    order state = {100, 0};
    hl_reply reply;

    (void)unused;
    run(runtime, .name = "a", .event = "e", .call = add_tax, .self = &one);
    run(runtime, .name = "z", .event = "e", .call = end_here, .self = &ten);
    test_settle(runtime, event);
    calls = 1000;
    options.flags = HL_CALL_RETURN_INPUT;
    options.private_data = &calls;
    reply = hl_call_with(event, &state, &options);
    assert_int_equal(reply.verdict, HL_HALT);
    assert_ptr_equal(reply.state, &state);
    assert_int_equal(state.amount, 100);
    assert_int_equal(state.tax, 0);
    options.flags = 0;
    reply = hl_call_with(event, &state, &options);
    assert_int_equal(state.tax, 11);
    assert_int_equal(state.amount, 1100);
}

static void return_input_with_a_null_state_and_without_a_contract(void **unused)
{
    hl_event *typed = define("typed", NULL, 0), *plain = test_event(runtime, "plain");
    hl_call_options options = HL_CALL_OPTIONS_INIT;
    int state;

    (void)unused;
    options.flags = HL_CALL_RETURN_INPUT;
    assert_null(hl_call_with(typed, NULL, &options).state);
    refused_call(hl_call_with(plain, &state, &options), HL_ERR_UNSUPPORTED);
}

static void private_data_is_merged_after_the_chain_and_never_shown_to_plugins(void **unused)
{
    hl_event *event = define("e", add_amount, 0);
    hl_call_options options = HL_CALL_OPTIONS_INIT;
    order state = {100, 0};
    hl_reply reply;

    (void)unused;
    options.private_data = &ten;
    reply = hl_call_with(event, &state, &options);
    assert_ptr_equal(reply.state, &state);
    assert_int_equal(state.amount, 110);
    run(runtime, .name = "a", .event = "e", .call = end_here, .self = &one);
    test_settle(runtime, event);
    reply = hl_call_with(event, &state, &options);
    assert_int_equal(reply.verdict, HL_HALT);
    assert_int_equal(state.amount, 120);
    run(runtime, .name = "a", .event = "e", .call = break_down, .self = &refusal);
    refused_call(hl_call_with(event, &state, &options), HL_ERR_PLUGIN);
    assert_int_equal(state.amount, 120);
}

static void private_data_without_a_merge_function_is_ignored(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    hl_call_options options = HL_CALL_OPTIONS_INIT;
    int state = 1;

    (void)unused;
    options.private_data = &ten;
    assert_ptr_equal(hl_call_with(event, &state, &options).state, &state);
    assert_int_equal(state, 1);
}

/* ---- answers of the caller's own: VD-07, VD-09, CA-16, X-040 ---- */

static void register_missing(const char *store)
{
    hl_runtime *elsewhere = test_open(store, 0);

    run(elsewhere, .name = "missing", .event = "e");
    hl_close(elsewhere);
}

static void code_that_is_missing_makes_the_event_unavailable_and_is_named(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime;
    hl_call_options options = HL_CALL_OPTIONS_INIT;
    int state, instead, on_error;
    hl_reply reply;
    hl_event *event;

    (void)unused;
    register_missing(test_lmdb(folder));
    runtime = test_open(test_lmdb(folder), 0);
    event = test_event(runtime, "e");
    run(runtime, .name = "here", .event = "e", .call = test_do_nothing);
    reply = hl_call(event, &state, NULL);
    refused_call(reply, HL_ERR_NOT_LOADED);
    assert_ptr_equal(reply.state, &state);
    assert_non_null(strstr(hl_last_error()->message, "\"missing\""));
    options.cannot_run = &instead;
    options.on_error = &on_error;
    reply = hl_call_with(event, &state, &options);
    refused_call(reply, HL_ERR_NOT_LOADED);
    assert_ptr_equal(reply.state, &instead);
    run(runtime, .name = "missing", .event = "e", .call = test_do_nothing);
    assert_int_equal(hl_call(event, &state, NULL).verdict, HL_NEXT);
    test_settle(runtime, event);
    hl_close(runtime);
    runtime = kept;
    test_folder_remove(folder);
}

static void by_policy_missing_code_is_skipped(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime;
    hl_event_spec spec = HL_EVENT_INIT("e");
    hl_event *event;

    (void)unused;
    register_missing(test_lmdb(folder));
    runtime = test_open(test_lmdb(folder), 0);
    spec.flags = HL_EVENT_SKIP_MISSING;
    ok(hl_event_define(runtime, &spec, &event));
    run(runtime, .name = "here", .event = "e");
    test_settle(runtime, event);
    assert_string_equal(test_run_trail(event), "here,");
    hl_close(runtime);
    runtime = kept;
    test_folder_remove(folder);
}

static void the_callers_answer_stands_in_for_a_failed_chain(void **unused)
{
    hl_event *event = define("e", NULL, 0);
    hl_call_options options = HL_CALL_OPTIONS_INIT;
    order state = {0, 0}, instead;

    (void)unused;
    run(runtime, .name = "a", .event = "e", .call = break_down, .self = &refusal);
    options.on_error = &instead;
    assert_ptr_equal(hl_call_with(event, &state, &options).state, &instead);
    options.on_error = NULL;
    assert_ptr_equal(hl_call_with(event, &state, &options).state, &state);
}

/* ---- by name: CA-02 to CA-04, X-047, X-048 ---- */

static bool count_event(const hl_event_info *info, void *count)
{
    (void)info;
    ++*(int *)count;
    return true;
}

static void an_unknown_name_gives_the_input_back_and_is_not_remembered(void **unused)
{
    hl_call_options options = HL_CALL_OPTIONS_INIT;
    int state, count = 0;
    hl_reply reply;

    (void)unused;
    for (int i = 0; i < 100; i++) {
        char name[32];

        snprintf(name, sizeof(name), "unknown-%d", i);
        reply = hl_call_named(runtime, name, &state, NULL);
        assert_ptr_equal(reply.state, &state);
        assert_int_equal(reply.verdict, HL_NEXT);
    }
    ok(hl_events(runtime, count_event, &count));
    assert_int_equal(count, 0);
    options.flags = HL_CALL_STRICT;
    refused_call(hl_call_named(runtime, "unknown", &state, &options), HL_ERR_NOT_FOUND);
}

static void names_are_exact_bytes(void **unused)
{
    static const char *const names[] = {"after login", "after_login", "1after_login", "AfterLogin", "afterlogin "};
    test_trail trail = {""};

    (void)unused;
    for (size_t i = 0; i < 5; i++) {
        test_event(runtime, names[i]);
        run(runtime, .name = names[i], .event = names[i]);
    }
    for (size_t i = 0; i < 5; i++) {
        trail.text[0] = '\0';
        assert_int_equal(hl_call_named(runtime, names[i], &trail, NULL).verdict, HL_NEXT);
        assert_int_equal(strncmp(trail.text, names[i], strlen(names[i])), 0);
        assert_int_equal(strlen(trail.text), strlen(names[i]) + 1);
    }
}

static void opening_an_event_again_gives_the_same_handle_and_entry(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    hl_entry_fn entry = hl_event_entry(event);

    (void)unused;
    assert_ptr_equal(test_event(runtime, "e"), event);
    assert_ptr_not_equal(test_event(runtime, "f"), event);
    assert_string_equal(hl_event_name(event), "e");
    assert_non_null(entry);
    assert_true(hl_event_entry(event) == entry);
    assert_true(hl_event_entry(test_event(runtime, "f")) != entry);
}

static void an_entry_is_a_plain_function_that_follows_every_change(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    hl_entry_fn entry = hl_event_entry(event);
    test_trail trail = {""};

    (void)unused;
    run(runtime, .name = "a", .event = "e");
    test_settle(runtime, event);
    assert_ptr_equal(entry(&trail, NULL).state, &trail);
    run(runtime, .name = "b", .event = "e");
    entry(&trail, NULL);
    assert_string_equal(trail.text, "a,a,b,");
}

static void entries_answer_closed_after_the_runtime_is_gone(void **unused)
{
    hl_runtime *short_lived = test_open("memory:", 0);
    hl_event *event = test_event(short_lived, "e");
    hl_entry_fn entry = hl_event_entry(event);
    hl_call_options options = HL_CALL_OPTIONS_INIT;
    int state, instead;

    (void)unused;
    hl_close(short_lived);
    refused_call(entry(&state, NULL), HL_ERR_CLOSED);
    refused_call(hl_call(event, &state, NULL), HL_ERR_CLOSED);
    refused_call(hl_call_named(short_lived, "e", &state, NULL), HL_ERR_CLOSED);
    options.cannot_run = &instead;
    assert_ptr_equal(hl_call_with(event, &state, &options).state, &instead);
}

static void a_process_has_only_so_many_entries(void **unused)
{
    char name[32];
    hl_entry_fn entry;
    int given = 0;

    (void)unused;
    do {
        snprintf(name, sizeof(name), "entry-%d", given++);
        entry = hl_event_entry(test_event(runtime, name));
    } while (entry && given <= HL_ENTRIES_MAX);
    assert_null(entry);
    refused(hl_last_error()->status, HL_ERR_LIMIT, "event");
}

/* CA-18 */
static hl_health_state unwell(void *self, char *reason, size_t reason_len)
{
    (void)self;
    snprintf(reason, reason_len, "unwell");
    return HL_HEALTH_FAILED;
}

static void an_unhealthy_plugin_is_called_all_the_same(void **unused)
{
    hl_event *event = test_event(runtime, "e");

    (void)unused;
    run(runtime, .name = "a", .event = "e", .health = unwell);
    assert_string_equal(test_run_trail(event), "a,");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_plugin_gets_what_the_one_before_gave_and_the_caller_gets_the_last),
        CASE(a_halt_ends_the_chain_with_its_state_as_the_result),
        CASE(an_event_without_active_plugins_gives_the_input_back),
        CASE(meta_reaches_every_plugin_and_is_no_part_of_the_result),
        CASE(a_failing_plugin_is_named_and_the_caller_has_its_input_back),
        CASE(with_rollback_a_failing_chain_leaves_the_bytes_as_they_were),
        CASE(a_verdict_that_is_none_fails_the_chain_and_says_what_it_was),
        CASE(return_input_runs_all_plugins_and_leaves_the_state_untouched),
        CASE(return_input_with_a_null_state_and_without_a_contract),
        CASE(private_data_is_merged_after_the_chain_and_never_shown_to_plugins),
        CASE(private_data_without_a_merge_function_is_ignored),
        CASE(code_that_is_missing_makes_the_event_unavailable_and_is_named),
        CASE(by_policy_missing_code_is_skipped),
        CASE(the_callers_answer_stands_in_for_a_failed_chain),
        CASE(an_unknown_name_gives_the_input_back_and_is_not_remembered),
        CASE(names_are_exact_bytes),
        CASE(opening_an_event_again_gives_the_same_handle_and_entry),
        CASE(an_entry_is_a_plain_function_that_follows_every_change),
        CASE(entries_answer_closed_after_the_runtime_is_gone),
        CASE(an_unhealthy_plugin_is_called_all_the_same),
        CASE(a_process_has_only_so_many_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
