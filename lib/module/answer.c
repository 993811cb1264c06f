/* What a server answers about modules: "module", which loads, reloads or releases a key, and "modules", which lists what is
 * loaded. On a thread of the control socket. JSON values that could not be made (no memory) are NULL, which jansson's setters
 * take and refuse. */
#include "module/answer.h"

#include <jansson.h>
#include <string.h>

#include <hookline/modules.h>

#include "core/error.h"
#include "module/loaded.h"

#define ACTION "answer"

/* ---- module: a key is loaded, reloaded or released --------------------------------------------------------------- */

static const struct verb {
    const char *word;
    hl_status (*run)(hl_runtime *runtime, const hl_key *key);
} verbs[] = {
    {"load", hl_module_load},
    {"reload", hl_module_reload},
    {"release", hl_module_release},
};

static const struct verb *wanted_verb(const json_t *request)
{
    const char *word = json_string_value(json_object_get(request, "do"));

    for (size_t i = 0; word && i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(verbs[i].word, word) == 0)
            return &verbs[i];
    hl__fail(HL_ERR_INVALID, ACTION, "do", "The request's \"do\" must be load, reload or release.");
    return NULL;
}

static bool read_key(const json_t *request, hl_key *out)
{
    const char *text = json_string_value(json_object_get(request, "key"));

    return hl_key_parse(text ? text : "", out) == HL_OK;
}

static json_t *answer_module(hl_runtime *runtime, const json_t *request)
{
    const struct verb *verb = wanted_verb(request);
    int32_t pid = 0;
    hl_key key;

    if (!verb || !read_key(request, &key) || verb->run(runtime, &key) != HL_OK)
        return NULL;
    if (hl_module_worker_pid(runtime, &key, &pid) != HL_OK)
        pid = 0; /* it was released, or its worker has died since */
    return json_pack("{s:i}", "worker", (int)pid);
}

/* ---- modules: what is loaded -------------------------------------------------------------------------------------- */

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
