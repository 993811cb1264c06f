/* Records as JSON and as table cells. See records.h. */
#include "records.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "servers.h"

static json_t *names_value(const char *const *names)
{
    json_t *array = json_array();

    for (; names && *names; names++)
        json_array_append_new(array, tool_text(*names));
    return array;
}

json_t *record_time(int64_t seconds)
{
    char text[32];
    time_t at = (time_t)seconds;
    struct tm parts;

    if (!gmtime_r(&at, &parts) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return json_string("");
    return json_string(text);
}

static json_t *isolation_value(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);

    return value ? value : json_null();
}

json_t *record_plugin(const hl_plugin_info *info)
{
    json_t *value = json_object();

    json_object_set_new(value, "id", tool_text(info->id));
    json_object_set_new(value, "name", tool_text(info->name));
    json_object_set_new(value, "event", tool_text(info->event));
    json_object_set_new(value, "status", json_string(tool_status_word(info->status)));
    json_object_set_new(value, "priority", json_integer(info->priority));
    json_object_set_new(value, "depends", names_value(info->depends));
    json_object_set_new(value, "extension", tool_text(info->extension));
    json_object_set_new(value, "extra", tool_text(info->extra));
    json_object_set_new(value, "library", tool_text(info->library));
    json_object_set_new(value, "version", tool_text(info->version));
    json_object_set_new(value, "inserted_at", record_time(info->inserted_at));
    json_object_set_new(value, "updated_at", record_time(info->updated_at));
    json_object_set_new(value, "revision", json_integer((json_int_t)info->revision));
    json_object_set_new(value, "reason", tool_text(info->reason));
    json_object_set_new(value, "isolation", isolation_value(info->isolation));
    json_object_set_new(value, "hold", tool_text(info->hold));
    return value;
}

json_t *record_contract(const hl_contract *contract, uint64_t hash)
{
    char hash_text[17];
    json_t *fields;

    if (!contract)
        return json_null();
    fields = json_array();
    for (size_t i = 0; i < contract->fields_len; i++)
        json_array_append_new(fields,
                              json_pack("{s:o, s:o, s:i, s:i}", "name", tool_text(contract->fields[i].name), "type",
                                        tool_text(contract->fields[i].type), "offset", (int)contract->fields[i].offset,
                                        "size", (int)contract->fields[i].size));
    snprintf(hash_text, sizeof(hash_text), "%016llx", (unsigned long long)hash);
    return json_pack("{s:o, s:I, s:s, s:o}", "type", tool_text(contract->type), "state_size",
                     (json_int_t)contract->state_size, "hash", hash_text, "fields", fields);
}

json_t *record_event(const hl_event_info *info)
{
    json_t *value = json_object();

    json_object_set_new(value, "name", tool_text(info->name));
    json_object_set_new(value, "plugins", json_integer((json_int_t)info->plugins_len));
    json_object_set_new(value, "active", json_integer((json_int_t)info->active_len));
    json_object_set_new(value, "skip_missing", json_boolean(info->flags & HL_EVENT_SKIP_MISSING));
    json_object_set_new(value, "rollback", json_boolean(info->flags & HL_EVENT_ROLLBACK));
    json_object_set_new(value, "contract", record_contract(info->contract, info->contract_hash));
    return value;
}

char *record_names(const char *const *names)
{
    size_t room = 1;
    char *text, *end;

    for (size_t i = 0; names && names[i]; i++)
        room += strlen(names[i]) + 2;
    text = malloc(room);
    if (!text)
        return NULL;
    *text = '\0';
    end = text;
    for (size_t i = 0; names && names[i]; i++) {
        if (i > 0)
            end = stpcpy(end, ", ");
        end = stpcpy(end, names[i]);
    }
    return text;
}

void record_row(struct table *table, const hl_plugin_info *info, bool with_event)
{
    char *depends = record_names(info->depends);

    tool_table_row(table);
    tool_table_cell(table, "%s", info->name);
    if (with_event)
        tool_table_cell(table, "%s", info->event);
    tool_table_cell(table, "%s", tool_status_word(info->status));
    tool_table_cell(table, "%d", info->priority);
    tool_table_cell(table, "%s", depends ? depends : "");
    tool_table_cell(table, "%s%s%s", info->extension, info->version[0] ? " " : "", info->version);
    free(depends);
}

/* What is not given has a default, which explain names. */
void record_place(const json_t *plugin, char *out, size_t out_len)
{
    const json_t *isolation = json_object_get(plugin, "isolation");
    unsigned long long workers = (unsigned long long)value_count(isolation, "workers");
    unsigned long long deadline_ms = (unsigned long long)value_count(isolation, "deadline_ms");
    size_t used;

    if (strcmp(value_text(isolation, "mode"), "in_worker") != 0)
        snprintf(out, out_len, "server");
    else
        snprintf(out, out_len, "%llu worker%s", workers ? workers : 1, workers > 1 ? "s" : "");
    used = strlen(out);
    if (deadline_ms)
        snprintf(out + used, out_len - used, ", %llu ms", deadline_ms);
}

void record_line(const char *line, void *array)
{
    json_array_append_new(array, tool_text(line));
}

void record_print_lines(const json_t *lines, const char *indent)
{
    size_t i;
    json_t *line;

    json_array_foreach (lines, i, line) {
        fputs(indent, stdout);
        tool_print_text(stdout, json_string_value(line));
        putchar('\n');
    }
}
