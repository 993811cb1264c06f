/* The registry of keys: what is registered, found and removed, here and in other processes. */
#include "tests/support/support.h"

#include <pthread.h>
#include <unistd.h>

#include <hookline/modules.h>

#include "module/changes.h"
#include "module/key_document.h"

#define CALLS HL_TEST_PLUGINS "/module_calls_1.so"
#define OTHER HL_TEST_PLUGINS "/module_other.so"

static hl_runtime *open_store(const char *folder, unsigned flags)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime = NULL;

    options.store = folder ? test_lmdb(folder) : "memory:";
    options.engine = HL_ENGINE_REFERENCE;
    options.flags = flags;
    ok(hl_open(&options, &runtime));
    return runtime;
}

static void keep(hl_runtime *runtime, const char *path)
{
    hl_module_code code = HL_MODULE_CODE_INIT;

    ok(hl_module_load_file(runtime, path, &code));
    hl_module_code_cleanup(&code);
}

static hl_runtime *open_with_modules(const char *folder)
{
    hl_runtime *runtime = open_store(folder, 0);

    keep(runtime, CALLS);
    keep(runtime, OTHER);
    return runtime;
}

static hl_key key_of(unsigned number)
{
    hl_key key = {{0}};

    memcpy(key.bytes + 12, &number, sizeof(number));
    key.bytes[0] = (uint8_t)(number * 37);
    return key;
}

static hl_status put(hl_runtime *runtime, hl_key key, const char *module)
{
    hl_module_spec spec = HL_MODULE_SPEC_INIT(key, module);

    return hl_module_register(runtime, &spec);
}

/* The module's name, or the status's. */
static const char *found(hl_runtime *runtime, hl_key key)
{
    static char name[HL_MODULE_NAME_MAX];
    hl_status status = hl_module_lookup(runtime, &key, name);

    assert_int_equal(hl_module_is_registered(runtime, &key), status == HL_OK);
    return status == HL_OK ? name : hl_status_name(status);
}

static bool count_row(const hl_module_info *info, void *count)
{
    (void)info;
    ++*(size_t *)count;
    return true;
}

static size_t registered(hl_runtime *runtime)
{
    size_t count = 0;

    ok(hl_modules(runtime, count_row, &count));
    return count;
}

/* ---- registering and finding ------------------------------------------------------------------------------------- */

/* MR-01, MR-04, MR-05, MR-06 */
static void a_key_is_found_until_it_is_unregistered(void **state)
{
    hl_runtime *runtime = open_with_modules(NULL);
    hl_key key = key_of(1);

    (void)state;
    assert_string_equal(found(runtime, key), "HL_ERR_NOT_FOUND");
    ok(put(runtime, key, "calls"));
    assert_string_equal(found(runtime, key), "calls");
    assert_string_equal(found(runtime, key_of(2)), "HL_ERR_NOT_FOUND");
    ok(put(runtime, key, "other"));
    assert_string_equal(found(runtime, key), "other");
    ok(hl_module_unregister(runtime, &key));
    assert_string_equal(found(runtime, key), "HL_ERR_NOT_FOUND");
    ok(hl_module_unregister(runtime, &key));
    hl_close(runtime);
}

/* the seed took any name, and found out at the first call */
static void nothing_is_registered_to_a_module_that_is_not_there(void **state)
{
    hl_runtime *runtime = open_with_modules(NULL);
    hl_key key = key_of(1);

    (void)state;
    refused(put(runtime, key, "absent"), HL_ERR_NOT_FOUND, "module");
    refused(put(runtime, key, ""), HL_ERR_INVALID, "module");
    refused(put(runtime, key, "../calls"), HL_ERR_INVALID, "module");
    refused(put(runtime, key, NULL), HL_ERR_INVALID, "module");
    assert_string_equal(found(runtime, key), "HL_ERR_NOT_FOUND");
    hl_close(runtime);
}

