/* Random sequences of operations on the plugins of a library, which go to worker processes and come back, against the
 * library and against the naive model: after every step the records say what the model says, and a dispatch calls the
 * model's chain, each plugin where its isolation has it run. */
#include <unistd.h>

#include "tests/property/support/driver.h"
#include "tests/property/support/placed.h"

#define LIBRARY HL_TEST_PLUGINS "/placed.so"
#define SEQUENCES 150
#define STEPS_A_SEQUENCE 15
#define EVENTS 2

static const hl_field fields[] = {{"len", "int32_t", offsetof(placed, len), sizeof(int32_t)}};
static const hl_contract contract = {sizeof(hl_contract), "placed", sizeof(placed), fields, 1, NULL, 0};

/* ---- operations ---- */

/* The library's plugins, as placed.c has them. */
static struct model_op registration(int plugin, bool start, bool isolated)
{
    static const int priorities[PLACED_PLUGINS] = {50, 20, 50};
    struct model_op op = {.verb = REGISTER, .scope = ONE, .subject = plugin, .start = start};

    op.candidate.event = plugin == 2;
    op.candidate.priority = priorities[plugin];
    op.candidate.depends = plugin ? 1u << (plugin - 1) : 0;
    op.candidate.asked = isolated ? IN_WORKER : 0;
    return op;
}

static void step_register(hl_runtime *runtime, struct model *model)
{
    bool start = pick(2), isolated = pick(2);

    for (int i = 0; i < PLACED_PLUGINS; i++) {
        struct model_op op = registration(i, start, isolated);

        assert_int_equal(model_apply(model, &op), DONE);
    }
    assert_int_equal(hl_register_library(runtime, LIBRARY, (start ? HL_START : 0) | (isolated ? HL_ISOLATED : 0)),
                     HL_OK);
}

static void step_change(hl_runtime *runtime, struct model *model)
{
    static const enum model_verb verbs[] = {START, START, STOP, RESTART, ENABLE, UNREGISTER, HOLD};
    struct model_op op = {.scope = ONE, .subject = (int)pick(PLACED_PLUGINS), .verb = ISOLATE};

    if (pick(2))
        op.verb = verbs[pick(sizeof(verbs) / sizeof(verbs[0]))];
    else
        op.word = (int)pick(MODEL_ISOLATIONS);
    assert_int_equal(apply(runtime, &op), expected_status(model_apply(model, &op)));
}

/* ---- comparing ---- */

static void compare_places(hl_event *event, const struct model *model, int number)
{
    placed state = {.len = 0};
    int chain[MODEL_PLUGINS];
    int len = model_chain(model, number, chain);

    assert_int_equal(hl_call(event, &state, NULL).verdict, HL_NEXT);
    assert_int_equal(state.len, len);
    for (int i = 0; i < len; i++) {
        assert_int_equal(state.at[i].plugin, chain[i]);
        assert_int_equal(state.at[i].pid != (int32_t)getpid(), model_isolation(model, chain[i]) >= IN_WORKER);
    }
}

static void run_sequence(hl_runtime *runtime, hl_event *const *events)
{
    struct model model = {.libraries = true};

    for (int step = 0; step < STEPS_A_SEQUENCE; step++) {
        if (step == 0 || pick(4) == 0)
            step_register(runtime, &model);
        else
            step_change(runtime, &model);
        assert_true(records_agree(runtime, &model));
        for (int i = 0; i < EVENTS; i++)
            compare_places(events[i], &model, i);
    }
    assert_int_equal(hl_unregister_all(runtime, 0), HL_OK);
}

static void random_isolations_agree_with_the_model(void **unused)
{
    static const char *const names[EVENTS] = {"e0", "e1"};
    hl_options options = HL_OPTIONS_INIT;
    hl_event *events[EVENTS];
    hl_runtime *runtime;

    (void)unused;
    options.engine = HL_ENGINE_REFERENCE;
    random_begin(1);
    assert_int_equal(hl_open(&options, &runtime), HL_OK);
    for (int i = 0; i < EVENTS; i++) {
        hl_event_spec spec = HL_EVENT_INIT(names[i]);

        spec.contract = &contract;
        assert_int_equal(hl_event_define(runtime, &spec, &events[i]), HL_OK);
    }
    for (int i = 0; i < SEQUENCES; i++)
        run_sequence(runtime, events);
    hl_close(runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_isolations_agree_with_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
