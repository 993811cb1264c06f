/* `hookline demo` over HTTP: requests all the time, changes for some of it, and the server's own times of both. */
#include <stdlib.h>
#include <string.h>

#include "demo.h"
#include "servers.h"

#define LOAD_S 60 /* the load ends by itself if everything else fails */
#define SETTLE_MS 200

/* Says every second how far it is. */
static bool quiet(struct demo *demo, uint64_t until_ns)
{
    while (demo_now_ns() < until_ns) {
        uint64_t next_ns = demo_now_ns() + DEMO_NS_PER_S;
        struct demo_load_counts counts;

        if (!demo_sleep(demo, next_ns < until_ns ? next_ns : until_ns))
            return false;
        demo_load_counts(demo->load, &counts);
        demo_say(demo, "no changes: %llu requests served, %llu failed", (unsigned long long)counts.served,
                 (unsigned long long)counts.failed);
    }
    return true;
}

static void add_dispatch(struct demo *demo, const json_t *before, const json_t *after, const char *phase)
{
    json_t *rows = demo_times_dispatch(before, after, phase);

    json_array_extend(json_object_get(demo->report, "dispatch"), rows);
    json_decref(rows);
}

/* The same chains twice: left alone, and changed without pause. */
static bool measure(struct demo *demo)
{
    uint64_t phase_ns = demo->seconds * DEMO_NS_PER_S;
    json_t *at[3] = {NULL, NULL, NULL};
    bool going =
        demo_times_read(demo, &at[0]) && quiet(demo, demo_now_ns() + phase_ns) && demo_times_read(demo, &at[1]);

    if (going)
        demo_say(demo, "changes without pause for %lu s", demo->seconds);
    going = going && demo_changes_churn(demo, demo_now_ns() + phase_ns) && demo_times_read(demo, &at[2]);
    if (going) {
        json_t *notices = json_object_get(at[2], "notices");

        add_dispatch(demo, at[0], at[1], "quiet");
        add_dispatch(demo, at[1], at[2], "changing");
        demo_times_match(json_object_get(demo->report, "changes"), notices);
        demo_times_match(json_object_get(demo->report, "churn"), notices);
    }
    for (int i = 0; i < 3; i++)
        json_decref(at[i]);
    return going;
}

static bool end_load(struct demo *demo)
{
    struct demo_load_counts counts;
    uint64_t elapsed_ns = demo_now_ns() - demo->load_begun_ns;

    demo_load_stop(demo->load, &counts);
    demo->load = NULL;
    json_object_set_new(demo->report, "requests",
                        json_pack("{s:I, s:I, s:I}", "served", (json_int_t)counts.served, "failed",
                                  (json_int_t)counts.failed, "per_second",
                                  (json_int_t)((double)counts.served * 1e9 / (double)elapsed_ns)));
    if (counts.failed)
        return demo_fail(demo, "%llu requests failed; the first: %s", (unsigned long long)counts.failed,
                         counts.failure);
    return counts.served > 0 || demo_fail(demo, "No request was served.");
}

/* The command's own answer, as a user would get it. Without compiled code there is none to show. */
static bool add_assembly(struct demo *demo)
{
    static const char *const arguments[] = {"dump", "response", "--stage", "asm", NULL};
    json_t *answer;

    if (strcmp(value_text(demo->report, "engine"), "compiled") != 0)
        return true;
    if (!demo_command(demo, arguments, &answer))
        return false;
    json_object_set(demo->report, "assembly",
                    json_object_get(json_array_get(json_object_get(answer, "servers"), 0), "lines"));
    json_decref(answer);
    return true;
}

/* An app comes, is replaced by a newer version and comes back, and no request fails. The last chain gets a moment to be
 * compiled before its times are read. */
static bool upgrade(struct demo *demo)
{
    json_t *stats;

    if (!demo_packages_run(demo))
        return false;
    if (!json_object_get(demo->report, "upgrade"))
        return true;
    if (!demo_sleep(demo, demo_now_ns() + SETTLE_MS * DEMO_NS_PER_MS) || !demo_times_read(demo, &stats))
        return false;
    demo_times_match(json_object_get(demo->report, "upgrade"), json_object_get(stats, "notices"));
    json_decref(stats);
    return true;
}

bool demo_http(struct demo *demo)
{
    uint64_t until_ns = demo_now_ns() + LOAD_S * DEMO_NS_PER_S;

    if (!demo_server_start(demo))
        return false;
    demo_say(demo, "the example server listens on http://127.0.0.1:%u", demo->port);
    demo->load_begun_ns = demo_now_ns();
    demo->load = demo_load_start(demo->port, (unsigned)demo->threads, demo->requests, until_ns);
    if (!demo->load)
        return demo_fail(demo, "No memory is left.");
    demo_say(demo, "%lu connections send requests without pause", demo->threads);
    return demo_changes_run(demo) && measure(demo) && demo_engine(demo) && add_assembly(demo) && upgrade(demo) &&
           end_load(demo) && demo_server_end(demo, NULL);
}
