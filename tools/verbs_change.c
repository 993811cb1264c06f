/* The verbs that change the registry: register, start, stop, restart, enable, unregister. Each tells what it changed,
 * plugins that were held or released with it included. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "servers.h"
#include "verbs.h"

#define DYING_MS 1000
#define SETTLE_MS 45000 /* longer than the compiler tries before it gives a chain up */

/* When the change was asked of the library, and when the library said that it is stored: CLOCK_MONOTONIC, which all
 * processes of a machine share, so that a server's own times can be held against them. */
struct moments {
    uint64_t asked_ns, stored_ns;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- what changed ---------------------------------------------------------------------------------------------- */

static bool add_state(const hl_plugin_info *info, void *states)
{
    json_object_set_new(states, info->name,
                        json_pack("{s:o, s:s, s:I}", "event", tool_text(info->event), "status",
                                  tool_status_word(info->status), "revision", (json_int_t)info->revision));
    return true;
}

/* Every plugin's status by name; NULL with the error told. */
static json_t *take_states(struct context *context)
{
    json_t *states = json_object();

    if (hl_plugins(context->runtime, NULL, add_state, states) == HL_OK)
        return states;
    json_decref(states);
    tool_fail(context);
    return NULL;
}

static json_t *status_value(const json_t *state)
{
    return state ? json_incref(json_object_get(state, "status")) : json_null();
}

static void add_change(json_t *changes, const char *name, const json_t *before, const json_t *after)
{
    json_array_append_new(changes, json_pack("{s:s, s:s, s:o, s:o, s:I}", "name", name, "event",
                                             value_text(after ? after : before, "event"), "before",
                                             status_value(before), "after", status_value(after), "revision",
                                             (json_int_t)(after ? value_count(after, "revision") : 0)));
}

static json_t *compare_states(json_t *before, json_t *after)
{
    json_t *changes = json_array();
    const char *name;
    json_t *state;

    json_object_foreach (after, name, state) {
        const json_t *old = json_object_get(before, name);

        if (!old || value_count(old, "revision") != value_count(state, "revision"))
            add_change(changes, name, old, state);
    }
    json_object_foreach (before, name, state) {
        if (!json_object_get(after, name))
            add_change(changes, name, state, NULL);
    }
    return changes;
}

static const char *word_of(const json_t *change, const char *key)
{
    const char *word = json_string_value(json_object_get(change, key));

    return word ? word : "-";
}

static void print_changes(const struct context *context, const json_t *changes)
{
    static const char *const titles[] = {"PLUGIN", "EVENT", "BEFORE", "NOW"};
    struct table *table = tool_table_new(4, titles);
    size_t i;
    json_t *change;

    json_array_foreach (changes, i, change) {
        tool_table_row(table);
        tool_table_cell(table, "%s", value_text(change, "name"));
        tool_table_cell(table, "%s", value_text(change, "event"));
        tool_table_cell(table, "%s", word_of(change, "before"));
        tool_table_cell(table, "%s", word_of(change, "after"));
    }
    tool_table_print(table, context, "Nothing changed.");
}

/* ---- --wait ---------------------------------------------------------------------------------------------------- */

/* Servers see commits in their order, so that the newest change stands for all of them. */
static json_t *newest_change(const json_t *changes)
{
    json_t *newest = json_array_get(changes, 0);
    json_t *array = json_array();
    size_t i;
    json_t *change;

    json_array_foreach (changes, i, change) {
        if (value_count(change, "revision") > value_count(newest, "revision"))
            newest = change;
    }
    if (newest)
        json_array_append_new(array, json_pack("{s:s, s:I}", "name", value_text(newest, "name"), "revision",
                                               (json_int_t)value_count(newest, "revision")));
    return array;
}

/* Nobody waits for a server that is no more. One that ends closes its end of the talk a moment before it is gone. */
static bool has_ended(const json_t *answer)
{
    int dying_ms = servers_status(answer) == HL_ERR_TIMEOUT ? 0 : DYING_MS;
    struct pollfd wait = {-1, POLLIN, 0};
    bool ended;

    if (!value_bool(answer, "silent"))
        return false;
    wait.fd = (int)syscall(SYS_pidfd_open, (pid_t)value_count(answer, "pid"), 0);
    if (wait.fd < 0)
        return errno == ESRCH;
    ended = poll(&wait, 1, dying_ms) > 0;
    close(wait.fd);
    return ended;
}

int change_settle(struct context *context, const json_t *changes, json_t *settled)
{
    json_t *answers, *answer;
    uint32_t ms;
    size_t i;
    int code = servers_timeout(context, SETTLE_MS, &ms);

    if (code == TOOL_DONE)
        code = servers_ask(context,
                           json_pack("{s:s, s:o, s:i}", "ask", "settle", "plugins", newest_change(changes),
                                     "timeout_ms", (int)ms),
                           &answers);
    if (code != TOOL_DONE)
        return code;
    json_array_foreach (answers, i, answer) {
        if (has_ended(answer))
            continue;
        if (servers_error(answer))
            code = tool_error(context, TOOL_REFUSED, HL_ERR_TIMEOUT, "wait",
                              "The change is stored, but server %llu is not ready with it: %s",
                              (unsigned long long)value_count(answer, "pid"), servers_error(answer));
        else
            json_array_append_new(settled, json_integer((json_int_t)value_count(answer, "pid")));
    }
    if (json_array_size(answers) == 0)
        tool_note(context, "hookline: no server is running on this store, so there was none to wait for");
    json_decref(answers);
    return code;
}

/* ---- telling --------------------------------------------------------------------------------------------------- */

static int tell_changes(struct context *context, json_t *before, const struct moments *at)
{
    json_t *after = take_states(context);
    json_t *settled = json_array();
    json_t *changes = NULL;
    int code = after ? TOOL_DONE : TOOL_REFUSED;

    if (code == TOOL_DONE)
        changes = compare_states(before, after);
    if (code == TOOL_DONE && context->option[OPTION_WAIT])
        code = change_settle(context, changes, settled);
    if (code == TOOL_DONE && context->json)
        code = tool_print_json(json_pack("{s:O, s:O, s:I, s:I}", "changed", changes, "settled", settled, "asked_ns",
                                         (json_int_t)at->asked_ns, "stored_ns", (json_int_t)at->stored_ns),
                               code);
    else if (code == TOOL_DONE)
        print_changes(context, changes);
    json_decref(settled);
    json_decref(changes);
    json_decref(after);
    return code;
}

/* ---- register -------------------------------------------------------------------------------------------------- */

int verb_register(struct context *context, int argc, char **argv)
{
    unsigned flags = context->option[OPTION_START] ? HL_START : 0;
    struct moments at;
    json_t *before;
    uint32_t ms;
    int code = servers_timeout(context, SETTLE_MS, &ms);

    if (code == TOOL_DONE)
        code = tool_open(context, TOOL_CREATE);
    if (code != TOOL_DONE)
        return code;
    before = take_states(context);
    if (!before)
        return TOOL_REFUSED;
    at.asked_ns = now_ns();
    for (int i = 0; code == TOOL_DONE && i < argc; i++) {
        if (hl_register_library(context->runtime, argv[i], flags) == HL_OK)
            continue;
        code = tool_fail(context);
        if (i > 0)
            tool_note(context, "  What stands before %s on the command line is registered.", argv[i]);
    }
    at.stored_ns = now_ns();
    if (code == TOOL_DONE)
        code = tell_changes(context, before, &at);
    json_decref(before);
    return code;
}

/* ---- the lifecycle verbs --------------------------------------------------------------------------------------- */

struct change {
    hl_status (*one)(hl_runtime *runtime, const char *name, unsigned flags);
    hl_status (*step)(hl_txn *txn, const char *name, unsigned flags);
    hl_status (*event)(hl_runtime *runtime, const char *event, unsigned flags);
    hl_status (*all)(hl_runtime *runtime, unsigned flags);
};

static int change_name(struct context *context, const struct change *change, const char *name)
{
    return change->one(context->runtime, name, 0) == HL_OK ? TOOL_DONE : tool_fail_about(context, name, NULL);
}

/* All names as one transaction. */
static int change_names(struct context *context, const struct change *change, int argc, char **argv)
{
    hl_txn *txn;

    if (hl_txn_begin(context->runtime, &txn) != HL_OK)
        return tool_fail(context);
    for (int i = 0; i < argc; i++) {
        int code;

        if (change->step(txn, argv[i], 0) == HL_OK)
            continue;
        code = tool_fail_about(context, argv[i], NULL);
        hl_txn_abort(txn);
        return code;
    }
    return hl_txn_commit(txn, 0) == HL_OK ? TOOL_DONE : tool_fail(context);
}

static int run_change(struct context *context, const struct change *change, int argc, char **argv)
{
    const char *event = context->option[OPTION_EVENT];

    if (context->option[OPTION_ALL])
        return change->all(context->runtime, 0) == HL_OK ? TOOL_DONE : tool_fail(context);
    if (!event && argc == 1)
        return change_name(context, change, argv[0]);
    if (!event)
        return change_names(context, change, argc, argv);
    return change->event(context->runtime, event, 0) == HL_OK ? TOOL_DONE : tool_fail_about(context, NULL, event);
}

static int check_target(struct context *context, int argc)
{
    int targets = (argc > 0) + (context->option[OPTION_EVENT] != NULL) + (context->option[OPTION_ALL] != NULL);

    if (targets == 1)
        return TOOL_DONE;
    return targets == 0 ? tool_usage(context, "name the plugins, or give --event EVENT or --all")
                        : tool_usage(context, "names, --event and --all exclude each other");
}

static int change_plugins(struct context *context, const struct change *change, int argc, char **argv)
{
    struct moments at;
    json_t *before;
    uint32_t ms;
    int code = check_target(context, argc);

    if (code == TOOL_DONE)
        code = servers_timeout(context, SETTLE_MS, &ms);
    if (code == TOOL_DONE)
        code = tool_open(context, TOOL_WRITE);
    if (code != TOOL_DONE)
        return code;
    before = take_states(context);
    if (!before)
        return TOOL_REFUSED;
    at.asked_ns = now_ns();
    code = run_change(context, change, argc, argv);
    at.stored_ns = now_ns();
    if (code == TOOL_DONE)
        code = tell_changes(context, before, &at);
    json_decref(before);
    return code;
}

int verb_start(struct context *context, int argc, char **argv)
{
    static const struct change change = {hl_start, hl_txn_start, hl_start_event, hl_start_all};

    return change_plugins(context, &change, argc, argv);
}

int verb_stop(struct context *context, int argc, char **argv)
{
    static const struct change change = {hl_stop, hl_txn_stop, hl_stop_event, hl_stop_all};

    return change_plugins(context, &change, argc, argv);
}

int verb_restart(struct context *context, int argc, char **argv)
{
    static const struct change change = {hl_restart, hl_txn_restart, hl_restart_event, hl_restart_all};

    return change_plugins(context, &change, argc, argv);
}

int verb_enable(struct context *context, int argc, char **argv)
{
    static const struct change change = {hl_enable, hl_txn_enable, NULL, NULL};

    return change_plugins(context, &change, argc, argv);
}

int verb_unregister(struct context *context, int argc, char **argv)
{
    static const struct change change = {hl_unregister, hl_txn_unregister, hl_unregister_event, hl_unregister_all};

    return change_plugins(context, &change, argc, argv);
}
