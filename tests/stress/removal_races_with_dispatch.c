/* Threads dispatch while others register, replace, stop and remove the plugins that they call. Every plugin's self
 * carries a mark that release() destroys: a call that sees a destroyed mark, at its start or at its end, was not waited
 * for. A build that reclaims too early has to fail here. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <hookline/hookline.h>

#define EVENTS 3
#define PLUGINS 6
#define CHANGES 5000
#define DISPATCHERS 2
#define ALIVE 0x600dc0deu
#define DEAD 0xdeadbeefu

static hl_runtime *runtime;
static hl_event *events[EVENTS];
static unsigned stale, released, made, calls; /* atomic */
static bool finished;                         /* atomic */

struct subject {
    uint32_t mark;
    unsigned nested; /* dispatch this event again from inside; EVENTS: none */
};

/* Work between the two looks, so that an early release falls into it. */
static void spin(void)
{
    for (volatile int i = 0; i < 200; i++)
        ;
}

static hl_reply look_twice(void *self, void *state, const void *meta)
{
    struct subject *subject = self;
    unsigned bad = subject->mark != ALIVE;

    spin();
    if (subject->nested < EVENTS && meta == NULL)
        (void)hl_call(events[subject->nested], state, "nested");
    bad += subject->mark != ALIVE;
    if (bad)
        __atomic_add_fetch(&stale, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
    return hl_next(state);
}

/* The memory itself stays, so that a late look finds the destroyed mark and not somebody else's memory. */
static void destroy_mark(void *self)
{
    struct subject *subject = self;

    subject->mark = DEAD;
    __atomic_add_fetch(&released, 1, __ATOMIC_RELAXED);
}

static struct subject *subjects[64 * 1024];

static struct subject *new_subject(unsigned nested)
{
    struct subject *subject = malloc(sizeof(*subject));
    unsigned number = __atomic_fetch_add(&made, 1, __ATOMIC_RELAXED);

    assert_non_null(subject);
    assert_true(number < sizeof(subjects) / sizeof(subjects[0]));
    *subject = (struct subject){ALIVE, nested};
    subjects[number] = subject;
    return subject;
}

static void free_subjects(void)
{
    while (made)
        free(subjects[--made]);
}

/* ---- changers ---- */

struct changer {
    unsigned number;
    unsigned seed;
};

static void plugin_name(char name[32], unsigned changer, unsigned plugin)
{
    snprintf(name, 32, "c%u-p%u", changer, plugin);
}

static void register_one(const struct changer *me, unsigned plugin, unsigned event, unsigned priority)
{
    char name[32];
    hl_plugin_spec spec = HL_PLUGIN_INIT(name, hl_event_name(events[event]), look_twice);

    plugin_name(name, me->number, plugin);
    spec.self = new_subject(plugin == 0 ? (event + 1) % EVENTS : EVENTS);
    spec.release = destroy_mark;
    spec.priority = (int)priority;
    if (hl_register(runtime, &spec, HL_START) != HL_OK)
        abort();
}

/* Refusals such as stopping what is stopped are part of the game. */
static void change_something(struct changer *me)
{
    unsigned plugin = (unsigned)rand_r(&me->seed) % PLUGINS;
    char name[32];
    hl_status status = HL_OK;

    plugin_name(name, me->number, plugin);
    switch (rand_r(&me->seed) % 6) {
    case 0:
        status = hl_stop(runtime, name, 0);
        break;
    case 1:
        status = hl_enable(runtime, name, 0);
        break;
    case 2:
        status = hl_unregister(runtime, name, rand_r(&me->seed) % 8 ? 0 : HL_WAIT_IDLE);
        break;
    default:
        register_one(me, plugin, (unsigned)rand_r(&me->seed) % EVENTS, (unsigned)rand_r(&me->seed) % 100);
    }
    (void)status;
}

static void *change(void *argument)
{
    struct changer *me = argument;

    for (unsigned i = 0; i < CHANGES; i++)
        change_something(me);
    return NULL;
}

static void *dispatch(void *unused)
{
    unsigned turn = 0;

    (void)unused;
    while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
        int state = 0;
        hl_reply reply = hl_call(events[turn++ % EVENTS], &state, NULL);

        if (reply.verdict != HL_NEXT)
            abort();
    }
    return NULL;
}

/* ---- the tests ---- */

static void run_with(hl_engine engine)
{
    hl_options options = HL_OPTIONS_INIT;
    pthread_t changers[2], dispatchers[DISPATCHERS];
    struct changer changer[2] = {{0, 17}, {1, 4711}};
    static const char *const names[EVENTS] = {"alpha", "beta", "gamma"};

    options.engine = engine;
    stale = released = made = calls = 0;
    finished = false;
    assert_int_equal(hl_open(&options, &runtime), HL_OK);
    for (int i = 0; i < EVENTS; i++)
        assert_int_equal(hl_event_open(runtime, names[i], &events[i]), HL_OK);
    for (int i = 0; i < DISPATCHERS; i++)
        assert_int_equal(pthread_create(&dispatchers[i], NULL, dispatch, NULL), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&changers[i], NULL, change, &changer[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(changers[i], NULL);
    __atomic_store_n(&finished, true, __ATOMIC_RELEASE);
    for (int i = 0; i < DISPATCHERS; i++)
        pthread_join(dispatchers[i], NULL);
    hl_close(runtime);
    print_message("%u calls, %u subjects, %u released\n", calls, made, released);
    assert_int_equal(stale, 0);
    assert_int_equal(released, made);
    assert_true(calls > 1000);
    free_subjects();
}

static void no_call_outlives_its_plugin_under_the_reference_engine(void **unused)
{
    (void)unused;
    run_with(HL_ENGINE_REFERENCE);
}

static void no_call_outlives_its_plugin_when_chains_are_compiled(void **unused)
{
    (void)unused;
    run_with(HL_ENGINE_COMPILED);
}

/* ---- closing under fire ---- */

static void *dispatch_until_closed(void *unused)
{
    int state = 0;

    (void)unused;
    while (hl_call(events[0], &state, NULL).verdict != HL_ERR_CLOSED)
        ;
    return NULL;
}

static void dispatches_that_race_with_close_end_with_closed(void **unused)
{
    (void)unused;
    for (int round = 0; round < 30; round++) {
        struct changer changer = {0, 1};
        pthread_t thread;

        made = released = stale = 0;
        assert_int_equal(hl_open(NULL, &runtime), HL_OK);
        for (int i = 0; i < EVENTS; i++)
            assert_int_equal(hl_event_open(runtime, i ? "other" : "closing", &events[i]), HL_OK);
        for (unsigned i = 1; i < 4; i++)
            register_one(&changer, i, 0, i);
        assert_int_equal(pthread_create(&thread, NULL, dispatch_until_closed, NULL), 0);
        hl_close(runtime);
        assert_int_equal(released, made);
        pthread_join(thread, NULL);
        assert_int_equal(stale, 0);
        free_subjects();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_call_outlives_its_plugin_under_the_reference_engine),
        cmocka_unit_test(no_call_outlives_its_plugin_when_chains_are_compiled),
        cmocka_unit_test(dispatches_that_race_with_close_end_with_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
