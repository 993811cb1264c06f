/* Dependencies across events: holds, releases, cascades, cycles, queries. Rows OD-04, OD-06 to OD-09, OD-11 to
 * OD-16, LC-13, LC-14, PB-12, PB-13, TM-08 to TM-10, X-057, X-063. */
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

/* ---- holds and releases ---- */

/* OD-07, TM-08 */
static void a_plugin_with_an_unknown_dependency_is_accepted_and_held(void **unused)
{
    (void)unused;
    run(runtime, .name = "p", .event = "e", .depends = "unknown");
    assert_string_equal(test_statuses(runtime), "p=held ");
}

/* PB-12, PB-13 */
static void a_dependent_registered_first_is_released_when_its_dependency_starts(void **unused)
{
    hl_event *event = test_event(runtime, "e");

    (void)unused;
    run(runtime, .name = "p", .event = "e", .depends = "d");
    assert_string_equal(test_run_trail(event), "");
    run(runtime, .name = "d", .event = "f");
    assert_string_equal(test_statuses(runtime), "p=restarted d=started ");
    assert_string_equal(test_run_trail(event), "p,");
}

/* LC-14, OD-04, TM-09 */
static void a_stop_holds_everything_that_depends_on_it_across_events_and_enable_releases_it(void **unused)
{
    (void)unused;
    run(runtime, .name = "a", .event = "e1");
    run(runtime, .name = "b", .event = "e2", .depends = "a");
    run(runtime, .name = "c", .event = "e3", .depends = "b");
    run(runtime, .name = "d", .event = "e1", .depends = "c");
    ok(hl_stop(runtime, "a", 0));
    assert_string_equal(test_statuses(runtime), "a=stopped d=held b=held c=held ");
    ok(hl_enable(runtime, "a", 0));
    assert_string_equal(test_statuses(runtime), "a=restarted d=restarted b=restarted c=restarted ");
}

static void unregistering_holds_dependents_and_never_removes_them(void **unused)
{
    (void)unused;
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "e", .depends = "a");
    ok(hl_unregister(runtime, "a", 0));
    assert_string_equal(test_statuses(runtime), "b=held ");
}

/* TM-09 */
static void a_stopped_dependent_is_a_barrier(void **unused)
{
    (void)unused;
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "e", .depends = "a");
    run(runtime, .name = "c", .event = "e", .depends = "b");
    ok(hl_stop(runtime, "b", 0));
    ok(hl_stop(runtime, "a", 0));
    ok(hl_enable(runtime, "a", 0));
    assert_string_equal(test_statuses(runtime), "a=restarted b=stopped c=held ");
}

/* OD-15 */
static void a_diamond_is_released_when_all_of_its_sides_are_active(void **unused)
{
    (void)unused;
    run(runtime, .name = "left", .event = "e");
    run(runtime, .name = "right", .event = "f");
    run(runtime, .name = "top", .event = "e", .depends = "left,right");
    ok(hl_stop(runtime, "left", 0));
    ok(hl_stop(runtime, "right", 0));
    assert_string_equal(test_status(runtime, "top"), "held");
    ok(hl_enable(runtime, "left", 0));
    assert_string_equal(test_status(runtime, "top"), "held");
    ok(hl_enable(runtime, "right", 0));
    assert_string_equal(test_status(runtime, "top"), "restarted");
}

/* TM-03: new dependencies that are not met take an active plugin out of its chain. */
static void registering_again_with_an_unmet_dependency_holds_an_active_plugin(void **unused)
{
    hl_event *event = test_event(runtime, "e");

    (void)unused;
    run(runtime, .name = "p", .event = "e");
    run(runtime, .name = "q", .event = "e", .depends = "p");
    run(runtime, .name = "p", .event = "e", .depends = "unknown");
    assert_string_equal(test_statuses(runtime), "p=held q=held ");
    assert_string_equal(test_run_trail(event), "");
    run(runtime, .name = "p", .event = "e");
    assert_string_equal(test_statuses(runtime), "p=restarted q=restarted ");
}

/* the seeds leave it registered against their own manual. */
static void a_registered_plugin_with_inactive_dependencies_becomes_held_when_registered_again(void **unused)
{
    (void)unused;
    run(runtime, .name = "d", .event = "e");
    add(runtime, .name = "p", .event = "e", .depends = "d");
    ok(hl_stop(runtime, "d", 0));
    assert_string_equal(test_status(runtime, "p"), "registered");
    add(runtime, .name = "p", .event = "e", .depends = "d");
    assert_string_equal(test_status(runtime, "p"), "held");
}

