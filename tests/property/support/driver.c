/* The library's side of the property tests. */
#include "tests/property/support/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/verbs.h"

#define HOLD_REASON "it crashed too often"

static const char *const plugin_names[MODEL_PLUGINS] = {"p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"};
static const char *const optional_names[MODEL_PLUGINS] = {"?p0", "?p1", "?p2", "?p3", "?p4",
                                                          "?p5", "?p6", "?p7", "?p8"};
static const char *const event_names[MODEL_EVENTS] = {"e0", "e1", "e2"};

/* What a dispatch called, in order. */
struct trace {
    int called[MODEL_PLUGINS];
    int len;
};

static int numbers[MODEL_PLUGINS] = {0, 1, 2, 3, 4, 5, 6, 7, 8};

static hl_reply note_call(void *self, void *state, const void *meta)
{
    struct trace *trace = state;

    (void)meta;
    trace->called[trace->len++] = *(int *)self;
    return hl_next(state);
}

/* ---- random operations ---- */

static uint64_t random_state;

void random_begin(uint64_t seed)
{
    random_state = UINT64_C(0x9e3779b97f4a7c15) * (seed + 1);
}

unsigned pick(unsigned below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % below);
}

static unsigned pick_depends(void)
{
    unsigned depends = 0;

    for (unsigned n = pick(3); n > 0; n--)
        depends |= 1u << pick(MODEL_PLUGINS);
    return depends;
}

/* One in ten: they are no part of the lifecycle, only in its way. */
static struct model_op pick_other(void)
{
    struct model_op op = {.scope = ONE, .subject = (int)pick(MODEL_PLUGINS), .verb = pick(3) ? ISOLATE : HOLD};

    if (op.verb == ISOLATE)
        op.word = (int)pick(MODEL_ISOLATIONS);
    return op;
}

struct model_op pick_op_of_txn(void)
{
    struct model_op op;

    do
        op = pick_op();
    while (op.verb == HOLD);
    return op;
}

struct model_op pick_op(void)
{
    struct model_op op = {.scope = ONE, .subject = (int)pick(MODEL_PLUGINS)};
    unsigned kind = pick(100);

    if (pick(10) == 0)
        return pick_other();
    if (kind < 40) {
        op.verb = REGISTER;
        op.start = pick(2);
        op.candidate.event = (int)pick(MODEL_EVENTS);
        op.candidate.priority = (int)pick(4) * 33;
        op.candidate.depends = pick_depends();
        op.candidate.optional = op.candidate.depends & pick(1u << MODEL_PLUGINS) & pick(1u << MODEL_PLUGINS);
        return op;
    }
    op.verb = (enum model_verb)(START + pick(5));
    if (kind >= 88 && op.verb != ENABLE) {
        op.scope = kind >= 97 ? ALL : EVENT;
        op.subject = (int)pick(MODEL_EVENTS);
    }
    return op;
}

/* ---- the library's side ---- */

static hl_plugin_spec spec_of(const struct model_op *op, const char *depends[MODEL_PLUGINS + 1])
{
    hl_plugin_spec spec = HL_PLUGIN_INIT(plugin_names[op->subject], event_names[op->candidate.event], note_call);
    int len = 0;

    for (int i = 0; i < MODEL_PLUGINS; i++) {
        if (op->candidate.depends & 1u << i)
            depends[len++] = op->candidate.optional & 1u << i ? optional_names[i] : plugin_names[i];
    }
    depends[len] = NULL;
    spec.depends = depends;
    spec.priority = op->candidate.priority;
    spec.self = &numbers[op->subject];
    return spec;
}

static const char *const words[MODEL_ISOLATIONS] = {
    "",
    "{\"mode\":\"in_process\"",
    "{\"mode\":\"in_process\",\"deadline_ms\":3600000",
    "{\"mode\":\"in_worker\"",
    "{\"mode\":\"in_worker\",\"deadline_ms\":60000,\"workers\":2,\"queue\":3",
};

/* NULL for none. */
static hl_isolation *read_word(int word)
{
    hl_isolation *isolation = NULL;
    char text[128];

    snprintf(text, sizeof(text), "%s}", words[word]);
    if (word)
        assert_int_equal(hl_isolation_parse(text, &isolation), HL_OK);
    return isolation;
}

static hl_status isolate(hl_runtime *runtime, hl_txn *txn, const struct model_op *op)
{
    hl_isolation *isolation = read_word(op->word);
    hl_status status = txn ? hl_txn_isolate(txn, plugin_names[op->subject], isolation, 0)
                           : hl_isolate(runtime, plugin_names[op->subject], isolation, 0);

    free(isolation);
    return status;
}

const char *isolation_text(const struct model *model, int plugin)
{
    static char text[160];
    int isolation = model_isolation(model, plugin);

    snprintf(text, sizeof(text), "%s%s%s", words[isolation], model->plugins[plugin].word ? ",\"by\":\"operator\"" : "",
             isolation ? "}" : "");
    return text;
}

typedef hl_status verb_fn(hl_runtime *, const char *, unsigned);
typedef hl_status all_fn(hl_runtime *, unsigned);
typedef hl_status txn_fn(hl_txn *, const char *, unsigned);
typedef hl_status txn_all_fn(hl_txn *, unsigned);

