/* Why a chain is as it is: order, absence and engine, in words; and the dependency graph. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/depends.h"
#include "core/error.h"
#include "core/isolate.h"
#include "core/order.h"
#include "core/runtime.h"
#include "core/text.h"
#include "core/validate.h"

/* ---- why one runs before another ---- */

/* The entry of `depends` that names the plugin; NULL when there is none. */
static const char *entry_for(const hl__record *record, const char *name)
{
    for (size_t i = 0; i < record->depends_len; i++) {
        if (strcmp(hl__depends_name(record->depends[i]), name) == 0)
            return record->depends[i];
    }
    return NULL;
}

static size_t place_in(const hl__plan *plan, const char *name)
{
    size_t at = 0;

    while (at < plan->len && strcmp(plan->rows[at].record->name, name) != 0)
        at++;
    return at;
}

/* The plugin's dependency in this chain that runs last; SIZE_MAX when it has none here. */
static size_t last_dependency(const hl__plan *plan, const hl__record *record)
{
    size_t last = SIZE_MAX;

    for (size_t i = 0; i < record->depends_len; i++) {
        size_t at = place_in(plan, hl__depends_name(record->depends[i]));

        if (at < plan->len && (last == SIZE_MAX || at > last))
            last = at;
    }
    return last;
}

/* The dependency of the plugin at `at` from which dependencies lead to `earlier`, as its distance from there plus one;
 * 0 when there is none. ways: the answers for the places before. */
static size_t way_from(const hl__plan *plan, size_t at, size_t earlier, const size_t *ways)
{
    const hl__record *from = plan->rows[at].record;

    for (size_t i = 0; i < from->depends_len; i++) {
        size_t next = place_in(plan, hl__depends_name(from->depends[i]));

        if (next == earlier || (next > earlier && next < at && ways[next - earlier]))
            return next - earlier + 1;
    }
    return 0;
}

/* Dependencies may lead from `later` to `earlier` over several plugins of the chain: writes that path. */
static bool path_to(const hl__plan *plan, size_t later, size_t earlier, char *path, size_t path_len)
{
    size_t *ways = calloc(later - earlier + 1, sizeof(*ways));
    bool found;

    for (size_t at = earlier + 1; ways && at <= later; at++)
        ways[at - earlier] = way_from(plan, at, earlier, ways);
    found = ways && ways[later - earlier];
    snprintf(path, path_len, "%s", plan->rows[later].record->name);
    while (found && later != earlier) {
        size_t used = strlen(path);

        later = earlier + ways[later - earlier] - 1;
        snprintf(path + used, path_len - used, " -> %s", plan->rows[later].record->name);
    }
    free(ways);
    return found;
}

static void explain_pair(hl__text *text, const hl__plan *plan, size_t earlier, size_t later)
{
    const hl__record *first = plan->rows[earlier].record, *second = plan->rows[later].record;
    hl_order_row a = {first->name, first->priority, NULL}, b = {second->name, second->priority, NULL};
    size_t waits_for = last_dependency(plan, second);
    const char *entry = entry_for(second, first->name);
    char path[512];

    if (entry)
        hl__text_add(text, "\"%s\" runs before \"%s\": \"%s\" depends on it%s", first->name, second->name, second->name,
                     hl__depends_optional(entry) ? ", optionally" : "");
    else if (path_to(plan, later, earlier, path, sizeof(path)))
        hl__text_add(text, "\"%s\" runs before \"%s\": dependencies lead there (%s)", first->name, second->name, path);
    else if (hl__order_compare(&a, &b) > 0 && waits_for != SIZE_MAX)
        hl__text_add(text, "\"%s\" runs before \"%s\": \"%s\" has to wait for \"%s\", on which it depends", first->name,
                     second->name, second->name, plan->rows[waits_for].record->name);
    else if (first->priority != second->priority)
        hl__text_add(text, "\"%s\" runs before \"%s\": priority %d comes before %d", first->name, second->name,
                     first->priority, second->priority);
    else
        hl__text_add(text, "\"%s\" runs before \"%s\": same priority %d, and its name sorts first", first->name,
                     second->name, first->priority);
}

/* With every active plugin in it, whether this process has its code or not. */
static hl__plan *plan_for_asking(hl_runtime *runtime, const char *event)
{
    size_t len;
    const hl__record *const *records = hl__registry_event(runtime->registry, event, &len);

    return hl__plan_new(records, len, NULL, 0, NULL, NULL);
}

/* ---- an event ---- */