/* */
static void enabling_what_is_not_stopped_is_refused(void **unused)
{
    (void)unused;
    run(runtime, .name = "p", .event = "e");
    refused(hl_enable(runtime, "p", 0), HL_ERR_STATUS, "status");
    assert_string_equal(test_status(runtime, "p"), "started");
}

/* OD-13, OD-14: one commit, one swap for each event whose chain changes, nothing for those whose does not. */
static void a_cascade_is_one_commit_and_one_swap_for_each_event(void **unused)
{
    hl_counters before, after;

    (void)unused;
    test_event(runtime, "e1");
    test_event(runtime, "e2");
    test_event(runtime, "e3");
    run(runtime, .name = "a", .event = "e1");
    run(runtime, .name = "b1", .event = "e2", .depends = "a");
    run(runtime, .name = "b2", .event = "e2", .depends = "a,b1");
    run(runtime, .name = "c", .event = "e1", .depends = "b2");
    run(runtime, .name = "other", .event = "e3");
    before = test_counters(runtime);
    ok(hl_stop(runtime, "a", 0));
    after = test_counters(runtime);
    assert_int_equal(after.commits - before.commits, 1);
    assert_int_equal(after.swaps - before.swaps, 2);
    assert_string_equal(test_statuses(runtime), "a=stopped c=held b1=held b2=held other=started ");
}

static void what_is_settled_writes_nothing(void **unused)
{
    uint64_t commits;

    (void)unused;
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "e", .depends = "a");
    commits = test_counters(runtime).commits;
    ok(hl_start(runtime, "a", 0));
    ok(hl_start_event(runtime, "e", 0));
    ok(hl_start_all(runtime, 0));
    assert_int_equal(test_counters(runtime).commits, commits);
}

/* LC-09: a dependency on another event starts before what depends on it, in one go. */
static void start_all_starts_dependencies_first_across_events(void **unused)
{
    (void)unused;
    add(runtime, .name = "a", .event = "z", .depends = "b");
    add(runtime, .name = "b", .event = "m", .depends = "c");
    add(runtime, .name = "c", .event = "a");
    assert_string_equal(test_statuses(runtime), "c=registered b=held a=held ");
    ok(hl_start_all(runtime, 0));
    assert_string_equal(test_statuses(runtime), "c=started b=started a=started ");
}

/* LC-08 */
static void start_event_holds_those_whose_dependencies_are_inactive(void **unused)
{
    (void)unused;
    run(runtime, .name = "d", .event = "other");
    add(runtime, .name = "p", .event = "e", .depends = "d");
    add(runtime, .name = "q", .event = "e");
    ok(hl_stop(runtime, "d", 0));
    ok(hl_start_event(runtime, "e", 0));
    assert_string_equal(test_statuses(runtime), "p=held q=started d=stopped ");
}

/* OD-09 */
static void a_refused_start_names_every_dependency_that_is_missing(void **unused)
{
    (void)unused;
    add(runtime, .name = "registered-one", .event = "e");
    run(runtime, .name = "good", .event = "e");
    add(runtime, .name = "p", .event = "e", .depends = "registered-one,good,gone");
    refused(hl_start(runtime, "p", 0), HL_ERR_DEPENDENCY, "depends");
    assert_non_null(strstr(hl_last_error()->message, "registered-one"));
    assert_non_null(strstr(hl_last_error()->message, "gone"));
    assert_null(strstr(hl_last_error()->message, "good"));
}

/* ---- optional dependencies: X-063 ---- */

static void an_optional_dependency_orders_where_it_runs_and_never_holds(void **unused)
{
    hl_event *event = test_event(runtime, "e");

    (void)unused;
    run(runtime, .name = "p", .event = "e", .depends = "?cache,?elsewhere", .priority = PRIORITY(1));
    assert_string_equal(test_statuses(runtime), "p=started ");
    run(runtime, .name = "cache", .event = "e", .priority = PRIORITY(50));
    run(runtime, .name = "elsewhere", .event = "f");
    assert_string_equal(test_run_trail(event), "cache,p,");
    ok(hl_stop(runtime, "cache", 0));
    ok(hl_stop(runtime, "elsewhere", 0));
    assert_string_equal(test_statuses(runtime), "p=started cache=stopped elsewhere=stopped ");
    assert_string_equal(test_run_trail(event), "p,");
    ok(hl_enable(runtime, "cache", 0));
    assert_string_equal(test_run_trail(event), "cache,p,");
    ok(hl_unregister(runtime, "cache", 0));
    assert_string_equal(test_statuses(runtime), "p=started elsewhere=stopped ");
}

