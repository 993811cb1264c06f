/* The changes of `hookline demo`. Each is a run of the hookline command in a process of its own, which reaches the
 * server through the store alone. */
#include <string.h>

#include "demo.h"
#include "servers.h"

static const char *const events[] = {"request", "response", "log"};

/* On a loaded machine, or a virtual one that is paused, a server may take seconds; the demo is no test of that. */
#define ASK_MS 20000

#define EVENTS_LEN (sizeof(events) / sizeof(events[0]))

struct change {
    const char *event;
    const char *verb;
    const char *subject; /* a plugin, or the file of a library */
    const char *note;    /* for the report */
};

static const struct change changes[] = {
    {"request", "register", "path-guard.so", "a library is loaded into the running server"},
    {"request", "register", "rate-limit.so", "another one, behind it by priority"},
    {"response", "register", "add-header.so", "on another event"},
    {"log", "register", "access-log.so", "and on the third"},
    {"response", "register", "caching.so", "two plugins; vary has the smaller priority, but depends on cache-control"},
    {"response", "stop", "cache-control", "vary is held: what it depends on does not run"},
    {"response", "enable", "cache-control", "and released again"},
    {"response", "register", "add-header-first.so", "a newer version with a smaller priority: the chain is re-ordered"},
    {"request", "stop", "rate-limit", "an operator's stop"},
    {"request", "enable", "rate-limit", "and its end"},
    {"log", "unregister", "access-log", "the record goes, and the code when the last call has left"},
    {"log", "register", "access-log.so", "and comes again"},
};

#define CHANGES_LEN (sizeof(changes) / sizeof(changes[0]))

/* What runs and what stops, again and again, while dispatches are timed. */
static const struct change churn[] = {
    {"response", "stop", "cache-control", ""},
    {"request", "stop", "rate-limit", ""},
    {"response", "enable", "cache-control", ""},
    {"request", "enable", "rate-limit", ""},
};

/* ---- chains ---------------------------------------------------------------------------------------------------- */

static json_t *names_of(const json_t *plugins)
{
    json_t *names = json_array();
    size_t i;
    json_t *plugin;

    json_array_foreach (plugins, i, plugin)
        json_array_append(names, json_object_get(plugin, "name"));
    return names;
}

/* Asks the one server there is. */
static bool ask(struct demo *demo, json_t *request, json_t **answer)
{
    json_t *answers = NULL;
    const char *reason = NULL;

    *answer = NULL;
    if (servers_ask_all(demo->context, request, ASK_MS, &answers) == TOOL_DONE)
        *answer = json_incref(json_array_get(answers, 0));
    json_decref(answers);
    reason = *answer ? servers_error(*answer) : "it did not answer";
    if (!reason)
        return true;
    /* The likeliest reason is that the server is gone, which says more. */
    demo_sleep(demo, demo_now_ns() + 100 * DEMO_NS_PER_MS);
    demo_fail(demo, "The server could not be asked for its chains: %s", reason);
    json_decref(*answer);
    return false;
}

static bool ask_chain(struct demo *demo, const char *event, json_t *chains)
{
    json_t *answer;

    if (!ask(demo, json_pack("{s:s, s:s}", "ask", "show", "event", event), &answer))
        return false;
    json_object_set_new(chains, event,
                        json_pack("{s:o, s:s}", "chain", names_of(json_object_get(answer, "chain")), "engine",
                                  value_text(json_object_get(answer, "event"), "engine")));
    json_decref(answer);
    return true;
}

bool demo_chains(struct demo *demo, json_t **out)
{
    json_t *chains = json_object();

    for (size_t i = 0; i < EVENTS_LEN; i++)
        if (!ask_chain(demo, events[i], chains)) {
            json_decref(chains);
            return false;
        }
    *out = chains;
    return true;
}

