/* The verbs that change which apps are installed: install, uninstall, rollback, retry, gc. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "install_report.h"
#include "verbs.h"

/* ---- what to install ------------------------------------------------------------------------------------------- */

#define GITHUB "github:"

static bool is_url(const char *source)
{
    return strncmp(source, "https://", 8) == 0 || strncmp(source, "http://", 7) == 0;
}

static void set_source(hl_install_spec *spec, const struct context *context, const char *source)
{
    spec->location = source;
    spec->type = HL_SOURCE_PATH;
    if (is_url(source))
        spec->type = HL_SOURCE_URL;
    if (strncmp(source, GITHUB, strlen(GITHUB)) != 0)
        return;
    spec->location = source + strlen(GITHUB);
    spec->type = context->option[OPTION_TAG] ? HL_SOURCE_GITHUB_TAG : HL_SOURCE_GITHUB_LATEST;
}

void install_spec(struct context *context, const char *source, hl_install_spec *out)
{
    *out = (hl_install_spec)HL_INSTALL_INIT(HL_SOURCE_PATH, NULL);
    if (source)
        set_source(out, context, source);
    out->tag = context->option[OPTION_TAG];
    out->asset = context->option[OPTION_ASSET];
    out->sha256 = context->option[OPTION_SHA256];
    out->signature = context->option[OPTION_SIGNATURE];
    if (context->option[OPTION_LOCKED])
        out->flags |= HL_INSTALL_LOCKED;
    if (context->option[OPTION_NO_START])
        out->flags |= HL_INSTALL_NO_START;
    if (context->option[OPTION_PRUNE])
        out->flags |= HL_INSTALL_PRUNE;
    out->flags |= HL_WAIT_IDLE;
}

/* ---- install --------------------------------------------------------------------------------------------------- */

static int install_one(struct context *context, const char *source)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;
    struct install_bar bar = {.context = context};
    hl_install_spec spec;
    hl_status status;
    uint64_t asked_ns;
    int code;

    install_spec(context, source, &spec);
    spec.progress = install_bar_move;
    spec.user = &bar;
    asked_ns = install_now_ns();
    status = hl_install(context->runtime, &spec, &report);
    install_bar_end(&bar);
    code = status == HL_OK ? install_report_print(context, "installed", asked_ns, &report) : tool_fail(context);
    hl_install_report_cleanup(&report);
    return code;
}

static int install_queued(struct context *context, const char *source)
{
    hl_install_spec spec;
    uint64_t job;

    install_spec(context, source, &spec);
    if (hl_install_async(context->runtime, &spec, &job) != HL_OK)
        return tool_fail(context);
    if (context->json)
        return tool_print_json(json_pack("{s:I}", "job", (json_int_t)job), TOOL_DONE);
    printf("Queued as job %llu; `hookline jobs` tells how it stands.\n", (unsigned long long)job);
    return TOOL_DONE;
}

/* Everything that a lockfile names. */
static int install_lockfile(struct context *context, const char *lockfile)
{
    struct install_bar bar = {.context = context};
    hl_install_spec spec;
    hl_status status;

    install_spec(context, NULL, &spec);
    spec.progress = install_bar_move;
    spec.user = &bar;
    status = hl_install_locked(context->runtime, lockfile, context->option[OPTION_BUNDLE], &spec);
    install_bar_end(&bar);
    if (status != HL_OK)
        return tool_fail(context);
    return apps_print(context);
}

static bool is_lockfile(const char *source)
{
    size_t len = strlen(source);

    return len > 5 && strcmp(source + len - 5, ".lock") == 0;
}

int verb_install(struct context *context, int argc, char **argv)
{
    bool bundled = context->option[OPTION_BUNDLE];
    bool all = argc == 0 || bundled || (context->option[OPTION_LOCKED] && is_lockfile(argv[0]));
    int code;

    if (all && !context->option[OPTION_LOCKED] && !bundled)
        return tool_usage(context, "name a package, a URL or github:OWNER/REPOSITORY; or a lockfile with --locked");
    if (context->option[OPTION_QUEUE] && all)
        return tool_usage(context, "--queue takes one package");
    if (context->option[OPTION_PRUNE] && !all)
        return tool_usage(context, "--prune goes with a lockfile or a bundle");
    code = tool_open(context, TOOL_CREATE);
    if (code != TOOL_DONE)
        return code;
    if (all)
        return install_lockfile(context, argc ? argv[0] : NULL);
    return context->option[OPTION_QUEUE] ? install_queued(context, argv[0]) : install_one(context, argv[0]);
}

/* ---- the others ------------------------------------------------------------------------------------------------ */

int verb_uninstall(struct context *context, int argc, char **argv)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;
    int code = tool_open(context, TOOL_WRITE);
    uint64_t asked_ns;

    (void)argc;
    if (code != TOOL_DONE)
        return code;
    asked_ns = install_now_ns();
    code = hl_uninstall(context->runtime, argv[0], 0, &report) == HL_OK
               ? install_report_print(context, "removed", asked_ns, &report)
               : tool_fail_with(context, TOOL_REFUSED, "`hookline apps` lists what is installed.");
    hl_install_report_cleanup(&report);
    return code;
}

int verb_rollback(struct context *context, int argc, char **argv)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;
    int code = tool_open(context, TOOL_WRITE);
    uint64_t asked_ns;

    (void)argc;
    if (code != TOOL_DONE)
        return code;
    asked_ns = install_now_ns();
    code = hl_rollback(context->runtime, argv[0], HL_WAIT_IDLE, &report) == HL_OK
               ? install_report_print(context, "rolled back", asked_ns, &report)
               : tool_fail_with(context, TOOL_REFUSED, "`hookline apps` tells which versions there are.");
    hl_install_report_cleanup(&report);
    return code;
}

int verb_retry(struct context *context, int argc, char **argv)
{
    int code = tool_open(context, TOOL_WRITE);

    (void)argc;
    if (code != TOOL_DONE)
        return code;
    if (hl_app_retry(context->runtime, argv[0]) != HL_OK)
        return tool_fail_with(context, TOOL_REFUSED, "`hookline apps` shows the state of each app.");
    if (context->json)
        return tool_print_json(json_pack("{s:s}", "retried", argv[0]), TOOL_DONE);
    printf("%s is tried again by the servers that start from now on.\n", argv[0]);
    return TOOL_DONE;
}

int verb_gc(struct context *context, int argc, char **argv)
{
    hl_gc_report report = {.size = sizeof(report)};
    int code = tool_open(context, TOOL_WRITE);

    (void)argc;
    (void)argv;
    if (code != TOOL_DONE)
        return code;
    if (hl_gc(context->runtime, &report) != HL_OK)
        return tool_fail(context);
    if (context->json)
        return tool_print_json(json_pack("{s:I, s:I, s:I}", "versions", (json_int_t)report.versions_len, "leftovers",
                                         (json_int_t)report.leftovers_len, "bytes", (json_int_t)report.bytes),
                               TOOL_DONE);
    printf("Deleted %zu version%s and %zu leftover%s: %llu bytes.\n", report.versions_len,
           report.versions_len == 1 ? "" : "s", report.leftovers_len, report.leftovers_len == 1 ? "" : "s",
           (unsigned long long)report.bytes);
    return TOOL_DONE;
}
