/* The whole matrix of statuses and verbs: rows TM-01 to TM-06, for plugins whose dependencies are active and for those
 * whose are not, through single verbs, verbs for an event, for all, and transactions. Rows PD-08, OD-08, LC-01, LC-07,
 * LC-10, LC-11, LC-12, LC-13, LC-15, LC-16, LC-17, RG-13, RG-14, VD-04, TM-07, EC-01. */
#include "tests/support/support.h"

/* ---- where a plugin is ---- */

typedef enum place { ABSENT, REGISTERED, STARTED, RESTARTED, STOPPED, HELD } place;

static const char *const words[] = {"absent", "registered", "started", "restarted", "stopped", "held"};

/* Brings "p" (event "e", depends on "d") into a status with "d" active or not. Some pairs cannot be: an active
 * plugin with an inactive dependency, and a held one with an active one; the library itself does away with them.
 * Returns false then. */
static bool bring(hl_runtime *runtime, place from, bool met)
{
    bool impossible = (met && from == HELD) || (!met && (from == STARTED || from == RESTARTED));

    if (impossible)
        return false;
    run(runtime, .name = "d", .event = "other");
    if (from != ABSENT)
        add(runtime, .name = "p", .event = "e", .depends = "d");
    if (from == STARTED || from == HELD)
        ok(hl_start(runtime, "p", 0));
    if (from == RESTARTED)
        ok(hl_restart(runtime, "p", 0));
    if (from == STOPPED)
        ok(hl_stop(runtime, "p", 0));
    if (!met)
        ok(hl_stop(runtime, "d", 0));
    assert_string_equal(test_status(runtime, "p"), words[from]);
    return true;
}

/* ---- the matrix ---- */

typedef enum verb {
    REGISTER,
    REGISTER_START,
    START,
    START_EVENT,
    START_ALL,
    RESTART,
    RESTART_EVENT,
    RESTART_ALL,
    ENABLE,
    STOP,
    STOP_EVENT,
    STOP_ALL,
    UNREGISTER,
    UNREGISTER_EVENT,
    UNREGISTER_ALL,
    VERBS
} verb;

typedef struct outcome {
    hl_status status;
    place to;
} outcome;

#define GIVES(to)                                                                                                      \
    {                                                                                                                  \
        HL_OK, to                                                                                                      \
    }
#define REFUSED(status, stays)                                                                                         \
    {                                                                                                                  \
        status, stays                                                                                                  \
    }

/* A row for each verb; a column for each status, in the order of `place`. "-" columns cannot be. */
typedef struct row {
    verb verb;
    outcome met[6], unmet[6];
} row;

#define NONE REFUSED(HL_ERR_NOT_FOUND, ABSENT)
#define IMPOSSIBLE                                                                                                     \
    {                                                                                                                  \
        0, ABSENT                                                                                                      \
    }

