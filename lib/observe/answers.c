/* Answers to the questions of the control protocol, made with public calls and those for prepared libraries only. See
 * answers.h; the requests are listed in hookline/control.h.
 *
 * A function that answers returns a new JSON object, or NULL with the thread's error set, which becomes the answer's
 * "error". JSON values that could not be made (no memory) are NULL, which jansson's setters take and refuse: the one
 * check is at the end, when the text is written. */
#define _GNU_SOURCE
#include "observe/answers.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <hookline/hookline.h>

#include "core/error.h"
#include "core/extension.h"
#include "core/record.h"
#include "observe/frame.h"
#include "observe/prepared.h"
#include "observe/supervise.h"
#include "observe/values.h"

#define ACTION "answer"
#define SETTLE_MS_MAX 60000
#define SETTLE_SLICE_MS 50

/* ---- words ----------------------------------------------------------------------------------------------------- */

static const char *engine_word(hl_engine engine)
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

static void add_line(const char *line, void *user)
{
    json_array_append_new(user, hl__text_value(line));
}

/* ---- the request ----------------------------------------------------------------------------------------------- */

static const char *wanted_event(const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "event"));

    if (!name)
        hl__fail(HL_ERR_INVALID, ACTION, "event", "The request names no event.");
    return name;
}

static uint32_t wanted_ms(const json_t *request, uint32_t most)
{
    json_int_t ms = json_integer_value(json_object_get(request, "timeout_ms"));

    return ms <= 0 ? 0 : ms > (json_int_t)most ? most : (uint32_t)ms;
}

/* ---- events and plugins ---------------------------------------------------------------------------------------- */

static json_t *event_value(const hl_event_info *info)
{
    json_t *value = json_object();

    hl__put_text(value, "name", info->name);
    hl__put_bool(value, "opened", info->opened);
    hl__put_count(value, "plugins", info->plugins_len);
    hl__put_count(value, "active", info->active_len);
    if (info->opened) {
        hl__put_text(value, "engine", engine_word(info->engine));
        hl__put_count(value, "generation", info->generation);
    }
    return value;
}

static bool add_event(const hl_event_info *info, void *user)
{
    json_array_append_new(user, event_value(info));
    return true;
}

typedef struct search {
    const char *name;
    json_t *value;
    bool opened;
    uint64_t state_size;
} search;

static bool match_event(const hl_event_info *info, void *user)
{
    search *found = user;

    if (strcmp(info->name, found->name) != 0)
        return true;
    found->value = event_value(info);
    found->opened = info->opened;
    found->state_size = info->contract ? info->contract->state_size : 0;
    return false;
}

/* Looks for the request's event without making it; found->value is owned by the caller. */
static bool find_event(hl_runtime *runtime, const json_t *request, search *found)
{
    memset(found, 0, sizeof(*found));
    found->name = wanted_event(request);
    if (!found->name || hl_events(runtime, match_event, found) != HL_OK)
        return false;
    if (!found->value)
        hl__fail(HL_ERR_NOT_FOUND, ACTION, "event", "This process knows no event \"%s\".", found->name);
    return found->value != NULL;
}

static bool find_opened_event(hl_runtime *runtime, const json_t *request, search *found, hl_event **event)
{
    if (!find_event(runtime, request, found))
        return false;
    if (found->opened)
        return hl_event_open(runtime, found->name, event) == HL_OK;
    hl__fail(HL_ERR_NOT_FOUND, ACTION, "event", "This process has not opened the event \"%s\".", found->name);
    return false;
}

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
    hl__put_text(value, "engine", engine_word(held->engine));
    hl__put_count(value, "held_ns", held->held_ns);
    hl__put_count(value, "threads", held->threads_len);
    json_array_append_new(user, value);
    return true;
}

/* ---- status, show, explain, dump ------------------------------------------------------------------------------- */

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

static json_t *answer_status(hl_runtime *runtime, const json_t *request)
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

static json_t *answer_show(hl_runtime *runtime, const json_t *request)
{
    search found;
    hl_event *event = NULL;
    hl_plugin_filter filter = HL_PLUGIN_FILTER_INIT;
    json_t *answer, *chain, *plugins, *held;
    hl_status status = HL_OK;

    if (!find_event(runtime, request, &found))
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

static json_t *answer_explain(hl_runtime *runtime, const json_t *request)
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

static json_t *answer_dump(hl_runtime *runtime, const json_t *request)
{
    const char *event = wanted_event(request);
    hl_dump_stage stage = wanted_stage(request);
    json_t *lines;

    if (!event || !stage)
        return NULL;
    lines = json_array();
    return lines_answer(lines, hl_dump(runtime, event, stage, add_line, lines));
}

/* ---- health and profile ---------------------------------------------------------------------------------------- */

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
        hl__put_text(value, "engine", engine_word(health->engine));
    hl__put_bool(value, "available", health->available);
    hl__put_bool(value, "empty", health->empty);
    hl__put_bool(value, "healthy", health->healthy);
    hl__put(value, "plugins", plugins);
    for (size_t i = 0; i < health->plugins_len; i++)
        json_array_append_new(plugins, plugin_health_value(&health->plugins[i]));
    json_array_append_new(user, value);
    return true;
}