/* Lines of `explain` that tell of engines, for a server that runs the reference engine. */
static bool explain(struct demo *demo)
{
    json_t *answer;

    if (!ask(demo, json_pack("{s:s, s:s}", "ask", "explain", "event", "response"), &answer))
        return false;
    json_object_set(demo->report, "explain", json_object_get(answer, "lines"));
    json_decref(answer);
    return true;
}

bool demo_engine(struct demo *demo)
{
    const char *engine = "compiled";
    const char *event;
    json_t *chains, *chain;

    if (!demo_chains(demo, &chains))
        return false;
    json_object_foreach (chains, event, chain) {
        if (strcmp(value_text(chain, "engine"), "compiled") != 0)
            engine = "reference";
    }
    json_object_set_new(demo->report, "engine", json_string(engine));
    json_object_set_new(demo->report, "chains", chains);
    return strcmp(engine, "compiled") == 0 || explain(demo);
}

/* ---- making a change ------------------------------------------------------------------------------------------- */

static json_t *describe(const struct change *change, const json_t *answer, uint64_t begun_ns, uint64_t ended_ns)
{
    bool library = strcmp(change->verb, "register") == 0;
    uint64_t asked_ns = value_count(answer, "asked_ns");

    if (!asked_ns)
        asked_ns = begun_ns;
    return json_pack("{s:s+++, s:s, s:s, s:I, s:I, s:I, s:I}", "command", "hookline ", change->verb,
                     library ? " --start " : " ", change->subject, "event", change->event, "note", change->note,
                     "begun_ns", (json_int_t)begun_ns, "asked_ns", (json_int_t)asked_ns, "stored_ns",
                     (json_int_t)(value_count(answer, "stored_ns") - asked_ns), "command_ns",
                     (json_int_t)(ended_ns - begun_ns));
}

/* Runs the command, and waits with it until the server runs the change as compiled code, or never will. */
static bool make_change(struct demo *demo, const struct change *change, json_t **out)
{
    bool library = strcmp(change->verb, "register") == 0;
    char path[PATH_MAX + 64];
    const char *arguments[] = {change->verb, "--wait", library ? path : change->subject, library ? "--start" : NULL,
                               NULL};
    uint64_t begun_ns = demo_now_ns();
    json_t *answer;

    snprintf(path, sizeof(path), "%s/plugins/%s", demo->examples, change->subject);
    if (!demo_command(demo, arguments, &answer))
        return false;
    *out = describe(change, answer, begun_ns, demo_now_ns());
    json_decref(answer);
    return true;
}

static json_t *chain_of(const json_t *chains, const char *event)
{
    return json_object_get(json_object_get(chains, event), "chain");
}

static bool make_reported_change(struct demo *demo, const struct change *change, json_t **chains)
{
    json_t *made, *after;

    if (!make_change(demo, change, &made))
        return false;
    demo_say(demo, "%s", value_text(made, "command"));
    if (!demo_chains(demo, &after)) {
        json_decref(made);
        return false;
    }
    json_object_set(made, "before", chain_of(*chains, change->event));
    json_object_set(made, "after", chain_of(after, change->event));
    json_array_append_new(json_object_get(demo->report, "changes"), made);
    json_decref(*chains);
    *chains = after;
    return true;
}

bool demo_changes_run(struct demo *demo)
{
    json_t *chains;
    bool going = demo_chains(demo, &chains);

    if (!going)
        return false;
    for (size_t i = 0; going && i < CHANGES_LEN; i++)
        going = make_reported_change(demo, &changes[i], &chains);
    json_decref(chains);
    return going;
}

bool demo_changes_churn(struct demo *demo, uint64_t until_ns)
{
    json_t *made = json_array();
    bool going = true;

    json_object_set_new(demo->report, "churn", made);
    /* Whole rounds only, so that everything runs again in the end. */
    for (size_t i = 0; going && (i % 4 != 0 || demo_now_ns() < until_ns); i++) {
        json_t *change;

        going = make_change(demo, &churn[i % 4], &change);
        if (going)
            json_array_append_new(made, change);
    }
    return going;
}
