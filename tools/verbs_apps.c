/* The verbs that ask about apps: apps, jobs, and the install log. */
#include <time.h>

#include "install_report.h"
#include "rows.h"
#include "verbs.h"

static const char *time_text(int64_t at, char out[32])
{
    time_t seconds = (time_t)at;
    struct tm parts;

    out[0] = '\0';
    if (gmtime_r(&seconds, &parts))
        strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return out;
}

/* ---- apps ------------------------------------------------------------------------------------------------------ */

static const char *state_word(hl_app_state state)
{
    switch (state) {
    case HL_APP_ACTIVE:
        return "active";
    case HL_APP_BROKEN:
        return "broken";
    case HL_APP_ASIDE:
        return "aside";
    }
    return "unknown";
}

static json_t *texts_value(const char *const *texts)
{
    json_t *array = json_array();

    for (size_t i = 0; texts && texts[i]; i++)
        json_array_append_new(array, tool_text(texts[i]));
    return array;
}

static json_t *app_value(const hl_app_info *info)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:s, s:o}", "app", tool_text(info->app),
                     "version", tool_text(info->version), "before", tool_text(info->before), "folder",
                     tool_text(info->folder), "source", tool_text(info->source), "sha256", tool_text(info->sha256),
                     "key", tool_text(info->key), "requires", texts_value(info->requires_apps), "capabilities",
                     texts_value(info->capabilities), "plugins", (json_int_t)info->plugins_len, "installed_at",
                     (json_int_t)info->installed_at, "state", state_word(info->state), "reason",
                     tool_text(info->reason));
}

static bool add_app(const hl_app_info *info, void *user)
{
    struct rows *rows = user;
    char at[32];

    if (rows->array) {
        json_array_append_new(rows->array, app_value(info));
        return true;
    }
    tool_table_row(rows->table);
    tool_table_cell(rows->table, "%s", info->app);
    tool_table_cell(rows->table, "%s", info->version);
    tool_table_cell(rows->table, "%s", info->before[0] ? info->before : "-");
    tool_table_cell(rows->table, "%s", state_word(info->state));
    tool_table_cell(rows->table, "%zu", info->plugins_len);
    tool_table_cell(rows->table, "%s", time_text(info->installed_at, at));
    tool_table_cell(rows->table, "%s", info->reason[0] ? info->reason : info->source);
    return true;
}

int apps_print(struct context *context)
{
    static const char *const titles[] = {"APP", "VERSION", "BEFORE", "STATE", "PLUGINS", "INSTALLED", "SOURCE"};
    struct rows rows = rows_new(context, 7, titles);

    return rows_end(context, &rows, tool_fail, hl_installed(context->runtime, add_app, &rows), "apps",
                    "No app is installed.");
}

struct offering {
    const char *prefix;
    void (*offer)(const char *name, const char *prefix);
};

static bool offer_app(const hl_app_info *info, void *user)
{
    const struct offering *offering = user;

    offering->offer(info->app, offering->prefix);
    return true;
}

void apps_offer(struct context *context, const char *prefix, void (*offer)(const char *name, const char *prefix))
{
    struct offering offering = {prefix, offer};
    hl_status status = hl_installed(context->runtime, offer_app, &offering);

    (void)status; /* who is typing a command wants no error */
}

int verb_apps(struct context *context, int argc, char **argv)
{
    int code = tool_open(context, TOOL_READ);

    (void)argc;
    (void)argv;
    return code == TOOL_DONE ? apps_print(context) : code;
}

/* ---- jobs ------------------------------------------------------------------------------------------------------ */

static const char *job_word(hl_job_state state)
{
    static const char *const words[] = {"unknown", "waiting", "running", "done", "failed"};

    return words[state >= HL_JOB_WAITING && state <= HL_JOB_FAILED ? state : 0];
}

