/* Crashes as documents: JSON, and sentences. */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crash.h"

/* ---- writing ---- */

static json_t *candidates_of(const hl__fault_row *row)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < row->candidates_len; i++)
        json_array_append_new(list, json_string(row->candidates[i]));
    return list;
}

char *hl__crash_write(const hl__fault_row *row)
{
    json_t *value =
        json_pack("{s:s, s:s, s:s, s:I, s:i, s:i, s:i, s:I, s:I, s:o}", "plugin", row->plugin, "version", row->version,
                  "event", row->event, "generation", (json_int_t)row->generation, "pid", (int)row->pid, "thread",
                  (int)row->tid, "signal", (int)row->signal, "address", (json_int_t)row->address, "at_ns",
                  (json_int_t)row->at_ns, "candidates", candidates_of(row));
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

    json_decref(value);
    return text;
}

char *hl__crash_counted(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    char *counted = json_object_set_new(value, "counted", json_true()) == 0 ? json_dumps(value, JSON_COMPACT) : NULL;

    json_decref(value);
    return counted;
}

/* ---- reading ---- */

static const char *text_of(const json_t *value, const char *key)
{
    const char *text = json_string_value(json_object_get(value, key));

    return text ? text : "";
}

static int64_t number_of(const json_t *value, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(value, key));
}

static void read_candidates(const json_t *list, hl__crash *out)
{
    size_t i;
    json_t *name;

    json_array_foreach (list, i, name) {
        if (json_is_string(name) && out->candidates_len < HL__FAULT_CANDIDATES)
            out->candidates[out->candidates_len++] = json_string_value(name);
    }
}

static void describe_place(hl__crash *crash)
{
    const hl_crash_info *info = &crash->info;
    size_t used = strlen(crash->text);
    char *to = crash->text + used;
    size_t room = sizeof(crash->text) - used;

    if (info->plugin[0])
        snprintf(to, room, " in plugin \"%s\" of event \"%s\"", info->plugin, info->event);
    else if (!info->event[0])
        snprintf(to, room, " outside of every dispatch");
    else
        snprintf(to, room, " in a dispatch of event \"%s\", in one of %zu plugins", info->event, crash->candidates_len);
}

static void describe(hl__crash *crash)
{
    const char *name = sigabbrev_np(crash->info.signal);

    if (name)
        snprintf(crash->text, sizeof(crash->text), "SIG%s", name);
    else
        snprintf(crash->text, sizeof(crash->text), "signal %d", crash->info.signal);
    if (crash->info.signal != SIGABRT)
        snprintf(crash->text + strlen(crash->text), sizeof(crash->text) - strlen(crash->text), " at 0x%llx",
                 (unsigned long long)crash->info.address);
    describe_place(crash);
    crash->info.text = crash->text;
}

bool hl__crash_read(const char *text, hl__crash *out, void **document)
{
    json_t *value = json_loads(text, 0, NULL);

    if (!json_is_object(value)) {
        json_decref(value);
        return false;
    }
    *out = (hl__crash){.at_ns = number_of(value, "at_ns"),
                       .counted = json_is_true(json_object_get(value, "counted")),
                       .info = {.size = sizeof(out->info),
                                .plugin = text_of(value, "plugin"),
                                .version = text_of(value, "version"),
                                .event = text_of(value, "event"),
                                .generation = (uint64_t)number_of(value, "generation"),
                                .pid = (int32_t)number_of(value, "pid"),
                                .signal = (int32_t)number_of(value, "signal"),
                                .address = (uint64_t)number_of(value, "address")}};
    out->info.at = out->at_ns / 1000000000;
    read_candidates(json_object_get(value, "candidates"), out);
    describe(out);
    *document = value;
    return true;
}

void hl__crash_free(void *document)
{
    json_decref(document);
}
