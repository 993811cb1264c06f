/* The install case of hookline bench: its parts in order. Left out where there is no installer
 * (bench_no_installer.c). */
#include <unistd.h>

#include "bench_install.h"

void bench_install_print(bench *b, bench_row row)
{
    row.name = "install";
    bench_print(b, &row);
}

int bench_app_install(bench *b, hl_runtime *runtime, const char *package, hl_progress_fn *progress, void *user)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, package);

    spec.progress = progress;
    spec.user = user;
    return hl_install(runtime, &spec, NULL) == HL_OK ? TOOL_DONE : tool_fail(b->context);
}

int bench_records_runtime(bench *b, const char *store, hl_runtime **out)
{
    hl_options options = HL_OPTIONS_INIT;

    options.store = store;
    options.flags = HL_OPEN_RECORDS_ONLY;
    return hl_open(&options, out) == HL_OK ? TOOL_DONE : tool_fail(b->context);
}

int bench_install_ask_child(bench *b, const char *child, const char *argument, double *first, double *second)
{
    FILE *lines;
    pid_t pid;
    int out, found, code = bench_child_start(b, child, argument, &pid, &out);

    if (code != TOOL_DONE)
        return code;
    lines = fdopen(out, "r");
    found = lines ? fscanf(lines, "%lf %lf", first, second) : 0;
    if (lines)
        fclose(lines);
    else
        close(out);
    code = bench_child_end(b, pid);
    return code == TOOL_DONE && found != 2 ? bench_wrong(b, "install: the process said nothing.") : code;
}

int bench_install(bench *b)
{
    static int (*const parts[])(bench *) = {bench_install_beside_tar, bench_install_large, bench_install_upgrades,
                                            bench_install_replay};
    int code = TOOL_DONE;

    for (size_t i = 0; code == TOOL_DONE && i < sizeof(parts) / sizeof(parts[0]); i++)
        code = parts[i](b);
    return code;
}
