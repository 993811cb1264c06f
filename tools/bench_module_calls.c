/* What a call of a module costs above a bare ping-pong with the same encoding. Part of the worker case of hookline
 * bench. */
#include <stdlib.h>

#include "bench_modules.h"

#define TIMES 300 /* calls of a window */
#define ROUNDS 41

/* The numbers of a bench_work, as the arguments of a call. */
static hl_value *make_args(int64_t id)
{
    hl_value *args = hl_value_list();

    for (int64_t i = 0; i < 8; i++) {
        if (hl_value_append(args, hl_value_int(i == 0 ? id : i)) != HL_OK)
            break;
    }
    return args;
}

static void check_result(bench_modules_state *of, const hl_value *result)
{
    int64_t answer = 0;

    of->wrong += !hl_value_as_int(result, &answer) || answer != of->id * 3 + 1;
}

/* There and back again through CBOR. */
static hl_value *carry(bench_modules_state *of, hl_value *value)
{
    hl_value *carried = NULL;
    void *bytes = NULL;
    size_t len = 0;

    if (hl_value_encode(value, &bytes, &len) != HL_OK || hl_value_decode(bytes, len, &carried) != HL_OK)
        of->wrong++;
    free(bytes);
    hl_value_free(value);
    return carried;
}

static void run_bare(bench_modules_state *of, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        bench_work work = {.id = (uint64_t)++of->id};
        hl_value *args = carry(of, make_args(of->id)), *result;

        bench_bare_call(of->bare, &work);
        result = carry(of, hl_value_int((int64_t)work.answer));
        check_result(of, result);
        hl_value_free(args);
        hl_value_free(result);
    }
}

static void run_key(bench_modules_state *of, const hl_key *key, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        hl_value *args = make_args(++of->id), *result = NULL;

        if (hl_module_execute(of->runtime, key, "work", args, 0, &result) != HL_OK)
            of->wrong++;
        check_result(of, result);
        hl_value_free(args);
        hl_value_free(result);
    }
}

static void run_bare_beside(void *user, size_t times)
{
    bench_modules_state *of = user;

    bench_processors_keep(&of->processors, bench_bare_pid(of->bare), 0);
    run_bare(of, times);
}

static void run_bare_apart(void *user, size_t times)
{
    bench_modules_state *of = user;

    bench_processors_keep(&of->processors, bench_bare_pid(of->bare), 1);
    run_bare(of, times);
}

static void run_sleeping_beside(void *user, size_t times)
{
    bench_modules_state *of = user;

    bench_processors_keep(&of->processors, of->sleeping_pid, 0);
    run_key(of, &of->sleeping, times);
}

static void run_sleeping_apart(void *user, size_t times)
{
    bench_modules_state *of = user;

    bench_processors_keep(&of->processors, of->sleeping_pid, 1);
    run_key(of, &of->sleeping, times);
}

static void run_looking(void *user, size_t times)
{
    run_key(user, &((bench_modules_state *)user)->looking, times);
}

static int check(void *user, size_t times)
{
    (void)times;
    return ((bench_modules_state *)user)->wrong ? TOOL_REFUSED : TOOL_DONE;
}

/* With one processor all that is left out which needs two. */
enum { BARE, SLEEPING, BESIDE, LOOKING = BESIDE, BARE_APART, SLEEPING_APART, VARIANTS };

static void print_call(bench *b, const bench_variant *variant, double baseline_ns, const char *baseline)
{
    bench_print(b, &(bench_row){.name = "worker",
                                .what = variant->what,
                                .engine = variant->engine,
                                .ns = variant->ns,
                                .ratio = baseline ? variant->ns / baseline_ns : 0,
                                .baseline = baseline,
                                .goal_kind = baseline ? BENCH_RATIO_MOST : BENCH_NO_GOAL,
                                .goal = baseline ? 1.5 : 0});
}

static void print_calls(bench *b, const bench_variant *v, bool apart)
{
    print_call(b, &v[BARE], 0, NULL);
    print_call(b, &v[SLEEPING], v[BARE].ns, "bare, with encoding");
    if (!apart)
        return;
    print_call(b, &v[BARE_APART], 0, NULL);
    print_call(b, &v[SLEEPING_APART], v[BARE_APART].ns, "bare, with encoding, apart");
    print_call(b, &v[LOOKING], fmin(v[BARE].ns, v[BARE_APART].ns), "bare, with encoding");
}

int bench_module_calls(bench *b, bench_modules_state *of)
{
    bool apart = of->processors.len > 1;
    bench_variant variants[VARIANTS] = {
        [BARE] = {"8 integers, eventfds and CBOR, beside", "none", run_bare_beside, 0},
        [SLEEPING] = {"hl_module_execute, asleep, beside", "none", run_sleeping_beside, 0},
        [LOOKING] = {"hl_module_execute, looking", "none", run_looking, 0},
        [BARE_APART] = {"8 integers, eventfds and CBOR, apart", "none", run_bare_apart, 0},
        [SLEEPING_APART] = {"hl_module_execute, asleep, apart", "none", run_sleeping_apart, 0},
    };
    int code;

    if (apart)
        bench_worker_settle(run_looking, of);
    code = bench_side_by_side(b, variants, apart ? VARIANTS : BESIDE, of, TIMES, b->quick ? 11 : ROUNDS, check);

    if (of->wrong)
        return bench_wrong(b, "worker: %zu calls of a module failed or had a wrong answer.", of->wrong);
    if (code == TOOL_DONE)
        print_calls(b, variants, apart);
    return code;
}
