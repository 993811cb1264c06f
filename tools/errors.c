/* Errors of the command: what failed, over which field, and what to do next; and opening the store. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool.h"

#define LMDB_PREFIX "lmdb:"

/* ---- what to do next ------------------------------------------------------------------------------------------- */

static const struct {
    hl_status status;
    int code;
    const char *hint;
} advice[] = {
    {HL_ERR_NOT_FOUND, TOOL_REFUSED, "`hookline plugins` and `hookline events` list what there is."},
    {HL_ERR_CYCLE, TOOL_REFUSED, "`hookline graph` draws the dependencies."},
    {HL_ERR_STATUS, TOOL_REFUSED, "`hookline plugins` shows the statuses; `hookline enable NAME` ends a stop."},
    {HL_ERR_DEPENDENCY, TOOL_REFUSED, "Start the dependency first, or all of them in one command."},
    {HL_ERR_CONTRACT, TOOL_REFUSED, "`hookline show EVENT` prints the contract; rebuild the plugin against it."},
    {HL_ERR_ABI, TOOL_REFUSED, "Rebuild the library against the installed Hookline headers."},
    {HL_ERR_NO_ENTRY, TOOL_REFUSED, "`hookline new plugin NAME` writes a project that exports it."},
    {HL_ERR_PROBE, TOOL_REFUSED,
     "Nothing was registered. dlopen() the library in a program of your own, under a debugger, to see what it does."},
    {HL_ERR_STORE, TOOL_NO_STORE, "`hookline store check` reads the store through."},
    {HL_ERR_STORE_CORRUPT, TOOL_NO_STORE, "`hookline store restore DIR` brings a backup back."},
    {HL_ERR_STORE_NEWER, TOOL_NO_STORE, "Use the hookline command of the newer version."},
    {HL_ERR_STORE_READ_ONLY, TOOL_REFUSED, "Run the command as the user that owns the store."},
    {HL_ERR_STORE_FULL, TOOL_REFUSED, "Free space on the store's disk."},
    {HL_ERR_CONFLICT, TOOL_REFUSED, "Try again."},
    {HL_ERR_POLICY, TOOL_REFUSED,
     "The policy is install.json in the store's folder; remote sources are closed by default."},
    {HL_ERR_SIGNATURE, TOOL_REFUSED,
     "Add the signer's public key to \"keys\" in install.json, or get the right .minisig."},
    {HL_ERR_REQUIRES, TOOL_REFUSED, "Install what is required first; `hookline apps` lists what there is."},
    {HL_ERR_DEPENDENTS, TOOL_REFUSED, "Uninstall or upgrade the apps that require it first."},
    {HL_ERR_LOCKFILE, TOOL_REFUSED, "`hookline lock` writes a lockfile of what is installed."},
    {HL_ERR_SERVER, TOOL_REFUSED, "The old version goes on everywhere; `hookline explain EVENT` tells more."},
    {HL_ERR_PEER, TOOL_NO_SERVER, "Start the server that uses this store, or name another store."},
};

static const char *hint_of(hl_status status)
{
    for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++)
        if (advice[i].status == status)
            return advice[i].hint;
    return NULL;
}

static int code_of(hl_status status)
{
    for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++)
        if (advice[i].status == status)
            return advice[i].code;
    return TOOL_REFUSED;
}

/* ---- telling --------------------------------------------------------------------------------------------------- */

static void tell_people(const hl_error *error, const char *hint)
{
    fprintf(stderr, "hookline: %s: %s", error->action, hl_status_name(error->status));
    if (error->field[0])
        fprintf(stderr, " (%s)", error->field);
    fputs("\n  ", stderr);
    tool_print_text(stderr, error->message);
    fputc('\n', stderr);
    if (hint) {
        fputs("  ", stderr);
        tool_print_text(stderr, hint);
        fputc('\n', stderr);
    }
}

static json_t *error_value(const hl_error *error, const char *hint)
{
    json_t *value = json_object();

    json_object_set_new(value, "status", tool_text(hl_status_name(error->status)));
    json_object_set_new(value, "action", tool_text(error->action));
    json_object_set_new(value, "field", tool_text(error->field));
    json_object_set_new(value, "message", tool_text(error->message));
    json_object_set_new(value, "hint", tool_text(hint));
    return value;
}

static int tell(struct context *context, int code, const hl_error *error, const char *hint)
{
    tell_people(error, hint);
    return context->json ? tool_print_json(json_pack("{s:o}", "error", error_value(error, hint)), code) : code;
}

/* What the user asked for, whichever call of the library it was that failed. */
static const char *action_of(const struct context *context)
{
    return context->verb ? context->verb->name : "command line";
}

int tool_fail_with(struct context *context, int code, const char *hint)
{
    hl_error error = *hl_last_error();

    error.action = action_of(context);
    return tell(context, code, &error, hint);
}

int tool_fail(struct context *context)
{
    hl_status status = hl_last_error()->status;

    return tool_fail_with(context, code_of(status), hint_of(status));
}

int tool_error(struct context *context, int code, hl_status status, const char *field, const char *format, ...)
{
    char message[1024];
    hl_error error = {status, action_of(context), field, message};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    return tell(context, code, &error, NULL);
}

void tool_error_in(struct context *context, json_t *document, hl_status status, const char *field, const char *message)
{
    const hl_error error = {status, action_of(context), field, message};

    tell_people(&error, NULL);
    json_object_set_new(document, "error", error_value(&error, NULL));
}