hl_status apply(hl_runtime *runtime, const struct model_op *op)
{
    static verb_fn *const one[] = {NULL, hl_start, hl_stop, hl_restart, hl_enable, hl_unregister};
    static verb_fn *const event[] = {NULL, hl_start_event, hl_stop_event, hl_restart_event, NULL, hl_unregister_event};
    static all_fn *const all[] = {NULL, hl_start_all, hl_stop_all, hl_restart_all, NULL, hl_unregister_all};
    const char *depends[MODEL_PLUGINS + 1];

    if (op->verb == REGISTER) {
        hl_plugin_spec spec = spec_of(op, depends);

        return hl_register(runtime, &spec, op->start ? HL_START : 0);
    }
    if (op->verb == ISOLATE)
        return isolate(runtime, NULL, op);
    if (op->verb == HOLD)
        return hl__hold(runtime, plugin_names[op->subject], HOLD_REASON, NULL, NULL);
    if (op->scope == ALL)
        return all[op->verb](runtime, 0);
    return op->scope == ONE ? one[op->verb](runtime, plugin_names[op->subject], 0)
                            : event[op->verb](runtime, event_names[op->subject], 0);
}

hl_status add_to_txn(hl_txn *txn, const struct model_op *op)
{
    static txn_fn *const one[] = {NULL, hl_txn_start, hl_txn_stop, hl_txn_restart, hl_txn_enable, hl_txn_unregister};
    static txn_fn *const event[] = {NULL, hl_txn_start_event,     hl_txn_stop_event, hl_txn_restart_event,
                                    NULL, hl_txn_unregister_event};
    static txn_all_fn *const all[] = {NULL, hl_txn_start_all,     hl_txn_stop_all, hl_txn_restart_all,
                                      NULL, hl_txn_unregister_all};
    const char *depends[MODEL_PLUGINS + 1];

    if (op->verb == REGISTER) {
        hl_plugin_spec spec = spec_of(op, depends);

        return hl_txn_register(txn, &spec, op->start ? HL_START : 0);
    }
    if (op->verb == ISOLATE)
        return isolate(NULL, txn, op);
    if (op->scope == ALL)
        return all[op->verb](txn, 0);
    return op->scope == ONE ? one[op->verb](txn, plugin_names[op->subject], 0)
                            : event[op->verb](txn, event_names[op->subject], 0);
}

hl_status expected_status(enum model_outcome outcome)
{
    static const hl_status statuses[] = {HL_OK,        HL_ERR_NOT_FOUND,  HL_ERR_STATUS, HL_ERR_DEPENDENCY,
                                         HL_ERR_CYCLE, HL_ERR_UNSUPPORTED};

    return statuses[outcome];
}

/* ---- comparing ---- */

static bool plugin_agrees(hl_runtime *runtime, const struct model *model, int plugin)
{
    static const hl_plugin_status statuses[] = {(hl_plugin_status)0, HL_REGISTERED, HL_STARTED,
                                                HL_RESTARTED,        HL_STOPPED,    HL_HELD};
    const struct model_plugin *expected = &model->plugins[plugin];
    hl_plugin_info info;
    hl_status status = hl_plugin_get(runtime, plugin_names[plugin], &info);
    bool agrees;

    if (expected->status == ABSENT)
        agrees = status == HL_ERR_NOT_FOUND;
    else
        agrees = status == HL_OK && info.status == statuses[expected->status] &&
                 strcmp(info.event, event_names[expected->event]) == 0 && info.priority == expected->priority &&
                 info.depends_len == (size_t)__builtin_popcount(expected->depends) &&
                 strcmp(info.isolation, isolation_text(model, plugin)) == 0 &&
                 strcmp(info.hold, expected->crashed ? HOLD_REASON : "") == 0;
    hl_plugin_info_cleanup(&info);
    return agrees;
}

bool records_agree(hl_runtime *runtime, const struct model *model)
{
    for (int i = 0; i < MODEL_PLUGINS; i++) {
        if (!plugin_agrees(runtime, model, i))
            return false;
    }
    return true;
}

void open_events(hl_runtime *runtime, hl_event *events[MODEL_EVENTS])
{
    for (int i = 0; i < MODEL_EVENTS; i++)
        assert_int_equal(hl_event_open(runtime, event_names[i], &events[i]), HL_OK);
}

static void compare_dispatch(hl_event *event, const struct model *model, int number)
{
    struct trace trace = {.len = 0};
    int chain[MODEL_PLUGINS];
    int len = model_chain(model, number, chain);
    hl_reply reply = hl_call(event, &trace, NULL);

    assert_int_equal(reply.verdict, HL_NEXT);
    assert_ptr_equal(reply.state, &trace);
    assert_int_equal(trace.len, len);
    assert_memory_equal(trace.called, chain, (size_t)len * sizeof(chain[0]));
}

void compare(hl_runtime *runtime, hl_event *const *events, const struct model *model)
{
    assert_true(records_agree(runtime, model));
    for (int i = 0; i < MODEL_EVENTS; i++)
        compare_dispatch(events[i], model, i);
}
