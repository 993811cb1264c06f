/* Whatever comes in wrong gives its own documented status, with field and message, and changes nothing: names,
 * numbers, flags, structs of other versions, NULLs, closed runtimes, forked children, races. Rows PD-02, PD-03, RG-15,
 * RG-16, OD-01, X-050, CM-09, RG-02, CF-06. */
#include <sys/resource.h>
#include <unistd.h>

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

/* Every case ends with this: nothing was registered, nothing committed. */
static void expect_nothing_changed(void)
{
    assert_string_equal(test_statuses(runtime), "");
    assert_int_equal(test_counters(runtime).commits, 0);
}

/* ---- names ---- */

static char long_name[257];

static const char *const bad_names[] = {
    NULL,
    "",
    long_name,
    "line\nbreak",
    "tab\t",
    "\x7f",
    "\x01",
    "\xc2\x85",         /* a control character of the second block */
    "\xff",             /* no UTF-8 */
    "\xc3",             /* cut off */
    "\xc0\xaf",         /* overlong */
    "\xe0\x80\x80",     /* overlong */
    "\xed\xa0\x80",     /* a surrogate */
    "\xf4\x90\x80\x80", /* beyond the last character */
    "\xf8\x88\x80\x80\x80",
    "a\x80",
};

static const char *const good_names[] = {"a",    " ",          "with space", "é",    "日本",
                                         "🙂", "a/b\\c\"d'", "\xc2\xa0",   "%s%n", "a#1"};

static void bad_names_are_refused_everywhere_a_name_is_taken(void **unused)
{
    (void)unused;
    memset(long_name, 'n', 256);
    for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
        const char *bad = bad_names[i];
        const char *const depends[] = {"good", bad, NULL};
        hl_plugin_spec spec = HL_PLUGIN_INIT(bad, "e", test_do_nothing);
        hl_event_spec event_spec = HL_EVENT_INIT(bad);
        hl_event *event = NULL;

        refused(hl_register(runtime, &spec, 0), HL_ERR_INVALID, "name");
        spec.name = "p";
        spec.event = bad;
        refused(hl_register(runtime, &spec, HL_START), HL_ERR_INVALID, "event");
        spec.event = "e";
        if (bad) {
            spec.extension = bad;
            refused(hl_register(runtime, &spec, 0), HL_ERR_INVALID, "extension");
            spec.extension = NULL;
            spec.depends = depends;
            refused(hl_register(runtime, &spec, 0), HL_ERR_INVALID, "depends");
        }
        refused(hl_event_open(runtime, bad, &event), HL_ERR_INVALID, "event");
        refused(hl_event_define(runtime, &event_spec, &event), HL_ERR_INVALID, "name");
        refused(hl_start(runtime, bad, 0), HL_ERR_INVALID, "name");
        refused(hl_stop(runtime, bad, 0), HL_ERR_INVALID, "name");
        refused(hl_restart(runtime, bad, 0), HL_ERR_INVALID, "name");
        refused(hl_enable(runtime, bad, 0), HL_ERR_INVALID, "name");
        refused(hl_unregister(runtime, bad, 0), HL_ERR_INVALID, "name");
        refused(hl_start_event(runtime, bad, 0), HL_ERR_INVALID, "event");
        refused(hl_unregister_event(runtime, bad, 0), HL_ERR_INVALID, "event");
        refused(hl_no_dependency_cycle(runtime, bad, NULL), HL_ERR_INVALID, "name");
        assert_null(event);
    }
    expect_nothing_changed();
}

static void names_of_any_script_and_of_255_bytes_are_accepted(void **unused)
{
    char name[256];

    (void)unused;
    memset(name, 'n', 255);
    name[255] = '\0';
    ok(test_register(runtime, &(test_plugin){.name = name, .event = name, .call = test_do_nothing}, HL_START));
    assert_string_equal(test_status(runtime, name), "started");
    for (size_t i = 0; i < sizeof(good_names) / sizeof(good_names[0]); i++) {
        run(runtime, .name = good_names[i], .event = good_names[i]);
        assert_int_equal(strncmp(test_run_trail(test_event(runtime, good_names[i])), good_names[i],
                                 strlen(good_names[i])),
                         0);
    }
}

