/* G5 One meaning. Every engine makes the same calls with the same arguments and gives the same reply: the engine of
 * this run against the definition, written here as the simplest loop, and against the reference engine. Rows CA-05 to
 * CA-07, CA-12 to CA-16, CA-11, CA-19, X-042. */
#include "tests/support/support.h"

#define PLUGINS_MAX 40
#define LONGEST 300

/* ---- plugins that do what they are told ---- */

typedef struct script {
    char name[24];
    int64_t verdict;
    ptrdiff_t moves;      /* added to the state pointer; FORGETS: the reply's state is NULL */
    unsigned char writes; /* into the first byte of the state, when there is one */
} script;

#define FORGETS PTRDIFF_MIN

/* What a dispatch did, call by call. */
typedef struct trace {
    size_t len;
    struct {
        const script *self;
        const void *state, *meta;
        unsigned char byte;
    } calls[LONGEST];
    hl_reply reply;
    hl_error error;
    char field[128], message[512];
    unsigned char first_byte;
} trace;

static trace *now;

static hl_reply obey(void *self, void *state, const void *meta)
{
    const script *me = self;
    size_t at = now->len++;
    hl_reply reply = {me->moves == FORGETS || !state ? NULL : (char *)state + me->moves, me->verdict};

    now->calls[at].self = me;
    now->calls[at].state = state;
    now->calls[at].meta = meta;
    now->calls[at].byte = state ? *(unsigned char *)state : 0;
    if (state)
        *(unsigned char *)state ^= me->writes;
    return reply;
}

static unsigned char buffer[256];

static void *start_of(bool with_state)
{
    memset(buffer, 7, sizeof(buffer));
    return with_state ? buffer + 128 : NULL;
}

/* ---- the definition ---- */

static hl_reply failed(void *input, hl_status status)
{
    return (hl_reply){input, status};
}

static hl_reply by_definition(const script *plan, size_t len, void *input, const void *meta)
{
    hl_reply reply = {input, HL_NEXT};

    for (size_t i = 0; i < len; i++) {
        reply = obey((void *)(uintptr_t)&plan[i], reply.state, meta);
        if (reply.verdict == HL_HALT)
            return reply;
        if (reply.verdict < 0 && reply.verdict >= INT32_MIN)
            return failed(input, (hl_status)reply.verdict);
        if (reply.verdict != HL_NEXT)
            return failed(input, HL_ERR_PLUGIN);
    }
    return reply;
}

/* ---- comparing ---- */

static void begin(trace *of)
{
    memset(of, 0, sizeof(*of));
    now = of;
}

static void end(trace *of, hl_reply reply)
{
    of->reply = reply;
    of->first_byte = buffer[128];
    if (reply.verdict < 0) {
        of->error = *hl_last_error();
        snprintf(of->field, sizeof(of->field), "%s", of->error.field);
        snprintf(of->message, sizeof(of->message), "%s", of->error.message);
    }
}

static void expect_same_calls(const trace *a, const trace *b)
{
    assert_int_equal(a->len, b->len);
    for (size_t i = 0; i < a->len; i++) {
        assert_ptr_equal(a->calls[i].self, b->calls[i].self);
        assert_ptr_equal(a->calls[i].state, b->calls[i].state);
        assert_ptr_equal(a->calls[i].meta, b->calls[i].meta);
        assert_int_equal(a->calls[i].byte, b->calls[i].byte);
    }
    assert_ptr_equal(a->reply.state, b->reply.state);
    assert_int_equal(a->reply.verdict, b->reply.verdict);
    assert_int_equal(a->first_byte, b->first_byte);
}

static void expect_same_errors(const trace *a, const trace *b)
{
    assert_int_equal(a->error.status, b->error.status);
    assert_string_equal(a->field, b->field);
    assert_string_equal(a->message, b->message);
}

/* ---- the engines ---- */

typedef struct engine {
    hl_runtime *runtime;
    hl_event *event;
} engine;

static engine reference, tested;

static engine open_engine(hl_engine which)
{
    hl_options options = HL_OPTIONS_INIT;
    engine opened;

    options.engine = which;
    ok(hl_open(&options, &opened.runtime));
    opened.event = test_event(opened.runtime, "e");
    return opened;
}

static int open_both(void **unused)
{
    (void)unused;
    reference = open_engine(HL_ENGINE_REFERENCE);
    tested = open_engine(test_engine());
    return 0;
}

static int close_both(void **unused)
{
    (void)unused;
    hl_close(reference.runtime);
    hl_close(tested.runtime);
    return 0;
}

/* One transaction replaces the last plan by this one. */
static void set_plan(const engine *of, const script *plan, size_t len)
{
    hl_txn *txn;

    ok(hl_unregister_all(of->runtime, 0));
    ok(hl_txn_begin(of->runtime, &txn));
    for (size_t i = 0; i < len; i++)
        ok(test_txn_register(txn,
                             &(test_plugin){.name = plan[i].name,
                                            .event = "e",
                                            .priority = PRIORITY((int)(i / 3)),
                                            .call = obey,
                                            .self = (void *)(uintptr_t)&plan[i]},
                             HL_START));
    ok(hl_txn_commit(txn, HL_WAIT_COMPILED));
    assert_int_equal(hl_event_engine(of->event), len && of == &tested ? test_engine() : HL_ENGINE_REFERENCE);
}

