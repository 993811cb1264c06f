/* From source to a call by key: what compiling, registering and calling promise together. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "tests/module/support/modules.h"

/* ---- calling ----------------------------------------------------------------------------------------------------- */

/* The integer that a function of no arguments gives. */
static int64_t asked(const hl_key *key, const char *function)
{
    hl_value *result = NULL;
    int64_t number = 0;
    hl_status status = hl_module_run(test_runtime, key, function, NULL, 10000, &result);

    if (status != HL_OK)
        print_error("%s: %s\n", hl_status_name(status), hl_last_error()->message);
    ok(status);
    assert_true(hl_value_as_int(result, &number));
    hl_value_free(result);
    return number;
}

static int32_t pid_of(const hl_key *key)
{
    int32_t pid = 0;

    ok(hl_module_worker_pid(test_runtime, key, &pid));
    return pid;
}

static hl_key new_key(void)
{
    hl_key key;

    ok(hl_key_new(&key));
    return key;
}

/* A source whose function "next" counts; its state is taken over by newer code. */
static const char *counter(const char *version, int step)
{
    static char text[4096];

    snprintf(text, sizeof(text),
             "#include <stdlib.h>\n"
             "#include <hookline/module.h>\n"
             "static hl_status next(void *self, const hl_value *args, hl_answer *answer)\n"
             "{ (void)args; return hl_answer_give(answer, hl_value_int(*(int *)self += %d)); }\n"
             "static int load(void **self) { *self = calloc(1, sizeof(int)); return 0; }\n"
             "static int upgrade(void **self, const char *from) { (void)self, (void)from; return 0; }\n"
             "static const hl_module_function functions[] = {{\"next\", next, \"counts\"}};\n"
             "HL_MODULE_HOOKS(\"counter\", \"%s\", functions, load, free, upgrade)\n",
             step, version);
    return text;
}

static void compile_for_key(const char *text, const hl_key *key)
{
    hl_module_source source = HL_MODULE_SOURCE_INIT(text, strlen(text));

    source.key = key;
    ok(hl_module_compile(test_runtime, &source, NULL));
}

/* ---- compiling and registering ----------------------------------------------------------------------------------- */

/* M1-01 */
static void a_compiled_module_is_registered_in_the_same_call(void **state)
{
    hl_key key = new_key();
    char name[HL_MODULE_NAME_MAX];

    (void)state;
    compile_for_key(test_source("direct", "1.0.0", 41), &key);
    assert_true(hl_module_is_registered(test_runtime, &key));
    ok(hl_module_lookup(test_runtime, &key, name));
    assert_string_equal(name, "direct");
    assert_int_equal(asked(&key, "answer"), 41);
}

/* MR-02, M1-02 */
static void a_file_is_compiled_or_taken_as_it_is_by_its_ending(void **state)
{
    const char *text = test_source("filed", "1.0.0", 1);
    hl_module_code code = HL_MODULE_CODE_INIT;
    hl_key first = new_key(), second = new_key(), third = new_key();
    size_t len;
    void *bytes;

    (void)state;
    test_write(test_path("filed.c"), text, strlen(text));
    ok(hl_module_register_file(test_runtime, &first, test_path("filed.c"), &code));
    assert_string_equal(code.name, "filed");
    assert_int_equal(asked(&first, "answer"), 1);
    bytes = test_read(code.path, &len);
    test_write(test_path("filed.so"), bytes, len);
    hl_module_code_cleanup(&code);
    ok(hl_module_register_file(test_runtime, &second, test_path("filed.so"), NULL));
    assert_int_equal(asked(&second, "answer"), 1);
    ok(hl_module_load_memory(test_runtime, "filed", bytes, len, NULL));
    ok(hl_module_register(test_runtime, &(hl_module_spec)HL_MODULE_SPEC_INIT(third, "filed")));
    assert_int_equal(asked(&third, "answer"), 1);
    free(bytes);
}

/* MR-02 */
static void nothing_is_registered_when_the_file_is_no_module(void **state)
{
    hl_module_code code = HL_MODULE_CODE_INIT;
    hl_key key = new_key();

    (void)state;
    test_write(test_path("bad.c"), "int x = ;", 9);
    refused(hl_module_register_file(test_runtime, &key, test_path("bad.c"), &code), HL_ERR_COMPILE, "source");
    assert_non_null(strstr(code.diagnostics, "bad.c"));
    hl_module_code_cleanup(&code);
    test_write(test_path("bad.so"), "no ELF", 6);
    refused(hl_module_register_file(test_runtime, &key, test_path("bad.so"), NULL), HL_ERR_NOT_ELF, "path");
    refused(hl_module_register_file(test_runtime, &key, test_path("missing.so"), NULL), HL_ERR_NOT_FOUND, "path");
    refused(hl_module_register_file(test_runtime, &key, NULL, NULL), HL_ERR_INVALID, "path");
    refused(hl_module_register_file(test_runtime, NULL, test_path("bad.c"), NULL), HL_ERR_INVALID, "key");
    assert_false(hl_module_is_registered(test_runtime, &key));
}

