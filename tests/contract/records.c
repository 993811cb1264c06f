/* Plugin records: what is kept, what registering again changes, how they are found. Rows PD-01, PD-07, PD-11, PB-04 to
 * PB-06, RG-01, RG-06 to RG-14, LC-02 to LC-06, LC-20, LC-21, HP-01, CM-04, CM-12, EH-03, VD-02, VR-05, X-046, X-049,
 * X-055, PD-09, PD-13, CM-05, PB-02, PB-11, BS-05, EH-05, PS-16, HP-03, VR-04, X-060. */
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

static hl_plugin_info get(const char *name)
{
    hl_plugin_info info;

    ok(hl_plugin_get(runtime, name, &info));
    return info;
}

/* ---- content ---- */

/* RG-01, PD-01, PD-11 */
static void a_record_keeps_everything_that_was_registered(void **unused)
{
    hl_plugin_info info;

    (void)unused;
    run(runtime, .name = "d1", .event = "e");
    add(runtime, .name = "p", .event = "e", .priority = PRIORITY(7), .depends = "d1,d2", .extension = "shop",
        .extra = "{\"any\": \"text\"}\n\twith lines");
    info = get("p");
    assert_int_equal(info.size, sizeof(info));
    assert_string_equal(info.name, "p");
    assert_string_equal(info.event, "e");
    assert_string_equal(info.extension, "shop");
    assert_string_equal(info.extra, "{\"any\": \"text\"}\n\twith lines");
    assert_int_equal(info.priority, 7);
    assert_int_equal(info.depends_len, 2);
    assert_string_equal(info.depends[0], "d1");
    assert_string_equal(info.depends[1], "d2");
    assert_null(info.depends[2]);
    assert_string_equal(info.library, "");
    assert_string_equal(info.version, "");
    assert_int_equal(info.contract_hash, 0);
    assert_true(info.loaded);
    assert_true(info.inserted_at > 1700000000 && info.updated_at == info.inserted_at);
    assert_non_null(strstr(info.reason, "\"d2\" (absent)"));
    hl_plugin_info_cleanup(&info);
}

static void defaults_are_priority_100_host_and_no_extra(void **unused)
{
    hl_plugin_info info;

    (void)unused;
    add(runtime, .name = "p", .event = "e");
    info = get("p");
    assert_int_equal(info.priority, HL_PRIORITY_DEFAULT);
    assert_string_equal(info.extension, "host");
    assert_string_equal(info.extra, "");
    assert_int_equal(info.depends_len, 0);
    assert_int_equal(info.status, HL_REGISTERED);
    hl_plugin_info_cleanup(&info);
}

/* HP-01 */
static void ids_are_random_uuids_of_version_4(void **unused)
{
    char first[37] = "";

    (void)unused;
    for (int i = 0; i < 50; i++) {
        hl_plugin_info info;

        add(runtime, .name = "p", .event = "e");
        info = get("p");
        assert_int_equal(strlen(info.id), 36);
        for (size_t at = 0; at < 36; at++) {
            if (at == 8 || at == 13 || at == 18 || at == 23)
                assert_int_equal(info.id[at], '-');
            else
                assert_non_null(strchr("0123456789abcdef", info.id[at]));
        }
        assert_int_equal(info.id[14], '4');
        assert_non_null(strchr("89ab", info.id[19]));
        assert_string_not_equal(info.id, first);
        snprintf(first, sizeof(first), "%s", info.id);
        hl_plugin_info_cleanup(&info);
        ok(hl_unregister(runtime, "p", 0));
    }
}

/* RG-08 */
static void asking_for_an_unknown_plugin_says_not_found_and_leaves_nothing_to_clean(void **unused)
{
    hl_plugin_info info;

    (void)unused;
    memset(&info, 0xff, sizeof(info));
    refused(hl_plugin_get(runtime, "none", &info), HL_ERR_NOT_FOUND, "name");
    assert_null(info.name);
    hl_plugin_info_cleanup(&info);
    hl_plugin_info_cleanup(NULL);
}

/* ---- registering again: LC-03 to LC-06 ---- */

static void registering_again_updates_the_record_and_keeps_its_identity(void **unused)
{
    hl_plugin_info before, after;

    (void)unused;
    run(runtime, .name = "p", .event = "e", .extra = "old");
    ok(hl_restart(runtime, "p", 0));
    before = get("p");
    run(runtime, .name = "p", .event = "e", .priority = PRIORITY(3), .extra = "new");
    after = get("p");
    assert_string_equal(after.id, before.id);
    assert_int_equal(after.inserted_at, before.inserted_at);
    assert_int_equal(after.status, HL_RESTARTED);
    assert_int_equal(after.priority, 3);
    assert_string_equal(after.extra, "new");
    assert_true(after.revision > before.revision);
    assert_string_equal(test_statuses(runtime), "p=restarted ");
    hl_plugin_info_cleanup(&before);
    hl_plugin_info_cleanup(&after);
}

