/* G8 All or nothing. A call that fails changes nothing: no record, no chain, no file, no notice but the one that
 * says so. Rows OD-06, LC-11, LC-18, X-051. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/support.h"

/* ---- everything that a failed call could have changed, as text ---- */

static bool take_record(const hl_plugin_info *info, void *user)
{
    test_text *to = user;

    to->len += (size_t)snprintf(to->text + to->len, sizeof(to->text) - to->len,
                                "%s %s %s %s %.40s %zu %d %d %s %llx %lld %lld %llu %d %s\n", info->id, info->name,
                                info->event, info->extension, info->extra, info->depends_len, info->priority,
                                (int)info->status, info->library, (unsigned long long)info->contract_hash,
                                (long long)info->inserted_at, (long long)info->updated_at,
                                (unsigned long long)info->revision, info->loaded, info->reason);
    assert_true(to->len < sizeof(to->text));
    return true;
}

static bool take_event(const hl_event_info *info, void *user)
{
    test_text *to = user;

    to->len +=
        (size_t)snprintf(to->text + to->len, sizeof(to->text) - to->len, "%s %llx %x %zu %zu %d %d %llu\n", info->name,
                         (unsigned long long)info->contract_hash, info->flags, info->plugins_len, info->active_len,
                         info->opened, (int)info->engine, (unsigned long long)info->generation);
    return true;
}

static void take_everything(hl_runtime *runtime, hl_event *event, test_text *out)
{
    hl_counters counters = test_counters(runtime);

    out->len = 0;
    ok(hl_plugins(runtime, NULL, take_record, out));
    ok(hl_events(runtime, take_event, out));
    snprintf(out->text + out->len, sizeof(out->text) - out->len, "%s commits %llu swaps %llu retired %llu\n",
             event ? test_run_trail(event) : "", (unsigned long long)counters.commits,
             (unsigned long long)counters.swaps, (unsigned long long)counters.retired);
}

/* ---- the registry that refuses ---- */

static hl_runtime *runtime;
static hl_event *event;

typedef struct small {
    int number;
} small;

typedef struct other {
    long number;
} other;

static const hl_field small_fields[] = {HL_FIELD(small, int, number)};
static const hl_field other_fields[] = {HL_FIELD(other, long, number)};
static const hl_contract small_contract = {sizeof(hl_contract), "small", sizeof(small), small_fields, 1, NULL, 0};
static const hl_contract other_contract = {sizeof(hl_contract), "other", sizeof(other), other_fields, 1, NULL, 0};

static void fill(hl_runtime *in)
{
    hl_event_spec spec = HL_EVENT_INIT("typed");
    hl_event *typed;

    spec.contract = &small_contract;
    ok(hl_event_define(in, &spec, &typed));
    run(in, .name = "a", .event = "e");
    run(in, .name = "b", .event = "e", .depends = "a");
    run(in, .name = "stopped", .event = "e");
    ok(hl_stop(in, "stopped", 0));
    add(in, .name = "held", .event = "f", .depends = "stopped");
    add(in, .name = "registered", .event = "f");
}

static int open_it(void **unused)
{
    (void)unused;
    runtime = test_open("memory:", 0);
    event = test_event(runtime, "e");
    fill(runtime);
    test_settle(runtime, event);
    return 0;
}

static int close_it(void **unused)
{
    (void)unused;
    hl_close(runtime);
    return 0;
}

static test_text before, after;
static test_notices notices;

static void begin(void)
{
    take_everything(runtime, event, &before);
    test_notices_begin(runtime, &notices);
}

static void expect_unchanged(const char *wanted_notices)
{
    take_everything(runtime, event, &after);
    assert_string_equal(after.text, before.text);
    assert_string_equal(test_notices_take(&notices), wanted_notices);
    test_notices_end(&notices);
}

/* ---- promises ---- */

static void a_refused_registration_changes_nothing_but_to_say_so(void **unused)
{
    const test_plugin cycle = {.name = "a", .event = "e", .depends = "b"};
    const test_plugin alone = {.name = "new", .event = "e", .depends = "new"};
    const test_plugin priority = {.name = "a", .event = "e", .priority = PRIORITY(101)};
    const test_plugin contract = {.name = "a", .event = "typed", .contract = &other_contract};

    (void)unused;
    begin();
    refused(test_register(runtime, &cycle, HL_START), HL_ERR_CYCLE, "depends");
    refused(test_register(runtime, &alone, HL_START), HL_ERR_CYCLE, "depends");
    refused(test_register(runtime, &priority, HL_START), HL_ERR_INVALID, "priority");
    refused(test_register(runtime, &contract, HL_START), HL_ERR_CONTRACT, NULL);
    expect_unchanged("register_error e\nregister_error e\nregister_error e\nregister_error typed\n");
}