/* ---- the other fields of a spec ---- */

static void bad_fields_are_refused_by_name(void **unused)
{
    const char *const twice[] = {"d", "d", NULL};
    static char big[65538];
    hl_plugin_spec spec = HL_PLUGIN_INIT("p", "e", NULL);
    hl_contract contract = {sizeof(contract), NULL, 4, NULL, 0, NULL, 0};
    hl_field outside = {"f", "int", 2, 4};
    hl_codec codec = {sizeof(codec), NULL, NULL, NULL};

    (void)unused;
    refused(hl_register(runtime, &spec, 0), HL_ERR_INVALID, "call");
    spec.call = test_do_nothing;
    spec.priority = -1;
    refused(hl_register(runtime, &spec, 0), HL_ERR_INVALID, "priority");
    spec.priority = 101;
    refused(hl_register(runtime, &spec, 0), HL_ERR_INVALID, "priority");
    spec.priority = INT32_MAX;
    refused(hl_register(runtime, &spec, 0), HL_ERR_INVALID, "priority");
    spec.priority = 0;
    spec.depends = twice;
    refused(hl_register(runtime, &spec, 0), HL_ERR_INVALID, "depends");
    spec.depends = NULL;
    memset(big, 'x', sizeof(big) - 1);
    spec.extra = big;
    refused(hl_register(runtime, &spec, 0), HL_ERR_INVALID, "extra");
    spec.extra = "bell \a";
    refused(hl_register(runtime, &spec, 0), HL_ERR_INVALID, "extra");
    spec.extra = NULL;
    spec.contract = &contract;
    refused(hl_register(runtime, &spec, 0), HL_ERR_INVALID, "contract");
    contract.type = "t";
    contract.fields = &outside;
    contract.fields_len = 1;
    refused(hl_register(runtime, &spec, 0), HL_ERR_INVALID, "contract");
    contract.size++;
    refused(hl_register(runtime, &spec, 0), HL_ERR_STRUCT_SIZE, "contract");
    contract = (hl_contract){sizeof(contract), "t", 4, NULL, 0, &codec, 0};
    refused(hl_register(runtime, &spec, 0), HL_ERR_INVALID, "contract.codec");
    codec.size = 8;
    refused(hl_register(runtime, &spec, 0), HL_ERR_STRUCT_SIZE, "contract.codec");
    refused(hl_register(runtime, NULL, 0), HL_ERR_INVALID, "spec");
    expect_nothing_changed();
    big[65536] = '\0';
    spec.contract = NULL;
    spec.extra = big;
    ok(hl_register(runtime, &spec, 0));
}

static void both_ends_of_the_priorities_are_accepted(void **unused)
{
    (void)unused;
    add(runtime, .name = "first", .event = "e", .priority = PRIORITY(0));
    add(runtime, .name = "last", .event = "e", .priority = PRIORITY(100));
}

/* ---- flags ---- */

static void unknown_flags_are_refused(void **unused)
{
    hl_plugin_spec spec = HL_PLUGIN_INIT("p", "e", test_do_nothing);
    hl_event_spec event_spec = HL_EVENT_INIT("e");
    hl_options options = HL_OPTIONS_INIT;
    hl_call_options call = HL_CALL_OPTIONS_INIT;
    hl_runtime *none = NULL;
    hl_event *event;
    int state;

    (void)unused;
    refused(hl_register(runtime, &spec, 1u << 9), HL_ERR_FLAGS, "flags");
    refused(hl_register_library(runtime, "x.so", 1u << 9), HL_ERR_FLAGS, "flags");
    refused(hl_start(runtime, "p", HL_START), HL_ERR_FLAGS, "flags");
    refused(hl_stop_event(runtime, "e", 1u << 31), HL_ERR_FLAGS, "flags");
    refused(hl_start_all(runtime, 1u << 31), HL_ERR_FLAGS, "flags");
    event_spec.flags = 1u << 5;
    refused(hl_event_define(runtime, &event_spec, &event), HL_ERR_FLAGS, "flags");
    event_spec.flags = HL_EVENT_ROLLBACK;
    refused(hl_event_define(runtime, &event_spec, &event), HL_ERR_INVALID, "flags");
    options.flags = 1u << 20;
    refused(hl_open(&options, &none), HL_ERR_FLAGS, "flags");
    assert_null(none);
    expect_nothing_changed();
    call.flags = 1u << 7;
    refused_call(hl_call_with(test_event(runtime, "e"), &state, &call), HL_ERR_FLAGS);
    refused_call(hl_call_named(runtime, "e", &state, &call), HL_ERR_FLAGS);
}

