/* The way of a change when the store is not willing: lost races, refusals, revisions that cannot be read. The store is
 * the real one in memory, behind one that says no. Row LC-20. */
#include "core/error.h"
#include "core/runtime.h"
#include "store/store.h"

#include "tests/support/support.h"

typedef struct stubborn {
    hl__store store;
    hl__store *real;
    unsigned conflicts;   /* commits still to be answered with HL_ERR_CONFLICT */
    hl_status refuses;    /* what every commit is answered with, unless HL_OK */
    hl_status unreadable; /* the same for asking the revision */
    unsigned tries, commits;
} stubborn;

static stubborn *of(hl__store *store)
{
    return (stubborn *)(void *)store;
}

static void close_real(hl__store *store)
{
    of(store)->real->ops->close(of(store)->real);
}

static hl_status revision(hl__store *store, uint64_t *out)
{
    if (of(store)->unreadable != HL_OK)
        return hl__fail(of(store)->unreadable, "read", "store", "The stubborn store does not let itself be read.");
    return of(store)->real->ops->revision(of(store)->real, out);
}

static hl_status load(hl__store *store, const hl__store_visitor *visitor, uint64_t *out)
{
    return of(store)->real->ops->load(of(store)->real, visitor, out);
}

static hl_status changes(hl__store *store, uint64_t since, const hl__store_visitor *visitor, uint64_t *out)
{
    return of(store)->real->ops->changes(of(store)->real, since, visitor, out);
}

static hl_status commit(hl__store *store, const hl__store_commit *what)
{
    stubborn *at = of(store);

    at->tries++;
    if (at->refuses != HL_OK)
        return hl__fail(at->refuses, "commit", "store", "The stubborn store takes nothing.");
    if (at->conflicts) {
        at->conflicts--;
        return HL_ERR_CONFLICT;
    }
    at->commits++;
    return at->real->ops->commit(at->real, what);
}

static int no_watch(hl__store *store)
{
    (void)store;
    return -1;
}

static void drain_nothing(hl__store *store)
{
    (void)store;
}

static const char *nowhere(hl__store *store)
{
    (void)store;
    return NULL;
}

static const hl__store_ops ops = {.close = close_real,
                                  .revision = revision,
                                  .load = load,
                                  .changes = changes,
                                  .commit = commit,
                                  .watch_fd = no_watch,
                                  .watch_drain = drain_nothing,
                                  .directory = nowhere};

/* ---- a runtime on it ---- */

static stubborn store;
static hl_runtime *runtime;
static hl_event *event;

static int open_it(void **unused)
{
    hl_options options = HL_OPTIONS_INIT;
    hl__parts parts = {.store = &store.store};

    (void)unused;
    store = (stubborn){.store = {&ops}};
    options.engine = HL_ENGINE_REFERENCE;
    ok(hl__store_open("memory:", 0, 0, &store.real));
    ok(hl__runtime_new(&options, &parts, &runtime));
    event = test_event(runtime, "e");
    run(runtime, .name = "a", .event = "e");
    return 0;
}

static int close_it(void **unused)
{
    (void)unused;
    store.refuses = store.unreadable = HL_OK;
    hl_close(runtime);
    return 0;
}

/* ---- promises ---- */

static void a_lost_race_is_run_again(void **unused)
{
    (void)unused;
    store.conflicts = 5;
    ok(hl_stop(runtime, "a", 0));
    assert_string_equal(test_statuses(runtime), "a=stopped ");
    assert_string_equal(test_run_trail(event), "");
    assert_int_equal(store.conflicts, 0);
}

static void races_lost_without_end_end_with_a_status_and_change_nothing(void **unused)
{
    unsigned commits = store.commits;
    test_notices notices;
    hl_txn *txn;

    (void)unused;
    test_notices_begin(runtime, &notices);
    store.conflicts = UINT32_MAX;
    refused(test_register(runtime, &(test_plugin){.name = "b", .event = "e"}, HL_START), HL_ERR_CONFLICT, "store");
    ok(hl_txn_begin(runtime, &txn));
    ok(hl_txn_stop(txn, "a", 0));
    refused(hl_txn_commit(txn, 0), HL_ERR_CONFLICT, "store");
    assert_int_equal(store.commits, commits);
    assert_string_equal(test_statuses(runtime), "a=started ");
    assert_string_equal(test_run_trail(event), "a,");
    assert_string_equal(test_notices_take(&notices), "register_error e\n");
    test_notices_end(&notices);
    store.conflicts = 0;
    ok(hl_stop(runtime, "a", 0));
}

static void a_commit_that_fails_leaves_the_old_code_in_its_chain(void **unused)
{
    (void)unused;
    store.refuses = HL_ERR_STORE;
    refused(test_register(runtime, &(test_plugin){.name = "a", .event = "e", .extra = "new", .call = test_do_nothing},
                          0),
            HL_ERR_STORE, "store");
    assert_string_equal(test_run_trail(event), "a,");
    refused(hl_unregister(runtime, "a", 0), HL_ERR_STORE, "store");
    assert_string_equal(test_run_trail(event), "a,");
    assert_string_equal(test_statuses(runtime), "a=started ");
}

static void a_definition_that_cannot_be_stored_is_not_made(void **unused)
{
    static const hl_contract contract = {sizeof(hl_contract), "int", sizeof(int), NULL, 0, NULL, 0};
    hl_event_spec spec = HL_EVENT_INIT("e");
    hl_event *defined = NULL;

    (void)unused;
    spec.contract = &contract;
    store.refuses = HL_ERR_STORE_FULL;
    refused(hl_event_define(runtime, &spec, &defined), HL_ERR_STORE_FULL, "store");
    assert_null(defined);
    store.refuses = HL_OK;
    ok(hl_event_define(runtime, &spec, &defined));
    assert_ptr_equal(defined, event);
}

static void a_store_that_cannot_be_read_refuses_verbs_and_answers_with_what_was_known(void **unused)
{
    unsigned tries = store.tries;

    (void)unused;
    store.unreadable = HL_ERR_STORE_CORRUPT;
    refused(hl_stop(runtime, "a", 0), HL_ERR_STORE_CORRUPT, "store");
    assert_string_equal(test_statuses(runtime), "a=started ");
    assert_string_equal(test_run_trail(event), "a,");
    assert_int_equal(store.tries, tries);
    store.unreadable = HL_OK;
    ok(hl_stop(runtime, "a", 0));
}

static void what_changes_nothing_is_never_sent_to_the_store(void **unused)
{
    unsigned tries = store.tries;

    (void)unused;
    run(runtime, .name = "a", .event = "e");
    ok(hl_start(runtime, "a", 0));
    ok(hl_start_all(runtime, 0));
    assert_int_equal(store.tries, tries);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_lost_race_is_run_again),
        CASE(races_lost_without_end_end_with_a_status_and_change_nothing),
        CASE(a_commit_that_fails_leaves_the_old_code_in_its_chain),
        CASE(a_definition_that_cannot_be_stored_is_not_made),
        CASE(a_store_that_cannot_be_read_refuses_verbs_and_answers_with_what_was_known),
        CASE(what_changes_nothing_is_never_sent_to_the_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
