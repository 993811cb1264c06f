/* What the lookup of a key costs while somebody registers keys. Part of the worker case of hookline bench. */
#include <pthread.h>
#include <time.h>

#include "bench_modules.h"

#define READERS 2
#define WINDOW_MS 100
#define WINDOWS 11

typedef struct reader {
    bench_modules_state *of;
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

            self->wrong += hl_module_lookup(self->of->runtime, &self->of->keys[lookups++ % BENCH_KEYS], name) != HL_OK;
        }
    }
    self->lookups = lookups;
    self->cpu_ns = thread_cpu_ns() - begin;
    return NULL;
}

/* Registers one key after the other anew, each durably. */
static void *keep_registering(void *user)
{
    bench_modules_state *of = user;

    for (size_t i = 0; !__atomic_load_n(&of->stop, __ATOMIC_ACQUIRE); i++) {
        hl_module_spec spec = HL_MODULE_SPEC_INIT(of->keys[i % BENCH_KEYS], BENCH_MODULE);

        if (hl_module_register(of->runtime, &spec) != HL_OK)
            __atomic_fetch_add(&of->wrong, 1, __ATOMIC_ACQ_REL);
    }
    return NULL;
}

/* Processor time of a lookup: with more threads than processors, time on the wall would measure the kernel's sharing of
 * them. */
static double window(bench_modules_state *of, bool writing)
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

int bench_module_lookups(bench *b, bench_modules_state *of)
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
