/* Seeing inside: dumps of an event's way to code, generations that are still held, counters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/grow.h"
#include "core/runtime.h"
#include "core/text.h"
#include "core/thread.h"
#include "core/validate.h"

/* ---- dumps ---- */

static void dump_plan(hl__text *text, const struct hl__event *event)
{
    const hl__plan *plan = event->plan;

    hl__text_add(text, "event \"%s\" generation %llu %s", event->name, (unsigned long long)plan->generation,
                 plan->available ? "available" : "unavailable");
    for (size_t i = 0; i < plan->len; i++)
        hl__text_add(text, "%zu %s priority %d call %p self %p%s", i, plan->rows[i].record->name,
                     plan->rows[i].record->priority, (void *)(uintptr_t)plan->steps[i].call, plan->steps[i].self,
                     plan->steps[i].call == hl__watched_call ? " watched" : "");
    for (size_t i = 0; i < plan->missing_len; i++)
        hl__text_add(text, "missing %s: %s", plan->missing[i].record->name, plan->missing[i].reason);
    for (size_t i = 0; i < plan->left_out_len; i++)
        hl__text_add(text, "left out %s: %s", plan->left_out[i].record->name, plan->left_out[i].reason);
}

static void dump_steps(hl__text *text, const struct hl__event *event)
{
    const hl__plan *plan = event->plan;

    hl__text_add(text, "chain %s#%llu steps %zu", event->name, (unsigned long long)plan->generation, plan->len);
    for (size_t i = 0; i < plan->len; i++)
        hl__text_add(text, "%zu call %s self %p; stop unless next", i, plan->rows[i].record->name, plan->steps[i].self);
    hl__text_add(text, "reply");
}

static hl_status dump_code(hl__text *text, const struct hl__event *event)
{
    const hl__plan *plan = event->plan;
    const unsigned char *bytes = (const unsigned char *)(uintptr_t)plan->code_entry;

    if (!plan->code)
        return hl__fail(HL_ERR_COMPILE, "dump", "event", "Event \"%s\" runs under the reference engine: %s.",
                        event->name, event->compile_reason ? event->compile_reason : "it has no compiled code");
    hl__text_add(text, "address %p bytes %zu", (const void *)bytes, plan->code_bytes);
    for (size_t at = 0; at < plan->code_bytes; at += 16) {
        char line[64];
        size_t used = 0;

        for (size_t i = at; i < at + 16 && i < plan->code_bytes; i++)
            used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%02x", i > at ? " " : "", bytes[i]);
        hl__text_add(text, "%s", line);
    }
    return HL_OK;
}

static hl_status dump_locked(hl_runtime *runtime, const char *name, hl_dump_stage stage, hl__text *text)
{
    const struct hl__event *event = hl__event_find(runtime, name);

    if (!event)
        return hl__fail(HL_ERR_NOT_FOUND, "dump", "event", "Event \"%s\" is not open in this process.", name);
    if (stage == HL_DUMP_CODE)
        return dump_code(text, event);
    if (stage == HL_DUMP_PLAN)
        dump_plan(text, event);
    else
        dump_steps(text, event);
    return HL_OK;
}

hl_status hl_dump(hl_runtime *runtime, const char *event, hl_dump_stage stage, hl_line_fn *line, void *user)
{
    hl_status status = hl__check_name("dump", "event", event);
    hl__text text = {0};

    if (status == HL_OK && (stage < HL_DUMP_PLAN || stage > HL_DUMP_CODE || !line))
        status = hl__fail(HL_ERR_INVALID, "dump", line ? "stage" : "line",
                          line ? "There is no such stage." : "The callback is NULL.");
    if (status == HL_OK)
        status = hl__lock(runtime, "dump");
    if (status != HL_OK)
        return status;
    status = dump_locked(runtime, event, stage, &text);
    hl__unlock(runtime);
    return hl__text_give(&text, status, "dump", line, user);
}

/* ---- held generations ---- */

typedef struct held_rows {
    const char *event; /* NULL: all */
    hl_held *rows;     /* event names are copies */
    size_t len, room;
    bool failed;
} held_rows;

static void add_held(const hl__retired *retired, void *user)
{
    held_rows *to = user;
    char *name;

    if (!retired->event || (to->event && strcmp(to->event, retired->event) != 0))
        return;
    name = hl__grow(&to->rows, to->len, &to->room, sizeof(*to->rows)) ? strdup(retired->event) : NULL;
    if (!name) {
        to->failed = true;
        return;
    }
    to->rows[to->len++] = (hl_held){.size = sizeof(hl_held),
                                    .event = name,
                                    .generation = retired->generation,
                                    .engine = retired->engine,
                                    .held_ns = hl__now_ns() - retired->retired_ns,
                                    .threads_len = hl__threads_inside(retired->chain) +
                                                   (retired->code ? hl__threads_inside(retired->code) : 0)};
}

hl_status hl_held_generations(hl_runtime *runtime, const char *event, bool (*callback)(const hl_held *, void *user),
                              void *user)
{
    held_rows found = {.event = event};
    hl_status status = HL_OK;

    if (!callback)
        status = hl__fail(HL_ERR_INVALID, "held_generations", "callback", "The callback is NULL.");
    if (status == HL_OK)
        status = hl__lock(runtime, "held_generations");
    if (status != HL_OK)
        return status;
    hl__unlock(runtime);
    hl__retired_walk(runtime, add_held, &found);
    if (found.failed)
        status = hl__fail_memory("held_generations");
    for (size_t i = 0; status == HL_OK && i < found.len; i++) {
        if (!callback(&found.rows[i], user))
            break;
    }
    for (size_t i = 0; i < found.len; i++)
        free((char *)(uintptr_t)found.rows[i].event);
    free(found.rows);
    return status;
}

/* ---- counters ---- */

hl_status hl_counters_get(hl_runtime *runtime, hl_counters *out)
{
    struct hl__event *event, *next;
    hl_counters counters;
    hl_status status;
    size_t size;

    if (!out)
        return hl__fail(HL_ERR_INVALID, "counters", "out", "The place for the counters is NULL.");
    size = out->size;
    if (size < 2 * sizeof(uint64_t) || size > sizeof(counters) + 4096)
        return hl__fail(HL_ERR_STRUCT_SIZE, "counters", "out", "Set out->size to sizeof(hl_counters) first.");
    status = hl__lock(runtime, "counters");
    if (status != HL_OK)
        return status;
    counters = runtime->counters;
    counters.reclaimed = __atomic_load_n(&runtime->reclaimed, __ATOMIC_RELAXED);
    HASH_ITER (hh, runtime->events, event, next) {
        counters.failures += __atomic_load_n(&event->failures, __ATOMIC_RELAXED);
    }
    if (runtime->parts.compiler)
        counters.helper_starts = runtime->parts.compiler->ops->helper_starts(runtime->parts.compiler);
    hl__unlock(runtime);
    memcpy(out, &counters, size < sizeof(counters) ? size : sizeof(counters));
    out->size = size;
    return HL_OK;
}