static void a_refused_verb_changes_nothing(void **unused)
{
    (void)unused;
    begin();
    refused(hl_start(runtime, "none", 0), HL_ERR_NOT_FOUND, "name");
    refused(hl_start(runtime, "stopped", 0), HL_ERR_STATUS, "status");
    refused(hl_start(runtime, "held", 0), HL_ERR_DEPENDENCY, "depends");
    refused(hl_restart(runtime, "stopped", 0), HL_ERR_STATUS, "status");
    refused(hl_restart(runtime, "held", 0), HL_ERR_DEPENDENCY, "depends");
    refused(hl_stop(runtime, "stopped", 0), HL_ERR_STATUS, "status");
    refused(hl_enable(runtime, "a", 0), HL_ERR_STATUS, "status");
    refused(hl_unregister(runtime, "none", 0), HL_ERR_NOT_FOUND, "name");
    refused(hl_start_event(runtime, "none", 0), HL_ERR_NOT_FOUND, "event");
    refused(hl_stop_event(runtime, "none", 0), HL_ERR_NOT_FOUND, "event");
    refused(hl_restart_event(runtime, "none", 0), HL_ERR_NOT_FOUND, "event");
    refused(hl_unregister_event(runtime, "none", 0), HL_ERR_NOT_FOUND, "event");
    refused(hl_stop(runtime, "a", 1u << 30), HL_ERR_FLAGS, "flags");
    refused(hl_unregister_all(runtime, HL_START), HL_ERR_FLAGS, "flags");
    expect_unchanged("");
}

static void a_refused_library_changes_nothing_but_to_say_so(void **unused)
{
    const char *folder = test_folder();
    char path[256];
    FILE *file;

    (void)unused;
    snprintf(path, sizeof(path), "%s/not.so", folder);
    file = fopen(path, "we");
    assert_non_null(file);
    fputs("This is no library.", file);
    fclose(file);
    begin();
    refused(hl_register_library(runtime, "there-is-no-such.so", HL_START), HL_ERR_NOT_FOUND, "path");
    refused(hl_register_library(runtime, path, HL_START), HL_ERR_NOT_ELF, "path");
    expect_unchanged("register_error \nregister_error \n");
    test_folder_remove(folder);
}

static void a_refused_step_is_no_part_of_its_transaction(void **unused)
{
    const test_plugin cycle = {.name = "a", .event = "e", .depends = "b"};
    hl_txn *txn;

    (void)unused;
    begin();
    ok(hl_txn_begin(runtime, &txn));
    ok(hl_txn_stop(txn, "a", 0));
    refused(hl_txn_start(txn, "b", 0), HL_ERR_DEPENDENCY, "depends");
    refused(test_txn_register(txn, &cycle, 0), HL_ERR_CYCLE, "depends");
    refused(hl_txn_unregister(txn, "none", 0), HL_ERR_NOT_FOUND, "name");
    hl_txn_abort(txn);
    expect_unchanged("");
}

static void a_transaction_with_a_step_that_has_become_impossible_changes_nothing(void **unused)
{
    hl_txn *txn;

    (void)unused;
    ok(hl_txn_begin(runtime, &txn));
    ok(hl_txn_start(txn, "registered", 0));
    ok(test_txn_register(txn, &(test_plugin){.name = "new", .event = "e"}, HL_START));
    ok(hl_txn_restart(txn, "b", 0));
    ok(hl_stop(runtime, "a", 0));
    begin();
    refused(hl_txn_commit(txn, 0), HL_ERR_DEPENDENCY, "depends");
    assert_non_null(strstr(hl_last_error()->message, "Step 3: "));
    expect_unchanged("");
    assert_string_equal(test_status(runtime, "new"), "absent");
}

static void a_definition_that_contradicts_the_first_changes_nothing(void **unused)
{
    hl_event_spec spec = HL_EVENT_INIT("typed");
    hl_event *typed = NULL;

    (void)unused;
    spec.contract = &other_contract;
    begin();
    refused(hl_event_define(runtime, &spec, &typed), HL_ERR_CONTRACT, NULL);
    assert_null(typed);
    expect_unchanged("");
}

/* ---- stores that cannot take it ---- */

/* The bytes of the store's file, folded. */
static uint64_t file_hash(const char *folder)
{
    uint64_t hash = 1469598103934665603u;
    char path[256];
    FILE *file;
    int byte;

    snprintf(path, sizeof(path), "%s/store/data.mdb", folder);
    file = fopen(path, "re");
    assert_non_null(file);
    while ((byte = fgetc(file)) != EOF)
        hash = (hash ^ (unsigned char)byte) * 1099511628211u;
    fclose(file);
    return hash;
}

static void failed_calls_leave_the_file_as_it_was(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime;
    uint64_t hash;

    (void)unused;
    runtime = test_open(test_lmdb(folder), 0);
    fill(runtime);
    hash = file_hash(folder);
    refused(hl_start(runtime, "held", 0), HL_ERR_DEPENDENCY, "depends");
    refused(hl_unregister(runtime, "none", 0), HL_ERR_NOT_FOUND, "name");
    refused(test_register(runtime, &(test_plugin){.name = "a", .event = "e", .depends = "b"}, 0), HL_ERR_CYCLE,
            "depends");
    assert_int_equal(file_hash(folder), hash);
    ok(hl_stop(runtime, "a", 0));
    assert_int_not_equal(file_hash(folder), hash);
    hl_close(runtime);
    runtime = kept;
    test_folder_remove(folder);
}