/* MR-03 */
static void many_are_registered_all_or_none(void **state)
{
    enum { LEN = 500 };
    hl_runtime *runtime = open_with_modules(NULL);
    hl_module_spec *specs = calloc(LEN, sizeof(*specs));

    (void)state;
    assert_non_null(specs);
    for (unsigned i = 0; i < LEN; i++)
        specs[i] = (hl_module_spec)HL_MODULE_SPEC_INIT(key_of(i), i % 2 ? "calls" : "other");
    specs[LEN - 1].module = "absent";
    refused(hl_module_register_many(runtime, specs, LEN), HL_ERR_NOT_FOUND, "module");
    assert_int_equal(registered(runtime), 0);
    assert_string_equal(found(runtime, key_of(0)), "HL_ERR_NOT_FOUND");
    specs[LEN - 1].module = "calls";
    ok(hl_module_register_many(runtime, specs, LEN));
    assert_int_equal(registered(runtime), LEN);
    for (unsigned i = 0; i < LEN; i++)
        assert_string_equal(found(runtime, key_of(i)), i % 2 ? "calls" : "other");
    specs[7].size = 3;
    refused(hl_module_register_many(runtime, specs, LEN), HL_ERR_STRUCT_SIZE, NULL);
    ok(hl_module_register_many(runtime, specs, 0));
    refused(hl_module_register_many(runtime, NULL, 1), HL_ERR_INVALID, "specs");
    free(specs);
    hl_close(runtime);
}