static void explain_engine(hl_runtime *runtime, hl__text *text, const struct hl__event *event)
{
    if (!event) {
        hl__text_add(text, "This process has not opened the event.");
        return;
    }
    if (!event->plan->available)
        hl__text_add(text, "Dispatches get HL_ERR_NOT_LOADED: code is missing.");
    if (event->engine == HL_ENGINE_COMPILED)
        hl__text_add(text, "It runs as compiled code: generation %llu, %zu bytes.",
                     (unsigned long long)event->generation, event->plan->code_bytes);
    else if (event->compile_state == HL__COMPILE_FAILED)
        hl__text_add(text, "It runs under the reference engine: %s.",
                     event->compile_reason ? event->compile_reason : "compiling failed");
    else if (!hl__compile_settled(event))
        hl__text_add(text, "It runs under the reference engine: generation %llu is being compiled.",
                     (unsigned long long)event->generation);
    else if (event->plan->len == 0)
        hl__text_add(text, "There is nothing to compile: no plugin runs.");
    else if (runtime->options.engine < HL_ENGINE_COMPILED)
        hl__text_add(text, "It runs under the reference engine: hl_options.engine allows no other.");
    else
        hl__text_add(text, "It runs under the reference engine: this runtime has no compiler.");
}

static void explain_absent(hl_runtime *runtime, hl__text *text, const char *event)
{
    size_t len;
    const hl__record *const *records = hl__registry_event(runtime->registry, event, &len);

    for (size_t i = 0; i < len; i++) {
        char reason[768];

        hl__reason(runtime, records[i], reason, sizeof(reason));
        if (reason[0])
            hl__text_add(text, "\"%s\" (%s) does not run: %s", records[i]->name, hl__status_word(records[i]->status),
                         reason);
    }
}

static void explain_place(hl__text *text, size_t place, const hl__record *record)
{
    char isolation[128];

    hl__isolation_describe(record->isolation, isolation, sizeof(isolation));
    hl__text_add(text, "%zu. %s (priority %d, %s%s%s)", place, record->name, record->priority,
                 hl__status_word(record->status), isolation[0] ? "; " : "", isolation);
}

static void explain_chain(hl__text *text, const hl__plan *plan)
{
    for (size_t i = 0; i < plan->len; i++)
        explain_place(text, i + 1, plan->rows[i].record);
    for (size_t i = 0; i + 1 < plan->len; i++)
        explain_pair(text, plan, i, i + 1);
}

static hl_status explain_locked(hl_runtime *runtime, const char *event, hl__text *text)
{
    hl__plan *plan;

    if (!hl__event_known(runtime, event))
        return hl__fail(HL_ERR_NOT_FOUND, "explain", "event", "There is no event \"%s\".", event);
    plan = plan_for_asking(runtime, event);
    if (!plan)
        return hl__fail_memory("explain");
    hl__text_add(text, "Event \"%s\" has %zu plugin%s in its chain.", event, plan->len, plan->len == 1 ? "" : "s");
    explain_chain(text, plan);
    explain_absent(runtime, text, event);
    if (!(runtime->options.flags & HL_OPEN_RECORDS_ONLY))
        explain_engine(runtime, text, hl__event_find(runtime, event));
    hl__plan_unref(plan);
    return HL_OK;
}

hl_status hl_explain(hl_runtime *runtime, const char *event, hl_line_fn *line, void *user)
{
    hl_status status = hl__check_name("explain", "event", event);
    hl__text text = {0};

    if (status == HL_OK && !line)
        status = hl__fail(HL_ERR_INVALID, "explain", "line", "The callback is NULL.");
    if (status == HL_OK)
        status = hl__lock_fresh(runtime, "explain");
    if (status != HL_OK)
        return status;
    status = explain_locked(runtime, event, &text);
    hl__unlock(runtime);
    return hl__text_give(&text, status, "explain", line, user);
}

/* ---- two plugins ---- */

static hl_status explain_two(hl_runtime *runtime, const char *first, const char *second, hl__text *text)
{
    const hl__record *a = hl__registry_find(runtime->registry, first);
    const hl__record *b = hl__registry_find(runtime->registry, second);
    size_t at_a, at_b;
    hl__plan *plan;

    if (!a || !b)
        return hl__fail(HL_ERR_NOT_FOUND, "explain_order", a ? "second" : "first", "There is no plugin \"%s\".",
                        a ? second : first);
    if (strcmp(a->event, b->event) != 0) {
        hl__text_add(text, "\"%s\" is on event \"%s\" and \"%s\" on \"%s\": they have no order.", first, a->event,
                     second, b->event);
        return HL_OK;
    }
    plan = plan_for_asking(runtime, a->event);
    if (!plan)
        return hl__fail_memory("explain_order");
    at_a = place_in(plan, first);
    at_b = place_in(plan, second);
    if (at_a == plan->len || at_b == plan->len)
        hl__text_add(text, "\"%s\" is %s: only active plugins have an order.", at_a == plan->len ? first : second,
                     hl__status_word((at_a == plan->len ? a : b)->status));
    else
        explain_pair(text, plan, at_a < at_b ? at_a : at_b, at_a < at_b ? at_b : at_a);
    hl__plan_unref(plan);
    return HL_OK;
}