/* ---- structs of another version ---- */

/* A newer one is longer: accepted while what this library does not know is zero. */
static void longer_structs_are_accepted_as_long_as_their_new_fields_are_unset(void **unused)
{
    struct {
        hl_plugin_spec spec;
        uint64_t more[4];
    } newer = {HL_PLUGIN_INIT("p", "e", test_do_nothing), {0}};
    struct {
        hl_options options;
        uint64_t more[2];
    } options = {HL_OPTIONS_INIT, {0}};
    hl_runtime *opened = NULL;

    (void)unused;
    newer.spec.size = sizeof(newer);
    newer.more[2] = 1;
    refused(hl_register(runtime, &newer.spec, 0), HL_ERR_STRUCT_SIZE, "spec");
    expect_nothing_changed();
    newer.more[2] = 0;
    ok(hl_register(runtime, &newer.spec, HL_START));
    options.options.size = sizeof(options);
    options.more[0] = 7;
    refused(hl_open(&options.options, &opened), HL_ERR_STRUCT_SIZE, "options");
    assert_null(opened);
    options.more[0] = 0;
    ok(hl_open(&options.options, &opened));
    hl_close(opened);
}

/* An older one is shorter: what it lacks has its default. */
static void shorter_structs_are_accepted_down_to_the_first_version(void **unused)
{
    hl_plugin_spec spec = HL_PLUGIN_INIT("p", "e", test_do_nothing);
    hl_event_spec event_spec = HL_EVENT_INIT("e");
    hl_plugin_info info;
    hl_event *event;

    (void)unused;
    spec.priority = 3;
    spec.size = offsetof(hl_plugin_spec, priority);
    ok(hl_register(runtime, &spec, HL_START));
    ok(hl_plugin_get(runtime, "p", &info));
    assert_int_equal(info.priority, HL_PRIORITY_DEFAULT);
    hl_plugin_info_cleanup(&info);
    event_spec.size = offsetof(hl_event_spec, flags);
    ok(hl_event_define(runtime, &event_spec, &event));
}

static bool ignore_plugin(const hl_plugin_info *info, void *unused)
{
    (void)info;
    (void)unused;
    return true;
}

static void sizes_that_fit_no_version_are_refused(void **unused)
{
    static const size_t sizes[] = {0, 1, 7, 100000, SIZE_MAX};

    (void)unused;
    for (size_t i = 0; i < 5; i++) {
        hl_plugin_spec spec = HL_PLUGIN_INIT("p", "e", test_do_nothing);
        hl_event_spec event_spec = HL_EVENT_INIT("e");
        hl_options options = HL_OPTIONS_INIT;
        hl_plugin_filter filter = HL_PLUGIN_FILTER_INIT;
        hl_call_options call = HL_CALL_OPTIONS_INIT;
        hl_counters counters = {.size = sizes[i]};
        hl_runtime *none = NULL;
        hl_event *event = NULL;

        spec.size = event_spec.size = options.size = filter.size = call.size = sizes[i];
        refused(hl_register(runtime, &spec, 0), HL_ERR_STRUCT_SIZE, "spec");
        refused(hl_event_define(runtime, &event_spec, &event), HL_ERR_STRUCT_SIZE, "spec");
        refused(hl_open(&options, &none), HL_ERR_STRUCT_SIZE, "options");
        refused(hl_plugins(runtime, &filter, ignore_plugin, NULL), HL_ERR_STRUCT_SIZE, "filter");
        refused(hl_counters_get(runtime, &counters), HL_ERR_STRUCT_SIZE, "out");
        refused_call(hl_call_named(runtime, "e", NULL, &call), HL_ERR_STRUCT_SIZE);
        assert_true(!none && !event);
    }
    expect_nothing_changed();
}

/* ---- NULLs ---- */

