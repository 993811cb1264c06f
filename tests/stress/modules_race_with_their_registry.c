/* Threads load, call, reload and release the same keys while somebody brings newer code, registers keys to other
 * modules and takes them away. Every answer is the caller's own, what was registered counts from the next call on, and
 * nothing is left. */
#include <unistd.h>

#include <hookline/modules.h>

#include "tests/stress/support/crowd.h"

#define PLUGIN(name) HL_TEST_PLUGINS "/stress_module_" name ".so"
#define STORM_MS 5000
#define KEYS 4 /* 0 and 1 stay registered to "subject"; 2 changes its module; 3 comes and goes */
#define CHANGING 2
#define COMING 3

static hl_runtime *runtime;
static const char *folder;
static unsigned answered; /* atomic */

static hl_key key_of(unsigned number)
{
    return (hl_key){{(uint8_t)(number + 1)}};
}

/* ---- calling ---- */

typedef hl_status call_fn(hl_runtime *, const hl_key *, const char *, const hl_value *, uint32_t, hl_value **);

/* One number there and back. */
static hl_status ask(call_fn *how, unsigned key_number, const char *function, int64_t number, int64_t *got)
{
    hl_key key = key_of(key_number);
    hl_value *args = hl_value_list(), *result = NULL;
    hl_status status;

    if (hl_value_append(args, hl_value_int(number)) != HL_OK)
        crowd_wrong("no memory");
    status = how(runtime, &key, function, args, 0, &result);
    if (status == HL_OK && !hl_value_as_int(result, got))
        *got = number - 1;
    hl_value_free(args);
    hl_value_free(result);
    return status;
}

/* What keys and workers do at the same time; dying is not among it, since a worker has one call at a time. */
static bool is_documented(hl_status status)
{
    return status == HL_OK || status == HL_ERR_NOT_LOADED || status == HL_ERR_NOT_FOUND || status == HL_ERR_TIMEOUT ||
           status == HL_ERR_CLOSED;
}

static void ask_something(crowd_member *self, call_fn *how, unsigned key)
{
    int64_t number = (int64_t)self->number << 32 | self->steps, got = number;
    const char *function = crowd_pick(self, 3) ? "echo" : "nap";
    hl_status status = ask(how, key, function, number, &got);

    if (!is_documented(status))
        crowd_wrong("%s on key %u: %s", function, key, hl_last_error()->message);
    if (got != number)
        crowd_wrong("call %lld was answered with %lld", (long long)number, (long long)got);
    __atomic_add_fetch(&answered, status == HL_OK, __ATOMIC_RELAXED);
}

static void crash(unsigned key)
{
    int64_t got;
    hl_status status = ask(hl_module_run, key, "crash", 0, &got);

    if (status == HL_OK || (status != HL_ERR_PLUGIN && !is_documented(status)))
        crowd_wrong("a crash was answered with %s", hl_status_name(status));
}

static void change_load(crowd_member *self, unsigned key_number)
{
    typedef hl_status change_fn(hl_runtime *, const hl_key *);
    static change_fn *const changes[] = {hl_module_load, hl_module_release, hl_module_reload};
    hl_key key = key_of(key_number);
    hl_status status = changes[crowd_pick(self, 3)](runtime, &key);

    if (!is_documented(status))
        crowd_wrong("key %u: %s", key_number, hl_last_error()->message);
}

static void use(crowd_member *self)
{
    unsigned key = crowd_pick(self, KEYS), what = crowd_pick(self, 100);
    uint64_t begun_ns = test_now_ns(), took_ns;

    if (what < 5)
        change_load(self, key);
    else if (what < 7)
        crash(key);
    else
        ask_something(self, what < 40 ? hl_module_execute : what < 90 ? hl_module_run : hl_module_run_and_release, key);
    took_ns = test_now_ns() - begun_ns;
    if (took_ns > UINT64_C(10000000000) + CROWD_MARGIN_NS)
        crowd_wrong("a verb took %llu ms", (unsigned long long)took_ns / 1000000);
}

/* ---- the registrar: nobody else changes what is registered ---- */

static unsigned newest; /* version of "subject" */
static bool to_rival;   /* the changing key */

static void take_code(const char *path)
{
    if (hl_module_load_file(runtime, path, NULL) != HL_OK)
        crowd_wrong("%s: %s", path, hl_last_error()->message);
}

static void put(unsigned number, const char *module)
{
    hl_module_spec spec = HL_MODULE_SPEC_INIT(key_of(number), module);

    if (hl_module_register(runtime, &spec) != HL_OK)
        crowd_wrong("register: %s", hl_last_error()->message);
}

