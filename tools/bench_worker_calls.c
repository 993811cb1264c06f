/* Round trips of 64 bytes: through a worker, against a bare ping-pong by eventfds, and against a Unix socket. Part of the
 * worker case of hookline bench. */
#include <sched.h>

#include "bench_worker.h"

#define TIMES 300 /* calls of a window: some milliseconds */
#define ROUNDS 41

typedef struct trips {
    bench_isolated *sleeping; /* waits by sleeping */
    bench_isolated looking;   /* looks for the reply first */
    bench_bare *shared, *socket;
    uint64_t id;
    size_t wrong;
} trips;

static bench_work begin(trips *t)
{
    return (bench_work){.id = ++t->id};
}

static void end(trips *t, const bench_work *work)
{
    t->wrong += work->answer != work->id * 3 + 1 || work->id != t->id;
}

static void run_event(trips *t, hl_event *event, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        bench_work work = begin(t);

        if (hl_call(event, &work, NULL).verdict != HL_NEXT)
            t->wrong++;
        end(t, &work);
    }
}

static void run_bare(trips *t, bench_bare *bare, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        bench_work work = begin(t);

        bench_bare_call(bare, &work);
        end(t, &work);
    }
}

static void run_shared(void *user, size_t times)
{
    run_bare(user, ((trips *)user)->shared, times);
}

static void run_socket(void *user, size_t times)
{
    run_bare(user, ((trips *)user)->socket, times);
}

static void run_sleeping(void *user, size_t times)
{
    run_event(user, ((trips *)user)->sleeping->event, times);
}

static void run_looking(void *user, size_t times)
{
    run_event(user, ((trips *)user)->looking.event, times);
}

static int check(void *user, size_t times)
{
    const trips *t = user;

    (void)times;
    return t->wrong ? TOOL_REFUSED : TOOL_DONE;
}

/* ---- the result ---------------------------------------------------------------------------------------------------- */

static void print(bench *b, const bench_variant *variant, double ratio, const char *baseline, bench_goal kind,
                  double goal)
{
    bench_print(b, &(bench_row){.name = "worker",
                                .what = variant->what,
                                .engine = variant->engine,
                                .plugins = 1,
                                .events = 1,
                                .ns = variant->ns,
                                .ratio = ratio,
                                .baseline = baseline,
                                .goal_kind = goal > 0 ? kind : BENCH_NO_GOAL,
                                .goal = goal});
}

static int processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

enum { SHARED, SOCKET, SLEEPING, LOOKING, VARIANTS };

static void print_all(bench *b, const bench_variant *v)
{
    print(b, &v[SHARED], 0, NULL, BENCH_NO_GOAL, 0);
    print(b, &v[SOCKET], 0, NULL, BENCH_NO_GOAL, 0);
    print(b, &v[SLEEPING], v[SLEEPING].ns / v[SHARED].ns, "bare eventfds", BENCH_RATIO_MOST, 1.3);
    print(b, &v[LOOKING], v[SOCKET].ns / v[LOOKING].ns, "the rate by the socket", BENCH_RATIO_LEAST,
          processors() > 1 ? 5 : 0);
}

static int measure(bench *b, trips *t)
{
    const char *engine = b->compiler ? "compiled" : "reference";
    bench_variant variants[VARIANTS] = {
        {"64 bytes, bare ping-pong by eventfds", "none", run_shared, 0},
        {"64 bytes, bare ping-pong by a Unix socket", "none", run_socket, 0},
        {"64 bytes through a worker, asleep", engine, run_sleeping, 0},
        {"64 bytes through a worker, looking", engine, run_looking, 0},
    };
    int code = bench_side_by_side(b, variants, VARIANTS, t, TIMES, b->quick ? 11 : ROUNDS, check);

    if (code == TOOL_DONE)
        print_all(b, variants);
    else if (t->wrong)
        code = bench_wrong(b, "worker: %zu of %llu calls had a wrong answer.", t->wrong, (unsigned long long)t->id);
    return code;
}

int bench_worker_round_trips(bench *b, bench_isolated *isolated)
{
    trips t = {.sleeping = isolated};
    hl_isolation how = bench_isolation();
    int code;

    how.no_spin = true;
    code = bench_isolated_set(b, isolated, &how);
    if (code == TOOL_DONE)
        code = bench_isolated_open(b, &t.looking);
    if (code == TOOL_DONE)
        code = bench_bare_start(b, false, &t.shared);
    if (code == TOOL_DONE)
        code = bench_bare_start(b, true, &t.socket);
    if (code == TOOL_DONE)
        code = measure(b, &t);
    bench_bare_end(b, t.shared);
    bench_bare_end(b, t.socket);
    hl_close(t.looking.runtime);
    return code;
}