/* MC-06, M1-05 */
static void code_is_purged_only_when_no_key_leads_to_it(void **state)
{
    hl_key key = new_key();

    (void)state;
    compile_for_key(test_source("wanted", "1.0.0", 1), &key);
    refused(hl_module_purge(test_runtime, "wanted"), HL_ERR_DEPENDENTS, "module");
    assert_int_equal(asked(&key, "answer"), 1);
    ok(hl_module_unregister(test_runtime, &key));
    ok(hl_module_purge(test_runtime, "wanted"));
    assert_int_equal(asked(&key, "answer"), 1);
    ok(hl_module_release(test_runtime, &key));
    refused(hl_module_run(test_runtime, &key, "answer", NULL, 0, &(hl_value *){NULL}), HL_ERR_NOT_FOUND, NULL);
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

static bool note_function(const char *name, const char *doc, void *user)
{
    char *out = user;

    sprintf(out + strlen(out), "%s=%s;", name, doc);
    return true;
}

/* M1-03 */
static void functions_are_listed_without_running_any_code(void **state)
{
    static const char text[] =
        "#include <stdlib.h>\n"
        "#include <hookline/module.h>\n"
        "static hl_status f(void *s, const hl_value *a, hl_answer *b) { (void)s, (void)a, (void)b; return HL_OK; }\n"
        "__attribute__((constructor)) static void die(void) { abort(); }\n"
        "static const hl_module_function functions[] = {{\"one\", f, \"first\"}, {\"two\", f, 0}};\n"
        "HL_MODULE(\"deadly\", \"1.0.0\", functions)\n";
    char found[256] = "";
    hl_key key = new_key();

    (void)state;
    compile_for_key(text, &key);
    ok(hl_module_functions(test_runtime, &key, note_function, found));
    assert_string_equal(found, "one=first;two=;");
    assert_false(hl_module_is_loaded(test_runtime, &key));
    refused(hl_module_load(test_runtime, &key), HL_ERR_PLUGIN, NULL);
    key = new_key();
    refused(hl_module_functions(test_runtime, &key, note_function, found), HL_ERR_NOT_FOUND, NULL);
}

/* M1-04, MX-04 */
static void a_function_is_found_by_its_name_or_told_with_those_there_are(void **state)
{
    hl_key key = new_key();
    hl_value *result = NULL;

    (void)state;
    compile_for_key(test_source("named", "1.0.0", 1), &key);
    ok(hl_module_load(test_runtime, &key));
    refused(hl_module_execute(test_runtime, &key, "question", NULL, 0, &result), HL_ERR_NOT_FOUND, "function");
    assert_non_null(strstr(hl_last_error()->message, "answer"));
    assert_null(result);
    ok(hl_module_execute(test_runtime, &key, "answer", NULL, 0, &result));
    hl_value_free(result);
    ok(hl_module_release(test_runtime, &key));
    refused(hl_module_execute(test_runtime, &key, "answer", NULL, 0, &result), HL_ERR_NOT_LOADED, NULL);
}

/* ---- newer code -------------------------------------------------------------------------------------------------- */

/* MC-05, X-102 */
static void newer_code_is_used_by_the_next_call_in_the_same_process_with_its_state(void **state)
{
    hl_key key = new_key();
    int32_t pid;

    (void)state;
    compile_for_key(counter("1.0.0", 1), &key);
    assert_int_equal(asked(&key, "next"), 1);
    pid = pid_of(&key);
    test_keep(counter("1.1.0", 10));
    assert_int_equal(asked(&key, "next"), 11);
    assert_int_equal(pid_of(&key), pid);
    ok(hl_module_reload(test_runtime, &key));
    assert_int_not_equal(pid_of(&key), pid);
    assert_int_equal(asked(&key, "next"), 10);
}

/* M1-05, X-105 */
static void released_code_is_gone_and_the_next_load_takes_the_newest(void **state)
{
    hl_key key = new_key();
    char maps[64];

    (void)state;
    compile_for_key(test_source("fresh", "1.0.0", 1), &key);
    assert_int_equal(asked(&key, "answer"), 1);
    snprintf(maps, sizeof(maps), "/proc/%d", (int)pid_of(&key));
    ok(hl_module_release(test_runtime, &key));
    assert_int_not_equal(access(maps, F_OK), 0);
    test_keep(test_source("fresh", "2.0.0", 2));
    assert_int_equal(asked(&key, "answer"), 2);
}

/* M1-05 */
static void code_that_does_not_compile_leaves_the_old_code_at_work(void **state)
{
    hl_key key = new_key();
    hl_module_code code;

    (void)state;
    compile_for_key(test_source("steady", "1.0.0", 7), &key);
    assert_int_equal(asked(&key, "answer"), 7);
    refused(test_compile("HL_MODULE(\"steady\", \"2.0.0\", nothing)", &code), HL_ERR_COMPILE, "source");
    hl_module_code_cleanup(&code);
    assert_int_equal(asked(&key, "answer"), 7);
    ok(hl_module_reload(test_runtime, &key));
    assert_int_equal(asked(&key, "answer"), 7);
}

/* MR-08 */
static void keys_and_code_are_there_when_the_store_is_opened_again(void **state)
{
    hl_key key = new_key();

    (void)state;
    compile_for_key(test_source("lasting", "1.0.0", 9), &key);
    test_module_reopen();
    assert_int_equal(asked(&key, "answer"), 9);
}

/* ---- supervision ------------------------------------------------------------------------------------------------- */

/* MS-01, MS-02, MS-03 */
static void a_worker_that_dies_is_forgotten_and_nothing_else_changes(void **state)
{
    hl_key key = new_key(), other = new_key();
    hl_value *result = NULL;
    int32_t pid, other_pid;

    (void)state;
    compile_for_key(counter("1.0.0", 1), &key);
    ok(hl_module_register(test_runtime, &(hl_module_spec)HL_MODULE_SPEC_INIT(other, "counter")));
    assert_int_equal(asked(&key, "next"), 1);
    assert_int_equal(asked(&other, "next"), 1);
    pid = pid_of(&key);
    other_pid = pid_of(&other);
    assert_int_equal(kill(pid, SIGKILL), 0);
    eventually(!hl_module_is_loaded(test_runtime, &key));
    refused(hl_module_worker_pid(test_runtime, &key, &pid), HL_ERR_NOT_LOADED, NULL);
    refused(hl_module_execute(test_runtime, &key, "next", NULL, 0, &result), HL_ERR_NOT_LOADED, NULL);
    assert_int_equal(asked(&key, "next"), 1);
    assert_int_equal(pid_of(&other), other_pid);
    assert_int_equal(asked(&other, "next"), 2);
}

/* ---- several at once --------------------------------------------------------------------------------------------- */

static void *compile_slowly(void *user)
{
    hl_module_source source = HL_MODULE_SOURCE_INIT("int x;", 6);
    hl_status *status = user;

    *status = hl_module_compile(test_runtime, &source, NULL);
    return NULL;
}

/* MC-07, X-106 */
static void a_slow_compile_holds_up_neither_registrations_nor_calls(void **state)
{
    hl_key key = new_key(), other = new_key();
    hl_status status = HL_OK;
    uint64_t begun_ns;
    pthread_t thread;

    (void)state;
    compile_for_key(test_source("quick", "1.0.0", 1), &key);
    assert_int_equal(asked(&key, "answer"), 1);
    test_compiler("sleep 3; exit 1");
    assert_int_equal(pthread_create(&thread, NULL, compile_slowly, &status), 0);
    eventually(test_entries(".work") == 1);
    begun_ns = test_now_ns();
    ok(hl_module_register(test_runtime, &(hl_module_spec)HL_MODULE_SPEC_INIT(other, "quick")));
    assert_int_equal(asked(&other, "answer"), 1);
    assert_int_equal(asked(&key, "answer"), 1);
    ok(hl_module_unregister(test_runtime, &other));
    assert_true(test_now_ns() - begun_ns < 2000000000u);
    pthread_join(thread, NULL);
    assert_int_equal(status, HL_ERR_COMPILE);
}

typedef struct hanging {
    hl_key key;
    hl_status status;
} hanging;

static void *call_and_hang(void *user)
{
    hanging *hanging = user;
    hl_value *result = NULL;

    hanging->status = hl_module_execute(test_runtime, &hanging->key, "hang", NULL, 2000, &result);
    return NULL;
}

/* MG-05, MG-06 */
static void a_call_that_hangs_holds_up_neither_questions_nor_other_keys(void **state)
{
    static const char text[] =
        "#include <hookline/module.h>\n"
        "static hl_status f(void *s, const hl_value *a, hl_answer *b)\n"
        "{ (void)s, (void)a, (void)b; volatile int on = 1; while (on) continue; return HL_OK; }\n"
        "static const hl_module_function functions[] = {{\"hang\", f, 0}};\n"
        "HL_MODULE(\"hanging\", \"1.0.0\", functions)\n";
    hanging hanging = {.key = new_key()};
    hl_key other = new_key();
    uint64_t begun_ns;
    pthread_t thread;

    (void)state;
    compile_for_key(text, &hanging.key);
    compile_for_key(test_source("quick", "1.0.0", 5), &other);
    ok(hl_module_load(test_runtime, &hanging.key));
    assert_int_equal(asked(&other, "answer"), 5);
    assert_int_equal(pthread_create(&thread, NULL, call_and_hang, &hanging), 0);
    test_sleep_ms(50);
    begun_ns = test_now_ns();
    for (int i = 0; i < 1000; i++) {
        assert_true(hl_module_is_loaded(test_runtime, &hanging.key));
        assert_true(pid_of(&hanging.key) > 0);
    }
    assert_int_equal(asked(&other, "answer"), 5);
    assert_true(test_now_ns() - begun_ns < 1000000000u);
    pthread_join(thread, NULL);
    assert_int_equal(hanging.status, HL_ERR_TIMEOUT);
}

typedef struct taking {
    pthread_t thread;
    const char *path;
    hl_status status;
} taking;

static void *take_file(void *user)
{
    taking *taking = user;

    taking->status = hl_module_load_file(test_runtime, taking->path, NULL);
    return NULL;
}

/* MG-02 */
static void one_file_is_taken_by_many_threads_at_once(void **state)
{
    hl_module_code code = HL_MODULE_CODE_INIT;
    taking takings[10];
    size_t len;
    char *path;
    void *bytes;

    (void)state;
    ok(test_compile(test_source("shared", "1.0.0", 1), &code));
    bytes = test_read(code.path, &len);
    path = strdup(test_path("shared.so"));
    test_write(path, bytes, len);
    for (int i = 0; i < 10; i++) {
        takings[i] = (taking){.path = path};
        assert_int_equal(pthread_create(&takings[i].thread, NULL, take_file, &takings[i]), 0);
    }
    for (int i = 0; i < 10; i++) {
        pthread_join(takings[i].thread, NULL);
        assert_int_equal(takings[i].status, HL_OK);
    }
    assert_int_equal(test_entries("shared"), 1);
    hl_module_code_cleanup(&code);
    free(bytes);
    free(path);
}

typedef struct course {
    pthread_t thread;
    int number;
    int64_t answer;
} course;

static void *compile_and_call(void *user)
{
    course *course = user;
    hl_key key;
    hl_value *result = NULL;
    hl_module_source source;
    char text[1024];

    snprintf(text, sizeof(text),
             "#include <hookline/module.h>\n"
             "static hl_status f(void *s, const hl_value *a, hl_answer *b)\n"
             "{ (void)s, (void)a; return hl_answer_give(b, hl_value_int(%d)); }\n"
             "static const hl_module_function functions[] = {{\"f\", f, 0}};\n"
             "HL_MODULE(\"course-%d\", \"1.0.0\", functions)\n",
             course->number, course->number);
    source = (hl_module_source)HL_MODULE_SOURCE_INIT(text, strlen(text));
    source.key = &key;
    if (hl_key_new(&key) != HL_OK || hl_module_compile(test_runtime, &source, NULL) != HL_OK ||
        hl_module_run_and_release(test_runtime, &key, "f", NULL, 20000, &result) != HL_OK)
        return NULL;
    if (!hl_value_as_int(result, &course->answer))
        course->answer = -1;
    hl_value_free(result);
    return NULL;
}

/* MG-08 */
static void twenty_threads_compile_register_call_and_release_beside_each_other(void **state)
{
    course courses[20];

    (void)state;
    for (int i = 0; i < 20; i++) {
        courses[i] = (course){.number = i + 1};
        assert_int_equal(pthread_create(&courses[i].thread, NULL, compile_and_call, &courses[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        pthread_join(courses[i].thread, NULL);
        assert_int_equal(courses[i].answer, i + 1);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, test_module_begin, test_module_end)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_compiled_module_is_registered_in_the_same_call),
        CASE(a_file_is_compiled_or_taken_as_it_is_by_its_ending),
        CASE(nothing_is_registered_when_the_file_is_no_module),
        CASE(code_is_purged_only_when_no_key_leads_to_it),
        CASE(functions_are_listed_without_running_any_code),
        CASE(a_function_is_found_by_its_name_or_told_with_those_there_are),
        CASE(newer_code_is_used_by_the_next_call_in_the_same_process_with_its_state),
        CASE(released_code_is_gone_and_the_next_load_takes_the_newest),
        CASE(code_that_does_not_compile_leaves_the_old_code_at_work),
        CASE(keys_and_code_are_there_when_the_store_is_opened_again),
        CASE(a_worker_that_dies_is_forgotten_and_nothing_else_changes),
        CASE(a_slow_compile_holds_up_neither_registrations_nor_calls),
        CASE(a_call_that_hangs_holds_up_neither_questions_nor_other_keys),
        CASE(one_file_is_taken_by_many_threads_at_once),
        CASE(twenty_threads_compile_register_call_and_release_beside_each_other),
    };

    return cmocka_run_group_tests(cases, NULL, NULL);
}