static const row matrix[] = {
    {REGISTER,
     {GIVES(REGISTERED), GIVES(REGISTERED), GIVES(STARTED), GIVES(RESTARTED), GIVES(STOPPED), IMPOSSIBLE},
     {GIVES(HELD), GIVES(HELD), IMPOSSIBLE, IMPOSSIBLE, GIVES(STOPPED), GIVES(HELD)}},
    {REGISTER_START,
     {GIVES(STARTED), GIVES(STARTED), GIVES(STARTED), GIVES(RESTARTED), GIVES(STOPPED), IMPOSSIBLE},
     {GIVES(HELD), GIVES(HELD), IMPOSSIBLE, IMPOSSIBLE, GIVES(STOPPED), GIVES(HELD)}},
    {START,
     {NONE, GIVES(STARTED), GIVES(STARTED), GIVES(STARTED), REFUSED(HL_ERR_STATUS, STOPPED), IMPOSSIBLE},
     {NONE, REFUSED(HL_ERR_DEPENDENCY, REGISTERED), IMPOSSIBLE, IMPOSSIBLE, REFUSED(HL_ERR_STATUS, STOPPED),
      REFUSED(HL_ERR_DEPENDENCY, HELD)}},
    {START_EVENT,
     {NONE, GIVES(STARTED), GIVES(STARTED), GIVES(STARTED), GIVES(STOPPED), IMPOSSIBLE},
     {NONE, GIVES(HELD), IMPOSSIBLE, IMPOSSIBLE, GIVES(STOPPED), GIVES(HELD)}},
    {START_ALL,
     {GIVES(ABSENT), GIVES(STARTED), GIVES(STARTED), GIVES(STARTED), GIVES(STOPPED), IMPOSSIBLE},
     {GIVES(ABSENT), GIVES(HELD), IMPOSSIBLE, IMPOSSIBLE, GIVES(STOPPED), GIVES(HELD)}},
    {RESTART,
     {NONE, GIVES(RESTARTED), GIVES(RESTARTED), GIVES(RESTARTED), REFUSED(HL_ERR_STATUS, STOPPED), IMPOSSIBLE},
     {NONE, REFUSED(HL_ERR_DEPENDENCY, REGISTERED), IMPOSSIBLE, IMPOSSIBLE, REFUSED(HL_ERR_STATUS, STOPPED),
      REFUSED(HL_ERR_DEPENDENCY, HELD)}},
    {RESTART_EVENT,
     {NONE, GIVES(RESTARTED), GIVES(RESTARTED), GIVES(RESTARTED), GIVES(STOPPED), IMPOSSIBLE},
     {NONE, GIVES(REGISTERED), IMPOSSIBLE, IMPOSSIBLE, GIVES(STOPPED), GIVES(HELD)}},
    {RESTART_ALL,
     {GIVES(ABSENT), GIVES(RESTARTED), GIVES(RESTARTED), GIVES(RESTARTED), GIVES(STOPPED), IMPOSSIBLE},
     {GIVES(ABSENT), GIVES(REGISTERED), IMPOSSIBLE, IMPOSSIBLE, GIVES(STOPPED), GIVES(HELD)}},
    {ENABLE,
     {NONE, REFUSED(HL_ERR_STATUS, REGISTERED), REFUSED(HL_ERR_STATUS, STARTED), REFUSED(HL_ERR_STATUS, RESTARTED),
      GIVES(RESTARTED), IMPOSSIBLE},
     {NONE, REFUSED(HL_ERR_STATUS, REGISTERED), IMPOSSIBLE, IMPOSSIBLE, GIVES(HELD), REFUSED(HL_ERR_STATUS, HELD)}},
    {STOP,
     {NONE, GIVES(STOPPED), GIVES(STOPPED), GIVES(STOPPED), REFUSED(HL_ERR_STATUS, STOPPED), IMPOSSIBLE},
     {NONE, GIVES(STOPPED), IMPOSSIBLE, IMPOSSIBLE, REFUSED(HL_ERR_STATUS, STOPPED), GIVES(STOPPED)}},
    {STOP_EVENT,
     {NONE, GIVES(STOPPED), GIVES(STOPPED), GIVES(STOPPED), GIVES(STOPPED), IMPOSSIBLE},
     {NONE, GIVES(STOPPED), IMPOSSIBLE, IMPOSSIBLE, GIVES(STOPPED), GIVES(STOPPED)}},
    {STOP_ALL,
     {GIVES(ABSENT), GIVES(STOPPED), GIVES(STOPPED), GIVES(STOPPED), GIVES(STOPPED), IMPOSSIBLE},
     {GIVES(ABSENT), GIVES(STOPPED), IMPOSSIBLE, IMPOSSIBLE, GIVES(STOPPED), GIVES(STOPPED)}},
    {UNREGISTER,
     {NONE, GIVES(ABSENT), GIVES(ABSENT), GIVES(ABSENT), GIVES(ABSENT), IMPOSSIBLE},
     {NONE, GIVES(ABSENT), IMPOSSIBLE, IMPOSSIBLE, GIVES(ABSENT), GIVES(ABSENT)}},
    {UNREGISTER_EVENT,
     {NONE, GIVES(ABSENT), GIVES(ABSENT), GIVES(ABSENT), GIVES(ABSENT), IMPOSSIBLE},
     {NONE, GIVES(ABSENT), IMPOSSIBLE, IMPOSSIBLE, GIVES(ABSENT), GIVES(ABSENT)}},
    {UNREGISTER_ALL,
     {GIVES(ABSENT), GIVES(ABSENT), GIVES(ABSENT), GIVES(ABSENT), GIVES(ABSENT), IMPOSSIBLE},
     {GIVES(ABSENT), GIVES(ABSENT), IMPOSSIBLE, IMPOSSIBLE, GIVES(ABSENT), GIVES(ABSENT)}},
};

