/* Answers about events and their chains: the questions "status", "show", "explain" and "dump" of the control protocol,
 * and finding the event that a request names. */
#include "observe/answers.h"

#include <string.h>

#include <hookline/hookline.h>

#include "core/error.h"
#include "core/record.h"
#include "observe/values.h"

#define ACTION "answer"

/* ---- an event, as JSON ------------------------------------------------------------------------------------------- */

const char *hl__engine_word(hl_engine engine)
{
    switch (engine) {
    case HL_ENGINE_COMPILED:
        return "compiled";
    case HL_ENGINE_FUSED:
        return "fused";
    default:
        return "reference";
    }
}

static json_t *event_value(const hl_event_info *info)
{
    json_t *value = json_object();

    hl__put_text(value, "name", info->name);
    hl__put_bool(value, "opened", info->opened);
    hl__put_count(value, "plugins", info->plugins_len);
    hl__put_count(value, "active", info->active_len);
    if (info->opened) {
        hl__put_text(value, "engine", hl__engine_word(info->engine));
        hl__put_count(value, "generation", info->generation);
    }
    return value;
}

static bool add_event(const hl_event_info *info, void *user)
{
    json_array_append_new(user, event_value(info));
    return true;
}

/* ---- the event that a request names ------------------------------------------------------------------------------ */

static const char *wanted_event(const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "event"));

    if (!name)
        hl__fail(HL_ERR_INVALID, ACTION, "event", "The request names no event.");
    return name;
}

static bool match_event(const hl_event_info *info, void *user)
{
    hl__found_event *found = user;

    if (strcmp(info->name, found->name) != 0)
        return true;
    found->value = event_value(info);
    found->opened = info->opened;
    found->state_size = info->contract ? info->contract->state_size : 0;
    return false;
}

bool hl__find_event(hl_runtime *runtime, const json_t *request, hl__found_event *found)
{
    memset(found, 0, sizeof(*found));
    found->name = wanted_event(request);
    if (!found->name || hl_events(runtime, match_event, found) != HL_OK)
        return false;
    if (!found->value)
        hl__fail(HL_ERR_NOT_FOUND, ACTION, "event", "This process knows no event \"%s\".", found->name);
    return found->value != NULL;
}

/* ---- status and show --------------------------------------------------------------------------------------------- */

static bool add_plugin(const hl_plugin_info *info, void *user)
{
    json_t *value = json_object();

    hl__put_text(value, "name", info->name);
    hl__put_text(value, "status", hl__status_word(info->status));
    hl__put(value, "priority", json_integer(info->priority));
    hl__put_bool(value, "loaded", info->loaded);
    hl__put_text(value, "reason", info->reason);
    hl__put_count(value, "revision", info->revision);
    json_array_append_new(user, value);
    return true;
}

static bool add_held(const hl_held *held, void *user)
{
    json_t *value = json_object();

    hl__put_text(value, "event", held->event);
    hl__put_count(value, "generation", held->generation);
    hl__put_text(value, "engine", hl__engine_word(held->engine));
    hl__put_count(value, "held_ns", held->held_ns);
    hl__put_count(value, "threads", held->threads_len);
    json_array_append_new(user, value);
    return true;
}

static json_t *counters_value(const hl_counters *counters)
{
    json_t *value = json_object();

    hl__put_count(value, "commits", counters->commits);
    hl__put_count(value, "remote_changes", counters->remote_changes);
    hl__put_count(value, "swaps", counters->swaps);
    hl__put_count(value, "compiled", counters->compiled);
    hl__put_count(value, "compile_failures", counters->compile_failures);
    hl__put_count(value, "compile_skipped", counters->compile_skipped);
    hl__put_count(value, "helper_starts", counters->helper_starts);
    hl__put_count(value, "failures", counters->failures);
    hl__put_count(value, "retired", counters->retired);
    hl__put_count(value, "reclaimed", counters->reclaimed);
    hl__put_count(value, "code_bytes", counters->code_bytes);
    return value;
}

json_t *hl__answer_status(hl_runtime *runtime, const json_t *request)
{
    hl_counters counters = {.size = sizeof(counters)};
    json_t *events = json_array();
    json_t *held = json_array();
    json_t *answer = json_object();

    (void)request;
    hl__put(answer, "events", events);
    hl__put(answer, "held", held);
    if (hl_counters_get(runtime, &counters) != HL_OK || hl_events(runtime, add_event, events) != HL_OK ||
        hl_held_generations(runtime, NULL, add_held, held) != HL_OK) {
        json_decref(answer);
        return NULL;
    }
    hl__put(answer, "counters", counters_value(&counters));
    return answer;
}

json_t *hl__answer_show(hl_runtime *runtime, const json_t *request)
{
    hl__found_event found;
    hl_event *event = NULL;
    hl_plugin_filter filter = HL_PLUGIN_FILTER_INIT;
    json_t *answer, *chain, *plugins, *held;
    hl_status status = HL_OK;

    if (!hl__find_event(runtime, request, &found))
        return NULL;
    answer = json_object();
    hl__put(answer, "event", found.value);
    hl__put(answer, "chain", chain = json_array());
    hl__put(answer, "plugins", plugins = json_array());
    hl__put(answer, "held", held = json_array());
    filter.event = found.name;
    if (found.opened) {
        status = hl_event_open(runtime, found.name, &event);
        if (status == HL_OK)
            status = hl_chain(event, add_plugin, chain);
    }
    if (status == HL_OK)
        status = hl_plugins(runtime, &filter, add_plugin, plugins);
    if (status == HL_OK)
        status = hl_held_generations(runtime, found.name, add_held, held);
    if (status == HL_OK)
        return answer;
    json_decref(answer);
    return NULL;
}

/* ---- explain and dump -------------------------------------------------------------------------------------------- */

static void add_line(const char *line, void *user)
{
    json_array_append_new(user, hl__text_value(line));
}

static json_t *lines_answer(json_t *lines, hl_status status)
{
    json_t *answer;

    if (status != HL_OK) {
        json_decref(lines);
        return NULL;
    }
    answer = json_object();
    hl__put(answer, "lines", lines);
    return answer;
}

json_t *hl__answer_explain(hl_runtime *runtime, const json_t *request)
{
    const char *event = wanted_event(request);
    json_t *lines;

    if (!event)
        return NULL;
    lines = json_array();
    return lines_answer(lines, hl_explain(runtime, event, add_line, lines));
}

static hl_dump_stage wanted_stage(const json_t *request)
{
    const char *stage = json_string_value(json_object_get(request, "stage"));

    if (stage && strcmp(stage, "plan") == 0)
        return HL_DUMP_PLAN;
    if (stage && strcmp(stage, "steps") == 0)
        return HL_DUMP_STEPS;
    if (stage && strcmp(stage, "code") == 0)
        return HL_DUMP_CODE;
    hl__fail(HL_ERR_INVALID, ACTION, "stage", "The stage must be plan, steps or code.");
    return (hl_dump_stage)0;
}

json_t *hl__answer_dump(hl_runtime *runtime, const json_t *request)
{
    const char *event = wanted_event(request);
    hl_dump_stage stage = wanted_stage(request);
    json_t *lines;

    if (!event || !stage)
        return NULL;
    lines = json_array();
    return lines_answer(lines, hl_dump(runtime, event, stage, add_line, lines));
}