static void nulls_are_refused_by_name(void **unused)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_plugin_info info;
    hl_event *event;

    (void)unused;
    refused(hl_open(NULL, NULL), HL_ERR_INVALID, "out");
    options.store = NULL;
    refused(hl_open(&options, &runtime), HL_ERR_INVALID, "store");
    options = (hl_options)HL_OPTIONS_INIT;
    options.engine = (hl_engine)17;
    refused(hl_open(&options, &runtime), HL_ERR_INVALID, "engine");
    refused(hl_event_open(NULL, "e", &event), HL_ERR_INVALID, "runtime");
    refused(hl_event_open(runtime, "e", NULL), HL_ERR_INVALID, "out");
    refused(hl_event_define(runtime, NULL, &event), HL_ERR_INVALID, "spec");
    refused(test_register(NULL, &(test_plugin){.name = "p", .event = "e"}, 0), HL_ERR_INVALID, "runtime");
    refused(hl_register_library(runtime, NULL, 0), HL_ERR_INVALID, "path");
    refused(hl_start_all(NULL, 0), HL_ERR_INVALID, "runtime");
    refused(hl_plugin_get(runtime, "p", NULL), HL_ERR_INVALID, "info");
    refused(hl_plugin_get(NULL, "p", &info), HL_ERR_INVALID, "runtime");
    refused(hl_plugins(runtime, NULL, NULL, NULL), HL_ERR_INVALID, "callback");
    refused(hl_plugins(NULL, NULL, ignore_plugin, NULL), HL_ERR_INVALID, "runtime");
    refused(hl_chain(NULL, ignore_plugin, NULL), HL_ERR_INVALID, "event");
    refused(hl_events(runtime, NULL, NULL), HL_ERR_INVALID, "callback");
    refused(hl_counters_get(runtime, NULL), HL_ERR_INVALID, "out");
    refused(hl_held_generations(runtime, NULL, NULL, NULL), HL_ERR_INVALID, "callback");
    refused(hl_dependency_order(NULL, 3), HL_ERR_INVALID, "rows");
    refused(hl_wait_compiled(NULL, 1), HL_ERR_INVALID, "runtime");
    refused_call(hl_call_named(NULL, "e", NULL, NULL), HL_ERR_INVALID);
    refused_call(hl_call_named(runtime, NULL, NULL, NULL), HL_ERR_INVALID);
    refused_call(hl_call_with(NULL, NULL, NULL), HL_ERR_INVALID);
    assert_null(hl_event_entry(NULL));
    assert_int_equal(hl_last_error()->status, HL_ERR_INVALID);
    assert_string_equal(hl_event_name(NULL), "");
    hl_close(NULL);
    expect_nothing_changed();
}

/* ---- a runtime that is closed ---- */

static bool ignore_event(const hl_event_info *info, void *unused)
{
    (void)info;
    (void)unused;
    return true;
}

static bool ignore_held(const hl_held *held, void *unused)
{
    (void)held;
    (void)unused;
    return true;
}

static bool ignore_health(const hl_event_health *health, void *unused)
{
    (void)health;
    (void)unused;
    return true;
}