/* ---- doing it ---- */

static const test_plugin subject = {.name = "p", .event = "e", .depends = "d"};

static hl_status do_directly(hl_runtime *runtime, verb what)
{
    switch (what) {
    case REGISTER:
        return test_register(runtime, &subject, 0);
    case REGISTER_START:
        return test_register(runtime, &subject, HL_START);
    case START:
        return hl_start(runtime, "p", 0);
    case START_EVENT:
        return hl_start_event(runtime, "e", 0);
    case START_ALL:
        return hl_start_all(runtime, 0);
    case RESTART:
        return hl_restart(runtime, "p", 0);
    case RESTART_EVENT:
        return hl_restart_event(runtime, "e", 0);
    case RESTART_ALL:
        return hl_restart_all(runtime, 0);
    case ENABLE:
        return hl_enable(runtime, "p", 0);
    case STOP:
        return hl_stop(runtime, "p", 0);
    case STOP_EVENT:
        return hl_stop_event(runtime, "e", 0);
    case STOP_ALL:
        return hl_stop_all(runtime, 0);
    case UNREGISTER:
        return hl_unregister(runtime, "p", 0);
    case UNREGISTER_EVENT:
        return hl_unregister_event(runtime, "e", 0);
    default:
        return hl_unregister_all(runtime, 0);
    }
}

static hl_status add_step(hl_txn *txn, verb what)
{
    switch (what) {
    case REGISTER:
        return test_txn_register(txn, &subject, 0);
    case REGISTER_START:
        return test_txn_register(txn, &subject, HL_START);
    case START:
        return hl_txn_start(txn, "p", 0);
    case START_EVENT:
        return hl_txn_start_event(txn, "e", 0);
    case RESTART:
        return hl_txn_restart(txn, "p", 0);
    case RESTART_EVENT:
        return hl_txn_restart_event(txn, "e", 0);
    case ENABLE:
        return hl_txn_enable(txn, "p", 0);
    case STOP:
        return hl_txn_stop(txn, "p", 0);
    case STOP_EVENT:
        return hl_txn_stop_event(txn, "e", 0);
    case UNREGISTER:
        return hl_txn_unregister(txn, "p", 0);
    default:
        return hl_txn_unregister_event(txn, "e", 0);
    }
}

static bool is_for_all(verb what)
{
    return what == START_ALL || what == RESTART_ALL || what == STOP_ALL || what == UNREGISTER_ALL;
}

static hl_status do_in_transaction(hl_runtime *runtime, verb what)
{
    hl_status status;
    hl_txn *txn;

    ok(hl_txn_begin(runtime, &txn));
    status = add_step(txn, what);
    if (status == HL_OK)
        return hl_txn_commit(txn, 0);
    hl_txn_abort(txn);
    return status;
}