static void an_isolation_that_modules_cannot_have_is_refused(void **state)
{
    hl_runtime *runtime = open_with_modules(NULL);
    hl_isolation isolation = HL_ISOLATION_INIT(HL_IN_PROCESS);
    hl_module_spec spec = HL_MODULE_SPEC_INIT(key_of(1), "calls");

    (void)state;
    spec.isolation = &isolation;
    refused(hl_module_register(runtime, &spec), HL_ERR_INVALID, "isolation.mode");
    isolation.mode = HL_IN_WORKER;
    isolation.when_full = HL_RUN_INLINE;
    refused(hl_module_register(runtime, &spec), HL_ERR_INVALID, "isolation.when_full");
    isolation.when_full = HL_WAIT;
    isolation.workers = 1000;
    refused(hl_module_register(runtime, &spec), HL_ERR_INVALID, "isolation.workers");
    isolation.workers = 2;
    ok(hl_module_register(runtime, &spec));
    hl_close(runtime);
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

typedef struct seen {
    size_t len, most;
    hl_key last;
    char text[512];
} seen;

static bool note_row(const hl_module_info *info, void *user)
{
    seen *to = user;
    size_t used = strlen(to->text);

    assert_true(to->len == 0 || memcmp(&to->last, &info->key, sizeof(info->key)) < 0);
    to->last = info->key;
    snprintf(to->text + used, sizeof(to->text) - used, "%s %s %d%d ", info->module, info->version, info->available,
             info->loaded);
    assert_int_equal(strlen(info->sha256), 64);
    assert_int_equal(access(info->path, R_OK), 0);
    return ++to->len < to->most;
}

/* MR-07 */
static void the_list_has_every_key_once_in_their_order(void **state)
{
    hl_runtime *runtime = open_with_modules(NULL);
    seen all = {.most = 100}, one = {.most = 1};

    (void)state;
    ok(put(runtime, key_of(3), "calls"));
    ok(put(runtime, key_of(1), "other"));
    ok(put(runtime, key_of(2), "calls"));
    ok(hl_modules(runtime, note_row, &all));
    assert_string_equal(all.text, "other 1.0.0 10 calls 1.0.0 10 calls 1.0.0 10 ");
    ok(hl_modules(runtime, note_row, &one));
    assert_int_equal(one.len, 1);
    hl_close(runtime);
}

static bool note_function(const char *name, const char *doc, void *user)
{
    char *text = user;
    size_t used = strlen(text);

    snprintf(text + used, 512 - used, "%s:%s ", name, doc);
    return strcmp(name, "version") != 0;
}

/* M1-03 */
static void functions_are_listed_without_running_the_module(void **state)
{
    hl_runtime *runtime = open_with_modules(NULL);
    hl_key key = key_of(1);
    char text[512] = "";

    (void)state;
    refused(hl_module_functions(runtime, &key, note_function, text), HL_ERR_NOT_FOUND, "key");
    ok(put(runtime, key, "calls"));
    ok(hl_module_functions(runtime, &key, note_function, text));
    assert_string_equal(text, "echo:its first argument count:how often it was called left:how long the call may take "
                              "version: ");
    assert_false(hl_module_is_loaded(runtime, &key));
    hl_close(runtime);
}

/* MC-06 */
static void code_that_keys_are_registered_to_is_not_removed(void **state)
{
    hl_runtime *runtime = open_with_modules(NULL);
    hl_key key = key_of(1);

    (void)state;
    ok(put(runtime, key, "calls"));
    refused(hl_module_purge(runtime, "calls"), HL_ERR_DEPENDENTS, "module");
    assert_non_null(strstr(hl_last_error()->message, "25000000-0000-0000-0000-000001000000"));
    ok(hl_module_unregister(runtime, &key));
    ok(hl_module_purge(runtime, "calls"));
    refused(put(runtime, key, "calls"), HL_ERR_NOT_FOUND, "module");
    hl_close(runtime);
}

/* ---- over time and processes ------------------------------------------------------------------------------------- */

/* MR-08, X-100: the seed's registry was gone with its process */
static void what_is_registered_is_there_after_a_restart(void **state)
{
    const char *folder = test_folder();
    hl_runtime *runtime = open_with_modules(folder);

    (void)state;
    for (unsigned i = 0; i < 50; i++)
        ok(put(runtime, key_of(i), i % 2 ? "calls" : "other"));
    hl_close(runtime);
    runtime = open_store(folder, 0);
    for (unsigned i = 0; i < 50; i++)
        assert_string_equal(found(runtime, key_of(i)), i % 2 ? "calls" : "other");
    assert_int_equal(registered(runtime), 50);
    hl_close(runtime);
    test_folder_remove(folder);
}

/* Another process: registers key 1, waits, then changes it and removes key 2, and so on with more than are
 * remembered. */
static int other_process(const char *folder)
{
    hl_runtime *runtime = open_store(folder, 0);
    hl_key key = key_of(2);

    ok(put(runtime, key_of(1), "calls"));
    test_signal(folder, "registered");
    test_await(folder, "seen");
    ok(put(runtime, key_of(1), "other"));
    ok(hl_module_unregister(runtime, &key));
    test_signal(folder, "changed");
    test_await(folder, "many");
    for (unsigned i = 100; i < 200; i++)
        ok(put(runtime, key_of(i), "calls"));
    ok(put(runtime, key_of(1), "calls"));
    hl_close(runtime);
    return 0;
}

static void what_another_process_registers_is_found_at_once_and_what_it_changes_soon(void **state)
{
    const char *folder = test_folder();
    hl_runtime *runtime = open_with_modules(folder);
    int other;

    (void)state;
    ok(put(runtime, key_of(2), "calls"));
    other = test_spawn((const char *[]){"other", folder, NULL});
    test_await(folder, "registered");
    assert_string_equal(found(runtime, key_of(1)), "calls");
    assert_string_equal(found(runtime, key_of(2)), "calls");
    test_signal(folder, "seen");
    test_await(folder, "changed");
    eventually(strcmp(found(runtime, key_of(1)), "other") == 0);
    eventually(strcmp(found(runtime, key_of(2)), "HL_ERR_NOT_FOUND") == 0);
    test_signal(folder, "many");
    assert_int_equal(test_wait(other), 0);
    assert_string_equal(found(runtime, key_of(199)), "calls");
    assert_string_equal(found(runtime, key_of(100)), "calls");
    eventually(strcmp(found(runtime, key_of(1)), "calls") == 0);
    hl_close(runtime);
    test_folder_remove(folder);
}

/* A commit as of a program that writes key 1 wrongly and key 2 well. */
static hl_status write_documents(void *user, hl__documents *documents)
{
    static const char *const texts[] = {"{\"module\":7}", "{\"module\":\"other\"}"};
    char names[2][HL__KEY_KEY_LEN];

    (void)user;
    for (unsigned i = 0; i < 2; i++) {
        hl_key key = key_of(i + 1);

        hl__key_document_name(&key, names[i]);
        ok(hl__documents_put(documents, names[i], texts[i]));
    }
    return hl__changes_put(documents, (const char *const[]){names[0], names[1]}, 2);
}

static void note_key(void *user, hl_log_level level, const char *component, const char *line)
{
    char name[HL__KEY_KEY_LEN];
    hl_key key = key_of(1);

    (void)component;
    hl__key_document_name(&key, name);
    if (level == HL_LOG_ERROR && strstr(line, name))
        __atomic_store_n((bool *)user, true, __ATOMIC_RELEASE);
}

static void a_key_that_cannot_be_understood_is_told_and_keeps_no_other_from_being_seen(void **state)
{
    bool told = false;
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime;

    (void)state;
    options.store = "memory:";
    options.log = note_key;
    options.log_user = &told;
    ok(hl_open(&options, &runtime));
    keep(runtime, CALLS);
    keep(runtime, OTHER);
    ok(put(runtime, key_of(1), "calls"));
    ok(put(runtime, key_of(2), "calls"));
    assert_string_equal(found(runtime, key_of(1)), "calls"); /* from now on only what changes is read */
    ok(hl__commit_documents(runtime, "test", NULL, 0, write_documents, NULL, 0, NULL));
    assert_string_equal(found(runtime, key_of(3)), "HL_ERR_NOT_FOUND"); /* it looks at what has changed */
    assert_string_equal(found(runtime, key_of(2)), "other");
    assert_string_equal(found(runtime, key_of(1)), "HL_ERR_NOT_FOUND");
    eventually(__atomic_load_n(&told, __ATOMIC_ACQUIRE));
    ok(put(runtime, key_of(1), "other"));
    assert_string_equal(found(runtime, key_of(1)), "other");
    hl_close(runtime);
}

static void an_operator_registers_without_loading_anything(void **state)
{
    const char *folder = test_folder();
    hl_runtime *server = open_with_modules(folder);
    hl_runtime *command = open_store(folder, HL_OPEN_RECORDS_ONLY);
    hl_runtime *reader;

    (void)state;
    ok(put(command, key_of(1), "calls"));
    assert_string_equal(found(server, key_of(1)), "calls");
    assert_string_equal(found(command, key_of(1)), "calls");
    hl_close(command);
    reader = open_store(folder, HL_OPEN_READ_ONLY);
    assert_string_equal(found(reader, key_of(1)), "calls");
    refused(put(reader, key_of(2), "calls"), HL_ERR_STORE_READ_ONLY, NULL);
    hl_close(reader);
    hl_close(server);
    test_folder_remove(folder);
}

static void a_closed_runtime_says_so(void **state)
{
    hl_runtime *runtime = open_with_modules(NULL), *unused = open_store(NULL, 0);
    hl_key key = key_of(1);

    (void)state;
    ok(put(runtime, key, "calls"));
    assert_string_equal(found(runtime, key), "calls");
    hl_close(runtime);
    hl_close(unused);
    assert_string_equal(found(runtime, key), "HL_ERR_CLOSED");
    assert_string_equal(found(unused, key), "HL_ERR_CLOSED");
    refused(put(runtime, key, "calls"), HL_ERR_CLOSED, NULL);
    assert_string_equal(found(NULL, key), "HL_ERR_INVALID");
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

typedef struct racing {
    hl_runtime *runtime;
    bool stop;
    size_t lookups, wrong;
} racing;

static void *look_up(void *user)
{
    racing *race = user;
    size_t lookups = 0, wrong = 0;

    while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
        char name[HL_MODULE_NAME_MAX] = "";
        hl_key key = key_of((unsigned)(lookups++ % 64));

        wrong += hl_module_lookup(race->runtime, &key, name) != HL_OK ||
                 (strcmp(name, "calls") != 0 && strcmp(name, "other") != 0);
    }
    __atomic_fetch_add(&race->lookups, lookups, __ATOMIC_ACQ_REL);
    __atomic_fetch_add(&race->wrong, wrong, __ATOMIC_ACQ_REL);
    return NULL;
}

/* MG-03 */
static void lookups_find_every_key_while_others_register(void **state)
{
    racing race = {.runtime = open_with_modules(NULL)};
    hl_module_spec specs[64];
    pthread_t threads[3];

    (void)state;
    for (unsigned i = 0; i < 64; i++)
        specs[i] = (hl_module_spec)HL_MODULE_SPEC_INIT(key_of(i), "calls");
    ok(hl_module_register_many(race.runtime, specs, 64));
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look_up, &race), 0);
    for (unsigned round = 0; round < 300; round++) {
        hl_key key = key_of(1000 + round);

        for (unsigned i = 0; i < 64; i++)
            specs[i].module = round % 2 ? "calls" : "other";
        ok(hl_module_register_many(race.runtime, specs, 64));
        ok(put(race.runtime, key, "calls"));
        ok(hl_module_unregister(race.runtime, &key));
    }
    __atomic_store_n(&race.stop, true, __ATOMIC_RELEASE);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(race.wrong, 0);
    assert_true(race.lookups > 1000);
    hl_close(race.runtime);
}

