/* The verbs about packages themselves: pack, verify, lock, bundle. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "install_report.h"
#include "verbs.h"

static int tell_file(struct context *context, const char *what, const char *path)
{
    if (context->json)
        return tool_print_json(json_pack("{s:o}", what, tool_text(path)), TOOL_DONE);
    tool_print_text(stdout, path);
    putchar('\n');
    return TOOL_DONE;
}

int verb_pack(struct context *context, int argc, char **argv)
{
    char *path = NULL;
    int code;

    (void)argc;
    if (hl_pack(argv[0], context->option[OPTION_DIR], &path) != HL_OK)
        return tool_fail(context);
    code = tell_file(context, "package", path);
    free(path);
    return code;
}

/* ---- verify ---------------------------------------------------------------------------------------------------- */

struct checks {
    json_t *array;
    struct table *table;
};

static void add_check(void *user, const char *check, hl_status status, const char *message)
{
    struct checks *checks = user;

    if (checks->array) {
        json_array_append_new(checks->array, json_pack("{s:o, s:s, s:o}", "check", tool_text(check), "status",
                                                       hl_status_name(status), "message", tool_text(message)));
        return;
    }
    tool_table_row(checks->table);
    tool_table_cell(checks->table, "%s", status == HL_OK ? "ok" : "REFUSED");
    tool_table_cell(checks->table, "%s", check);
    tool_table_cell(checks->table, "%s", status == HL_OK ? message : hl_status_name(status));
    tool_table_cell(checks->table, "%s", status == HL_OK ? "" : message);
}

int verb_verify(struct context *context, int argc, char **argv)
{
    static const char *const titles[] = {"RESULT", "CHECK", "FOUND", "MESSAGE"};
    struct checks checks = {context->json ? json_array() : NULL, context->json ? NULL : tool_table_new(4, titles)};
    hl_install_spec spec;
    hl_status status;
    int code;

    (void)argc;
    install_spec(context, argv[0], &spec);
    status = hl_verify(context->store, &spec, add_check, &checks);
    code = status == HL_OK ? TOOL_DONE : TOOL_REFUSED;
    if (context->json)
        return tool_print_json(json_pack("{s:s, s:o}", "status", hl_status_name(status), "checks", checks.array), code);
    tool_table_print(checks.table, context, "Nothing was checked.");
    printf("%s\n", status == HL_OK ? "It can be installed." : "It cannot be installed.");
    return code;
}

/* ---- lockfile and bundle --------------------------------------------------------------------------------------- */

/* Where `install --locked` looks for it. */
static int lock_store(struct context *context)
{
    const char *scheme = strchr(context->store, ':');
    char *path = NULL;
    int code = TOOL_REFUSED;

    if (hl_lock_write(context->runtime, NULL) != HL_OK)
        return tool_fail(context);
    if (asprintf(&path, "%s/hookline.lock", scheme ? scheme + 1 : context->store) >= 0)
        code = tell_file(context, "lockfile", path);
    free(path);
    return code;
}

int verb_lock(struct context *context, int argc, char **argv)
{
    int code = tool_open(context, TOOL_READ);

    if (code != TOOL_DONE)
        return code;
    if (!argc)
        return lock_store(context);
    return hl_lock_write(context->runtime, argv[0]) == HL_OK ? tell_file(context, "lockfile", argv[0])
                                                             : tool_fail(context);
}

int verb_bundle(struct context *context, int argc, char **argv)
{
    int code = tool_open(context, TOOL_READ);

    (void)argc;
    if (code != TOOL_DONE)
        return code;
    return hl_bundle_write(context->runtime, argv[0]) == HL_OK ? tell_file(context, "bundle", argv[0])
                                                               : tool_fail(context);
}
