/* Answers about how plugins do and what they cost: the questions "health" and "profile" of the control protocol. */
#include "observe/answers.h"

#include <stdlib.h>

#include <hookline/hookline.h>

#include "core/error.h"
#include "core/record.h"
#include "observe/values.h"

/* ---- health ------------------------------------------------------------------------------------------------------ */

static const char *probe_word(hl_probe_result result)
{
    static const char *const words[] = {"ok",         "degraded", "failed",  "timeout",
                                        "bad return", "none",     "no code", "hanging"};

    return (size_t)result < sizeof(words) / sizeof(words[0]) ? words[result] : "unknown";
}

static json_t *plugin_health_value(const hl_plugin_health *health)
{
    json_t *value = json_object();

    hl__put_text(value, "name", health->name);
    hl__put_text(value, "status", hl__status_word(health->status));
    hl__put_bool(value, "in_chain", health->in_chain);
    hl__put_bool(value, "loaded", health->loaded);
    hl__put_text(value, "probe", probe_word(health->probe));
    hl__put_text(value, "reason", health->reason);
    hl__put_count(value, "probe_ns", health->probe_ns);
    hl__put_bool(value, "healthy", health->healthy);
    hl__put_bool(value, "expected", health->expected);
    return value;
}

static bool add_event_health(const hl_event_health *health, void *user)
{
    json_t *value = json_object();
    json_t *plugins = json_array();

    hl__put_text(value, "name", health->name);
    hl__put_bool(value, "opened", health->opened);
    if (health->opened)
        hl__put_text(value, "engine", hl__engine_word(health->engine));
    hl__put_bool(value, "available", health->available);
    hl__put_bool(value, "empty", health->empty);
    hl__put_bool(value, "healthy", health->healthy);
    hl__put(value, "plugins", plugins);
    for (size_t i = 0; i < health->plugins_len; i++)
        json_array_append_new(plugins, plugin_health_value(&health->plugins[i]));
    json_array_append_new(user, value);
    return true;
}

json_t *hl__answer_health(hl_runtime *runtime, const json_t *request)
{
    const char *event = json_string_value(json_object_get(request, "event"));
    uint32_t ms = hl__wanted_ms(request);
    json_t *events = json_array();
    json_t *answer = json_object();
    hl_status status = event ? hl_health_event(runtime, event, ms, add_event_health, events)
                             : hl_health(runtime, ms, add_event_health, events);

    hl__put(answer, "events", events);
    if (status == HL_OK)
        return answer;
    json_decref(answer);
    return NULL;
}

/* ---- profile ----------------------------------------------------------------------------------------------------- */

static bool find_opened_event(hl_runtime *runtime, const json_t *request, hl__found_event *found, hl_event **event)
{
    if (!hl__find_event(runtime, request, found))
        return false;
    if (found->opened)
        return hl_event_open(runtime, found->name, event) == HL_OK;
    hl__fail(HL_ERR_NOT_FOUND, "answer", "event", "This process has not opened the event \"%s\".", found->name);
    return false;
}

static bool add_profile_row(const hl_profile_row *row, void *user)
{
    json_t *value = json_object();

    hl__put_text(value, "name", row->name);
    hl__put_count(value, "elapsed_ns", row->elapsed_ns);
    hl__put(value, "verdict", json_integer(row->verdict));
    json_array_append_new(user, value);
    return true;
}

/* A profile is a real run, so it needs a state that plugins can take: zeros, of the size that the contract gives. */
json_t *hl__answer_profile(hl_runtime *runtime, const json_t *request)
{
    hl__found_event found;
    hl_event *event;
    json_t *answer = json_object();
    json_t *rows = json_array();
    void *state = NULL;
    hl_reply reply = {NULL, 0};
    hl_status status = HL_ERR_NOT_FOUND;

    hl__put(answer, "rows", rows);
    if (!find_opened_event(runtime, request, &found, &event))
        goto out;
    if (found.state_size == 0) {
        status = hl__fail(HL_ERR_UNSUPPORTED, "profile", "event",
                          "The event \"%s\" has no contract with a state size, so that no state can be made up for its "
                          "plugins. Define the event with a contract, or call hl_profile in the server.",
                          found.name);
        goto out;
    }
    state = calloc(1, found.state_size);
    status = state ? hl_profile(event, state, NULL, add_profile_row, rows, &reply) : hl__fail_memory("profile");
    hl__put(answer, "verdict", json_integer(reply.verdict));
out:
    free(state);
    json_decref(found.value);
    if (status == HL_OK)
        return answer;
    json_decref(answer);
    return NULL;
}