static void registering_the_same_again_writes_nothing_and_swaps_nothing(void **unused)
{
    hl_counters before, after;
    uint64_t revision;

    (void)unused;
    test_event(runtime, "e");
    run(runtime, .name = "p", .event = "e", .priority = PRIORITY(3), .extra = "x");
    before = test_counters(runtime);
    revision = test_revision(runtime, "p");
    for (int i = 0; i < 3; i++)
        run(runtime, .name = "p", .event = "e", .priority = PRIORITY(3), .extra = "x");
    after = test_counters(runtime);
    assert_int_equal(after.commits, before.commits);
    assert_int_equal(after.swaps, before.swaps);
    assert_int_equal(test_revision(runtime, "p"), revision);
}

/* what a chain does not depend on does not rebuild it; other code does. */
static void only_what_changes_the_calls_swaps_the_chain(void **unused)
{
    uint64_t swaps;

    (void)unused;
    test_event(runtime, "e");
    run(runtime, .name = "p", .event = "e");
    swaps = test_counters(runtime).swaps;
    run(runtime, .name = "p", .event = "e", .extra = "only text", .extension = "other");
    run(runtime, .name = "p", .event = "e", .priority = PRIORITY(9), .extra = "only text");
    ok(hl_restart(runtime, "p", 0));
    assert_int_equal(test_counters(runtime).swaps, swaps);
    run(runtime, .name = "p", .event = "e", .self = (void *)(uintptr_t) "other self");
    assert_int_equal(test_counters(runtime).swaps, swaps + 1);
    run(runtime, .name = "p", .event = "e", .call = test_do_nothing);
    assert_int_equal(test_counters(runtime).swaps, swaps + 2);
}

/* LC-06, X-049 */
static void naming_another_event_moves_the_plugin_and_both_chains_follow(void **unused)
{
    hl_event *from = test_event(runtime, "from"), *to = test_event(runtime, "to");
    hl_plugin_info info;

    (void)unused;
    run(runtime, .name = "p", .event = "from", .extension = "old");
    run(runtime, .name = "p", .event = "to", .extension = "new");
    assert_string_equal(test_run_trail(from), "");
    assert_string_equal(test_run_trail(to), "p,");
    info = get("p");
    assert_string_equal(info.event, "to");
    assert_string_equal(info.extension, "new");
    hl_plugin_info_cleanup(&info);
}

/* X-046, EH-03, TM-07 */
static void a_registered_plugin_stays_out_of_the_chain_whatever_else_changes(void **unused)
{
    hl_event *event = test_event(runtime, "e");

    (void)unused;
    add(runtime, .name = "p", .event = "e");
    run(runtime, .name = "q", .event = "e");
    ok(hl_restart(runtime, "q", 0));
    ok(hl_stop(runtime, "q", 0));
    ok(hl_enable(runtime, "q", 0));
    assert_string_equal(test_run_trail(event), "q,");
    assert_string_equal(test_status(runtime, "p"), "registered");
}

/* ---- boot: PB-04 to PB-06, BS-04, VD-02 ---- */

static void a_plugin_left_registered_by_an_interrupted_first_start_is_started_at_the_next(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime;

    (void)unused;
    runtime = test_open(test_lmdb(folder), 0);
    add(runtime, .name = "p", .event = "e");
    hl_close(runtime);
    runtime = test_open(test_lmdb(folder), 0);
    assert_string_equal(test_statuses(runtime), "p=registered ");
    run(runtime, .name = "p", .event = "e");
    assert_string_equal(test_statuses(runtime), "p=started ");
    hl_close(runtime);
    runtime = kept;
    test_folder_remove(folder);
}

static void opening_can_start_everything_registered_once(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime;

    (void)unused;
    runtime = test_open(test_lmdb(folder), 0);
    add(runtime, .name = "a", .event = "e", .depends = "b");
    add(runtime, .name = "b", .event = "f");
    add(runtime, .name = "held", .event = "f", .depends = "unknown");
    add(runtime, .name = "stopped", .event = "f");
    ok(hl_stop(runtime, "stopped", 0));
    hl_close(runtime);
    runtime = test_open(test_lmdb(folder), HL_OPEN_START_REGISTERED);
    assert_string_equal(test_statuses(runtime), "a=started b=started held=held stopped=stopped ");
    hl_close(runtime);
    runtime = kept;
    test_folder_remove(folder);
}

