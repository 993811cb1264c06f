/* An app of the example HTTP server upgraded back and forth under load: failed requests, dispatch times against those
 * of quiet, memory and mappings of the server. Part of the install case of hookline bench; server, load and times are
 * those of hookline demo. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "bench_install.h"
#include "demo.h"
#include "servers.h"

#define BLOCK 10 /* upgrades between times of quiet, which are as long */
#define BLOCKS 10
#define BLOCKS_QUICK 3
#define EVENTS 3
#define PACE_MS 100 /* from one upgrade to the next: its chain is compiled before the next comes */
#define QUIET_MS (PACE_MS * BLOCK)
#define LOAD_S 600 /* the load ends by itself if everything else fails */
#define REQUESTS_MAX INT64_MAX

static const char *const event_names[EVENTS] = {"request", "response", "log"};
static const char *const versions[] = {"1.0.0", "1.1.0"};

typedef struct footprint {
    long rss_kib, mappings, file_mappings;
} footprint;

typedef struct upgrades {
    bench *b;
    struct demo demo;
    hl_runtime *runtime; /* records only, as the command's */
    size_t blocks;
    size_t made;
    double quiet_ns[EVENTS][BLOCKS], busy_ns[EVENTS][BLOCKS], ratio[EVENTS][BLOCKS]; /* p99.9 */
    double upgrade_ns[BLOCKS * BLOCK];
    footprint tenth, last; /* after the first block, and in the end */
    struct demo_load_counts counts;
} upgrades;

/* ---- one upgrade ----------------------------------------------------------------------------------------------- */

/* The first brings the newer version; from then on each goes back to the one before. */
static hl_status make_upgrade(upgrades *u)
{
    char package[PATH_MAX];
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, package);

    if (u->made > 0)
        return hl_rollback(u->runtime, "release", HL_WAIT_IDLE, NULL);
    snprintf(package, sizeof(package), "%.4000s/release-1.1.0.tar.gz", u->demo.folder);
    spec.flags = HL_WAIT_IDLE;
    return hl_install(u->runtime, &spec, NULL);
}

static int check_answer(upgrades *u, const char *version)
{
    char *answered = demo_load_header(u->demo.port, "/hello", "X-Release");
    bool right = answered && strncmp(answered, version, strlen(version)) == 0;
    int code = right ? TOOL_DONE
                     : bench_wrong(u->b, "install: upgrade %zu to %s is done, and an answer has X-Release: %s.",
                                   u->made, version, answered ? answered : "(none)");

    free(answered);
    return code;
}

static int upgrade(upgrades *u)
{
    uint64_t begin = bench_now_ns();

    if (make_upgrade(u) != HL_OK)
        return tool_fail(u->b->context);
    u->upgrade_ns[u->made++] = (double)(bench_now_ns() - begin);
    return check_answer(u, versions[u->made % 2]);
}

/* ---- a block --------------------------------------------------------------------------------------------------- */

/* The failure that the demo's functions have told. */
static int demo_failed(upgrades *u)
{
    return tool_error(u->b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "", "%s", u->demo.failure);
}

static void take_times(const json_t *before, const json_t *after, double out[EVENTS][BLOCKS], size_t block)
{
    json_t *rows = demo_times_dispatch(before, after, "");
    size_t i;
    json_t *row;

    json_array_foreach (rows, i, row) {
        for (size_t event = 0; event < EVENTS; event++)
            if (strcmp(value_text(row, "event"), event_names[event]) == 0)
                out[event][block] = (double)value_count(row, "p999_ns");
    }
    json_decref(rows);
}

static bool rest(upgrades *u)
{
    return demo_sleep(&u->demo, demo_now_ns() + QUIET_MS * DEMO_NS_PER_MS);
}

static int run_upgrades(upgrades *u)
{
    int code = TOOL_DONE;

    for (size_t i = 0; code == TOOL_DONE && i < BLOCK; i++) {
        uint64_t next_ns = demo_now_ns() + PACE_MS * DEMO_NS_PER_MS;

        code = upgrade(u);
        if (code == TOOL_DONE && !demo_sleep(&u->demo, next_ns))
            code = demo_failed(u);
    }
    return code;
}

/* What the server holds at the end of a time of quiet. */
static void take_footprint(upgrades *u, size_t block)
{
    pid_t server = u->demo.server.pid;

    u->last = (footprint){bench_rss_kib(server), bench_mappings(server), bench_file_mappings(server)};
    if (block == 1)
        u->tenth = u->last;
}

static int run_block(upgrades *u, size_t block)
{
    json_t *at[3] = {NULL, NULL, NULL};
    bool going = demo_times_read(&u->demo, &at[0]) && rest(u) && demo_times_read(&u->demo, &at[1]);
    int code = going ? TOOL_DONE : demo_failed(u);

    take_footprint(u, block);
    if (code == TOOL_DONE)
        code = run_upgrades(u);
    if (code == TOOL_DONE && !demo_times_read(&u->demo, &at[2]))
        code = demo_failed(u);
    if (code == TOOL_DONE) {
        take_times(at[0], at[1], u->quiet_ns, block);
        take_times(at[1], at[2], u->busy_ns, block);
        for (size_t i = 0; i < EVENTS; i++)
            u->ratio[i][block] = u->busy_ns[i][block] / fmax(u->quiet_ns[i][block], 1);
    }
    for (size_t i = 0; i < 3; i++)
        json_decref(at[i]);
    return code;
}

