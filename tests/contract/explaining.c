/* hl_explain, hl_explain_order, hl_dump: a user sees why a chain is as it is. Row CM-01. */
#include "tests/support/support.h"

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

static const char *explain(const char *event)
{
    static test_text text;

    text.len = 0;
    text.text[0] = '\0';
    ok(hl_explain(runtime, event, test_take_line, &text));
    return text.text;
}

static const char *explain_order(const char *first, const char *second)
{
    static test_text text;

    text.len = 0;
    text.text[0] = '\0';
    ok(hl_explain_order(runtime, first, second, test_take_line, &text));
    return text.text;
}

#define says(text, part)                                                                                               \
    do {                                                                                                               \
        const char *text_ = (text);                                                                                    \
        if (!strstr(text_, (part)))                                                                                    \
            print_error("no \"%s\" in:\n%s", (part), text_);                                                           \
        assert_non_null(strstr(text_, (part)));                                                                        \
    } while (0)

/* ---- why one runs before another ---- */

static void priority_name_and_dependency_are_given_as_reasons(void **unused)
{
    (void)unused;
    run(runtime, .name = "a", .event = "e", .priority = PRIORITY(5));
    run(runtime, .name = "b", .event = "e", .priority = PRIORITY(5));
    run(runtime, .name = "c", .event = "e", .priority = PRIORITY(9));
    run(runtime, .name = "d", .event = "e", .priority = PRIORITY(1), .depends = "c");
    says(explain_order("a", "b"), "\"a\" runs before \"b\": same priority 5, and its name sorts first\n");
    says(explain_order("b", "a"), "\"a\" runs before \"b\"");
    says(explain_order("a", "c"), "\"a\" runs before \"c\": priority 5 comes before 9\n");
    says(explain_order("c", "d"), "\"c\" runs before \"d\": \"d\" depends on it\n");
    says(explain_order("a", "d"), "\"d\" has to wait for \"c\", on which it depends\n");
}

static void a_path_of_dependencies_is_named_from_end_to_end(void **unused)
{
    (void)unused;
    run(runtime, .name = "a", .event = "e", .priority = PRIORITY(50));
    run(runtime, .name = "b", .event = "e", .priority = PRIORITY(50), .depends = "a");
    run(runtime, .name = "c", .event = "e", .priority = PRIORITY(50), .depends = "b");
    says(explain_order("a", "c"), "dependencies lead there (c -> b -> a)\n");
}

/* The dependency named first leads nowhere; the second one does. */
static void a_path_is_found_though_another_dependency_comes_first(void **unused)
{
    (void)unused;
    run(runtime, .name = "goal", .event = "e", .priority = PRIORITY(1));
    run(runtime, .name = "nowhere", .event = "e", .priority = PRIORITY(2));
    run(runtime, .name = "way", .event = "e", .priority = PRIORITY(3), .depends = "goal");
    run(runtime, .name = "last", .event = "e", .priority = PRIORITY(4), .depends = "nowhere,way");
    says(explain_order("goal", "last"), "dependencies lead there (last -> way -> goal)\n");
}

static void an_optional_dependency_is_given_as_such(void **unused)
{
    (void)unused;
    run(runtime, .name = "first", .event = "e", .priority = PRIORITY(9));
    run(runtime, .name = "second", .event = "e", .priority = PRIORITY(5), .depends = "?first");
    says(explain_order("first", "second"), "\"first\" runs before \"second\": \"second\" depends on it, optionally\n");
}

/* Dependencies may lead over plugins of other events; they order nothing. */
static void plugins_of_different_events_or_not_active_have_no_order(void **unused)
{
    static test_text text;

    (void)unused;
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "f");
    add(runtime, .name = "c", .event = "e");
    says(explain_order("a", "b"), "they have no order");
    says(explain_order("a", "c"), "\"c\" is registered: only active plugins have an order");
    refused(hl_explain_order(runtime, "a", "unknown", test_take_line, &text), HL_ERR_NOT_FOUND, "second");
    refused(hl_explain_order(runtime, "unknown", "a", test_take_line, &text), HL_ERR_NOT_FOUND, "first");
    refused(hl_explain_order(runtime, "a", NULL, test_take_line, &text), HL_ERR_INVALID, "second");
}

/* ---- why one does not run ---- */

static void each_plugin_that_does_not_run_has_its_reason(void **unused)
{
    const char *text;

    (void)unused;
    test_event(runtime, "e");
    run(runtime, .name = "runs", .event = "e");
    run(runtime, .name = "stopped", .event = "e");
    ok(hl_stop(runtime, "stopped", 0));
    add(runtime, .name = "registered", .event = "e");
    run(runtime, .name = "held", .event = "e", .depends = "runs,stopped,gone");
    text = explain("e");
    says(text, "Event \"e\" has 1 plugin in its chain.\n1. runs (priority 100, started)\n");
    says(text, "\"stopped\" (stopped) does not run: an operator stopped it\n");
    says(text, "\"registered\" (registered) does not run: it was never started\n");
    says(text, "\"held\" (held) does not run: it is held until \"stopped\" (stopped), \"gone\" (absent) is active\n");
    assert_null(strstr(text, "\"runs\" (started) does not run"));
}

