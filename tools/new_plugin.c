/* new plugin: writes a small project that builds at once, with make or with CMake. Nothing is overwritten, and what was
 * begun is removed when it cannot be finished. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "new_plugin.h"
#include "verbs.h"

#define NAME_LEN_MAX 64
#define DEFAULT_EVENT "request"

/* What the @KEY@s of the templates stand for. */
struct project {
    const char *name;
    const char *event_name;
    const char *directory;
    char id[NAME_LEN_MAX + 8];
    char *event;    /* as the inside of a C string */
    char *contract; /* as C; NULL: not known */
};

/* ---- values ---------------------------------------------------------------------------------------------------- */

static bool is_file_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return len > 0 && len <= NAME_LEN_MAX && !name[len] && isalnum((unsigned char)name[0]);
}

static bool is_event_name(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++)
        if (iscntrl((unsigned char)name[i]))
            return false;
    return len > 0 && len <= 255;
}

/* Begins with a word of its own, so that a name such as "int" or "9p" becomes an identifier too. */
static void make_id(const char *name, char *out)
{
    out = stpcpy(out, "on_");
    for (; *name; name++)
        *out++ = isalnum((unsigned char)*name) ? *name : '_';
    *out = '\0';
}

static char *escape(const char *name)
{
    char *text = malloc(strlen(name) * 2 + 1);
    char *at = text;

    for (; text && *name; name++) {
        if (*name == '"' || *name == '\\')
            *at++ = '\\';
        *at++ = *name;
    }
    if (text)
        *at = '\0';
    return text;
}

static bool take_contract(const hl_event_info *info, void *user)
{
    struct project *project = user;

    if (strcmp(info->name, project->event_name) != 0)
        return true;
    if (info->contract)
        project->contract = contract_as_c(info->contract, project->id);
    return false;
}

/* When a store is named, the event's contract is there to be used. One that cannot be opened is no failure. */
static void look_for_contract(struct context *context, struct project *project)
{
    hl_options options = HL_OPTIONS_INIT;

    if (!context->store || strncmp(context->store, "lmdb:", strlen("lmdb:")) != 0)
        return;
    options.store = context->store;
    options.flags = HL_OPEN_RECORDS_ONLY | HL_OPEN_NO_CONTROL | HL_OPEN_READ_ONLY;
    if (hl_open(&options, &context->runtime) == HL_OK && hl_events(context->runtime, take_contract, project) == HL_OK &&
        project->contract)
        return;
    tool_note(context, "hookline: no contract of \"%s\" that C can spell is in %s, so the plugin takes a void pointer",
              project->event_name, context->store);
}

/* ---- templates ------------------------------------------------------------------------------------------------- */