/* Whether the chain agrees with the status, and a refusal wrote nothing. */
static void expect_outcome(hl_runtime *runtime, hl_event *event, const outcome *wanted, hl_status status,
                           uint64_t commits)
{
    bool runs = wanted->to == STARTED || wanted->to == RESTARTED;

    assert_int_equal(status, wanted->status);
    assert_string_equal(test_status(runtime, "p"), words[wanted->to]);
    assert_string_equal(test_run_trail(event), runs ? "p," : "");
    if (status != HL_OK) {
        assert_int_equal(hl_last_error()->status, status);
        assert_int_equal(test_counters(runtime).commits, commits);
    }
}

static void check(const row *of, place from, bool met, hl_status (*how)(hl_runtime *, verb))
{
    hl_runtime *runtime = test_open("memory:", 0);
    hl_event *event = test_event(runtime, "e");

    if (bring(runtime, from, met)) {
        uint64_t commits = test_counters(runtime).commits;
        hl_status status = how(runtime, of->verb);

        if (status != (met ? of->met : of->unmet)[from].status)
            print_error("verb %d from %s with the dependency %s\n", (int)of->verb, words[from], met ? "active" : "not");
        expect_outcome(runtime, event, &(met ? of->met : of->unmet)[from], status, commits);
    }
    hl_close(runtime);
}

static void check_matrix(hl_status (*how)(hl_runtime *, verb), bool with_all)
{
    assert_int_equal(sizeof(matrix) / sizeof(matrix[0]), VERBS);
    for (size_t i = 0; i < VERBS; i++) {
        assert_int_equal(matrix[i].verb, i);
        for (place from = ABSENT; from <= HELD && (with_all || !is_for_all(matrix[i].verb)); from++) {
            check(&matrix[i], from, true, how);
            check(&matrix[i], from, false, how);
        }
    }
}

static void every_verb_does_to_every_status_what_the_matrix_says(void **unused)
{
    (void)unused;
    check_matrix(do_directly, true);
}

static void so_does_every_verb_as_a_transaction(void **unused)
{
    (void)unused;
    check_matrix(do_in_transaction, false);
}

/* ---- what a dependency's change does ---- */

static void expect_after_dependency(place from, const char *when_lost, const char *when_back)
{
    hl_runtime *runtime = test_open("memory:", 0);

    if (bring(runtime, from, true)) {
        ok(hl_stop(runtime, "d", 0));
        assert_string_equal(test_status(runtime, "p"), when_lost);
        ok(hl_enable(runtime, "d", 0));
        assert_string_equal(test_status(runtime, "p"), when_back);
        ok(hl_unregister(runtime, "d", 0));
        assert_string_equal(test_status(runtime, "p"), when_lost);
        run(runtime, .name = "d", .event = "other");
        assert_string_equal(test_status(runtime, "p"), when_back);
    }
    hl_close(runtime);
}

/* A hold that is released ends as restarted, as the row of held says. */
static void a_dependency_that_goes_and_comes_holds_and_releases(void **unused)
{
    (void)unused;
    expect_after_dependency(REGISTERED, "registered", "registered");
    expect_after_dependency(STARTED, "held", "restarted");
    expect_after_dependency(RESTARTED, "held", "restarted");
    expect_after_dependency(STOPPED, "stopped", "stopped");
}

static void a_registered_but_never_started_dependency_does_not_count_as_active(void **unused)
{
    hl_runtime *runtime = test_open("memory:", 0);

    (void)unused;
    add(runtime, .name = "d", .event = "other");
    add(runtime, .name = "p", .event = "e", .depends = "d");
    assert_string_equal(test_status(runtime, "p"), "held");
    ok(hl_start(runtime, "d", 0));
    assert_string_equal(test_status(runtime, "p"), "restarted");
    hl_close(runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_does_to_every_status_what_the_matrix_says),
        cmocka_unit_test(so_does_every_verb_as_a_transaction),
        cmocka_unit_test(a_dependency_that_goes_and_comes_holds_and_releases),
        cmocka_unit_test(a_registered_but_never_started_dependency_does_not_count_as_active),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