static void missing_code_is_a_reason_too(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime;
    const char *text;

    (void)unused;
    runtime = test_open(test_lmdb(folder), 0);
    run(runtime, .name = "p", .event = "e");
    hl_close(runtime);
    runtime = test_open(test_lmdb(folder), 0);
    test_event(runtime, "e");
    text = explain("e");
    says(text, "\"p\" (started) does not run: this process has not registered it\n");
    says(text, "Dispatches get HL_ERR_NOT_LOADED");
    hl_close(runtime);
    runtime = kept;
    test_folder_remove(folder);
}

/* ---- which engine, and why not a faster one ---- */

static void the_engine_and_its_reason_are_told(void **unused)
{
    hl_event *event = test_event(runtime, "e");

    (void)unused;
    says(explain("e"), "There is nothing to compile: no plugin runs.\n");
    run(runtime, .name = "p", .event = "e");
    test_settle(runtime, event);
    if (test_engine() == HL_ENGINE_COMPILED)
        says(explain("e"), "It runs as compiled code: generation 2, ");
    else
        says(explain("e"), "It runs under the reference engine: hl_options.engine allows no other.\n");
    run(runtime, .name = "q", .event = "unopened");
    says(explain("unopened"), "This process has not opened the event.\n");
}

static void why_nothing_could_be_compiled_is_told(void **unused)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *kept = runtime;

    (void)unused;
    options.jit_program = "./there-is-no-such-program";
    ok(hl_open(&options, &runtime));
    test_event(runtime, "e");
    ok(test_register(runtime, &(test_plugin){.name = "p", .event = "e"}, HL_START | HL_WAIT_COMPILED));
    says(explain("e"), "It runs under the reference engine: ");
    says(explain("e"), HL_TEST_HAVE_JIT ? "there-is-no-such-program" : "reference engine");
    hl_close(runtime);
    runtime = kept;
}

/* ---- dumps ---- */

static void each_stage_of_an_event_can_be_dumped(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    static test_text text;

    (void)unused;
    run(runtime, .name = "p", .event = "e", .priority = PRIORITY(3));
    test_settle(runtime, event);
    ok(hl_dump(runtime, "e", HL_DUMP_PLAN, test_take_line, &text));
    says(text.text, "event \"e\" generation 2 available\n0 p priority 3 call 0x");
    text.len = 0;
    ok(hl_dump(runtime, "e", HL_DUMP_STEPS, test_take_line, &text));
    says(text.text, "chain e#2 steps 1\n0 call p self 0x");
    text.len = 0;
    if (test_engine() == HL_ENGINE_COMPILED) {
        ok(hl_dump(runtime, "e", HL_DUMP_CODE, test_take_line, &text));
        says(text.text, "address 0x");
    } else {
        refused(hl_dump(runtime, "e", HL_DUMP_CODE, test_take_line, &text), HL_ERR_COMPILE, "event");
    }
    refused(hl_dump(runtime, "unopened", HL_DUMP_PLAN, test_take_line, &text), HL_ERR_NOT_FOUND, "event");
    refused(hl_dump(runtime, "e", (hl_dump_stage)9, test_take_line, &text), HL_ERR_INVALID, "stage");
    refused(hl_dump(runtime, "e", HL_DUMP_PLAN, NULL, NULL), HL_ERR_INVALID, "line");
}

static void asking_about_what_is_not_there_is_refused(void **unused)
{
    static test_text text;

    (void)unused;
    refused(hl_explain(runtime, "unknown", test_take_line, &text), HL_ERR_NOT_FOUND, "event");
    refused(hl_explain(runtime, "", test_take_line, &text), HL_ERR_INVALID, "event");
    refused(hl_explain(runtime, NULL, test_take_line, &text), HL_ERR_INVALID, "event");
    refused(hl_explain(runtime, "e", NULL, NULL), HL_ERR_INVALID, "line");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(priority_name_and_dependency_are_given_as_reasons),
        CASE(a_path_of_dependencies_is_named_from_end_to_end),
        CASE(a_path_is_found_though_another_dependency_comes_first),
        CASE(an_optional_dependency_is_given_as_such),
        CASE(plugins_of_different_events_or_not_active_have_no_order),
        CASE(each_plugin_that_does_not_run_has_its_reason),
        CASE(missing_code_is_a_reason_too),
        CASE(the_engine_and_its_reason_are_told),
        CASE(why_nothing_could_be_compiled_is_told),
        CASE(each_stage_of_an_event_can_be_dumped),
        CASE(asking_about_what_is_not_there_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
