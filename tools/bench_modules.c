/* Modules in the worker case of hookline bench: what a lookup costs while somebody registers, and what a call costs above a bare
 * ping-pong with the same encoding. */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hookline/modules.h>

#include "bench_worker.h"

#define KEYS 1000
#define READERS 2
#define WINDOW_MS 100
#define WINDOWS 11
#define TIMES 300 /* calls of a window */
#define ROUNDS 41

typedef struct modules {
    bench *bench;
    hl_runtime *runtime;
    hl_key keys[KEYS];
    hl_key sleeping, looking; /* are loaded; how their callers wait */
    bench_bare *bare;
    int64_t id;
    size_t wrong;
    bool stop; /* atomic; the window is over */
} modules;

/* ---- lookups --------------------------------------------------------------------------------------------------------- */

typedef struct reader {
    modules *of;
    pthread_t thread;
    size_t lookups, wrong;
    double cpu_ns;
} reader;

static double thread_cpu_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void *look_up(void *user)
{
    reader *self = user;
    double begin = thread_cpu_ns();
    size_t lookups = 0;

    while (!__atomic_load_n(&self->of->stop, __ATOMIC_ACQUIRE)) {
        for (size_t i = 0; i < 100; i++) {
            char name[HL_MODULE_NAME_MAX];

            self->wrong += hl_module_lookup(self->of->runtime, &self->of->keys[lookups++ % KEYS], name) != HL_OK;
        }
    }
    self->lookups = lookups;
    self->cpu_ns = thread_cpu_ns() - begin;
    return NULL;
}

/* Registers one key after the other anew, each durably. */
static void *keep_registering(void *user)
{
    modules *of = user;

    for (size_t i = 0; !__atomic_load_n(&of->stop, __ATOMIC_ACQUIRE); i++) {
        hl_module_spec spec = HL_MODULE_SPEC_INIT(of->keys[i % KEYS], BENCH_MODULE);

        if (hl_module_register(of->runtime, &spec) != HL_OK)
            __atomic_fetch_add(&of->wrong, 1, __ATOMIC_ACQ_REL);
    }
    return NULL;
}

/* Processor time of a lookup: with more threads than processors, time on the wall would measure the kernel's sharing of them. */
static double window(modules *of, bool writing)
{
    reader readers[READERS] = {{0}};
    pthread_t writer;
    size_t lookups = 0;
    double cpu_ns = 0;

    __atomic_store_n(&of->stop, false, __ATOMIC_RELEASE);
    if (writing && pthread_create(&writer, NULL, keep_registering, of) != 0) {
        writing = false;
        of->wrong++;
    }
    for (size_t i = 0; i < READERS; i++) {
        readers[i].of = of;
        of->wrong += pthread_create(&readers[i].thread, NULL, look_up, &readers[i]) != 0;
    }
    bench_sleep_ms(WINDOW_MS);
    __atomic_store_n(&of->stop, true, __ATOMIC_RELEASE);
    for (size_t i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        lookups += readers[i].lookups;
        cpu_ns += readers[i].cpu_ns;
        of->wrong += readers[i].wrong;
    }
    if (writing)
        pthread_join(writer, NULL);
    return cpu_ns / (double)lookups;
}

static void print_lookup(bench *b, const char *what, double ns, double ratio)
{
    bench_print(b, &(bench_row){.name = "worker",
                                .what = what,
                                .engine = "none",
                                .ns = ns,
                                .ratio = ratio,
                                .baseline = ratio > 0 ? "without the writer" : NULL,
                                .goal_kind = ratio > 0 ? BENCH_RATIO_MOST : BENCH_NO_GOAL,
                                .goal = ratio > 0 ? 1.2 : 0});
}

static int measure_lookups(bench *b, modules *of)
{
    double alone[WINDOWS], beside[WINDOWS];

    window(of, true);
    for (size_t i = 0; i < WINDOWS; i++) {
        alone[i] = window(of, false);
        beside[i] = window(of, true);
    }
    if (of->wrong)
        return bench_wrong(b, "worker: %zu lookups or registrations failed.", of->wrong);
    print_lookup(b, "module lookup by 2 threads, processor time", bench_median(alone, WINDOWS), 0);
    print_lookup(b, "the same beside a thread that registers", bench_median(beside, WINDOWS),
                 bench_median(beside, WINDOWS) / bench_median(alone, WINDOWS));
    return TOOL_DONE;
}

/* ---- calls ----------------------------------------------------------------------------------------------------------- */

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

static void check_result(modules *of, const hl_value *result)
{
    int64_t answer = 0;

    of->wrong += !hl_value_as_int(result, &answer) || answer != of->id * 3 + 1;
}

