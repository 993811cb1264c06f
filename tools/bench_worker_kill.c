/* The kill campaign: thousands of requests from two threads while their worker is killed a hundred times. Part of the
 * worker case of hookline bench. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench_worker.h"

#define CALLERS 2
#define REQUESTS 10000
#define KILLS 100
#define DEADLINE_NS UINT64_C(5000000000) /* of bench_isolation */

/* A call as its caller saw it. */
typedef struct seen {
    uint64_t begin_ns, end_ns;
    int64_t verdict;
} seen;

/* A call that begins between the two may be answered by the worker that is being killed. */
typedef struct kill_times {
    uint64_t before_ns, after_ns;
} kill_times;

typedef struct campaign {
    bench *b;
    bench_isolated *isolated;
    uint32_t requests, kills;
    uint32_t made; /* atomic */
    seen *calls;   /* of each request */
    kill_times kills_at[KILLS];
    uint32_t killed; /* atomic */
    uint32_t wrong;  /* atomic */
} campaign;

/* How many requests may have been made before the kill of this number: the same part of them belongs to each. */
static uint32_t requests_before(const campaign *c, uint32_t kill)
{
    return (kill + 1) * (c->requests / (c->kills + 1));
}

/* On a machine that is busy with other things the thread that kills may come late. */
static void wait_for_kill(campaign *c, uint32_t number)
{
    for (;;) {
        uint32_t killed = __atomic_load_n(&c->killed, __ATOMIC_ACQUIRE);

        if (killed == c->kills || number < requests_before(c, killed + 1))
            return;
        bench_sleep_ms(1);
    }
}

static void *make_requests(void *user)
{
    campaign *c = user;
    uint32_t number;

    while ((number = __atomic_fetch_add(&c->made, 1, __ATOMIC_RELAXED)) < c->requests) {
        bench_work work = {.id = number};
        seen *call = &c->calls[number];

        wait_for_kill(c, number);
        call->begin_ns = bench_now_ns();
        call->verdict = hl_call(c->isolated->event, &work, NULL).verdict;
        call->end_ns = bench_now_ns();
        if (work.id != number || call->verdict > HL_NEXT ||
            (call->verdict == HL_NEXT) != (work.answer == work.id * 3 + 1))
            __atomic_add_fetch(&c->wrong, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static bool is_due(const campaign *c)
{
    return __atomic_load_n(&c->made, __ATOMIC_RELAXED) >= requests_before(c, c->killed);
}

static void kill_one(campaign *c, int32_t pid)
{
    kill_times at = {.before_ns = bench_now_ns()};

    if (kill(pid, SIGKILL) != 0)
        return;
    at.after_ns = bench_now_ns();
    c->kills_at[c->killed] = at;
    __atomic_add_fetch(&c->killed, 1, __ATOMIC_RELEASE);
}

/* At random moments within the part of the requests that belongs to each kill. To yield without end in place of
 * sleeping has kept workers from running for seconds. */
static void *kill_workers(void *user)
{
    campaign *c = user;
    uint64_t seed = 88172645463325252u;
    int32_t last = 0;

    while (c->killed < c->kills) {
        hl_worker_info worker = bench_isolated_worker(c->isolated);

        if (worker.start_ns && worker.pid != last && is_due(c)) {
            for (uint64_t spin = bench_random(&seed) % 20000; spin > 0; spin--)
                __atomic_signal_fence(__ATOMIC_SEQ_CST);
            last = worker.pid;
            kill_one(c, worker.pid);
        }
        usleep((useconds_t)(bench_random(&seed) % 100));
    }
    return NULL;
}

static int run(campaign *c)
{
    pthread_t threads[CALLERS + 1];
    size_t started = 0;

    while (started <= CALLERS &&
           pthread_create(&threads[started], NULL, started == 0 ? kill_workers : make_requests, c) == 0)
        started++;
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (started <= CALLERS)
        return tool_error(c->b->context, TOOL_REFUSED, HL_ERR_SYSTEM, "", "A thread cannot be started.");
    return TOOL_DONE;
}

/* ---- the result -------------------------------------------------------------------------------------------------- */

/* Until the first answer to a call that was made after the kill. */
static double back_after(const campaign *c, const kill_times *killed)
{
    uint64_t first_ns = UINT64_MAX;

    for (uint32_t i = 0; i < c->requests; i++) {
        const seen *call = &c->calls[i];

        if (call->verdict == HL_NEXT && call->begin_ns > killed->after_ns && call->end_ns < first_ns)
            first_ns = call->end_ns;
    }
    return first_ns == UINT64_MAX ? -1 : (double)(first_ns - killed->before_ns);
}

static int check(const campaign *c, uint32_t *failed)
{
    uint32_t late = 0;

    *failed = 0;
    for (uint32_t i = 0; i < c->requests; i++) {
        *failed += c->calls[i].verdict != HL_NEXT;
        late += c->calls[i].end_ns - c->calls[i].begin_ns > DEADLINE_NS;
    }
    if (c->wrong || late)
        return bench_wrong(c->b, "worker: of %u requests %u had another's answer and %u were over their deadline.",
                           c->requests, c->wrong, late);
    return TOOL_DONE;
}

static void print(const campaign *c, const char *what, double ns, double value, const char *unit, bench_goal kind,
                  double goal)
{
    bench_print(c->b, &(bench_row){.name = "worker",
                                   .what = what,
                                   .engine = c->b->compiler ? "compiled" : "reference",
                                   .plugins = 1,
                                   .events = 1,
                                   .ns = ns,
                                   .value = value,
                                   .unit = unit,
                                   .goal_kind = kind,
                                   .goal = goal});
}

static int tell(const campaign *c)
{
    double back_ns[KILLS];
    uint32_t failed, len = 0;
    int code = check(c, &failed);

    if (code != TOOL_DONE)
        return code;
    for (uint32_t i = 0; i < c->killed; i++) {
        double ns = back_after(c, &c->kills_at[i]);

        if (ns >= 0)
            back_ns[len++] = ns;
    }
    if (len == 0)
        return bench_wrong(c->b, "worker: no call was answered after a kill.");
    print(c, "kills at random: service is back", bench_median(back_ns, len), 0, NULL, BENCH_NS_MOST, 20e6);
    print(c, "kills at random: requests that failed, each with a status", 0, failed, "calls", BENCH_VALUE_MOST,
          c->kills);
    return TOOL_DONE;
}

int bench_worker_kills(bench *b, bench_isolated *isolated)
{
    campaign c = {.b = b,
                  .isolated = isolated,
                  .requests = b->quick ? REQUESTS / 5 : REQUESTS,
                  .kills = b->quick ? KILLS / 5 : KILLS};
    int code;

    c.calls = calloc(c.requests, sizeof(*c.calls));
    if (!c.calls)
        return tool_error(b->context, TOOL_REFUSED, HL_ERR_NO_MEMORY, "", "There is no memory for the requests.");
    code = run(&c);
    if (code == TOOL_DONE)
        code = tell(&c);
    free(c.calls);
    return code;
}