typedef struct writing {
    hl_runtime *runtime;
    pthread_t thread;
    unsigned first;
    size_t wrong;
} writing;

static void *register_fifty(void *user)
{
    writing *self = user;

    for (unsigned i = 0; i < 50; i++)
        self->wrong += put(self->runtime, key_of(self->first + i), i % 2 ? "calls" : "other") != HL_OK;
    return NULL;
}

/* MG-03 */
static void what_several_threads_register_at_once_is_all_there(void **state)
{
    hl_runtime *runtime = open_with_modules(NULL);
    writing writers[4];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        writers[i] = (writing){.runtime = runtime, .first = 50 * i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, register_fifty, &writers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_int_equal(writers[i].wrong, 0);
    }
    assert_int_equal(registered(runtime), 200);
    for (unsigned i = 0; i < 200; i++)
        assert_string_equal(found(runtime, key_of(i)), i % 2 ? "calls" : "other");
    hl_close(runtime);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_until_it_is_unregistered),
        cmocka_unit_test(nothing_is_registered_to_a_module_that_is_not_there),
        cmocka_unit_test(many_are_registered_all_or_none),
        cmocka_unit_test(an_isolation_that_modules_cannot_have_is_refused),
        cmocka_unit_test(the_list_has_every_key_once_in_their_order),
        cmocka_unit_test(functions_are_listed_without_running_the_module),
        cmocka_unit_test(code_that_keys_are_registered_to_is_not_removed),
        cmocka_unit_test(what_is_registered_is_there_after_a_restart),
        cmocka_unit_test(what_another_process_registers_is_found_at_once_and_what_it_changes_soon),
        cmocka_unit_test(a_key_that_cannot_be_understood_is_told_and_keeps_no_other_from_being_seen),
        cmocka_unit_test(an_operator_registers_without_loading_anything),
        cmocka_unit_test(a_closed_runtime_says_so),
        cmocka_unit_test(what_several_threads_register_at_once_is_all_there),
        cmocka_unit_test(lookups_find_every_key_while_others_register),
    };

    if (argc == 3 && strcmp(argv[1], "other") == 0)
        return other_process(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