hl_status hl_explain_order(hl_runtime *runtime, const char *first, const char *second, hl_line_fn *line, void *user)
{
    hl_status status = hl__check_name("explain_order", "first", first);
    hl__text text = {0};

    if (status == HL_OK)
        status = hl__check_name("explain_order", "second", second);
    if (status == HL_OK && !line)
        status = hl__fail(HL_ERR_INVALID, "explain_order", "line", "The callback is NULL.");
    if (status == HL_OK)
        status = hl__lock_fresh(runtime, "explain_order");
    if (status != HL_OK)
        return status;
    status = explain_two(runtime, first, second, &text);
    hl__unlock(runtime);
    return hl__text_give(&text, status, "explain_order", line, user);
}

/* ---- the graph ---- */

static void add_quoted(char *out, size_t out_len, const char *name)
{
    size_t at = 0;

    for (; *name && at + 3 < out_len; name++) {
        if (*name == '"' || *name == '\\')
            out[at++] = '\\';
        out[at++] = *name;
    }
    out[at] = '\0';
}

static void graph_record(hl__text *text, const hl__record *record)
{
    char name[2 * HL__NAME_MAX + 4], other[2 * HL__NAME_MAX + 4], event[2 * HL__NAME_MAX + 4];

    add_quoted(name, sizeof(name), record->name);
    add_quoted(event, sizeof(event), record->event);
    hl__text_add(text, "  \"%s\" [label=\"%s\\n%s, %d, %s\"%s];", name, name, event, record->priority,
                 hl__status_word(record->status), hl__status_active(record->status) ? "" : ", style=dashed");
    for (size_t i = 0; i < record->depends_len; i++) {
        add_quoted(other, sizeof(other), hl__depends_name(record->depends[i]));
        hl__text_add(text, "  \"%s\" -> \"%s\"%s;", name, other,
                     hl__depends_optional(record->depends[i]) ? " [style=dashed]" : "");
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const hl__record *const *)a)->name, (*(const hl__record *const *)b)->name);
}

/* Marks by growing a list: the event's plugins, then what they reach. */
static size_t reach(hl_runtime *runtime, const char *event, const hl__record **out)
{
    size_t len, done = 0;
    const hl__record *const *members = hl__registry_event(runtime->registry, event, &len);

    if (len)
        memcpy(out, members, len * sizeof(*out));
    for (; done < len; done++) {
        for (size_t i = 0; i < out[done]->depends_len; i++) {
            const hl__record *next = hl__registry_find(runtime->registry, hl__depends_name(out[done]->depends[i]));
            size_t known = 0;

            while (next && known < len && out[known] != next)
                known++;
            if (next && known == len)
                out[len++] = next;
        }
    }
    return len;
}

static hl_status graph_locked(hl_runtime *runtime, const char *event, hl__text *text)
{
    size_t len = hl__registry_len(runtime->registry);
    const hl__record **records = malloc((len ? len : 1) * sizeof(*records));

    if (!records)
        return hl__fail_memory("graph");
    if (event)
        len = reach(runtime, event, records);
    else
        hl__registry_all(runtime->registry, records);
    qsort(records, len, sizeof(*records), compare_names);
    hl__text_add(text, "digraph hookline {");
    hl__text_add(text, "  rankdir=LR;");
    for (size_t i = 0; i < len; i++)
        graph_record(text, records[i]);
    hl__text_add(text, "}");
    free(records);
    return HL_OK;
}

hl_status hl_graph(hl_runtime *runtime, const char *event, hl_line_fn *line, void *user)
{
    hl_status status = event ? hl__check_name("graph", "event", event) : HL_OK;
    hl__text text = {0};

    if (status == HL_OK && !line)
        status = hl__fail(HL_ERR_INVALID, "graph", "line", "The callback is NULL.");
    if (status == HL_OK)
        status = hl__lock_fresh(runtime, "graph");
    if (status != HL_OK)
        return status;
    if (event && !hl__event_known(runtime, event))
        status = hl__fail(HL_ERR_NOT_FOUND, "graph", "event", "There is no event \"%s\".", event);
    if (status == HL_OK)
        status = graph_locked(runtime, event, &text);
    hl__unlock(runtime);
    return hl__text_give(&text, status, "graph", line, user);
}