static json_t *answer_health(hl_runtime *runtime, const json_t *request)
{
    const char *event = json_string_value(json_object_get(request, "event"));
    uint32_t ms = wanted_ms(request, SETTLE_MS_MAX);
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
static json_t *answer_profile(hl_runtime *runtime, const json_t *request)
{
    search found;
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

/* ---- settle: waiting until a change has arrived here and is compiled --------------------------------------------- */

/* Whether this process has seen a plugin at a revision; revision 0: that it is gone. */
static hl_status has_arrived(hl_runtime *runtime, const json_t *plugin, bool *arrived)
{
    const char *name = json_string_value(json_object_get(plugin, "name"));
    uint64_t revision = (uint64_t)json_integer_value(json_object_get(plugin, "revision"));
    hl_plugin_info info;
    hl_status status;

    if (!name)
        return hl__fail(HL_ERR_INVALID, ACTION, "plugins", "A plugin in the request has no name.");
    status = hl_plugin_get(runtime, name, &info);
    *arrived = status == HL_OK ? revision && info.revision >= revision : status == HL_ERR_NOT_FOUND && !revision;
    hl_plugin_info_cleanup(&info);
    return status == HL_ERR_NOT_FOUND ? HL_OK : status;
}

static hl_status wait_arrived(hl_runtime *runtime, const json_t *plugins, uint64_t deadline_ns)
{
    struct timespec pause = {0, 1000000};

    for (size_t i = 0; i < json_array_size(plugins);) {
        bool arrived = false;
        hl_status status = has_arrived(runtime, json_array_get(plugins, i), &arrived);

        if (status != HL_OK)
            return status;
        if (arrived) {
            i++;
            continue;
        }
        if (hl__deadline_ms(deadline_ns) == 0)
            return hl__fail(HL_ERR_TIMEOUT, "settle", "plugins", "The change has not arrived in this process in time.");
        nanosleep(&pause, NULL);
    }
    return HL_OK;
}

/* In slices, so that a runtime that closes meanwhile is noticed. */
static hl_status wait_compiled(hl_runtime *runtime, uint64_t deadline_ns)
{
    hl_status status;
    int ms;

    do {
        ms = hl__deadline_ms(deadline_ns);
        status = hl_wait_compiled(runtime, ms > SETTLE_SLICE_MS ? SETTLE_SLICE_MS : ms > 0 ? (uint32_t)ms : 1);
    } while (status == HL_ERR_TIMEOUT && ms > 0);
    return status;
}

static json_t *answer_settle(hl_runtime *runtime, const json_t *request)
{
    uint64_t deadline_ns = hl__deadline_in(wanted_ms(request, SETTLE_MS_MAX));
    hl_status status = wait_arrived(runtime, json_object_get(request, "plugins"), deadline_ns);

    if (status == HL_OK)
        status = wait_compiled(runtime, deadline_ns);
    return status == HL_OK ? json_pack("{s:b}", "settled", 1) : NULL;
}

/* ---- prepare, release, libraries: the code of an app is about to change -------------------------------------------- */

static bool read_row(const json_t *library, hl__prepared *row)
{
    const char *path = json_string_value(json_object_get(library, "replaces_path"));
    const char *stamp = json_string_value(json_object_get(library, "replaces_stamp"));

    row->path = json_string_value(json_object_get(library, "path"));
    row->stamp = json_string_value(json_object_get(library, "stamp"));
    row->replaces_path = path && stamp ? path : "";
    row->replaces_stamp = path && stamp ? stamp : "";
    return row->path && row->stamp;
}

/* The request's libraries, whose strings live as long as the request. */
static hl__prepared *read_rows(const json_t *request, size_t *len)
{
    const json_t *libraries = json_object_get(request, "libraries");
    hl__prepared *rows;

    *len = json_array_size(libraries);
    rows = calloc(*len ? *len : 1, sizeof(*rows));
    if (!rows)
        hl__fail_memory(ACTION);
    for (size_t i = 0; rows && i < *len; i++) {
        if (!read_row(json_array_get(libraries, i), &rows[i])) {
            hl__fail(HL_ERR_INVALID, ACTION, "libraries", "A library in the request has no path or no stamp.");
            free(rows);
            rows = NULL;
        }
    }
    return rows;
}

/* The process that asks takes part by itself. */
static bool is_excepted(const json_t *request)
{
    return json_integer_value(json_object_get(request, "except_pid")) == (json_int_t)getpid();
}

static json_t *answer_prepare(hl_runtime *runtime, const json_t *request)
{
    size_t len;
    hl__prepared *rows;
    hl_status status;

    if (is_excepted(request))
        return json_pack("{s:b}", "prepared", 0);
    rows = read_rows(request, &len);
    status = rows ? hl__prepare(runtime, rows, len) : HL_ERR_INVALID;
    free(rows);
    return status == HL_OK ? json_pack("{s:b}", "prepared", 1) : NULL;
}

/* Whether a record asks for the library and has not got it yet. Asking sees the newest commits. */
static bool is_awaited(const hl_plugin_info *info, void *row)
{
    hl__prepared *wanted = row;

    if (info->loaded || !wanted->path || strcmp(info->library, wanted->path) != 0)
        return true;
    wanted->path = NULL;
    return false;
}

/* The commit may have been made this very moment: its records get the prepared code before it is let go of, else the
 * library would be unmapped and mapped anew, without the state that was carried over. */
static void bind_awaited(hl_runtime *runtime, const hl__prepared *row)
{
    hl__prepared wanted = *row;

    if (hl_plugins(runtime, NULL, is_awaited, &wanted) != HL_OK || wanted.path)
        return;
    if (hl__load_library(runtime, row->path, row->stamp) != HL_OK)
        hl__log(runtime, HL_LOG_ERROR, "library", "%s: %s", row->path, hl_last_error()->message);
}

static json_t *answer_release(hl_runtime *runtime, const json_t *request)
{
    size_t len;
    hl__prepared *rows;

    if (is_excepted(request))
        return json_pack("{s:b}", "released", 0);
    rows = read_rows(request, &len);
    if (!rows)
        return NULL;
    for (size_t i = 0; i < len; i++)
        bind_awaited(runtime, &rows[i]);
    hl__prepare_release(runtime, rows, len);
    free(rows);
    return json_pack("{s:b}", "released", 1);
}

static void add_library(void *user, const char *path, const char *stamp)
{
    json_t *value = json_object();

    hl__put_text(value, "path", path);
    hl__put_text(value, "stamp", stamp);
    json_array_append_new(user, value);
}

static json_t *answer_libraries(hl_runtime *runtime, const json_t *request)
{
    json_t *libraries = json_array();
    json_t *answer = json_object();

    (void)request;
    hl__put(answer, "libraries", libraries);
    hl__libraries_mapped(runtime, add_library, libraries);
    return answer;
}

/* ---- from request to answer ------------------------------------------------------------------------------------ */

static const hl__question own_questions[] = {
    {"status", answer_status},   {"show", answer_show},
    {"explain", answer_explain}, {"dump", answer_dump},
    {"health", answer_health},   {"profile", answer_profile},
    {"settle", answer_settle},   {"prepare", answer_prepare},
    {"release", answer_release}, {"libraries", answer_libraries},
    {"top", hl__answer_top},     {"crashes", hl__answer_crashes},
    {"watch", hl__answer_watch}, {NULL, NULL},
};

static const hl__question *find_question(const hl__question *questions, const char *ask)
{
    for (; questions && questions->ask; questions++)
        if (strcmp(questions->ask, ask) == 0)
            return questions;
    return NULL;
}

static json_t *answer_request(hl_runtime *runtime, const json_t *request)
{
    const char *asked = json_string_value(json_object_get(request, "ask"));
    const char *ask = asked ? asked : "";
    const hl__extension *extension = hl__extension_get();
    const hl__question *question = find_question(own_questions, ask);

    if (!question && extension)
        question = find_question(extension->questions, ask);
    if (question)
        return question->answer(runtime, request);
    hl__fail(HL_ERR_UNSUPPORTED, ACTION, "ask", "This server does not know the question \"%.64s\".", ask);
    return NULL;
}

static json_t *error_value(void)
{
    const hl_error *error = hl_last_error();
    json_t *inner = json_object();
    json_t *answer = json_object();

    hl__put_text(inner, "status", hl_status_name(error->status));
    hl__put_text(inner, "action", error->action);
    hl__put_text(inner, "field", error->field);
    hl__put_text(inner, "message", error->message);
    hl__put(answer, "error", inner);
    return answer;
}

static char *finish(json_t *answer)
{
    char *written;

    hl__put(answer, "pid", json_integer(getpid()));
    hl__put_text(answer, "program", program_invocation_short_name);
    written = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    return written;
}

char *hl__control_answer(hl_runtime *runtime, const char *request_text, size_t len)
{
    json_error_t problem;
    json_t *request = json_loadb(request_text, len, JSON_REJECT_DUPLICATES, &problem);
    json_t *answer = NULL;
    char *written;

    if (json_is_object(request))
        answer = answer_request(runtime, request);
    else
        hl__fail(HL_ERR_INVALID, ACTION, "request", "The request is not a JSON object.");
    written = finish(answer ? answer : error_value());
    if (written && strlen(written) > HL__FRAME_ANSWER_MAX) {
        free(written);
        hl__fail(HL_ERR_LIMIT, ACTION, "", "The answer is larger than 16 MiB; ask for one event.");
        written = finish(error_value());
    }
    json_decref(request);
    return written;
}
