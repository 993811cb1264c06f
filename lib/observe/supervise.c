/* See supervise.h. */
#include "observe/supervise.h"

#include <hookline/supervise.h>

#include "core/error.h"
#include "observe/values.h"

/* ---- top ---- */

static bool add_inside(const hl_inside_info *info, void *user)
{
    json_t *value = json_object();

    hl__put(value, "tid", json_integer(info->tid));
    hl__put_text(value, "event", info->event);
    hl__put_count(value, "generation", info->generation);
    hl__put_text(value, "plugin", info->plugin);
    hl__put_count(value, "since_ns", info->since_ns);
    hl__put(value, "worker", json_integer(info->worker));
    json_array_append_new(user, value);
    return true;
}

static const char *state_word(hl_worker_state state)
{
    static const char *const words[] = {"unknown", "starting", "ready", "busy", "pausing", "failed", "stuck"};

    return (size_t)state < sizeof(words) / sizeof(words[0]) ? words[state] : words[0];
}

static bool add_worker(const hl_worker_info *info, void *user)
{
    json_t *value = json_object();

    hl__put_text(value, "name", info->name);
    hl__put_text(value, "event", info->event);
    hl__put_text(value, "version", info->version);
    hl__put_text(value, "group", info->group);
    hl__put_count(value, "number", info->number);
    hl__put(value, "pid", json_integer(info->pid));
    hl__put_text(value, "state", state_word(info->state));
    hl__put_count(value, "busy_ns", info->busy_ns);
    hl__put_count(value, "calls", info->calls);
    hl__put_count(value, "failures", info->failures);
    hl__put_count(value, "restarts", info->restarts);
    hl__put_count(value, "waiting", info->waiting);
    hl__put_bool(value, "breaker_open", info->breaker_open);
    hl__put_text(value, "sandbox", info->sandbox);
    hl__put_text(value, "lacking", info->lacking);
    hl__put_text(value, "reason", info->reason);
    json_array_append_new(user, value);
    return true;
}

json_t *hl__answer_top(hl_runtime *runtime, const json_t *request)
{
    json_t *inside = json_array(), *workers = json_array();
    json_t *answer = json_object();

    (void)request;
    hl__put(answer, "inside", inside);
    hl__put(answer, "workers", workers);
    if (hl_inside(runtime, add_inside, inside) == HL_OK && hl_workers(runtime, add_worker, workers) == HL_OK)
        return answer;
    json_decref(answer);
    return NULL;
}

/* ---- crashes ---- */

static bool add_crash(const hl_crash_info *info, void *user)
{
    json_t *value = json_object();

    hl__put_text(value, "plugin", info->plugin);
    hl__put_text(value, "version", info->version);
    hl__put_text(value, "event", info->event);
    hl__put_count(value, "generation", info->generation);
    hl__put(value, "pid", json_integer(info->pid));
    hl__put_bool(value, "in_worker", info->in_worker);
    hl__put(value, "signal", json_integer(info->signal));
    hl__put(value, "exit_status", json_integer(info->exit_status));
    hl__put_count(value, "address", info->address);
    hl__put(value, "at", json_integer((json_int_t)info->at));
    hl__put_text(value, "text", info->text);
    json_array_append_new(user, value);
    return true;
}

json_t *hl__answer_crashes(hl_runtime *runtime, const json_t *request)
{
    json_t *crashes = json_array();
    json_t *answer = json_object();

    (void)request;
    hl__put(answer, "crashes", crashes);
    if (hl_crashes(runtime, add_crash, crashes) == HL_OK)
        return answer;
    json_decref(answer);
    return NULL;
}

/* ---- watch ---- */

json_t *hl__answer_watch(hl_runtime *runtime, const json_t *request)
{
    const char *event = json_string_value(json_object_get(request, "event"));
    const json_t *on = json_object_get(request, "on");

    if (!event || !json_is_boolean(on)) {
        hl__fail(HL_ERR_INVALID, "watch", event ? "on" : "event", "The request has no %s.",
                 event ? "\"on\", true or false" : "event");
        return NULL;
    }
    if (hl_watch(runtime, event, json_is_true(on)) != HL_OK)
        return NULL;
    return json_pack("{s:b}", "watched", json_is_true(on));
}
