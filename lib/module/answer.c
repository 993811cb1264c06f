/* What a server answers about modules: "module", which loads, reloads or releases a key or calls a function, and
 * "modules", which lists what is loaded. On a thread of the control socket. JSON values that could not be made (no
 * memory) are NULL, which jansson's setters take and refuse. */
#include "module/answer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hookline/modules.h>

#include "core/error.h"
#include "module/loaded.h"

#define ACTION "answer"

#define TIMEOUT_MS_MAX 3600000

/* ---- calling ----------------------------------------------------------------------------------------------------- */

static uint32_t wanted_ms(const json_t *request)
{
    json_int_t ms = json_integer_value(json_object_get(request, "timeout_ms"));

    return ms <= 0 ? 0 : ms > TIMEOUT_MS_MAX ? TIMEOUT_MS_MAX : (uint32_t)ms;
}

static json_t *result_value(const hl_value *result)
{
    char *text = NULL;
    json_t *value = NULL;

    if (hl_value_to_json(result, &text) == HL_OK)
        value = json_pack("{s:s}", "result", text);
    free(text);
    return value;
}

/* Arguments and result are JSON texts in strings: they stay what they are, whatever JSON's readers on the way can
 * hold. */
static json_t *execute(hl_runtime *runtime, const hl_key *key, const json_t *request)
{
    const char *args_text = json_string_value(json_object_get(request, "args"));
    const char *function = json_string_value(json_object_get(request, "function"));
    hl_value *args = NULL, *result = NULL;
    json_t *answer = NULL;
    hl_status status = args_text ? hl_value_from_json(args_text, &args) : HL_OK;

    if (status == HL_OK)
        status = hl_module_execute(runtime, key, function, args, wanted_ms(request), &result);
    if (status == HL_OK)
        answer = result_value(result);
    hl_value_free(args);
    hl_value_free(result);
    return answer;
}

/* ---- module: what a key's workers are to do ---------------------------------------------------------------------- */

static const struct verb {
    const char *word;
    hl_status (*run)(hl_runtime *runtime, const hl_key *key); /* NULL: execute, which has more to read and to answer */
} verbs[] = {
    {"load", hl_module_load},
    {"reload", hl_module_reload},
    {"release", hl_module_release},
    {"execute", NULL},
};

static const struct verb *wanted_verb(const json_t *request)
{
    const char *word = json_string_value(json_object_get(request, "do"));

    for (size_t i = 0; word && i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(verbs[i].word, word) == 0)
            return &verbs[i];
    hl__fail(HL_ERR_INVALID, ACTION, "do", "The request's \"do\" must be load, reload, release or execute.");
    return NULL;
}

static bool read_key(const json_t *request, hl_key *out)
{
    const char *text = json_string_value(json_object_get(request, "key"));

    return hl_key_parse(text ? text : "", out) == HL_OK;
}

static json_t *change(hl_runtime *runtime, const hl_key *key, const struct verb *verb)
{
    int32_t pid = 0;

    if (verb->run(runtime, key) != HL_OK)
        return NULL;
    if (hl_module_worker_pid(runtime, key, &pid) != HL_OK)
        pid = 0; /* it was released, or its worker has died since */
    return json_pack("{s:i}", "worker", (int)pid);
}

static bool is_meant(const json_t *request)
{
    const json_t *pid = json_object_get(request, "in");

    return !pid || json_integer_value(pid) == (json_int_t)getpid();
}

static json_t *answer_module(hl_runtime *runtime, const json_t *request)
{
    const struct verb *verb;
    hl_key key;

    if (!is_meant(request))
        return json_pack("{s:b}", "meant", 0);
    verb = wanted_verb(request);
    if (!verb || !read_key(request, &key))
        return NULL;
    return verb->run ? change(runtime, &key, verb) : execute(runtime, &key, request);
}

/* ---- modules: what is loaded ------------------------------------------------------------------------------------- */

static void add_loaded(void *user, const hl__loaded *loaded)
{
    char key[HL_KEY_TEXT];
    uint32_t holders = __atomic_load_n(&loaded->hold->holders, __ATOMIC_ACQUIRE) +
                       __atomic_load_n(&loaded->hold->kept, __ATOMIC_ACQUIRE);

    hl_key_format(&loaded->key, key);
    json_array_append_new(user, json_pack("{s:s, s:s, s:i, s:I, s:I}", "key", key, "module", loaded->document.module,
                                          "worker", (int)hl__pool_pid(loaded->pool), "calls",
                                          (json_int_t)hl__pool_calls(loaded->pool), "holders", (json_int_t)holders));
}

static json_t *answer_modules(hl_runtime *runtime, const json_t *request)
{
    hl__module_room *room = hl__module_room_of(runtime);
    json_t *modules = json_array();

    (void)request;
    if (room)
        hl__loaded_each(room, add_loaded, modules);
    return json_pack("{s:o}", "modules", modules);
}

const hl__question hl__module_questions[] = {
    {"module", answer_module},
    {"modules", answer_modules},
    {NULL, NULL},
};