static void a_read_only_runtime_refuses_every_change(void **unused)
{
    const char *folder = test_folder();
    hl_runtime *kept = runtime, *writer;
    hl_event *kept_event = event;
    uint64_t hash;
    hl_txn *txn;

    (void)unused;
    writer = test_open(test_lmdb(folder), 0);
    fill(writer);
    hl_close(writer);
    hash = file_hash(folder);
    runtime = test_open(test_lmdb(folder), HL_OPEN_READ_ONLY);
    event = NULL;
    begin();
    refused(hl_stop(runtime, "a", 0), HL_ERR_STORE_READ_ONLY, "store");
    refused(hl_enable(runtime, "stopped", 0), HL_ERR_STORE_READ_ONLY, "store");
    refused(hl_unregister_all(runtime, 0), HL_ERR_STORE_READ_ONLY, "store");
    refused(test_register(runtime, &(test_plugin){.name = "new", .event = "e"}, 0), HL_ERR_STORE_READ_ONLY, "store");
    ok(hl_txn_begin(runtime, &txn));
    ok(hl_txn_stop(txn, "a", 0));
    refused(hl_txn_commit(txn, 0), HL_ERR_STORE_READ_ONLY, "store");
    expect_unchanged("register_error e\n");
    hl_close(runtime);
    assert_int_equal(file_hash(folder), hash);
    runtime = kept;
    event = kept_event;
    test_folder_remove(folder);
}

static hl_runtime *open_small(const char *url)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *opened;

    options.store = url;
    options.engine = test_engine();
    options.store_map_bytes = 1 << 20;
    ok(hl_open(&options, &opened));
    return opened;
}

/* Registers plugins with much text until the store has no room; returns the status that ended it. */
static hl_status fill_up(const char *extra)
{
    hl_status status = HL_OK;

    for (int i = 0; status == HL_OK && i < 200; i++) {
        char name[32];

        snprintf(name, sizeof(name), "big-%d", i);
        take_everything(runtime, NULL, &before);
        status = test_register(runtime, &(test_plugin){.name = name, .event = "e", .self = event, .extra = extra}, 0);
    }
    return status;
}

static void a_full_store_refuses_the_change_keeps_everything_and_dispatches(void **unused)
{
    static char extra[50000];
    const char *folder = test_folder();
    hl_runtime *kept = runtime;
    hl_event *kept_event = event;
    hl_store_info info = {.size = sizeof(info)};

    (void)unused;
    memset(extra, 'x', sizeof(extra) - 1);
    runtime = open_small(test_lmdb(folder));
    event = test_event(runtime, "e");
    fill(runtime);
    test_settle(runtime, event);
    refused(fill_up(extra), HL_ERR_STORE_FULL, "store_map_bytes");
    take_everything(runtime, NULL, &after);
    assert_string_equal(after.text, before.text);
    assert_string_equal(test_run_trail(event), "a,b,");
    hl_close(runtime);
    ok(hl_store_check(test_lmdb(folder), &info, NULL, NULL));
    assert_int_equal(info.problems_len, 0);
    runtime = open_small(test_lmdb(folder));
    ok(hl_unregister(runtime, "big-0", 0));
    ok(hl_unregister(runtime, "big-1", 0));
    ok(test_register(runtime, &(test_plugin){.name = "big-0", .event = "e", .extra = extra}, 0));
    hl_close(runtime);
    runtime = kept;
    event = kept_event;
    test_folder_remove(folder);
}

/* ---- opening and closing ---- */

static void an_open_that_fails_leaves_the_place_for_the_runtime_alone(void **unused)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *untouched = runtime;

    (void)unused;
    options.store = "paper:";
    refused(hl_open(&options, &untouched), HL_ERR_INVALID, "store");
    assert_ptr_equal(untouched, runtime);
    options.store = "lmdb:/proc/there-is-no-such-folder/store";
    assert_int_not_equal(hl_open(&options, &untouched), HL_OK);
    assert_ptr_equal(untouched, runtime);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_refused_registration_changes_nothing_but_to_say_so),
        CASE(a_refused_verb_changes_nothing),
        CASE(a_refused_library_changes_nothing_but_to_say_so),
        CASE(a_refused_step_is_no_part_of_its_transaction),
        CASE(a_transaction_with_a_step_that_has_become_impossible_changes_nothing),
        CASE(a_definition_that_contradicts_the_first_changes_nothing),
        CASE(failed_calls_leave_the_file_as_it_was),
        CASE(a_read_only_runtime_refuses_every_change),
        CASE(a_full_store_refuses_the_change_keeps_everything_and_dispatches),
        CASE(an_open_that_fails_leaves_the_place_for_the_runtime_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
