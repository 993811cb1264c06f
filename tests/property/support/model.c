/* The naive model. Slow on purpose: no index, no worklist, no sort, only the rules. */
#include "tests/property/support/model.h"

static bool active(const struct model *model, int plugin)
{
    return model->plugins[plugin].status == STARTED || model->plugins[plugin].status == RESTARTED;
}

static bool met(const struct model *model, const struct model_plugin *plugin)
{
    for (int i = 0; i < MODEL_PLUGINS; i++) {
        if ((plugin->depends & ~plugin->optional & 1u << i) && !active(model, i))
            return false;
    }
    return true;
}

/* Holds and releases until nothing moves. */
static void settle(struct model *model)
{
    bool moved = true;

    while (moved) {
        moved = false;
        for (int i = 0; i < MODEL_PLUGINS; i++) {
            struct model_plugin *plugin = &model->plugins[i];

            if (active(model, i) && !met(model, plugin)) {
                plugin->status = HELD;
                moved = true;
            } else if (plugin->status == HELD && !plugin->crashed && met(model, plugin)) {
                plugin->status = RESTARTED;
                moved = true;
            }
        }
    }
}

/* Everything that can be reached from `depends`, by growing the set. */
static unsigned reach(const struct model *model, unsigned depends)
{
    for (int round = 0; round < MODEL_PLUGINS; round++) {
        for (int i = 0; i < MODEL_PLUGINS; i++) {
            if ((depends & 1u << i) && model->plugins[i].status != ABSENT)
                depends |= model->plugins[i].depends;
        }
    }
    return depends;
}

static enum model_outcome register_one(struct model *model, const struct model_op *op)
{
    struct model_plugin *plugin = &model->plugins[op->subject];
    const struct model_plugin old = *plugin;
    enum model_status before = old.status;
    struct model without = *model;

    without.plugins[op->subject].status = ABSENT;
    if (reach(&without, op->candidate.depends) & 1u << op->subject)
        return CYCLE;
    *plugin = op->candidate;
    plugin->word = before == ABSENT ? 0 : old.word;
    plugin->crashed = before != ABSENT && old.crashed;
    if (before == STOPPED)
        plugin->status = STOPPED;
    else if (plugin->crashed || !met(model, plugin))
        plugin->status = HELD;
    else if (before == STARTED || before == RESTARTED)
        plugin->status = before;
    else if (before == HELD)
        plugin->status = RESTARTED;
    else
        plugin->status = op->start ? STARTED : REGISTERED;
    return DONE;
}

static enum model_outcome isolate_one(const struct model *model, struct model_plugin *plugin, int word)
{
    if (word >= IN_WORKER && !model->libraries)
        return NO_WORKERS;
    plugin->word = word;
    return DONE;
}

static enum model_outcome change_one(struct model *model, const struct model_op *op)
{
    struct model_plugin *plugin = &model->plugins[op->subject];

    if (plugin->status == ABSENT)
        return NOT_FOUND;
    switch (op->verb) {
    case START:
    case RESTART:
        if (plugin->status == STOPPED)
            return WRONG_STATUS;
        if (!met(model, plugin))
            return UNMET;
        plugin->status = op->verb == START ? STARTED : RESTARTED;
        plugin->crashed = false;
        return DONE;
    case STOP:
        if (plugin->status == STOPPED)
            return WRONG_STATUS;
        plugin->status = STOPPED;
        plugin->crashed = false;
        return DONE;
    case ENABLE:
        if (plugin->status != STOPPED && !plugin->crashed)
            return WRONG_STATUS;
        plugin->status = met(model, plugin) ? RESTARTED : HELD;
        plugin->crashed = false;
        return DONE;
    case ISOLATE:
        return isolate_one(model, plugin, op->word);
    case HOLD:
        if (plugin->status == STOPPED)
            return DONE;
        plugin->status = HELD;
        plugin->crashed = true;
        return DONE;
    default:
        plugin->status = ABSENT;
        return DONE;
    }
}

static bool in_scope(const struct model *model, const struct model_op *op, int plugin)
{
    return model->plugins[plugin].status != ABSENT && (op->scope == ALL || model->plugins[plugin].event == op->subject);
}

static void change_member(struct model *model, enum model_verb verb, int plugin)
{
    struct model_plugin *member = &model->plugins[plugin];

    if (verb == UNREGISTER)
        member->status = ABSENT;
    else if (member->crashed)
        return;
    else if (verb == STOP)
        member->status = STOPPED;
    else if (member->status == STOPPED)
        return;
    else if (!met(model, member))
        member->status = verb == START ? HELD : member->status;
    else
        member->status = verb == START ? STARTED : RESTARTED;
}

/* Members whose dependencies among the members are done come first. */
static enum model_outcome change_many(struct model *model, const struct model_op *op)
{
    unsigned members = 0, done = 0;

    for (int i = 0; i < MODEL_PLUGINS; i++)
        members |= in_scope(model, op, i) ? 1u << i : 0;
    if (!members && op->scope == EVENT)
        return NOT_FOUND;
    while (done != members) {
        for (int i = 0; i < MODEL_PLUGINS; i++) {
            unsigned waits = model->plugins[i].depends & members & ~done;

            if ((members & ~done & 1u << i) && !waits) {
                change_member(model, op->verb, i);
                done |= 1u << i;
            }
        }
    }
    return DONE;
}

enum model_outcome model_apply(struct model *model, const struct model_op *op)
{
    enum model_outcome outcome;

    if (op->verb == REGISTER)
        outcome = register_one(model, op);
    else
        outcome = op->scope == ONE ? change_one(model, op) : change_many(model, op);
    if (outcome == DONE)
        settle(model);
    return outcome;
}

int model_isolation(const struct model *model, int plugin)
{
    const struct model_plugin *of = &model->plugins[plugin];

    return of->word ? of->word : of->asked;
}

/* The next one is the smallest by (priority, number) of those that wait for no other member: numbers sort like
 * names. */
int model_chain(const struct model *model, int event, int chain[MODEL_PLUGINS])
{
    unsigned members = 0, done = 0;
    int len = 0;

    for (int i = 0; i < MODEL_PLUGINS; i++)
        members |= active(model, i) && model->plugins[i].event == event ? 1u << i : 0;
    while (done != members) {
        int best = -1;

        for (int i = 0; i < MODEL_PLUGINS; i++) {
            bool ready = (members & ~done & 1u << i) && !(model->plugins[i].depends & members & ~done);

            if (ready && (best < 0 || model->plugins[i].priority < model->plugins[best].priority))
                best = i;
        }
        chain[len++] = best;
        done |= 1u << best;
    }
    return len;
}