/* The next call runs it, whatever others do with the key. */
static void expect_newest(unsigned number)
{
    char wanted[32];
    hl_key key = key_of(number);
    hl_value *result = NULL;
    hl_status status = hl_module_run(runtime, &key, "whose", NULL, 0, &result);
    const char *got = status == HL_OK ? hl_value_as_text(result, NULL) : NULL;

    if (number == CHANGING && to_rival)
        snprintf(wanted, sizeof(wanted), "rival 1.0.0");
    else
        snprintf(wanted, sizeof(wanted), "subject %u.0.0", newest);
    if (!is_documented(status))
        crowd_wrong("whose: %s", hl_last_error()->message);
    if (status == HL_OK && (!got || strcmp(got, wanted) != 0))
        crowd_wrong("key %u ran %s, and %s was registered", number, got ? got : "something", wanted);
    hl_value_free(result);
}

static void bring_code(void)
{
    newest = 3 - newest;
    take_code(newest == 1 ? PLUGIN("1") : PLUGIN("2"));
    expect_newest(0);
    expect_newest(1);
}

static void change_module(void)
{
    to_rival = !to_rival;
    put(CHANGING, to_rival ? "rival" : "subject");
    expect_newest(CHANGING);
}

static void take_away_and_bring_back(void)
{
    hl_key key = key_of(COMING);

    if (hl_module_unregister(runtime, &key) != HL_OK || hl_module_is_registered(runtime, &key))
        crowd_wrong("unregister: %s", hl_last_error()->message);
    test_sleep_ms(3);
    put(COMING, "subject");
    if (!hl_module_is_registered(runtime, &key))
        crowd_wrong("a key that was registered is not found");
}

static void change(crowd_member *self)
{
    unsigned what = crowd_pick(self, 3);

    if (what == 0)
        bring_code();
    else if (what == 1)
        change_module();
    else
        take_away_and_bring_back();
    test_sleep_ms(crowd_pick(self, 10));
}

/* ---- looking ---- */

static bool look_at_key(const hl_module_info *info, void *user)
{
    size_t *len = user;

    (*len)++;
    if (!info->version[0])
        crowd_wrong("the code of module %s is not there", info->module);
    return true;
}

static void look(crowd_member *self)
{
    size_t len = 0;
    char name[HL_MODULE_NAME_MAX];
    hl_key key = key_of(crowd_pick(self, COMING));
    int32_t pids[64];

    if (hl_module_lookup(runtime, &key, name) != HL_OK || hl_modules(runtime, look_at_key, &len) != HL_OK)
        crowd_wrong("a question was refused: %s", hl_last_error()->message);
    if (len != KEYS && len != KEYS - 1)
        crowd_wrong("%zu keys are registered", len);
    crowd_workers(runtime, pids, 64);
}

/* ---- the tests ---- */

static void begin(void)
{
    crowd_nothing_yet();
    folder = test_folder();
    runtime = test_open(test_lmdb(folder), 0);
    answered = 0;
    newest = 2;
    to_rival = false;
    take_code(PLUGIN("rival"));
    take_code(PLUGIN("2"));
    for (unsigned i = 0; i < KEYS; i++)
        put(i, "subject");
}

static void end(void)
{
    hl_close(runtime);
    test_folder_remove(folder);
    crowd_nothing_left();
}

static void what_is_registered_counts_at_once_whoever_uses_the_keys(void **unused)
{
    crowd_member members[] = {{.step = use, .number = 1},
                              {.step = use, .number = 2},
                              {.step = use, .number = 3},
                              {.step = change},
                              {.step = look}};
    int32_t pids[64];

    (void)unused;
    begin();
    crowd_begin(members, 5);
    test_sleep_ms(STORM_MS);
    crowd_end(members, 5);
    for (unsigned i = 0; i < KEYS; i++) {
        hl_key key = key_of(i);

        if (hl_module_is_loaded(runtime, &key))
            ok(hl_module_release(runtime, &key));
    }
    print_message("%u answers, %u changes\n", answered, members[3].steps);
    assert_true(answered > 10);
    assert_int_equal(crowd_workers(runtime, pids, 64), 0);
    end();
}

static void use_until_closed(crowd_member *self)
{
    int64_t got;

    while (ask(hl_module_run, self->number % KEYS, "echo", 1, &got) != HL_ERR_CLOSED)
        use(self);
}

static void closing_under_fire_leaves_nothing(void **unused)
{
    (void)unused;
    for (unsigned round = 0; round < 4; round++) {
        crowd_member members[] = {{.step = use_until_closed, .number = 0},
                                  {.step = use_until_closed, .number = 1},
                                  {.step = use_until_closed, .number = 2}};

        begin();
        crowd_begin(members, 3);
        test_sleep_ms(100 + round * 50);
        hl_close(runtime);
        crowd_end(members, 3);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_registered_counts_at_once_whoever_uses_the_keys),
        cmocka_unit_test(closing_under_fire_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