/* The stored status wins at every boot. */
static void statuses_outlive_the_process_and_code_is_bound_again(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime;
    hl_event *event;
    hl_plugin_info info;

    (void)unused;
    runtime = test_open(test_lmdb(folder), 0);
    run(runtime, .name = "p", .event = "e");
    ok(hl_restart(runtime, "p", 0));
    hl_close(runtime);
    runtime = test_open(test_lmdb(folder), 0);
    event = test_event(runtime, "e");
    info = get("p");
    assert_false(info.loaded);
    assert_non_null(strstr(info.reason, "not registered"));
    hl_plugin_info_cleanup(&info);
    add(runtime, .name = "p", .event = "e");
    assert_string_equal(test_statuses(runtime), "p=restarted ");
    assert_string_equal(test_run_trail(event), "p,");
    hl_close(runtime);
    runtime = kept;
    test_folder_remove(folder);
}

/* ---- refusals are told to the plugin: PD-07, PB-07 ---- */

static char told[64];

static void remember_error(void *self, const hl_error *error)
{
    snprintf(told, sizeof(told), "%s %s %s", (const char *)self, hl_status_name(error->status), error->field);
    /* A call that fails in here must not hide the first failure. */
    assert_int_equal(hl_stop(runtime, "none", 0), HL_ERR_NOT_FOUND);
}

static void a_refused_plugin_is_told_why(void **unused)
{
    (void)unused;
    refused(test_register(
                runtime,
                &(test_plugin){.name = "p", .event = "e", .depends = "p", .on_dependency_error = remember_error}, 0),
            HL_ERR_CYCLE, "depends");
    assert_string_equal(told, "p HL_ERR_CYCLE depends");
    refused(test_register(runtime,
                          &(test_plugin){.name = "p",
                                         .event = "e",
                                         .priority = PRIORITY(-1),
                                         .on_dependency_error = remember_error},
                          0),
            HL_ERR_INVALID, "priority");
    assert_string_equal(told, "p HL_ERR_INVALID priority");
    told[0] = '\0';
    ok(test_register(runtime, &(test_plugin){.name = "p", .event = "e", .on_dependency_error = remember_error}, 0));
    assert_string_equal(told, "");
}

/* ---- finding: RG-06, RG-09, RG-12 ---- */

static bool take_name(const hl_plugin_info *info, void *text)
{
    strcat(strcat(text, info->name), " ");
    return true;
}

static bool take_first(const hl_plugin_info *info, void *text)
{
    take_name(info, text);
    return false;
}

static const char *find(hl_plugin_filter filter)
{
    static char found[256];

    found[0] = '\0';
    filter.size = sizeof(filter);
    ok(hl_plugins(runtime, &filter, take_name, found));
    return found;
}

static void plugins_are_found_by_event_status_extension_and_name_pattern(void **unused)
{
    char found[64] = "";

    (void)unused;
    run(runtime, .name = "cart-add", .event = "cart", .extension = "shop", .priority = PRIORITY(9));
    run(runtime, .name = "cart-tax", .event = "cart", .extension = "tax");
    add(runtime, .name = "login-log", .event = "login", .extension = "shop");
    run(runtime, .name = "b-log", .event = "login", .priority = PRIORITY(1));
    assert_string_equal(find((hl_plugin_filter){.event = "cart"}), "cart-add cart-tax ");
    assert_string_equal(find((hl_plugin_filter){.extension = "shop"}), "cart-add login-log ");
    assert_string_equal(find((hl_plugin_filter){.status = HL_REGISTERED}), "login-log ");
    assert_string_equal(find((hl_plugin_filter){.name_pattern = "*-log"}), "b-log login-log ");
    assert_string_equal(find((hl_plugin_filter){.name_pattern = "cart-[a-s]*"}), "cart-add ");
    assert_string_equal(find((hl_plugin_filter){.name_pattern = "?art-*"}), "cart-add cart-tax ");
    assert_string_equal(find((hl_plugin_filter){.event = "cart", .extension = "tax"}), "cart-tax ");
    assert_string_equal(find((hl_plugin_filter){.event = "unknown"}), "");
    ok(hl_plugins(runtime, NULL, take_first, found));
    assert_string_equal(found, "cart-add ");
}

static bool unregister_it(const hl_plugin_info *info, void *count)
{
    ok(hl_unregister(runtime, info->name, 0));
    ++*(int *)count;
    return true;
}

static void a_walk_sees_one_state_and_may_change_the_registry(void **unused)
{
    int count = 0;

    (void)unused;
    run(runtime, .name = "a", .event = "e");
    run(runtime, .name = "b", .event = "e");
    run(runtime, .name = "c", .event = "e");
    ok(hl_plugins(runtime, NULL, unregister_it, &count));
    assert_int_equal(count, 3);
    assert_string_equal(test_statuses(runtime), "");
}