static void only_needed_dependencies_hold_beside_optional_ones(void **unused)
{
    (void)unused;
    run(runtime, .name = "p", .event = "e", .depends = "?wished,needed");
    assert_string_equal(test_statuses(runtime), "p=held ");
    refused(hl_start(runtime, "p", 0), HL_ERR_DEPENDENCY, "depends");
    assert_non_null(strstr(hl_last_error()->message, "needed"));
    assert_null(strstr(hl_last_error()->message, "wished"));
    run(runtime, .name = "needed", .event = "f");
    assert_string_equal(test_statuses(runtime), "p=restarted needed=started ");
}

static void optional_dependencies_close_cycles_too(void **unused)
{
    (void)unused;
    run(runtime, .name = "a", .event = "e", .depends = "?b");
    refused(test_register(runtime, &(test_plugin){.name = "b", .event = "e", .depends = "?a"}, 0), HL_ERR_CYCLE,
            "depends");
    assert_non_null(strstr(hl_last_error()->message, "b -> a -> b"));
    refused(test_register(runtime, &(test_plugin){.name = "self", .event = "e", .depends = "?self"}, 0), HL_ERR_CYCLE,
            "depends");
}

static void an_optional_dependency_is_a_name_and_named_once(void **unused)
{
    char longest[257] = "?";

    (void)unused;
    refused(test_register(runtime, &(test_plugin){.name = "p", .event = "e", .depends = "?"}, 0), HL_ERR_INVALID,
            "depends");
    refused(test_register(runtime, &(test_plugin){.name = "p", .event = "e", .depends = "d,?d"}, 0), HL_ERR_INVALID,
            "depends");
    memset(longest + 1, 'n', 255);
    add(runtime, .name = "p", .event = "e", .depends = longest);
    assert_string_equal(test_statuses(runtime), "p=registered ");
}

/* ---- cycles: OD-06 ---- */

static void a_cycle_is_refused_naming_its_whole_path(void **unused)
{
    (void)unused;
    run(runtime, .name = "a", .event = "e1");
    run(runtime, .name = "b", .event = "e2", .depends = "a");
    run(runtime, .name = "c", .event = "e3", .depends = "b");
    refused(test_register(runtime, &(test_plugin){.name = "a", .event = "e1", .depends = "x,c"}, 0), HL_ERR_CYCLE,
            "depends");
    assert_non_null(strstr(hl_last_error()->message, "a -> c -> b -> a"));
    refused(test_register(runtime, &(test_plugin){.name = "self", .event = "e1", .depends = "self"}, 0), HL_ERR_CYCLE,
            "depends");
    assert_non_null(strstr(hl_last_error()->message, "self -> self"));
}

static void a_cycle_through_plugins_that_are_not_registered_yet_is_refused_when_it_closes(void **unused)
{
    (void)unused;
    add(runtime, .name = "a", .event = "e", .depends = "b");
    add(runtime, .name = "c", .event = "e", .depends = "a");
    refused(test_register(runtime, &(test_plugin){.name = "b", .event = "e", .depends = "c"}, 0), HL_ERR_CYCLE,
            "depends");
    add(runtime, .name = "b", .event = "e");
}

static void new_dependencies_replace_the_old_ones_in_the_check(void **unused)
{
    (void)unused;
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "e", .depends = "a");
    run(runtime, .name = "b", .event = "e");
    run(runtime, .name = "a", .event = "e", .depends = "b");
    assert_string_equal(test_run_trail(test_event(runtime, "e")), "b,a,");
}

static void whether_a_cycle_would_close_can_be_asked(void **unused)
{
    const char *const on_b[] = {"b", NULL}, *const on_self[] = {"new", NULL}, *const on_unknown[] = {"unknown", NULL};

    (void)unused;
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "e", .depends = "a");
    refused(hl_no_dependency_cycle(runtime, "a", on_b), HL_ERR_CYCLE, "depends");
    assert_non_null(strstr(hl_last_error()->message, "a -> b -> a"));
    refused(hl_no_dependency_cycle(runtime, "new", on_self), HL_ERR_CYCLE, "depends");
    ok(hl_no_dependency_cycle(runtime, "new", on_b));
    ok(hl_no_dependency_cycle(runtime, "b", on_unknown));
    ok(hl_no_dependency_cycle(runtime, "b", NULL));
    assert_string_equal(test_statuses(runtime), "a=started b=started ");
}