static void dispatch(const engine *of, trace *to, bool with_state, const void *meta)
{
    begin(to);
    end(to, hl_call(of->event, start_of(with_state), meta));
}

static void expect_one_meaning(const script *plan, size_t len)
{
    static trace defined, by_reference, by_tested;

    set_plan(&reference, plan, len);
    set_plan(&tested, plan, len);
    for (int with_state = 0; with_state < 2; with_state++) {
        const void *meta = with_state ? NULL : buffer;

        begin(&defined);
        end(&defined, by_definition(plan, len, start_of(with_state), meta));
        dispatch(&reference, &by_reference, with_state, meta);
        dispatch(&tested, &by_tested, with_state, meta);
        expect_same_calls(&defined, &by_reference);
        expect_same_calls(&defined, &by_tested);
        expect_same_errors(&by_reference, &by_tested);
        assert_int_equal(by_tested.error.status, by_tested.reply.verdict < 0 ? by_tested.reply.verdict : 0);
        if (by_tested.reply.verdict < 0)
            assert_string_equal(by_tested.field, plan[defined.len - 1].name);
    }
}

/* ---- plans ---- */

/* Every kind of verdict: next, halt, statuses, and numbers that are none. */
static const int64_t verdicts[] = {HL_HALT,     HL_ERR_PLUGIN,   HL_ERR_NOT_LOADED,
                                   -1,          -1000,           INT32_MIN,
                                   2,           INT64_MAX,       INT64_MIN,
                                   UINT32_MAX,  -4294967296,     4294967296,
                                   -4294967295, INT32_MAX,       HL_ERR_CLOSED,
                                   -4294967297, (int64_t)1 << 62};

static void name_all(script *plan, size_t len)
{
    for (size_t i = 0; i < len; i++)
        snprintf(plan[i].name, sizeof(plan[i].name), "p%03zu", i);
}

static void every_verdict_at_every_place_means_the_same(void **unused)
{
    (void)unused;
    for (size_t v = 0; v < sizeof(verdicts) / sizeof(verdicts[0]); v++) {
        for (size_t place = 0; place < 3; place++) {
            script plan[3] = {{"", HL_NEXT, 1, 1}, {"", HL_NEXT, 2, 2}, {"", HL_NEXT, 4, 4}};

            name_all(plan, 3);
            plan[place].verdict = verdicts[v];
            expect_one_meaning(plan, 3);
        }
    }
}

static void chains_of_every_length_mean_the_same(void **unused)
{
    script plan[PLUGINS_MAX] = {0};

    (void)unused;
    for (size_t len = 0; len <= PLUGINS_MAX; len++) {
        for (size_t i = 0; i < len; i++)
            plan[i] = (script){"", HL_NEXT, 1, (unsigned char)i};
        name_all(plan, len);
        expect_one_meaning(plan, len);
    }
}

static void a_stop_means_the_same_at_every_place_of_a_long_chain(void **unused)
{
    static const int64_t stops[] = {HL_HALT, HL_ERR_PLUGIN, 2};

    (void)unused;
    for (size_t place = 0; place < PLUGINS_MAX; place++) {
        script plan[PLUGINS_MAX] = {0};

        for (size_t i = 0; i < PLUGINS_MAX; i++)
            plan[i] = (script){"", HL_NEXT, 1, (unsigned char)i};
        name_all(plan, PLUGINS_MAX);
        plan[place].verdict = stops[place % 3];
        expect_one_meaning(plan, PLUGINS_MAX);
    }
}

/* Compiled code tells where it stopped in one byte as long as that is enough. */
static void a_stop_means_the_same_in_chains_of_more_than_a_byte_counts(void **unused)
{
    static const size_t lengths[] = {255, 256, 257, LONGEST};
    static script plan[LONGEST];

    (void)unused;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        const size_t places[] = {0, 44, lengths[i] - 2, lengths[i] - 1};

        for (size_t at = 0; at < sizeof(places) / sizeof(places[0]); at++) {
            memset(plan, 0, sizeof(plan));
            name_all(plan, lengths[i]);
            plan[places[at]].verdict = at == 1 ? HL_HALT : HL_ERR_PLUGIN;
            expect_one_meaning(plan, lengths[i]);
        }
    }
}

static script random_script(unsigned *seed)
{
    int kind = rand_r(seed) % 12;
    script made = {"", HL_NEXT, rand_r(seed) % 5 - 2, (unsigned char)rand_r(seed)};

    if (kind == 0)
        made.verdict = verdicts[(size_t)rand_r(seed) % (sizeof(verdicts) / sizeof(verdicts[0]))];
    if (kind == 1)
        made.moves = FORGETS;
    return made;
}