/* Each call of the API that takes a runtime or an event, refused for the same reason. */
static void expect_every_call_refused(hl_runtime *of, hl_event *event, hl_status wanted)
{
    static test_text text;
    hl_counters counters = {.size = sizeof(counters)};
    hl_event_spec spec = HL_EVENT_INIT("e");
    hl_subscription *subscription;
    hl_plugin_info info;
    hl_event *opened;
    hl_txn *txn;
    int fd;

    refused(test_register(of, &(test_plugin){.name = "p", .event = "e"}, 0), wanted, NULL);
    refused(hl_start(of, "p", 0), wanted, NULL);
    refused(hl_stop(of, "p", HL_WAIT_IDLE), wanted, NULL);
    refused(hl_restart(of, "p", 0), wanted, NULL);
    refused(hl_enable(of, "p", 0), wanted, NULL);
    refused(hl_unregister(of, "p", HL_WAIT_COMPILED), wanted, NULL);
    refused(hl_start_event(of, "e", 0), wanted, NULL);
    refused(hl_stop_all(of, 0), wanted, NULL);
    refused(hl_register_library(of, HL_TEST_PLUGINS "/contract-blocking.so", 0), wanted, NULL);
    refused(hl_txn_begin(of, &txn), wanted, NULL);
    refused(hl_event_open(of, "e", &opened), wanted, NULL);
    refused(hl_event_define(of, &spec, &opened), wanted, NULL);
    refused(hl_plugin_get(of, "p", &info), wanted, NULL);
    refused(hl_plugins(of, NULL, ignore_plugin, NULL), wanted, NULL);
    refused(hl_events(of, ignore_event, NULL), wanted, NULL);
    refused(hl_chain(event, ignore_plugin, NULL), wanted, NULL);
    refused(hl_no_dependency_cycle(of, "p", NULL), wanted, NULL);
    refused(hl_explain(of, "e", test_take_line, &text), wanted, NULL);
    refused(hl_explain_order(of, "p", "q", test_take_line, &text), wanted, NULL);
    refused(hl_graph(of, NULL, test_take_line, &text), wanted, NULL);
    refused(hl_dump(of, "e", HL_DUMP_PLAN, test_take_line, &text), wanted, NULL);
    refused(hl_held_generations(of, NULL, ignore_held, NULL), wanted, NULL);
    refused(hl_counters_get(of, &counters), wanted, NULL);
    refused(hl_subscribe_fd(of, 0, &fd, &subscription), wanted, NULL);
    refused(hl_health(of, 10, ignore_health, NULL), wanted, NULL);
    refused(hl_wait_compiled(of, 10), wanted, NULL);
}

static void every_call_on_a_closed_runtime_says_so(void **unused)
{
    hl_runtime *closed = test_open("memory:", 0);
    hl_event *event = test_event(closed, "e");
    test_trail trail = {"untouched"};
    hl_reply reply;

    (void)unused;
    run(closed, .name = "p", .event = "e");
    hl_close(closed);
    expect_every_call_refused(closed, event, HL_ERR_CLOSED);
    reply = hl_call(event, &trail, NULL);
    refused_call(reply, HL_ERR_CLOSED);
    assert_ptr_equal(reply.state, &trail);
    assert_string_equal(trail.text, "untouched");
    assert_int_equal(hl_event_engine(event), HL_ENGINE_REFERENCE);
    hl_close(closed);
    assert_int_equal(hl_last_error()->status, HL_ERR_CLOSED);
}

/* ---- a forked child ---- */

static int in_child(hl_event *event, const char *folder)
{
    test_trail trail = {""};
    hl_runtime *own;

    expect_every_call_refused(runtime, event, HL_ERR_FORKED);
    hl_close(runtime);
    assert_int_equal(hl_last_error()->status, HL_ERR_FORKED);
    assert_int_equal(hl_call(event, &trail, NULL).verdict, HL_NEXT);
    assert_int_equal(hl_call_named(runtime, "e", &trail, NULL).verdict, HL_NEXT);
    assert_string_equal(trail.text, "p,p,");
    own = test_open(test_lmdb(folder), 0);
    run(own, .name = "childs", .event = "c");
    assert_string_equal(test_run_trail(test_event(own, "c")), "childs,");
    test_settle(own, test_event(own, "c"));
    hl_close(own);
    return 0;
}

static void a_forked_child_dispatches_but_changes_nothing_until_it_opens_its_own_runtime(void **unused)
{
    const char *folder = test_folder();
    hl_event *event = test_event(runtime, "e");
    pid_t child;

    (void)unused;
    run(runtime, .name = "p", .event = "e");
    test_settle(runtime, event);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(in_child(event, folder));
    assert_int_equal(test_wait(child), 0);
    assert_string_equal(test_statuses(runtime), "p=started ");
    ok(hl_restart(runtime, "p", HL_WAIT_COMPILED));
    assert_string_equal(test_run_trail(event), "p,");
    test_folder_remove(folder);
}

/* ---- races ---- */

static int register_often(const char *url, const char *extra)
{
    hl_runtime *mine = test_open(url, 0);

    for (int i = 0; i < 40; i++) {
        ok(test_register(mine, &(test_plugin){.name = "contested", .event = "e", .extra = extra}, HL_START));
        if (hl_unregister(mine, "contested", 0) != HL_OK)
            assert_int_equal(hl_last_error()->status, HL_ERR_NOT_FOUND);
    }
    ok(test_register(mine, &(test_plugin){.name = "contested", .event = "e", .extra = extra}, HL_START));
    hl_close(mine);
    return 0;
}

