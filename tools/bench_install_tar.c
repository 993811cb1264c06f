/* Installing a package of 1 MB in a process with an open runtime, against the tar command and a sync of what it wrote,
 * in turn. Part of the install case of hookline bench. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_install.h"

#define DATA_BYTES (UINT64_C(1) << 20)
#define ROUNDS_MAX 1001
#define STEPS (HL_STEP_RETIRE + 1)

extern char **environ;

/* ---- what is measured ------------------------------------------------------------------------------------------ */

typedef struct side_by_side {
    bench *b;
    bench_app app;
    hl_runtime *runtime;
    hl_event *event;
    char package[PATH_MAX];
    char folder[PATH_MAX]; /* of tar */
    double *install_ns, *tar_ns;
    double *step_ns[STEPS]; /* of one round: when it began, then how long it took */
    size_t round;
} side_by_side;

static bool note_step(void *user, hl_install_step step, uint64_t done, uint64_t total)
{
    side_by_side *s = user;

    (void)total;
    if (done == 0 && s->step_ns[step][s->round] == 0)
        s->step_ns[step][s->round] = (double)bench_now_ns();
    return true;
}

/* From the moments at which the steps began to how long each took. */
static void end_steps(side_by_side *s, double end_ns)
{
    for (int i = STEPS - 1; i >= 0; i--) {
        double begin_ns = s->step_ns[i][s->round];

        if (begin_ns == 0)
            continue;
        s->step_ns[i][s->round] = end_ns - begin_ns;
        end_ns = begin_ns;
    }
}

static int check_dispatch(side_by_side *s)
{
    uint64_t sum = 0;
    hl_reply reply = hl_call(s->event, &sum, NULL);

    if (reply.verdict == HL_NEXT && sum == bench_app_adds(s->app.number, 0))
        return TOOL_DONE;
    return bench_wrong(s->b, "install: the app's event gave %llu with verdict %lld.", (unsigned long long)sum,
                       (long long)reply.verdict);
}

static int run_install(side_by_side *s)
{
    uint64_t begin = bench_now_ns();
    int code = bench_app_install(s->b, s->runtime, s->package, note_step, s);
    uint64_t end = bench_now_ns();
    char app[24];

    if (code != TOOL_DONE)
        return code;
    s->install_ns[s->round] = (double)(end - begin);
    end_steps(s, (double)end);
    code = check_dispatch(s);
    bench_app_name(s->app.number, app, sizeof(app));
    if (hl_uninstall(s->runtime, app, 0, NULL) != HL_OK)
        return tool_fail(s->b->context);
    return code;
}

/* ---- what it is compared with ---------------------------------------------------------------------------------- */

static int run_tar(side_by_side *s)
{
    const char *const argv[] = {"tar", "xzf", s->package, "-C", s->folder, NULL};
    int status = -1;
    pid_t pid;

    if (posix_spawnp(&pid, "tar", NULL, NULL, (char *const *)(uintptr_t)argv, environ) == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    return status;
}

static int sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 ? -1 : syncfs(fd);

    if (fd >= 0)
        close(fd);
    return failed;
}

static int run_baseline(side_by_side *s)
{
    uint64_t begin;
    int failed;

    if (mkdir(s->folder, 0755) != 0)
        return tool_error(s->b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "dir", "%s: %s", s->folder, strerror(errno));
    begin = bench_now_ns();
    failed = run_tar(s) || sync_folder(s->folder);
    s->tar_ns[s->round] = (double)(bench_now_ns() - begin);
    bench_folder_remove(s->folder);
    if (failed)
        return tool_error(s->b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "", "tar could not unpack %s.", s->package);
    return TOOL_DONE;
}

/* ---- rounds ---------------------------------------------------------------------------------------------------- */

/* Nothing that was written before is left for the sync within a measured time. */
static int run_round(side_by_side *s)
{
    int (*const both[2])(side_by_side *) = {run_install, run_baseline};
    int code = TOOL_DONE;

    for (size_t i = 0; code == TOOL_DONE && i < 2; i++) {
        sync_folder(s->b->work);
        code = both[(s->round + i) % 2](s);
    }
    return code;
}

static void say_steps(side_by_side *s, size_t rounds)
{
    static const char *const words[STEPS] =
        {[HL_STEP_VERIFY] = "verifying",   [HL_STEP_UNPACK] = "unpacking", [HL_STEP_CHECK] = "reading the library",
         [HL_STEP_PROBE] = "trying it",    [HL_STEP_PREPARE] = "loading",  [HL_STEP_ACTIVATE] = "the commit",
         [HL_STEP_RETIRE] = "the old code"};
    char text[512] = "";
    size_t len = 0;

    for (size_t i = 0; i < STEPS; i++) {
        double ns = bench_median(s->step_ns[i], rounds);

        if (words[i] && ns > 0)
            len +=
                (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %.2f ms", len ? ", " : "", words[i], ns / 1e6);
    }
    bench_say(s->b, "(steps of the installation: %s)", text);
}

static void print_rows(side_by_side *s, size_t rounds)
{
    double install_ns = bench_median(s->install_ns, rounds), tar_ns = bench_median(s->tar_ns, rounds);

    bench_install_print(s->b, (bench_row){.what = "1 MB: tar xzf and sync", .engine = "none", .ns = tar_ns});
    bench_install_print(s->b, (bench_row){.what = "1 MB: verified, tried, installed, active",
                                          .plugins = 1,
                                          .events = 1,
                                          .ns = install_ns,
                                          .ratio = install_ns / tar_ns,
                                          .baseline = "tar and sync",
                                          .goal_kind = BENCH_RATIO_MOST,
                                          .goal = 3});
    say_steps(s, rounds);
}

static int open_runtime(side_by_side *s)
{
    char store[sizeof(s->b->work) + 16], event[48];
    int code = bench_runtime(s->b, bench_store_url(s->b, "tar-store", store, sizeof(store)),
                             s->b->compiler ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE, &s->runtime);

    bench_app_event(s->app.number, 0, event, sizeof(event));
    if (code == TOOL_DONE && hl_event_open(s->runtime, event, &s->event) != HL_OK)
        code = tool_fail(s->b->context);
    return code;
}

static int measure(side_by_side *s, double *times, size_t rounds)
{
    int code = bench_app_pack(s->b, &s->app, s->package, sizeof(s->package));

    s->install_ns = times;
    s->tar_ns = times + rounds;
    for (size_t i = 0; i < STEPS; i++)
        s->step_ns[i] = times + (2 + i) * rounds;
    snprintf(s->folder, sizeof(s->folder), "%.4000s/tar", s->b->work);
    if (code == TOOL_DONE)
        code = open_runtime(s);
    for (; code == TOOL_DONE && s->round < rounds; s->round++)
        code = run_round(s);
    hl_close(s->runtime);
    if (code == TOOL_DONE)
        print_rows(s, rounds);
    return code;
}

int bench_install_beside_tar(bench *b)
{
    side_by_side s = {.b = b, .app = {.number = 0, .plugins = 1, .data_bytes = DATA_BYTES}};
    size_t rounds = b->rounds ? b->rounds : b->quick ? 9 : 31;
    double *times;
    int code;

    rounds = rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
    times = calloc((2 + STEPS) * rounds, sizeof(*times));
    if (!times)
        return tool_error(b->context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "There is no memory for the rounds.");
    code = measure(&s, times, rounds);
    free(times);
    unlink(s.package);
    return code;
}
