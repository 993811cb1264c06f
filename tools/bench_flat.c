/* The flatness case of hookline bench: what 10,000 changes leave behind in a process, and what a killed one leaves in
 * the file system. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define EVENTS 100
#define WARM_UP 1000
#define CHANGES 10000

/* ---- what a process holds -------------------------------------------------------------------------------------- */

typedef struct footprint {
    long rss_kib;
    long descriptors;
    long mappings;
} footprint;

static long count_entries(const char *folder, const char *prefix)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    long count = 0;

    while (dir && (entry = readdir(dir)))
        count += entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    if (dir)
        closedir(dir);
    return count;
}

static footprint footprint_now(void)
{
    return (footprint){bench_rss_kib(getpid()), count_entries("/proc/self/fd", ""), bench_mappings(getpid())};
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

typedef struct work {
    bench *b;
    hl_runtime *runtime;
    hl_event *events[EVENTS];
    uint64_t changes;
} work;

static hl_status change(work *w)
{
    size_t event = w->changes % EVENTS;
    bool late = w->changes / EVENTS % 2 == 0;
    bench_names names;
    hl_plugin_spec spec = bench_spec(w->b, &w->b->parts.events[event], event, 0, &names);

    w->changes++;
    spec.priority = late ? 90 : 0;
    return hl_register(w->runtime, &spec, 0);
}

/* Lets the compiler and the reclaiming of old chains come to rest. */
static hl_status rest(work *w)
{
    struct timespec time = {.tv_nsec = 50000000};
    hl_status status = hl_wait_compiled(w->runtime, 60000);

    nanosleep(&time, NULL);
    return status;
}

static int make_changes(work *w, size_t len, size_t between_rests)
{
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < len; i++) {
        status = change(w);
        if (status == HL_OK && i % between_rests == between_rests - 1)
            status = rest(w);
    }
    if (status == HL_OK)
        status = rest(w);
    return status == HL_OK ? bench_chains_check(w->b, w->b->parts.events, w->events, EVENTS) : tool_fail(w->b->context);
}

static int open_work(work *w, bench *b)
{
    int code;

    *w = (work){.b = b};
    code = bench_runtime(b, "memory:", b->compiler ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE, &w->runtime);
    return code == TOOL_DONE ? bench_chains_register(b, w->runtime, b->parts.events, EVENTS, w->events) : code;
}

static void print(const bench *b, const char *what, long value, const char *unit, double goal)
{
    bench_print((bench *)b, &(bench_row){.name = "flat",
                                         .what = what,
                                         .engine = b->compiler ? "compiled" : "reference",
                                         .plugins = BENCH_EVENT_PLUGINS,
                                         .events = EVENTS,
                                         .value = (double)value,
                                         .unit = unit,
                                         .goal_kind = BENCH_VALUE_MOST,
                                         .goal = goal});
}

static void print_growth(const work *w, const footprint *before, const footprint *after)
{
    hl_counters counters = {.size = sizeof(counters)};

    if (hl_counters_get(w->runtime, &counters) == HL_OK)
        bench_say(w->b, "(%d changes: %llu chains compiled, by %llu helper processes; RSS %ld KiB before)", CHANGES,
                  (unsigned long long)counters.compiled, (unsigned long long)counters.helper_starts, before->rss_kib);
    print(w->b, "10,000 changes: RSS grown", after->rss_kib - before->rss_kib, "KiB", 4096);
    print(w->b, "10,000 changes: descriptors more", after->descriptors - before->descriptors, "", 0);
    print(w->b, "10,000 changes: mappings more", after->mappings - before->mappings, "", 0);
}

static int grow(bench *b)
{
    size_t between_rests = b->quick ? 1000 : 100;
    footprint before, after;
    work w;
    int code = open_work(&w, b);

    if (code == TOOL_DONE)
        code = make_changes(&w, WARM_UP, between_rests);
    before = footprint_now();
    if (code == TOOL_DONE)
        code = make_changes(&w, CHANGES, between_rests);
    after = footprint_now();
    if (code == TOOL_DONE)
        print_growth(&w, &before, &after);
    hl_close(w.runtime);
    if (code == TOOL_DONE)
        print(b, "temporary files left after closing", count_entries(b->work, "hookline"), "", 0);
    return code;
}

/* ---- killed ---------------------------------------------------------------------------------------------------- */

/* Changes chains until it is killed. */
int bench_flat_child(bench *b, int argc, char **argv)
{
    work w;
    int code;

    (void)argc;
    (void)argv;
    b->compiler = true;
    code = bench_parts_open(b);
    if (code == TOOL_DONE)
        code = open_work(&w, b);
    if (code == TOOL_DONE) {
        puts("ready");
        fflush(stdout);
        code = make_changes(&w, SIZE_MAX, 1);
    }
    return code;
}

/* Whether a process is a compiler of ours: "PID (hookline-jit) S PARENT ..." in its stat file. */
static bool is_own_helper(const char *pid)
{
    char path[64], text[128];
    FILE *file;
    int parent = 0;

    snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    file = fopen(path, "re");
    if (!file)
        return false;
    if (!fgets(text, sizeof(text), file) || sscanf(text, "%*d (hookline-jit) %*c %d", &parent) != 1)
        parent = 0;
    fclose(file);
    return parent == getpid();
}

static bool kill_own_helper(void)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    bool killed = false;

    while (processes && (entry = readdir(processes)))
        if (is_own_helper(entry->d_name))
            killed |= kill((pid_t)atoi(entry->d_name), SIGKILL) == 0;
    if (processes)
        closedir(processes);
    return killed;
}

static int helper_killed(bench *b)
{
    work w;
    int code = open_work(&w, b);

    if (code == TOOL_DONE)
        code = make_changes(&w, 1, 1);
    if (code == TOOL_DONE && !kill_own_helper())
        code = bench_wrong(b, "flat: there was no helper to be killed.");
    if (code == TOOL_DONE)
        code = make_changes(&w, 10, 1);
    hl_close(w.runtime);
    if (code == TOOL_DONE)
        print(b, "files left by kill -9 of the helper, after closing", count_entries(b->work, "hookline"), "", 0);
    return code;
}

static void wait_ready_and_kill(pid_t pid, int out)
{
    struct timespec time = {.tv_nsec = 200000000};
    char line[16];
    ssize_t got = read(out, line, sizeof(line));

    (void)got; /* a child that ends without a word is found below */
    nanosleep(&time, NULL);
    kill(pid, SIGKILL);
}

static int kill_child(bench *b)
{
    int status, out;
    pid_t pid;
    int code = bench_child_start(b, "flat", "", &pid, &out);

    if (code != TOOL_DONE)
        return code;
    wait_ready_and_kill(pid, out);
    close(out);
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status))
        return bench_wrong(b, "flat: the process that was to be killed ended by itself.");
    return TOOL_DONE;
}

static int killed(bench *b)
{
    struct timespec time = {.tv_nsec = 300000000};
    hl_runtime *runtime = NULL;
    int code = kill_child(b);

    nanosleep(&time, NULL); /* its helper ends by itself */
    if (code == TOOL_DONE)
        code = bench_runtime(b, "memory:", HL_ENGINE_COMPILED, &runtime);
    hl_close(runtime);
    if (code == TOOL_DONE)
        print(b, "files left by kill -9 of the process, after the next open", count_entries(b->work, "hookline"), "",
              0);
    return code;
}

int bench_flat(bench *b)
{
    int code = grow(b);

    if (code == TOOL_DONE && b->compiler)
        code = helper_killed(b);
    return code == TOOL_DONE && b->compiler ? killed(b) : code;
}