static bool add_job(const hl_job_info *info, void *user)
{
    struct rows *rows = user;
    char at[32];

    if (rows->array) {
        json_array_append_new(rows->array,
                              json_pack("{s:I, s:s, s:o, s:o, s:o, s:s, s:o, s:s}", "job", (json_int_t)info->job,
                                        "state", job_word(info->state), "source", tool_text(info->location), "app",
                                        tool_text(info->app), "version", tool_text(info->version), "status",
                                        hl_status_name(info->status), "message", tool_text(info->message), "asked_at",
                                        time_text(info->asked_at, at)));
        return true;
    }
    tool_table_row(rows->table);
    tool_table_cell(rows->table, "%llu", (unsigned long long)info->job);
    tool_table_cell(rows->table, "%s", job_word(info->state));
    tool_table_cell(rows->table, "%s", time_text(info->asked_at, at));
    tool_table_cell(rows->table, "%s", info->location);
    tool_table_cell(rows->table, "%s", info->state == HL_JOB_FAILED ? info->message : info->version);
    return true;
}

int verb_jobs(struct context *context, int argc, char **argv)
{
    static const char *const titles[] = {"JOB", "STATE", "ASKED", "SOURCE", "RESULT"};
    struct rows rows;
    int code = tool_open(context, TOOL_READ);

    (void)argc;
    (void)argv;
    if (code != TOOL_DONE)
        return code;
    rows = rows_new(context, 5, titles);
    return rows_end(context, &rows, tool_fail, hl_jobs(context->runtime, add_job, &rows), "jobs",
                    "The queue is empty.");
}

/* ---- the install log ------------------------------------------------------------------------------------------- */

static json_t *entry_value(const hl_install_entry *entry)
{
    char at[32];

    return json_pack("{s:I, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "number",
                     (json_int_t)entry->number, "at", time_text(entry->at, at), "pid", (json_int_t)entry->pid, "action",
                     tool_text(entry->action), "app", tool_text(entry->app), "version", tool_text(entry->version),
                     "before", tool_text(entry->before), "source", tool_text(entry->source), "sha256",
                     tool_text(entry->sha256), "key", tool_text(entry->key), "status", hl_status_name(entry->status),
                     "message", tool_text(entry->message), "hash", tool_text(entry->hash));
}

static bool add_entry(const hl_install_entry *entry, void *user)
{
    struct rows *rows = user;
    char at[32];

    if (rows->array) {
        json_array_append_new(rows->array, entry_value(entry));
        return true;
    }
    tool_table_row(rows->table);
    tool_table_cell(rows->table, "%llu", (unsigned long long)entry->number);
    tool_table_cell(rows->table, "%s", time_text(entry->at, at));
    tool_table_cell(rows->table, "%s", entry->action);
    tool_table_cell(rows->table, "%s %s", entry->app, entry->version);
    tool_table_cell(rows->table, "%.12s", entry->sha256);
    tool_table_cell(rows->table, "%s", entry->status == HL_OK ? entry->source : hl_status_name(entry->status));
    tool_table_cell(rows->table, "%s", entry->message);
    return true;
}

int install_log_print(struct context *context)
{
    static const char *const titles[] = {"NUMBER", "AT", "ACTION", "APP", "SHA256", "FROM OR WHY", "MESSAGE"};
    struct rows rows;
    int code = tool_open(context, TOOL_READ);

    if (code != TOOL_DONE)
        return code;
    rows = rows_new(context, 7, titles);
    return rows_end(context, &rows, tool_fail, hl_install_log(context->runtime, add_entry, &rows), "installs",
                    "Nothing was installed yet.");
}

int install_log_verify(struct context *context)
{
    uint64_t entries;
    char head[65];
    int code = tool_open(context, TOOL_READ);

    if (code != TOOL_DONE)
        return code;
    if (hl_install_log_verify(context->runtime, &entries, head) != HL_OK)
        return tool_fail_with(context, TOOL_REFUSED,
                              "Compare with a backup of the store, or with a hash kept elsewhere.");
    if (context->json)
        return tool_print_json(json_pack("{s:I, s:s}", "entries", (json_int_t)entries, "head", head), TOOL_DONE);
    printf("%llu entries, every hash fits; the newest is %s\n", (unsigned long long)entries, head);
    return TOOL_DONE;
}