static void a_chain_lists_active_plugins_in_the_order_in_which_they_run(void **unused)
{
    hl_event *event = test_event(runtime, "e");
    char found[64] = "";

    (void)unused;
    run(runtime, .name = "b", .event = "e");
    run(runtime, .name = "a", .event = "e", .depends = "b");
    add(runtime, .name = "c", .event = "e");
    ok(hl_chain(event, take_name, found));
    assert_string_equal(found, "b a ");
}

/* ---- events: RG-12, VR-05 ---- */

typedef struct login {
    uint32_t user;
    char name[16];
} login;

static const hl_field login_fields[] = {HL_FIELD(login, uint32_t, user), HL_FIELD(login, char[16], name)};
static const hl_contract login_contract =
    {sizeof(hl_contract), "struct login", sizeof(login), login_fields, 2, NULL, 0};

static bool take_event(const hl_event_info *info, void *user)
{
    test_text *to = user;

    to->len += (size_t)snprintf(to->text + to->len, sizeof(to->text) - to->len, "%s %zu/%zu %s", info->name,
                                info->active_len, info->plugins_len, info->opened ? "open" : "shut");
    for (size_t i = 0; info->contract && i < info->contract->fields_len; i++)
        to->len += (size_t)snprintf(to->text + to->len, sizeof(to->text) - to->len, " %s:%s@%u+%u",
                                    info->contract->fields[i].name, info->contract->fields[i].type,
                                    info->contract->fields[i].offset, info->contract->fields[i].size);
    to->len += (size_t)snprintf(to->text + to->len, sizeof(to->text) - to->len, "\n");
    return true;
}

static void events_are_listed_with_their_contracts_so_that_authors_see_what_there_is(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime;
    hl_event_spec spec = HL_EVENT_INIT("login");
    static test_text found;
    hl_event *event;

    (void)unused;
    runtime = test_open(test_lmdb(folder), 0);
    spec.contract = &login_contract;
    ok(hl_event_define(runtime, &spec, &event));
    test_event(runtime, "bare");
    run(runtime, .name = "p", .event = "logout");
    add(runtime, .name = "q", .event = "logout");
    found.len = 0;
    ok(hl_events(runtime, take_event, &found));
    assert_string_equal(found.text, "bare 0/0 open\n"
                                    "login 0/0 open user:uint32_t@0+4 name:char[16]@4+16\n"
                                    "logout 1/2 shut\n");
    hl_close(runtime);
    runtime = test_open(test_lmdb(folder), HL_OPEN_RECORDS_ONLY);
    found.len = 0;
    ok(hl_events(runtime, take_event, &found));
    assert_string_equal(found.text, "login 0/0 shut user:uint32_t@0+4 name:char[16]@4+16\nlogout 1/2 shut\n");
    hl_close(runtime);
    runtime = kept;
    test_folder_remove(folder);
}

static void contracts_have_equal_hashes_when_they_mean_the_same(void **unused)
{
    hl_field fields[2] = {login_fields[0], login_fields[1]};
    hl_contract contract = login_contract;

    (void)unused;
    contract.fields = fields;
    assert_true(hl_contract_hash(&login_contract) != 0);
    assert_true(hl_contract_hash(&contract) == hl_contract_hash(&login_contract));
    fields[1].offset++;
    assert_true(hl_contract_hash(&contract) != hl_contract_hash(&login_contract));
    fields[1] = login_fields[1];
    fields[0].type = "int32_t";
    assert_true(hl_contract_hash(&contract) != hl_contract_hash(&login_contract));
    fields[0] = login_fields[0];
    contract.state_size++;
    assert_true(hl_contract_hash(&contract) != hl_contract_hash(&login_contract));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_record_keeps_everything_that_was_registered),
        CASE(defaults_are_priority_100_host_and_no_extra),
        CASE(ids_are_random_uuids_of_version_4),
        CASE(asking_for_an_unknown_plugin_says_not_found_and_leaves_nothing_to_clean),
        CASE(registering_again_updates_the_record_and_keeps_its_identity),
        CASE(registering_the_same_again_writes_nothing_and_swaps_nothing),
        CASE(only_what_changes_the_calls_swaps_the_chain),
        CASE(naming_another_event_moves_the_plugin_and_both_chains_follow),
        CASE(a_registered_plugin_stays_out_of_the_chain_whatever_else_changes),
        CASE(a_plugin_left_registered_by_an_interrupted_first_start_is_started_at_the_next),
        CASE(opening_can_start_everything_registered_once),
        CASE(statuses_outlive_the_process_and_code_is_bound_again),
        CASE(a_refused_plugin_is_told_why),
        CASE(plugins_are_found_by_event_status_extension_and_name_pattern),
        CASE(a_walk_sees_one_state_and_may_change_the_registry),
        CASE(a_chain_lists_active_plugins_in_the_order_in_which_they_run),
        CASE(events_are_listed_with_their_contracts_so_that_authors_see_what_there_is),
        CASE(contracts_have_equal_hashes_when_they_mean_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