/* ---- asking: OD-11, OD-12 ---- */

static bool take_name(const hl_plugin_info *info, void *text)
{
    strcat(strcat(text, info->name), " ");
    return true;
}

static void direct_dependents_are_found_on_every_event(void **unused)
{
    hl_plugin_filter filter = HL_PLUGIN_FILTER_INIT;
    char found[64] = "";

    (void)unused;
    run(runtime, .name = "a", .event = "e1");
    run(runtime, .name = "b", .event = "e2", .depends = "a");
    run(runtime, .name = "c", .event = "e1", .depends = "a");
    run(runtime, .name = "d", .event = "e1", .depends = "c");
    filter.dependents_of = "a";
    ok(hl_plugins(runtime, &filter, take_name, found));
    assert_string_equal(found, "c b ");
    run(runtime, .name = "e", .event = "e1", .depends = "?d");
    filter.dependents_of = "d";
    found[0] = '\0';
    ok(hl_plugins(runtime, &filter, take_name, found));
    assert_string_equal(found, "e ");
}

static void the_graph_is_dot_with_every_plugin_and_edge(void **unused)
{
    static test_text all, one;

    (void)unused;
    run(runtime, .name = "a", .event = "e1", .priority = PRIORITY(7));
    run(runtime, .name = "b \"q\"", .event = "e2", .depends = "a");
    run(runtime, .name = "c", .event = "e4", .depends = "?alone");
    run(runtime, .name = "alone", .event = "e3");
    ok(hl_stop(runtime, "alone", 0));
    all.len = one.len = 0;
    ok(hl_graph(runtime, NULL, test_take_line, &all));
    assert_int_equal(strncmp(all.text, "digraph hookline {\n", 19), 0);
    assert_non_null(strstr(all.text, "\"a\" [label=\"a\\ne1, 7, started\"];\n"));
    assert_non_null(strstr(all.text, "\"b \\\"q\\\"\" -> \"a\";\n"));
    assert_non_null(strstr(all.text, "\"alone\" [label=\"alone\\ne3, 100, stopped\", style=dashed];\n"));
    assert_non_null(strstr(all.text, "\"c\" -> \"alone\" [style=dashed];\n"));
    assert_string_equal(all.text + all.len - 2, "}\n");
    ok(hl_graph(runtime, "e2", test_take_line, &one));
    assert_non_null(strstr(one.text, "\"a\" [label"));
    assert_null(strstr(one.text, "alone"));
    refused(hl_graph(runtime, "unknown", test_take_line, &one), HL_ERR_NOT_FOUND, "event");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_plugin_with_an_unknown_dependency_is_accepted_and_held),
        CASE(a_dependent_registered_first_is_released_when_its_dependency_starts),
        CASE(a_stop_holds_everything_that_depends_on_it_across_events_and_enable_releases_it),
        CASE(unregistering_holds_dependents_and_never_removes_them),
        CASE(a_stopped_dependent_is_a_barrier),
        CASE(a_diamond_is_released_when_all_of_its_sides_are_active),
        CASE(registering_again_with_an_unmet_dependency_holds_an_active_plugin),
        CASE(a_registered_plugin_with_inactive_dependencies_becomes_held_when_registered_again),
        CASE(enabling_what_is_not_stopped_is_refused),
        CASE(a_cascade_is_one_commit_and_one_swap_for_each_event),
        CASE(what_is_settled_writes_nothing),
        CASE(start_all_starts_dependencies_first_across_events),
        CASE(start_event_holds_those_whose_dependencies_are_inactive),
        CASE(a_refused_start_names_every_dependency_that_is_missing),
        CASE(an_optional_dependency_orders_where_it_runs_and_never_holds),
        CASE(only_needed_dependencies_hold_beside_optional_ones),
        CASE(optional_dependencies_close_cycles_too),
        CASE(an_optional_dependency_is_a_name_and_named_once),
        CASE(a_cycle_is_refused_naming_its_whole_path),
        CASE(a_cycle_through_plugins_that_are_not_registered_yet_is_refused_when_it_closes),
        CASE(new_dependencies_replace_the_old_ones_in_the_check),
        CASE(whether_a_cycle_would_close_can_be_asked),
        CASE(direct_dependents_are_found_on_every_event),
        CASE(the_graph_is_dot_with_every_plugin_and_edge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