/* There and back again through CBOR. */
static hl_value *carry(modules *of, hl_value *value)
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

static void run_bare(void *user, size_t times)
{
    modules *of = user;

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

static void run_key(modules *of, const hl_key *key, size_t times)
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

static void run_sleeping(void *user, size_t times)
{
    run_key(user, &((modules *)user)->sleeping, times);
}

static void run_looking(void *user, size_t times)
{
    run_key(user, &((modules *)user)->looking, times);
}

static int check(void *user, size_t times)
{
    (void)times;
    return ((modules *)user)->wrong ? TOOL_REFUSED : TOOL_DONE;
}

enum { BARE, SLEEPING, LOOKING, VARIANTS };

static void print_calls(bench *b, const bench_variant *v)
{
    for (size_t i = 0; i < VARIANTS; i++)
        bench_print(b, &(bench_row){.name = "worker",
                                    .what = v[i].what,
                                    .engine = v[i].engine,
                                    .ns = v[i].ns,
                                    .ratio = i == BARE ? 0 : v[i].ns / v[BARE].ns,
                                    .baseline = i == BARE ? NULL : "bare, with encoding",
                                    .goal_kind = i == BARE ? BENCH_NO_GOAL : BENCH_RATIO_MOST,
                                    .goal = i == BARE ? 0 : 1.5});
}

static int measure_calls(bench *b, modules *of)
{
    bench_variant variants[VARIANTS] = {
        {"8 integers, bare eventfds and CBOR both ways", "none", run_bare, 0},
        {"hl_module_execute with them, asleep", "none", run_sleeping, 0},
        {"hl_module_execute with them, looking", "none", run_looking, 0},
    };
    int code = bench_side_by_side(b, variants, VARIANTS, of, TIMES, b->quick ? 11 : ROUNDS, check);

    if (code == TOOL_DONE)
        print_calls(b, variants);
    else if (of->wrong)
        code = bench_wrong(b, "worker: %zu calls of a module failed or had a wrong answer.", of->wrong);
    return code;
}

/* ---- the store --------------------------------------------------------------------------------------------------------- */

static hl_status take_code(modules *of)
{
    hl_module_code code = HL_MODULE_CODE_INIT;
    char library[PATH_MAX + 64];
    hl_status status =
        hl_module_load_file(of->runtime, bench_part_path(BENCH_MODULE_LIBRARY, library, sizeof(library)), &code);

    hl_module_code_cleanup(&code);
    return status;
}

static hl_status register_keys(modules *of)
{
    hl_module_spec specs[KEYS];
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < KEYS; i++) {
        status = hl_key_new(&of->keys[i]);
        specs[i] = (hl_module_spec)HL_MODULE_SPEC_INIT(of->keys[i], BENCH_MODULE);
    }
    return status == HL_OK ? hl_module_register_many(of->runtime, specs, KEYS) : status;
}

static hl_status load_key(modules *of, bool no_spin, hl_key *key)
{
    hl_isolation how = bench_isolation();
    hl_status status = hl_key_new(key);
    hl_module_spec spec = HL_MODULE_SPEC_INIT(*key, BENCH_MODULE);

    how.no_spin = no_spin;
    spec.isolation = &how;
    if (status == HL_OK)
        status = hl_module_register(of->runtime, &spec);
    return status == HL_OK ? hl_module_load(of->runtime, key) : status;
}

static hl_status fill(modules *of)
{
    hl_status status = take_code(of);

    if (status == HL_OK)
        status = register_keys(of);
    if (status == HL_OK)
        status = load_key(of, true, &of->sleeping);
    return status == HL_OK ? load_key(of, false, &of->looking) : status;
}

int bench_modules(bench *b, bench_isolated *unused)
{
    modules of = {.bench = b};
    char store[PATH_MAX + 64];
    int code = bench_runtime(b, bench_store_url(b, "modules", store, sizeof(store)), HL_ENGINE_REFERENCE, &of.runtime);

    (void)unused;
    if (code == TOOL_DONE && fill(&of) != HL_OK)
        code = tool_fail(b->context);
    if (code == TOOL_DONE)
        code = bench_bare_start(b, false, &of.bare);
    if (code == TOOL_DONE)
        code = measure_lookups(b, &of);
    if (code == TOOL_DONE)
        code = measure_calls(b, &of);
    if (bench_bare_end(b, of.bare) != TOOL_DONE && code == TOOL_DONE)
        code = TOOL_REFUSED;
    hl_close(of.runtime);
    return code;
}