int tool_usage(struct context *context, const char *format, ...)
{
    char message[1024];
    char hint[128];
    hl_error error = {HL_ERR_INVALID, action_of(context), "", message};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    snprintf(hint, sizeof(hint), "`hookline help%s%s` explains.", context->verb ? " " : "",
             context->verb ? context->verb->name : "");
    return tell(context, TOOL_USAGE, &error, hint);
}

void tool_note(struct context *context, const char *format, ...)
{
    va_list arguments;

    if (context->json)
        return;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* ---- did you mean ---------------------------------------------------------------------------------------------- */

#define NAME_MAX_LEN 255

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Letters to insert, remove or change to make one name of the other; two letters swapped count once. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][NAME_MAX_LEN + 1];
    size_t *two_ago = rows[0], *last = rows[1], *now = rows[2];
    size_t a_len = strlen(a), b_len = strlen(b);

    if (a_len > NAME_MAX_LEN || b_len > NAME_MAX_LEN)
        return NAME_MAX_LEN;
    for (size_t j = 0; j <= b_len; j++)
        now[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *spare = two_ago;

        two_ago = last;
        last = now;
        now = spare;
        now[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two_ago[j - 2] + 1 < now[j])
                now[j] = two_ago[j - 2] + 1;
        }
    }
    return now[b_len];
}

const char *tool_closest(const char *name, const char *const *known, size_t known_len)
{
    size_t nearest = strlen(name) / 3 + 2;
    const char *closest = NULL;

    for (size_t i = 0; i < known_len; i++) {
        size_t apart = distance(name, known[i]);

        if (apart < nearest && apart < strlen(known[i])) {
            nearest = apart;
            closest = known[i];
        }
    }
    return closest;
}

struct nearest {
    const char *wanted;
    char name[NAME_MAX_LEN + 1];
    size_t apart;
};

static void consider(struct nearest *nearest, const char *name)
{
    const char *closest = tool_closest(nearest->wanted, &name, 1);
    size_t apart = closest ? distance(nearest->wanted, closest) : NAME_MAX_LEN;

    if (apart >= nearest->apart)
        return;
    nearest->apart = apart;
    snprintf(nearest->name, sizeof(nearest->name), "%s", name);
}

static bool consider_plugin(const hl_plugin_info *info, void *user)
{
    consider(user, info->name);
    return true;
}

static bool consider_event(const hl_event_info *info, void *user)
{
    consider(user, info->name);
    return true;
}

int tool_fail_about(struct context *context, const char *plugin, const char *event)
{
    struct nearest nearest = {plugin ? plugin : event, "", NAME_MAX_LEN};
    char hint[NAME_MAX_LEN + 32];
    hl_status walked = HL_ERR_NOT_FOUND;

    if (hl_last_error()->status == HL_ERR_NOT_FOUND && context->runtime && nearest.wanted)
        walked = plugin ? hl_plugins(context->runtime, NULL, consider_plugin, &nearest)
                        : hl_events(context->runtime, consider_event, &nearest);
    if (walked != HL_OK || !nearest.name[0])
        return tool_fail(context);
    snprintf(hint, sizeof(hint), "Did you mean \"%s\"?", nearest.name);
    return tool_fail_with(context, code_of(hl_last_error()->status), hint);
}

/* ---- the store ------------------------------------------------------------------------------------------------- */

int tool_need_store(struct context *context)
{
    if (!context->store)
        return tool_error(context, TOOL_NO_STORE, HL_ERR_INVALID, "store",
                          "No store is named. Give --store lmdb:DIR, or set HOOKLINE_STORE=lmdb:DIR, where DIR is the "
                          "folder that the server gave to hl_open.");
    if (strncmp(context->store, "memory:", strlen("memory:")) == 0)
        return tool_error(context, TOOL_NO_STORE, HL_ERR_INVALID, "store",
                          "A memory store lives and ends inside its own process; name an lmdb:DIR store.");
    if (!strchr(context->store, ':'))
        return tool_error(context, TOOL_NO_STORE, HL_ERR_INVALID, "store",
                          "\"%s\" is not a store's URL; did you mean lmdb:%s?", context->store, context->store);
    return TOOL_DONE;
}

int tool_need_folder(struct context *context)
{
    const char *folder;
    struct stat st;
    int code = tool_need_store(context);

    if (code != TOOL_DONE)
        return code;
    folder = context->store + strlen(LMDB_PREFIX);
    if (strncmp(context->store, LMDB_PREFIX, strlen(LMDB_PREFIX)) != 0 || stat(folder, &st) == 0)
        return TOOL_DONE;
    return tool_error(context, TOOL_NO_STORE, HL_ERR_STORE, "store",
                      "There is no folder %s. A server makes its store when it starts; so does `hookline register`.",
                      folder);
}

int tool_open(struct context *context, enum tool_access access)
{
    hl_options options = HL_OPTIONS_INIT;
    int code = access == TOOL_CREATE ? tool_need_store(context) : tool_need_folder(context);

    if (code != TOOL_DONE)
        return code;
    options.store = context->store;
    options.engine = HL_ENGINE_REFERENCE;
    options.flags = HL_OPEN_RECORDS_ONLY | HL_OPEN_NO_CONTROL | (access == TOOL_READ ? HL_OPEN_READ_ONLY : 0);
    if (hl_open(&options, &context->runtime) == HL_OK)
        return TOOL_DONE;
    tool_fail(context);
    return TOOL_NO_STORE;
}
