/* Random sequences of operations, single and in transactions, against the library and against the naive model:
 * outcomes, statuses, chains and what a dispatch calls must agree after every step. Row X-054. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/property/support/driver.h"

#define STEPS_A_SEQUENCE 25
#define SEQUENCES_A_RUNTIME 50

/* ---- sequences ---- */

static void step_single(hl_runtime *runtime, struct model *model)
{
    struct model_op op = pick_op();

    assert_int_equal(apply(runtime, &op), expected_status(model_apply(model, &op)));
}

/* A refused step is no part of the transaction; an aborted transaction never was. */
static void step_transaction(hl_runtime *runtime, struct model *model)
{
    struct model changed = *model;
    hl_txn *txn;

    assert_int_equal(hl_txn_begin(runtime, &txn), HL_OK);
    for (unsigned n = 1 + pick(5); n > 0; n--) {
        struct model_op op = pick_op_of_txn();

        assert_int_equal(add_to_txn(txn, &op), expected_status(model_apply(&changed, &op)));
    }
    if (pick(4) == 0) {
        hl_txn_abort(txn);
        return;
    }
    assert_int_equal(hl_txn_commit(txn, 0), HL_OK);
    *model = changed;
}

static void run_sequence(hl_runtime *runtime, hl_event *const *events, bool compiled)
{
    struct model model = {0};

    for (int step = 0; step < STEPS_A_SEQUENCE; step++) {
        if (pick(5) == 0)
            step_transaction(runtime, &model);
        else
            step_single(runtime, &model);
        compare(runtime, events, &model);
    }
    if (compiled) {
        assert_int_equal(hl_wait_compiled(runtime, 10000), HL_OK);
        compare(runtime, events, &model);
    }
    assert_int_equal(hl_unregister_all(runtime, 0), HL_OK);
}

static void run_sequences(unsigned count, const char *store, hl_engine engine)
{
    for (unsigned done = 0; done < count; done += SEQUENCES_A_RUNTIME) {
        hl_options options = HL_OPTIONS_INIT;
        hl_event *events[MODEL_EVENTS];
        hl_runtime *runtime;

        options.store = store;
        options.engine = engine;
        random_begin(done);
        assert_int_equal(hl_open(&options, &runtime), HL_OK);
        open_events(runtime, events);
        for (unsigned i = 0; i < SEQUENCES_A_RUNTIME && done + i < count; i++)
            run_sequence(runtime, events, engine == HL_ENGINE_COMPILED);
        hl_close(runtime);
    }
}

static void ten_thousand_random_sequences_agree_with_the_model(void **unused)
{
    (void)unused;
    run_sequences(10000, "memory:", HL_ENGINE_REFERENCE);
}

static void random_sequences_agree_with_the_model_when_chains_are_compiled(void **unused)
{
    (void)unused;
    run_sequences(300, "memory:", HL_ENGINE_COMPILED);
}

static void random_sequences_agree_with_the_model_on_disk(void **unused)
{
    char directory[] = "property-XXXXXX";
    char url[64], command[64];

    (void)unused;
    assert_non_null(mkdtemp(directory));
    snprintf(url, sizeof(url), "lmdb:%s", directory);
    run_sequences(100, url, HL_ENGINE_REFERENCE);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_random_sequences_agree_with_the_model),
        cmocka_unit_test(random_sequences_agree_with_the_model_when_chains_are_compiled),
        cmocka_unit_test(random_sequences_agree_with_the_model_on_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
