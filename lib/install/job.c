/* Documents of jobs; see job.h. */
#include "install/job.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "install/app.h"
#include "install/json_text.h"
#include "install/url.h"

#define ACTION "queue"

/* ---- words ------------------------------------------------------------------------------------------------------- */

static const char *const states[] = {"", "waiting", "running", "done", "failed"};

static hl_job_state state_of_word(const char *word)
{
    for (int i = HL_JOB_WAITING; word && i <= HL_JOB_FAILED; i++) {
        if (strcmp(states[i], word) == 0)
            return (hl_job_state)i;
    }
    return (hl_job_state)0;
}

static void key_of(uint64_t number, char out[HL__DOCUMENT_KEY_MAX + 1])
{
    snprintf(out, HL__DOCUMENT_KEY_MAX + 1, HL__JOB_KEY "%020" PRIu64, number);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void put_wish(json_t *object, const char *key, const char *text)
{
    if (text)
        hl__json_put_text(object, key, text);
}

char *hl__job_shown(const hl__job *job)
{
    return job->spec.type == HL_SOURCE_URL ? hl__url_shown(job->spec.location) : strdup(job->spec.location);
}

static void put_location(json_t *object, const hl__job *job)
{
    char *shown = hl__job_has_ended(job) ? hl__job_shown(job) : NULL;

    hl__json_put_text(object, "location", hl__job_has_ended(job) ? shown : job->spec.location);
    free(shown);
}

static json_t *encode_spec(const hl__job *job)
{
    const hl_install_spec *spec = &job->spec;
    json_t *value = json_object();

    hl__json_put_text(value, "type", hl__source_word(spec->type));
    put_location(value, job);
    put_wish(value, "tag", spec->tag);
    put_wish(value, "asset", spec->asset);
    put_wish(value, "app", spec->app);
    put_wish(value, "version", spec->version);
    put_wish(value, "sha256", spec->sha256);
    put_wish(value, "signature", spec->signature);
    json_object_set_new(value, "flags", json_integer(spec->flags));
    return value;
}

static hl_status encode(const hl__job *job, char **text)
{
    json_t *value = json_object();

    json_object_set_new(value, "job", json_integer((json_int_t)job->number));
    hl__json_put_text(value, "state", states[job->state]);
    json_object_set_new(value, "spec", encode_spec(job));
    json_object_set_new(value, "asked_at", json_integer(job->asked_at));
    json_object_set_new(value, "attempts", json_integer(job->attempts));
    hl__json_put_text(value, "app", job->app);
    hl__json_put_text(value, "version", job->version);
    hl__json_put_text(value, "message", job->message);
    json_object_set_new(value, "status", json_integer(job->status));
    *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(value);
    return *text ? HL_OK : hl__fail_memory(ACTION);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool take_text(const json_t *object, const char *key, char **out)
{
    const char *text = json_string_value(json_object_get(object, key));

    *out = text ? strdup(text) : NULL;
    return *out != NULL;
}

static bool take_wish(const json_t *object, const char *key, const char **out)
{
    const char *text = json_string_value(json_object_get(object, key));

    *out = text ? strdup(text) : NULL;
    return !text || *out;
}

static bool take_spec(const json_t *object, hl_install_spec *out)
{
    const char *type = json_string_value(json_object_get(object, "type"));

    *out = (hl_install_spec)HL_INSTALL_INIT(hl__source_of_word(type), NULL);
    out->flags = (unsigned)json_integer_value(json_object_get(object, "flags"));
    return out->type && take_wish(object, "location", &out->location) && out->location &&
           take_wish(object, "tag", &out->tag) && take_wish(object, "asset", &out->asset) &&
           take_wish(object, "app", &out->app) && take_wish(object, "version", &out->version) &&
           take_wish(object, "sha256", &out->sha256) && take_wish(object, "signature", &out->signature);
}

static bool take_job(const json_t *value, hl__job *out)
{
    const json_t *number = json_object_get(value, "job");

    out->number = (uint64_t)json_integer_value(number);
    out->state = state_of_word(json_string_value(json_object_get(value, "state")));
    out->asked_at = json_integer_value(json_object_get(value, "asked_at"));
    out->attempts = json_integer_value(json_object_get(value, "attempts"));
    out->status = (hl_status)json_integer_value(json_object_get(value, "status"));
    return json_integer_value(number) > 0 && out->state && take_text(value, "app", &out->app) &&
           take_text(value, "version", &out->version) && take_text(value, "message", &out->message) &&
           take_spec(json_object_get(value, "spec"), &out->spec);
}

hl_status hl__job_decode(const char *text, hl__job *out)
{
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool taken;

    memset(out, 0, sizeof(*out));
    taken = value && take_job(value, out);
    json_decref(value);
    if (taken)
        return HL_OK;
    return hl__fail(HL_ERR_STORE_CORRUPT, ACTION, "job", "The document of a job cannot be understood.");
}

hl_status hl__job_put(hl__documents *documents, const hl__job *job)
{
    char key[HL__DOCUMENT_KEY_MAX + 1], *text = NULL;
    hl_status status = encode(job, &text);

    key_of(job->number, key);
    if (status == HL_OK)
        status = hl__documents_put(documents, key, text);
    free(text);
    return status;
}

static void free_text(const char *text)
{
    free((char *)(uintptr_t)text);
}

void hl__job_cleanup(hl__job *job)
{
    free_text(job->spec.location);
    free_text(job->spec.tag);
    free_text(job->spec.asset);
    free_text(job->spec.app);
    free_text(job->spec.version);
    free_text(job->spec.sha256);
    free_text(job->spec.signature);
    free(job->app);
    free(job->version);
    free(job->message);
    memset(job, 0, sizeof(*job));
}
