/* Installing a large package in a server: how much memory it takes at its peak. Part of the install case of hookline
 * bench. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_install.h"

/* ---- the process that installs --------------------------------------------------------------------------------- */

/* A line of /proc/self/status in KiB; 0 when there is none. */
static long status_kib(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    size_t name_len = strlen(name);
    char line[256];
    long kib = 0;

    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, name, name_len) == 0 && line[name_len] == ':')
            kib = strtol(line + name_len + 1, NULL, 10);
    if (file)
        fclose(file);
    return kib;
}

/* From now on the peak is that of what follows. Where the kernel refuses, the peak of the start counts too. */
static void reset_peak(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    ssize_t written = fd < 0 ? 0 : write(fd, "5", 1);

    (void)written;
    if (fd >= 0)
        close(fd);
}

static int check_event(bench *b, hl_event *event)
{
    uint64_t sum = 0;
    hl_reply reply = hl_call(event, &sum, NULL);

    if (reply.verdict == HL_NEXT && sum == bench_app_adds(1, 0))
        return TOOL_DONE;
    return bench_wrong(b, "install: the large app's event gave %llu.", (unsigned long long)sum);
}

static int install_measured(bench *b, hl_runtime *runtime, const char *package)
{
    uint64_t begin = bench_now_ns();
    long before;
    int code;

    reset_peak();
    before = status_kib("VmRSS");
    code = bench_app_install(b, runtime, package, NULL, NULL);
    if (code == TOOL_DONE)
        printf("%ld %llu\n", status_kib("VmHWM") - before, (unsigned long long)(bench_now_ns() - begin));
    fflush(stdout);
    return code;
}

/* The argument is the run's folder. */
int bench_install_large_child(bench *b, int argc, char **argv)
{
    char store[PATH_MAX], package[PATH_MAX], name[48];
    hl_runtime *runtime = NULL;
    hl_event *event;
    int code;

    if (argc != 1)
        return tool_usage(b->context, "the child takes a folder");
    snprintf(store, sizeof(store), "lmdb:%.4000s/large-store", argv[0]);
    snprintf(package, sizeof(package), "%.4000s/bench-00001-1.0.0.tar.gz", argv[0]);
    bench_app_event(1, 0, name, sizeof(name));
    code = bench_runtime(b, store, HL_ENGINE_COMPILED, &runtime);
    if (code == TOOL_DONE && hl_event_open(runtime, name, &event) != HL_OK)
        code = tool_fail(b->context);
    if (code == TOOL_DONE)
        code = install_measured(b, runtime, package);
    if (code == TOOL_DONE)
        code = check_event(b, event);
    hl_close(runtime);
    return code;
}

/* ---- the part -------------------------------------------------------------------------------------------------- */

static void remove_store(const bench *b)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%.4000s/large-store", b->work);
    bench_folder_remove(path);
}

int bench_install_large(bench *b)
{
    unsigned megabytes = b->quick ? 64 : 512;
    bench_app app = {.number = 1, .plugins = 1, .data_bytes = (uint64_t)megabytes << 20};
    char package[PATH_MAX], what[64];
    double grown_kib, ns;
    int code = bench_app_pack(b, &app, package, sizeof(package));

    if (code == TOOL_DONE)
        code = bench_install_ask_child(b, "install-large", b->work, &grown_kib, &ns);
    unlink(package);
    remove_store(b);
    if (code != TOOL_DONE)
        return code;
    snprintf(what, sizeof(what), "%u MB: installed", megabytes);
    bench_install_print(b, (bench_row){.what = what, .plugins = 1, .events = 1, .ns = ns});
    snprintf(what, sizeof(what), "%u MB: peak RSS grown", megabytes);
    bench_install_print(b, (bench_row){.what = what,
                                       .plugins = 1,
                                       .events = 1,
                                       .value = grown_kib,
                                       .unit = "KiB",
                                       .goal_kind = BENCH_VALUE_MOST,
                                       .goal = 16384});
    return TOOL_DONE;
}