static const char *value_of(const struct project *project, const char *key, size_t len)
{
    const struct {
        const char *key, *value;
    } values[] = {
        {"NAME", project->name},         {"ID", project->id},
        {"EVENT", project->event},       {"CODE", project->contract ? new_plugin_typed : new_plugin_untyped},
        {"CONTRACT", project->contract},
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        if (strlen(values[i].key) == len && memcmp(values[i].key, key, len) == 0)
            return values[i].value;
    return NULL;
}

/* Values may hold keys themselves, except those that come from the user. */
static void expand(FILE *out, const struct project *project, const char *text)
{
    while (*text) {
        const char *end = *text == '@' ? strchr(text + 1, '@') : NULL;
        const char *value = end ? value_of(project, text + 1, (size_t)(end - text - 1)) : NULL;

        if (!value) {
            fputc(*text++, out);
            continue;
        }
        if (value == new_plugin_typed || value == new_plugin_untyped)
            expand(out, project, value);
        else
            fputs(value, out);
        text = end + 1;
    }
}

static void file_path(const struct project *project, const struct new_file *file, char *out, size_t out_len)
{
    char name[NAME_LEN_MAX + 32] = "";
    FILE *stream = fmemopen(name, sizeof(name), "w");

    if (stream) {
        expand(stream, project, file->path);
        fclose(stream);
    }
    snprintf(out, out_len, "%s/%s", project->directory, name);
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static bool write_file(const struct project *project, const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    int error;

    if (!out) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    expand(out, project, text);
    error = ferror(out) ? EIO : 0;
    if (fclose(out) != 0)
        error = errno;
    if (!error)
        return true;
    unlink(path);
    errno = error;
    return false;
}

static void remove_files(const struct project *project, size_t len)
{
    char path[4096];

    while (len-- > 0) {
        file_path(project, &new_plugin_files[len], path, sizeof(path));
        unlink(path);
    }
}

static int write_files(struct context *context, const struct project *project)
{
    char path[4096];

    for (size_t i = 0; new_plugin_files[i].path; i++) {
        file_path(project, &new_plugin_files[i], path, sizeof(path));
        if (write_file(project, path, new_plugin_files[i].text))
            continue;
        tool_error(context, TOOL_REFUSED, HL_ERR_SYSTEM, "dir", "Cannot write %s: %s.%s", path, strerror(errno),
                   errno == EEXIST ? " Nothing is overwritten; give another --dir." : "");
        remove_files(project, i);
        return TOOL_REFUSED;
    }
    return TOOL_DONE;
}

static int write_project(struct context *context, const struct project *project)
{
    bool made = mkdir(project->directory, 0777) == 0;
    int code;

    if (!made && errno != EEXIST)
        return tool_error(context, TOOL_REFUSED, HL_ERR_SYSTEM, "dir", "Cannot make the folder %s: %s.",
                          project->directory, strerror(errno));
    code = write_files(context, project);
    if (code != TOOL_DONE && made)
        rmdir(project->directory);
    return code;
}

static int tell_project(struct context *context, const struct project *project)
{
    json_t *files = json_array();
    char path[4096];

    for (size_t i = 0; new_plugin_files[i].path; i++) {
        file_path(project, &new_plugin_files[i], path, sizeof(path));
        json_array_append_new(files, tool_text(path));
    }
    if (context->json)
        return tool_print_json(json_pack("{s:o, s:o, s:o, s:b, s:o}", "plugin", tool_text(project->name), "event",
                                         tool_text(project->event_name), "directory", tool_text(project->directory),
                                         "typed", project->contract != NULL, "files", files),
                               TOOL_DONE);
    json_decref(files);
    printf("Wrote the plugin \"%s\" on \"%s\" to %s\nNext: make -C %s test\n", project->name, project->event_name,
           project->directory, project->directory);
    return TOOL_DONE;
}

int verb_new(struct context *context, int argc, char **argv)
{
    struct project project = {.name = argv[1]};
    int code;

    (void)argc;
    if (strcmp(argv[0], "plugin") != 0)
        return tool_usage(context, "only a plugin can be made new: hookline new plugin NAME");
    if (!is_file_name(project.name))
        return tool_usage(context,
                          "the name \"%s\" becomes a file's name: at most %d of A-Z a-z 0-9 . _ -, the first a "
                          "letter or digit",
                          project.name, NAME_LEN_MAX);
    project.directory = context->option[OPTION_DIR] ? context->option[OPTION_DIR] : project.name;
    project.event_name = context->option[OPTION_EVENT] ? context->option[OPTION_EVENT] : DEFAULT_EVENT;
    if (!is_event_name(project.event_name))
        return tool_usage(context, "an event's name has 1 to 255 bytes and no control characters");
    make_id(project.name, project.id);
    project.event = escape(project.event_name);
    if (!project.event)
        return tool_error(context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "No memory left.");
    look_for_contract(context, &project);
    code = write_project(context, &project);
    if (code == TOOL_DONE)
        code = tell_project(context, &project);
    free(project.contract);
    free(project.event);
    return code;
}