static int run_blocks(upgrades *u)
{
    int code = TOOL_DONE;

    for (size_t i = 0; code == TOOL_DONE && i < u->blocks; i++)
        code = run_block(u, i);
    if (code == TOOL_DONE && !rest(u))
        code = demo_failed(u);
    take_footprint(u, u->blocks);
    return code;
}

/* ---- server and load ------------------------------------------------------------------------------------------- */

static int begin(upgrades *u)
{
    struct demo *demo = &u->demo;
    json_t *answer = NULL;
    int code;

    if (!demo_server_start(demo) || !demo_packages_pack(demo) ||
        !demo_packages_change(demo, "install", "release-1.0.0.tar.gz", &answer))
        return demo_failed(u);
    json_decref(answer);
    code = bench_records_runtime(u->b, demo->store, &u->runtime);
    if (code != TOOL_DONE)
        return code;
    demo->load =
        demo_load_start(demo->port, (unsigned)demo->threads, REQUESTS_MAX, demo_now_ns() + LOAD_S * DEMO_NS_PER_S);
    if (!demo->load) {
        demo_fail(demo, "No memory is left.");
        return demo_failed(u);
    }
    return TOOL_DONE;
}

static int run(upgrades *u)
{
    int code = begin(u);

    if (code == TOOL_DONE)
        code = run_blocks(u);
    demo_load_stop(u->demo.load, &u->counts);
    u->demo.load = NULL;
    hl_close(u->runtime);
    if (code == TOOL_DONE && !demo_server_end(&u->demo, NULL))
        code = demo_failed(u);
    return code;
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

static void print_value(const upgrades *u, const char *what, double value, const char *unit, double goal)
{
    char text[96];

    snprintf(text, sizeof(text), "%zu upgrades: %s", u->made, what);
    bench_install_print(u->b, (bench_row){.what = text,
                                          .plugins = 1,
                                          .events = EVENTS,
                                          .value = value,
                                          .unit = unit,
                                          .goal_kind = goal < 0 ? BENCH_NO_GOAL : BENCH_VALUE_MOST,
                                          .goal = goal});
}

static void print_tail(upgrades *u, size_t event)
{
    char text[96];

    snprintf(text, sizeof(text), "%zu upgrades: p99.9 of %s", u->made, event_names[event]);
    bench_install_print(u->b, (bench_row){.what = text,
                                          .engine = u->b->compiler ? "compiled" : "reference",
                                          .plugins = event == 1 ? 2 : 1,
                                          .events = EVENTS,
                                          .ns = bench_median(u->busy_ns[event], u->blocks),
                                          .ratio = bench_median(u->ratio[event], u->blocks),
                                          .baseline = "quiet before",
                                          .goal_kind = BENCH_RATIO_MOST,
                                          .goal = 1.5});
}

static void print_rows(upgrades *u)
{
    char text[64];

    snprintf(text, sizeof(text), "%zu upgrades: one, old code gone", u->made);
    bench_say(u->b, "(%llu requests were served meanwhile)", (unsigned long long)u->counts.served);
    bench_install_print(u->b, (bench_row){.what = text,
                                          .plugins = 1,
                                          .events = EVENTS,
                                          .ns = bench_median(u->upgrade_ns, u->made)});
    print_value(u, "failed requests", (double)u->counts.failed, "", 0);
    for (size_t i = 0; i < EVENTS; i++)
        print_tail(u, i);
    print_value(u, "RSS grown since the tenth", (double)(u->last.rss_kib - u->tenth.rss_kib), "KiB", 4096);
    print_value(u, "mapped files more", (double)(u->last.file_mappings - u->tenth.file_mappings), "", 0);
    print_value(u, "all mappings more", (double)(u->last.mappings - u->tenth.mappings), "", -1);
}

/* ---- the part -------------------------------------------------------------------------------------------------- */

/* The demo takes signals and the store for itself. */
static int run_as_demo(upgrades *u)
{
    const char *store = u->b->context->store;
    sigset_t signals;
    int code;

    sigprocmask(SIG_SETMASK, NULL, &signals);
    if (demo_prepare(&u->demo)) {
        u->b->context->store = u->demo.store;
        code = run(u);
        if (code == TOOL_DONE)
            print_rows(u);
    } else {
        bench_say(u->b, "The upgrades under load are left out. %s", u->demo.failure);
        code = TOOL_DONE;
    }
    demo_cleanup(&u->demo);
    sigprocmask(SIG_SETMASK, &signals, NULL);
    u->b->context->store = store;
    return code;
}

int bench_install_upgrades(bench *b)
{
    upgrades *u = calloc(1, sizeof(*u));
    int code;

    if (!u)
        return tool_error(b->context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "There is no memory for the upgrades.");
    u->b = b;
    u->blocks = b->quick ? BLOCKS_QUICK : BLOCKS;
    u->demo = (struct demo){.context = b->context,
                            .threads = 2,
                            .signals = -1,
                            .server = DEMO_CHILD_NONE,
                            .begun_ns = demo_now_ns(),
                            .report = json_object()};
    code = run_as_demo(u);
    json_decref(u->demo.report);
    free(u);
    return code;
}
