/* Round trips of 64 bytes: through a worker, against a bare ping-pong by eventfds, and against a Unix socket. Part of
 * the worker case of hookline bench. */
#include "bench_worker.h"

#define TIMES 300 /* calls of a window: some milliseconds */
#define ROUNDS 41

typedef struct trips {
    bench_isolated *sleeping; /* waits by sleeping */
    bench_isolated looking;   /* looks for the reply first */
    pid_t sleeping_pid;
    bench_bare *shared, *socket;
    bench_processors processors; /* the caller keeps to the first */
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

static void run_shared_beside(void *user, size_t times)
{
    trips *t = user;

    bench_processors_keep(&t->processors, bench_bare_pid(t->shared), 0);
    run_bare(t, t->shared, times);
}

static void run_shared_apart(void *user, size_t times)
{
    trips *t = user;

    bench_processors_keep(&t->processors, bench_bare_pid(t->shared), 1);
    run_bare(t, t->shared, times);
}

static void run_socket_beside(void *user, size_t times)
{
    trips *t = user;

    bench_processors_keep(&t->processors, bench_bare_pid(t->socket), 0);
    run_bare(t, t->socket, times);
}

static void run_socket_apart(void *user, size_t times)
{
    trips *t = user;

    bench_processors_keep(&t->processors, bench_bare_pid(t->socket), 1);
    run_bare(t, t->socket, times);
}

static void run_sleeping_beside(void *user, size_t times)
{
    trips *t = user;

    bench_processors_keep(&t->processors, t->sleeping_pid, 0);
    run_event(t, t->sleeping->event, times);
}

static void run_sleeping_apart(void *user, size_t times)
{
    trips *t = user;

    bench_processors_keep(&t->processors, t->sleeping_pid, 1);
    run_event(t, t->sleeping->event, times);
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

/* ---- the result -------------------------------------------------------------------------------------------------- */

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

/* With one processor all that is left out which needs two. */
enum { SHARED, SOCKET, SLEEPING, BESIDE, LOOKING = BESIDE, SHARED_APART, SOCKET_APART, SLEEPING_APART, VARIANTS };

static void print_beside(bench *b, const bench_variant *v)
{
    print(b, &v[SHARED], 0, NULL, BENCH_NO_GOAL, 0);
    print(b, &v[SOCKET], 0, NULL, BENCH_NO_GOAL, 0);
    print(b, &v[SLEEPING], v[SLEEPING].ns / v[SHARED].ns, "bare eventfds", BENCH_RATIO_MOST, 1.3);
}

static void print_apart(bench *b, const bench_variant *v)
{
    print(b, &v[SHARED_APART], 0, NULL, BENCH_NO_GOAL, 0);
    print(b, &v[SOCKET_APART], 0, NULL, BENCH_NO_GOAL, 0);
    print(b, &v[SLEEPING_APART], v[SLEEPING_APART].ns / v[SHARED_APART].ns, "bare eventfds, apart", BENCH_RATIO_MOST,
          1.3);
    print(b, &v[LOOKING], fmin(v[SOCKET].ns, v[SOCKET_APART].ns) / v[LOOKING].ns, "the rate by the socket",
          BENCH_RATIO_LEAST, 5);
}

static int measure(bench *b, trips *t)
{
    const char *engine = b->compiler ? "compiled" : "reference";
    bool apart = t->processors.len > 1;
    bench_variant variants[VARIANTS] = {
        [SHARED] = {"64 bytes, bare eventfds, beside", "none", run_shared_beside, 0},
        [SOCKET] = {"64 bytes, Unix socket, beside", "none", run_socket_beside, 0},
        [SLEEPING] = {"64 bytes through a worker, asleep, beside", engine, run_sleeping_beside, 0},
        [LOOKING] = {"64 bytes through a worker, looking", engine, run_looking, 0},
        [SHARED_APART] = {"64 bytes, bare eventfds, apart", "none", run_shared_apart, 0},
        [SOCKET_APART] = {"64 bytes, Unix socket, apart", "none", run_socket_apart, 0},
        [SLEEPING_APART] = {"64 bytes through a worker, asleep, apart", engine, run_sleeping_apart, 0},
    };
    int code;

    if (apart)
        bench_worker_settle(run_looking, t);
    code = bench_side_by_side(b, variants, apart ? VARIANTS : BESIDE, t, TIMES, b->quick ? 11 : ROUNDS, check);

    if (t->wrong)
        return bench_wrong(b, "worker: %zu of %llu calls had a wrong answer.", t->wrong, (unsigned long long)t->id);
    if (code != TOOL_DONE)
        return code;
    print_beside(b, variants);
    if (apart)
        print_apart(b, variants);
    return TOOL_DONE;
}

int bench_worker_round_trips(bench *b, bench_isolated *isolated)
{
    trips t = {.sleeping = isolated, .processors = bench_processors_now()};
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
    if (code == TOOL_DONE) {
        t.sleeping_pid = bench_isolated_worker(isolated).pid;
        bench_processors_keep(&t.processors, 0, 0);
        code = measure(b, &t);
        bench_processors_free(&t.processors, 0);
    }
    bench_bare_end(b, t.shared);
    bench_bare_end(b, t.socket);
    hl_close(t.looking.runtime);
    return code;
}