static void random_plans_mean_the_same(void **unused)
{
    unsigned seed = 5;

    (void)unused;
    for (int round = 0; round < 200; round++) {
        script plan[PLUGINS_MAX] = {0};
        size_t len = (size_t)rand_r(&seed) % 20;

        for (size_t i = 0; i < len; i++)
            plan[i] = random_script(&seed);
        name_all(plan, len);
        expect_one_meaning(plan, len);
    }
}

/* ---- around a chain: rollback, the input given back, private data ---- */

typedef struct numbers {
    int values[4];
} numbers;

static const hl_field number_fields[] = {HL_FIELD(numbers, int[4], values)};
static const hl_contract number_contract = {sizeof(hl_contract), "numbers", sizeof(numbers), number_fields, 1, NULL, 0};

static void *add_private(void *result, const void *private_data)
{
    ((numbers *)result)->values[3] += *(const int *)private_data;
    return result;
}

static hl_reply add_one(void *self, void *state, const void *meta)
{
    numbers *at = state;
    const int64_t *verdict = self;

    (void)meta;
    at->values[0]++;
    at->values[1] += 10;
    return (hl_reply){state, *verdict};
}

static hl_event *define(hl_runtime *runtime, unsigned flags)
{
    hl_event_spec spec = HL_EVENT_INIT("numbers");
    hl_event *event;

    spec.contract = &number_contract;
    spec.merge = add_private;
    spec.flags = flags;
    ok(hl_event_define(runtime, &spec, &event));
    return event;
}

/* What each kind of call makes of the numbers when the second of two plugins answers with `verdict`. */
static void describe(hl_engine which, unsigned flags, int64_t verdict, char *out, size_t len)
{
    static int64_t next = HL_NEXT;
    static const int private_data = 100;
    hl_call_options options[3] = {HL_CALL_OPTIONS_INIT, HL_CALL_OPTIONS_INIT, HL_CALL_OPTIONS_INIT};
    hl_options open_options = HL_OPTIONS_INIT;
    hl_runtime *runtime;
    hl_event *event;
    size_t used = 0;

    open_options.engine = which;
    ok(hl_open(&open_options, &runtime));
    event = define(runtime, flags);
    run(runtime, .name = "a", .event = "numbers", .call = add_one, .self = &next);
    run(runtime, .name = "b", .event = "numbers", .call = add_one, .self = &verdict);
    ok(hl_wait_compiled(runtime, 30000));
    assert_int_equal(hl_event_engine(event), which);
    options[1].private_data = &private_data;
    options[2].private_data = &private_data;
    options[2].flags = HL_CALL_RETURN_INPUT;
    for (int i = 0; i < 3; i++) {
        numbers state = {{1, 2, 3, 4}};
        hl_reply reply = hl_call_with(event, &state, &options[i]);

        used += (size_t)snprintf(out + used, len - used, "%s verdict %lld numbers %d %d %d %d\n",
                                 reply.state == &state ? "same" : "other", (long long)reply.verdict, state.values[0],
                                 state.values[1], state.values[2], state.values[3]);
    }
    hl_close(runtime);
}

static void what_surrounds_a_chain_means_the_same(void **unused)
{
    static const int64_t ends[] = {HL_NEXT, HL_HALT, HL_ERR_PLUGIN, 99};
    static const unsigned policies[] = {0, HL_EVENT_ROLLBACK, HL_EVENT_SKIP_MISSING};

    (void)unused;
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 3; j++) {
            char wanted[512], found[512];

            describe(HL_ENGINE_REFERENCE, policies[j], ends[i], wanted, sizeof(wanted));
            describe(test_engine(), policies[j], ends[i], found, sizeof(found));
            assert_string_equal(found, wanted);
        }
    }
}

static void a_failing_chain_is_counted_once_for_each_dispatch(void **unused)
{
    script plan[2] = {{"", HL_NEXT, 0, 0}, {"", HL_ERR_PLUGIN, 0, 0}};
    uint64_t before = test_counters(tested.runtime).failures;

    (void)unused;
    name_all(plan, 2);
    set_plan(&tested, plan, 2);
    for (int i = 0; i < 5; i++) {
        static trace ignored;

        dispatch(&tested, &ignored, true, NULL);
    }
    assert_int_equal(test_counters(tested.runtime).failures, before + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verdict_at_every_place_means_the_same),
        cmocka_unit_test(chains_of_every_length_mean_the_same),
        cmocka_unit_test(a_stop_means_the_same_at_every_place_of_a_long_chain),
        cmocka_unit_test(a_stop_means_the_same_in_chains_of_more_than_a_byte_counts),
        cmocka_unit_test(random_plans_mean_the_same),
        cmocka_unit_test(what_surrounds_a_chain_means_the_same),
        cmocka_unit_test(a_failing_chain_is_counted_once_for_each_dispatch),
    };

    return cmocka_run_group_tests(tests, open_both, close_both);
}
