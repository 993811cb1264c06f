/* Finding what compiles: the system's C compiler, Hookline's headers, and the program that puts it into its sandbox. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/program.h"
#include "module/compile.h"

#define ACTION HL__COMPILE_ACTION
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

static bool is_program(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 && S_ISREG(about.st_mode) && access(path, X_OK) == 0;
}

/* Looks along PATH; its relative folders, which depend on where the server runs, do not count. */
static bool find_in_path(const char *name, char out[PATH_MAX])
{
    const char *at = secure_getenv("PATH");

    if (!at || !*at)
        at = DEFAULT_PATH;
    for (;;) {
        size_t len = strcspn(at, ":");
        int wrote = len && at[0] == '/' ? snprintf(out, PATH_MAX, "%.*s/%s", (int)len, at, name) : -1;

        if (wrote > 0 && wrote < PATH_MAX && is_program(out))
            return true;
        if (!at[len])
            return false;
        at += len + 1;
    }
}

static bool find_program(const char *name, char out[PATH_MAX])
{
    if (!strchr(name, '/'))
        return find_in_path(name, out);
    return name[0] == '/' && snprintf(out, PATH_MAX, "%s", name) < PATH_MAX && is_program(out);
}

static hl_status find_compiler(char out[PATH_MAX])
{
    static const char *const names[] = {"cc", "gcc", "clang"};
    const char *named = secure_getenv("HOOKLINE_CC");

    if (named && *named) {
        if (find_program(named, out))
            return HL_OK;
        return hl__fail(HL_ERR_UNSUPPORTED, ACTION, "HOOKLINE_CC",
                        "There is no compiler %s; set HOOKLINE_CC to the absolute path or the name of one.", named);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (find_program(names[i], out))
            return HL_OK;
    }
    return hl__fail(
        HL_ERR_UNSUPPORTED, ACTION, "HOOKLINE_CC",
        "There is no C compiler here: none of cc, gcc and clang is in PATH. Install one, set HOOKLINE_CC to "
        "its path, or load a module that was compiled elsewhere.");
}

static hl_status find_headers(char *out, size_t out_len)
{
    const char *headers = hl__headers_find("HOOKLINE_INCLUDE", HL__HEADERS, out, out_len);
    char *known = NULL;
    bool there;

    if (asprintf(&known, "%s/hookline/module.h", headers) < 0)
        return hl__fail_memory(ACTION);
    there = access(known, R_OK) == 0;
    free(known);
    if (there && headers != out)
        snprintf(out, out_len, "%s", headers);
    if (there)
        return HL_OK;
    return hl__fail(HL_ERR_UNSUPPORTED, ACTION, "HOOKLINE_INCLUDE",
                    "Hookline's headers are not in %s; install them, or set HOOKLINE_INCLUDE to the folder that has "
                    "hookline/module.h.",
                    headers);
}

hl_status hl__compile_tools_find(hl__compile_tools *out)
{
    char compiler[PATH_MAX], headers[PATH_MAX], sandbox[PATH_MAX];
    hl_status status = find_compiler(compiler);

    *out = (hl__compile_tools){0};
    if (status == HL_OK)
        status = find_headers(headers, sizeof(headers));
    if (status != HL_OK)
        return status;
    out->compiler = strdup(compiler);
    out->headers = strdup(headers);
    out->sandbox =
        strdup(hl__program_find("HOOKLINE_SANDBOX", "hookline-sandbox", HL__SANDBOX_PROGRAM, sandbox, sizeof(sandbox)));
    status = out->compiler && out->headers && out->sandbox ? hl__compile_parts_find(out) : hl__fail_memory(ACTION);
    if (status != HL_OK)
        hl__compile_tools_cleanup(out);
    return status;
}

void hl__compile_tools_cleanup(hl__compile_tools *tools)
{
    free(tools->compiler);
    free(tools->headers);
    free(tools->sandbox);
    for (size_t i = 0; i < tools->parts_len; i++)
        free(tools->parts[i]);
    *tools = (hl__compile_tools){0};
}