static bool count_plugin(const hl_plugin_info *info, void *count)
{
    assert_string_equal(info->name, "contested");
    ++*(int *)count;
    return true;
}

/* one name is one record, whoever comes first. */
static void two_processes_racing_for_one_name_leave_one_record(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime;
    hl_store_info info = {.size = sizeof(info)};
    int children[2], count = 0;

    (void)unused;
    children[0] = test_spawn((const char *[]){"race", test_lmdb(folder), "first", NULL});
    children[1] = test_spawn((const char *[]){"race", test_lmdb(folder), "second", NULL});
    assert_int_equal(test_wait(children[0]), 0);
    assert_int_equal(test_wait(children[1]), 0);
    runtime = test_open(test_lmdb(folder), 0);
    ok(hl_plugins(runtime, NULL, count_plugin, &count));
    assert_int_equal(count, 1);
    hl_close(runtime);
    ok(hl_store_check(test_lmdb(folder), &info, NULL, NULL));
    assert_int_equal(info.problems_len, 0);
    assert_int_equal(info.plugins_len, 1);
    runtime = kept;
    test_folder_remove(folder);
}

/* ---- a system that gives no more ---- */

static int open_without_descriptors(void)
{
    struct rlimit limit = {3, 3};
    hl_runtime *none = NULL;

    for (int fd = 3; fd < 64; fd++)
        close(fd);
    setrlimit(RLIMIT_NOFILE, &limit);
    refused(hl_open(NULL, &none), HL_ERR_SYSTEM, NULL);
    assert_null(none);
    return 0;
}

static void a_process_without_free_descriptors_is_told_what_the_system_refused(void **unused)
{
    (void)unused;
    assert_int_equal(test_wait(test_spawn((const char *[]){"descriptors", NULL})), 0);
}

/* ---- errors themselves ---- */

static void a_success_leaves_the_last_error_as_it_is(void **unused)
{
    (void)unused;
    refused(hl_start(runtime, "none", 0), HL_ERR_NOT_FOUND, "name");
    add(runtime, .name = "p", .event = "e");
    refused(HL_ERR_NOT_FOUND, HL_ERR_NOT_FOUND, "name");
    assert_string_equal(hl_last_error()->action, "start");
}

static void every_status_has_a_name_and_a_sentence(void **unused)
{
    (void)unused;
#define HL_STATUS(name, value, sentence, seeds)                                                                        \
    assert_string_equal(hl_status_name(name), #name);                                                                  \
    assert_string_equal(hl_status_text(name), sentence);                                                               \
    assert_true(name == (value) && (value) <= 0);
#include <hookline/status.def>
#undef HL_STATUS
    assert_string_equal(hl_status_name(12345), "HL_UNKNOWN");
    assert_true(strlen(hl_status_text(12345)) > 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(bad_names_are_refused_everywhere_a_name_is_taken),
        CASE(names_of_any_script_and_of_255_bytes_are_accepted),
        CASE(bad_fields_are_refused_by_name),
        CASE(both_ends_of_the_priorities_are_accepted),
        CASE(unknown_flags_are_refused),
        CASE(longer_structs_are_accepted_as_long_as_their_new_fields_are_unset),
        CASE(shorter_structs_are_accepted_down_to_the_first_version),
        CASE(sizes_that_fit_no_version_are_refused),
        CASE(nulls_are_refused_by_name),
        CASE(every_call_on_a_closed_runtime_says_so),
        CASE(a_forked_child_dispatches_but_changes_nothing_until_it_opens_its_own_runtime),
        CASE(two_processes_racing_for_one_name_leave_one_record),
        CASE(a_process_without_free_descriptors_is_told_what_the_system_refused),
        CASE(a_success_leaves_the_last_error_as_it_is),
        CASE(every_status_has_a_name_and_a_sentence),
    };

    if (argc > 3 && strcmp(argv[1], "race") == 0)
        return register_often(argv[2], argv[3]);
    if (argc > 1 && strcmp(argv[1], "descriptors") == 0)
        _exit(open_without_descriptors()); /* a leak checker at exit would need descriptors */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
