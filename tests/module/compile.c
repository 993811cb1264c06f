/* Compiling: good source becomes a module, bad source a status and a text, and whatever the compiler does, nothing of
 * it is left and nobody else waits. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "module/code.h"
#include "tests/module/support/modules.h"
#include "worker/sandbox.h"

/* ---- asking ---------------------------------------------------------------------------------------------------- */

static bool has_code(const char *name)
{
    hl__code_document document;
    bool has = hl__code_find(test_runtime, name, &document) == HL_OK;

    hl__code_document_cleanup(&document);
    return has;
}

static pid_t noted_pid(const char *path)
{
    size_t len;
    char *text = test_read(path, &len);
    long pid;

    text[len] = '\0';
    pid = strtol(text, NULL, 10);
    free(text);
    return (pid_t)pid;
}

/* A zombie that nobody has waited for yet counts as ended. */
static bool runs(pid_t pid)
{
    char path[64], line[512] = "";
    const char *state;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "r");
    if (!file)
        return false;
    if (!fgets(line, sizeof(line), file))
        line[0] = '\0';
    fclose(file);
    state = strrchr(line, ')');
    return state && state[2] != 'Z' && state[2] != 'X';
}

static hl_status compile_for(const char *text, uint32_t timeout_ms, hl_module_code *out)
{
    hl_module_source source = HL_MODULE_SOURCE_INIT(text, strlen(text));

    source.timeout_ms = timeout_ms;
    *out = (hl_module_code)HL_MODULE_CODE_INIT;
    return hl_module_compile(test_runtime, &source, out);
}

/* ---- good source ----------------------------------------------------------------------------------------------- */

/* MC-01 */
static void source_becomes_the_newest_code_of_its_module(void **state)
{
    hl_module_code code;

    (void)state;
    ok(test_compile(test_source("fresh", "2.0.0", 3), &code));
    assert_string_equal(code.name, "fresh");
    assert_string_equal(code.version, "2.0.0");
    assert_string_equal(code.diagnostics, "");
    assert_int_equal(access(code.path, R_OK), 0);
    assert_true(has_code("fresh"));
    assert_int_equal(test_entries(".work"), 0);
    hl_module_code_cleanup(&code);
}

/* MC-01 */
static void a_compile_without_a_timeout_has_a_minute(void **state)
{
    hl_module_code code;

    (void)state;
    test_compiler("ulimit -t; exit 1"); /* the processor time follows the timeout */
    refused(test_compile("int x;", &code), HL_ERR_COMPILE, "source");
    assert_in_range(strtol(code.diagnostics, NULL, 10), 50, 60);
    hl_module_code_cleanup(&code);
}

/* MC-02 */
static void a_file_is_compiled_under_its_own_name(void **state)
{
    hl_module_source source = HL_MODULE_SOURCE_INIT(NULL, 0);
    hl_module_code code = HL_MODULE_CODE_INIT;
    const char *path = test_path("my module.c");
    const char *text = test_source("filed", "1.0.0", 1);

    (void)state;
    test_write(path, text, strlen(text));
    source.name = "filed";
    ok(hl_module_compile_file(test_runtime, path, &source, &code));
    assert_string_equal(code.name, "filed");
    hl_module_code_cleanup(&code);
    test_write(path, "int x = ;", 9);
    refused(hl_module_compile_file(test_runtime, path, NULL, &code), HL_ERR_COMPILE, "source");
    assert_non_null(strstr(code.diagnostics, "my module.c:1"));
    hl_module_code_cleanup(&code);
    refused(hl_module_compile_file(test_runtime, test_path("missing.c"), NULL, NULL), HL_ERR_NOT_FOUND, "path");
    refused(hl_module_compile_file(test_runtime, test_dir, NULL, NULL), HL_ERR_INVALID, "path");
    refused(hl_module_compile_file(test_runtime, "/dev/zero", NULL, NULL), HL_ERR_INVALID, "path");
}

static void each_compiler_that_is_here_makes_modules_of_the_examples_without_a_warning(void **state)
{
    static const char *const compilers[] = {"gcc", "clang"};
    static const char *const examples[] = {"math", "string"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        hl_module_code code = HL_MODULE_CODE_INIT;
        char path[1024];
        hl_status status;

        snprintf(path, sizeof(path), "%s/../examples/modules/%s.c", HL_TEST_SOURCE, examples[i % 2]);
        setenv("HOOKLINE_CC", compilers[i / 2], 1);
        status = hl_module_compile_file(test_runtime, path, NULL, &code);
        assert_true(status == HL_OK || status == HL_ERR_UNSUPPORTED);
        assert_string_equal(code.diagnostics, "");
        hl_module_code_cleanup(&code);
    }
}

static void warnings_come_back_with_good_code(void **state)
{
    char text[1024];
    hl_module_code code;

    (void)state;
    snprintf(text, sizeof(text), "%sstatic int unused_one;\n", test_source("warned", "1.0.0", 1));
    ok(test_compile(text, &code));
    assert_non_null(strstr(code.diagnostics, "unused_one"));
    hl_module_code_cleanup(&code);
}

static void source_that_is_only_looked_at_is_not_kept(void **state)
{
    const char *text = test_source("seen", "1.0.0", 1);
    hl_module_source source = HL_MODULE_SOURCE_INIT(text, strlen(text));
    hl_module_code code = HL_MODULE_CODE_INIT;
    hl_key key;

    (void)state;
    source.do_not_keep = true;
    ok(hl_module_compile(test_runtime, &source, &code));
    assert_string_equal(code.name, "seen");
    assert_null(code.path);
    assert_false(has_code("seen"));
    hl_module_code_cleanup(&code);
    ok(hl_key_new(&key));
    source.key = &key;
    refused(hl_module_compile(test_runtime, &source, &code), HL_ERR_INVALID, "key");
    hl_module_code_cleanup(&code);
}

/* ---- bad source ------------------------------------------------------------------------------------------------ */

/* MC-01 */
static void source_that_does_not_compile_is_told_with_what_the_compiler_said(void **state)
{
    hl_module_code code;

    (void)state;
    refused(test_compile("int broken(void) { return nothing_of_that_name; }\n", &code), HL_ERR_COMPILE, "source");
    assert_non_null(strstr(hl_last_error()->message, "nothing_of_that_name"));
    assert_non_null(strstr(code.diagnostics, "module.c:1"));
    assert_null(code.name);
    hl_module_code_cleanup(&code);
    refused(test_compile("", &code), HL_ERR_NO_ENTRY, "hookline_module");
    hl_module_code_cleanup(&code);
    refused(hl_module_compile(test_runtime, NULL, NULL), HL_ERR_INVALID, "source");
    assert_int_equal(test_entries(".work"), 0);
}

/* MC-08, X-109 */
static void a_source_has_one_module(void **state)
{
    char text[2048];
    hl_module_code code;

    (void)state;
    snprintf(text, sizeof(text), "%sHL_MODULE(\"second\", \"1.0.0\", functions)\n", test_source("first", "1.0.0", 1));
    refused(test_compile(text, &code), HL_ERR_COMPILE, "source");
    assert_non_null(strstr(code.diagnostics, "hookline_module"));
    hl_module_code_cleanup(&code);
}

static void a_source_for_another_name_changes_nothing(void **state)
{
    const char *text = test_source("mine", "1.0.0", 1);
    hl_module_source source = HL_MODULE_SOURCE_INIT(text, strlen(text));

    (void)state;
    source.name = "yours";
    refused(hl_module_compile(test_runtime, &source, NULL), HL_ERR_INVALID, "name");
    source.name = "no/name";
    refused(hl_module_compile(test_runtime, &source, NULL), HL_ERR_INVALID, "name");
    assert_false(has_code("mine"));
}

/* */
static void source_that_includes_an_endless_device_ends_with_a_status(void **state)
{
    hl_module_code code;
    hl_status status;

    (void)state;
    status = compile_for("#include \"/dev/zero\"\n", 20000, &code);
    assert_true(status == HL_ERR_COMPILE || status == HL_ERR_LIMIT);
    hl_module_code_cleanup(&code);
    status = compile_for("__asm__(\".incbin \\\"/dev/zero\\\"\");\n", 20000, &code);
    assert_true(status == HL_ERR_COMPILE || status == HL_ERR_LIMIT);
    hl_module_code_cleanup(&code);
    assert_int_equal(test_entries(".work"), 0);
}

/* */
static void source_reads_no_file_but_the_systems_and_hooklines(void **state)
{
    char text[1024];
    hl_module_code code;

    (void)state;
    if (!hl__landlock_abi())
        skip();
    test_write(test_path("secret.h"), "#error the secret is out\n", 25);
    snprintf(text, sizeof(text), "#include \"%s\"\n", test_path("secret.h"));
    refused(test_compile(text, &code), HL_ERR_COMPILE, "source");
    assert_null(strstr(code.diagnostics, "the secret is out"));
    hl_module_code_cleanup(&code);
}

/* MC-01, X-106 */
static void source_that_never_ends_is_ended_in_time(void **state)
{
    static const char text[] = "#define A(x) x x x x x x x x x x x x x x x x\n"
                               "#define B(x) A(A(A(A(A(x)))))\n"
                               "int a = B(B(1 +)) 1;\n";
    uint64_t begun_ns = test_now_ns();
    hl_module_code code;

    (void)state;
    refused(compile_for(text, 700, &code), HL_ERR_TIMEOUT, "timeout_ms");
    assert_true(test_now_ns() - begun_ns < 5000000000u);
    assert_int_equal(test_entries(".work"), 0);
    hl_module_code_cleanup(&code);
}

static void a_result_beyond_the_limit_is_refused(void **state)
{
    char text[1024];
    hl_module_code code;

    (void)state;
    snprintf(text, sizeof(text), "%schar large[200 << 20] = {1};\n", test_source("large", "1.0.0", 1));
    refused(test_compile(text, &code), HL_ERR_LIMIT, "source");
    assert_false(has_code("large"));
    hl_module_code_cleanup(&code);
}

static void source_of_too_many_bytes_is_refused(void **state)
{
    hl_module_source source = HL_MODULE_SOURCE_INIT("int x;", (size_t)17 << 20);

    (void)state;
    refused(hl_module_compile(test_runtime, &source, NULL), HL_ERR_LIMIT, "len");
    source.text = NULL;
    refused(hl_module_compile(test_runtime, &source, NULL), HL_ERR_INVALID, "text");
    source = (hl_module_source)HL_MODULE_SOURCE_INIT("int x;", 6);
    source.timeout_ms = 3600001;
    refused(hl_module_compile(test_runtime, &source, NULL), HL_ERR_INVALID, "timeout_ms");
}

/* ---- strange compilers ----------------------------------------------------------------------------------------- */

static void without_a_compiler_the_status_says_so(void **state)
{
    char *path = strdup(getenv("PATH"));
    hl_module_code code;

    (void)state;
    setenv("HOOKLINE_CC", test_path("no-compiler"), 1);
    refused(test_compile(test_source("x", "1", 1), &code), HL_ERR_UNSUPPORTED, "HOOKLINE_CC");
    hl_module_code_cleanup(&code);
    unsetenv("HOOKLINE_CC");
    setenv("PATH", test_dir, 1);
    refused(test_compile(test_source("x", "1", 1), &code), HL_ERR_UNSUPPORTED, "HOOKLINE_CC");
    hl_module_code_cleanup(&code);
    setenv("PATH", path, 1);
    free(path);
}

static void without_headers_or_sandbox_the_status_says_so(void **state)
{
    hl_module_code code;
    char *headers = strdup(getenv("HOOKLINE_INCLUDE"));
    char *sandbox = strdup(getenv("HOOKLINE_SANDBOX"));

    (void)state;
    setenv("HOOKLINE_INCLUDE", test_dir, 1);
    refused(test_compile(test_source("x", "1", 1), &code), HL_ERR_UNSUPPORTED, "HOOKLINE_INCLUDE");
    hl_module_code_cleanup(&code);
    setenv("HOOKLINE_INCLUDE", headers, 1);
    setenv("HOOKLINE_SANDBOX", test_path("no-sandbox"), 1);
    refused(test_compile(test_source("x", "1", 1), &code), HL_ERR_SYSTEM, "HOOKLINE_SANDBOX");
    hl_module_code_cleanup(&code);
    setenv("HOOKLINE_SANDBOX", sandbox, 1);
    free(headers);
    free(sandbox);
}

static void a_compiler_that_makes_nothing_is_told(void **state)
{
    hl_module_code code;

    (void)state;
    test_compiler("exit 0");
    refused(test_compile("int x;", &code), HL_ERR_COMPILE, "source");
    hl_module_code_cleanup(&code);
    test_compiler("ln -s /etc/passwd module.so");
    refused(test_compile("int x;", &code), HL_ERR_COMPILE, "source");
    hl_module_code_cleanup(&code);
    test_compiler("echo it crashed; kill -SEGV $$");
    refused(test_compile("int x;", &code), HL_ERR_COMPILE, "source");
    assert_string_equal(code.diagnostics, "it crashed\n");
    hl_module_code_cleanup(&code);
}

static void the_first_line_with_words_is_quoted_where_none_names_an_error(void **state)
{
    hl_module_code code;

    (void)state;
    test_compiler("printf '\\nconfused\\nand more\\n'; exit 1");
    refused(test_compile("int x;", &code), HL_ERR_COMPILE, "source");
    assert_string_equal(strrchr(hl_last_error()->message, ':'), ": confused");
    hl_module_code_cleanup(&code);
}

static void a_compiler_that_says_too_much_is_cut_and_then_ended(void **state)
{
    hl_module_code code;

    (void)state;
    test_compiler("yes | head -c 200000; exit 1");
    refused(test_compile("int x;", &code), HL_ERR_COMPILE, "source");
    if (strlen(code.diagnostics) < 65536)
        print_error("%s\n", code.diagnostics);
    assert_in_range(strlen(code.diagnostics), 65536, 65700);
    assert_non_null(strstr(code.diagnostics, "left out"));
    hl_module_code_cleanup(&code);
    test_compiler("while :; do echo and on and on and on and on and on and on and on and on and on and on; done");
    refused(compile_for("int x;", 60000, &code), HL_ERR_LIMIT, "source");
    hl_module_code_cleanup(&code);
}

/* */
static void processes_that_a_compiler_starts_end_with_it(void **state)
{
    hl_module_code code;
    int first = 0, second = 0;

    (void)state;
    test_compiler("sleep 300 & first=$!; setsid sleep 300 & echo pids $first $! >&2; exit 1");
    refused(test_compile("int x;", &code), HL_ERR_COMPILE, "source");
    assert_non_null(strstr(code.diagnostics, "pids "));
    assert_int_equal(sscanf(strstr(code.diagnostics, "pids "), "pids %d %d", &first, &second), 2);
    assert_true(first > 1 && second > 1);
    eventually(!runs(first) && !runs(second));
    hl_module_code_cleanup(&code);
    test_compiler("echo $$ >&2; sleep 300 & sleep 300 & sleep 300");
    refused(compile_for("int x;", 300, &code), HL_ERR_TIMEOUT, "timeout_ms");
    first = (int)strtol(code.diagnostics, NULL, 10);
    assert_true(first > 1);
    eventually(!runs(first));
    hl_module_code_cleanup(&code);
    assert_int_equal(test_entries(".work"), 0);
}

/* */
static void a_compiler_writes_in_its_own_folder_only(void **state)
{
    char script[1024];
    hl_module_code code;

    (void)state;
    if (!hl__landlock_abi())
        skip();
    snprintf(script, sizeof(script),
             "echo x >%s/outside; mkdir %s/folder; echo x >../beside; echo x >inside && cat inside; exit 1", test_dir,
             test_dir);
    test_compiler(script);
    refused(test_compile("int x;", &code), HL_ERR_COMPILE, "source");
    assert_non_null(strstr(code.diagnostics, "x\n"));
    assert_false(test_exists("outside"));
    assert_false(test_exists("folder"));
    assert_int_equal(test_entries(".work"), 0);
    hl_module_code_cleanup(&code);
}

static void a_compiler_sees_nothing_of_the_servers_environment(void **state)
{
    hl_module_code code;

    (void)state;
    setenv("SECRET_OF_THE_SERVER", "hidden", 1);
    test_compiler("env; exit 1");
    refused(test_compile("int x;", &code), HL_ERR_COMPILE, "source");
    assert_null(strstr(code.diagnostics, "hidden"));
    assert_non_null(strstr(code.diagnostics, "PATH="));
    unsetenv("SECRET_OF_THE_SERVER");
    hl_module_code_cleanup(&code);
}

/* ---- several at once ------------------------------------------------------------------------------------------- */

typedef struct compiling {
    pthread_t thread;
    int number;
    const char *name; /* NULL: none is given */
    hl_status status;
} compiling;

static void *compile_one(void *user)
{
    compiling *compiling = user;
    char text[1024];
    char version[16];
    hl_module_source source = HL_MODULE_SOURCE_INIT(text, 0);

    snprintf(version, sizeof(version), "1.0.%d", compiling->number);
    snprintf(
        text, sizeof(text),
        "#include <hookline/module.h>\n"
        "static hl_status f(void *s, const hl_value *a, hl_answer *b) { (void)s, (void)a, (void)b; return HL_OK; }\n"
        "static const hl_module_function functions[] = {{\"f\", f, 0}};\n"
        "HL_MODULE(\"%s\", \"%s\", functions)\n",
        compiling->name, version);
    source.len = strlen(text);
    source.name = compiling->name;
    compiling->status = hl_module_compile(test_runtime, &source, NULL);
    return NULL;
}

/* MG-01, MC-07 */
static void twenty_compiles_at_once_all_succeed(void **state)
{
    compiling compiles[20];
    char names[4][16];

    (void)state;
    for (int i = 0; i < 4; i++)
        snprintf(names[i], sizeof(names[0]), "parallel-%d", i);
    for (int i = 0; i < 20; i++) {
        compiles[i] = (compiling){.number = i, .name = names[i % 4]};
        assert_int_equal(pthread_create(&compiles[i].thread, NULL, compile_one, &compiles[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        pthread_join(compiles[i].thread, NULL);
        assert_int_equal(compiles[i].status, HL_OK);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(test_entries(names[i]), 1);
    assert_int_equal(test_entries(".work"), 0);
}

static void *compile_slowly(void *user)
{
    compiling *compiling = user;
    hl_module_source source = HL_MODULE_SOURCE_INIT("int x;", 6);

    source.name = "slow";
    compiling->status = hl_module_compile(test_runtime, &source, NULL);
    return NULL;
}

/* MC-07, MG-01, X-106 */
static void a_slow_compile_holds_up_only_those_of_its_own_name(void **state)
{
    size_t len;
    compiling slow = {.number = 0};
    hl_module_code code = HL_MODULE_CODE_INIT;
    hl_module_source again = HL_MODULE_SOURCE_INIT("int x;", 6);
    uint64_t begun_ns;
    char *bytes;

    (void)state;
    ok(test_compile(test_source("quick", "1.0.0", 1), &code));
    bytes = test_read(code.path, &len);
    test_compiler("sleep 2; exit 1");
    assert_int_equal(pthread_create(&slow.thread, NULL, compile_slowly, &slow), 0);
    eventually(test_entries(".work") == 1);
    begun_ns = test_now_ns();
    ok(hl_module_load_memory(test_runtime, "quick", bytes, len, NULL));
    assert_true(has_code("quick"));
    ok(hl_module_purge(test_runtime, "quick"));
    assert_true(test_now_ns() - begun_ns < 1000000000u);
    again.name = "slow";
    again.timeout_ms = 100;
    refused(hl_module_compile(test_runtime, &again, NULL), HL_ERR_TIMEOUT, "module");
    pthread_join(slow.thread, NULL);
    assert_int_equal(slow.status, HL_ERR_COMPILE);
    hl_module_code_cleanup(&code);
    free(bytes);
}

static void what_a_killed_compile_left_goes_with_the_next_one(void **state)
{
    (void)state;
    test_keep(test_source("first", "1.0.0", 1));
    assert_int_equal(mkdir(test_path("store/modules/.work/left"), 0700), 0);
    assert_int_equal(test_entries(".work"), 1);
    test_keep(test_source("second", "1.0.0", 2));
    assert_int_equal(test_entries(".work"), 0);
}

/* ---- a server that has its children reaped ----------------------------------------------------------------------- */

static void compiles_end_as_they_do_in_a_server_that_ignores_its_children(void **state)
{
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);
    const char *source = test_source("orphan", "1.0.0", 1);
    hl_module_code good, bad;
    hl_status kept = test_compile(source, &good);
    hl_status refused = test_compile("int broken = ;", &bad);

    (void)state;
    signal(SIGCHLD, before);
    assert_non_null(strstr(hl_last_error()->message, "expected expression"));
    hl_module_code_cleanup(&good);
    hl_module_code_cleanup(&bad);
    assert_int_equal(kept, HL_OK);
    assert_int_equal(refused, HL_ERR_COMPILE);
}

/* ---- a server that is killed ------------------------------------------------------------------------------------- */

static int run_server(const char *store)
{
    hl_module_source source = HL_MODULE_SOURCE_INIT("int x;", 6);
    hl_options options = HL_OPTIONS_INIT;

    options.store = store;
    if (hl_open(&options, &test_runtime) != HL_OK)
        return 2;
    return hl_module_compile(test_runtime, &source, NULL) == HL_OK ? 3 : 4;
}

static void a_killed_server_takes_its_compiler_along_and_the_next_one_sweeps(void **state)
{
    char script[512];
    const char *noted;
    const char *const arguments[] = {"server", test_lmdb(test_dir), NULL};
    pid_t compiler;
    int server;

    (void)state;
    test_compiler("sleep 300 & echo $! >pid; sleep 300");
    hl_close(test_runtime);
    server = test_spawn(arguments);
    eventually(test_entries(".work") == 1);
    snprintf(script, sizeof(script), "cat %s/store/modules/.work/*/pid >%s/noted 2>/dev/null", test_dir, test_dir);
    eventually(system(script) == 0);
    noted = test_path("noted");
    eventually(system(script) == 0 && noted_pid(noted) > 1);
    compiler = noted_pid(noted);
    assert_true(runs(compiler));
    assert_int_equal(kill(server, SIGKILL), 0);
    assert_int_equal(test_wait(server), -SIGKILL);
    eventually(!runs(compiler));
    assert_int_equal(test_entries(".work"), 1);
    {
        hl_options options = HL_OPTIONS_INIT;

        options.store = test_lmdb(test_dir);
        ok(hl_open(&options, &test_runtime));
    }
    assert_int_equal(test_entries(".work"), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, test_module_begin, test_module_end)

int main(int argc, char **argv)
{
    const struct CMUnitTest cases[] = {
        CASE(source_becomes_the_newest_code_of_its_module),
        CASE(a_compile_without_a_timeout_has_a_minute),
        CASE(a_file_is_compiled_under_its_own_name),
        CASE(each_compiler_that_is_here_makes_modules_of_the_examples_without_a_warning),
        CASE(warnings_come_back_with_good_code),
        CASE(source_that_is_only_looked_at_is_not_kept),
        CASE(source_that_does_not_compile_is_told_with_what_the_compiler_said),
        CASE(a_source_has_one_module),
        CASE(a_source_for_another_name_changes_nothing),
        CASE(source_that_includes_an_endless_device_ends_with_a_status),
        CASE(source_reads_no_file_but_the_systems_and_hooklines),
        CASE(source_that_never_ends_is_ended_in_time),
        CASE(a_result_beyond_the_limit_is_refused),
        CASE(source_of_too_many_bytes_is_refused),
        CASE(without_a_compiler_the_status_says_so),
        CASE(without_headers_or_sandbox_the_status_says_so),
        CASE(a_compiler_that_makes_nothing_is_told),
        CASE(the_first_line_with_words_is_quoted_where_none_names_an_error),
        CASE(a_compiler_that_says_too_much_is_cut_and_then_ended),
        CASE(processes_that_a_compiler_starts_end_with_it),
        CASE(a_compiler_writes_in_its_own_folder_only),
        CASE(a_compiler_sees_nothing_of_the_servers_environment),
        CASE(twenty_compiles_at_once_all_succeed),
        CASE(a_slow_compile_holds_up_only_those_of_its_own_name),
        CASE(what_a_killed_compile_left_goes_with_the_next_one),
        CASE(compiles_end_as_they_do_in_a_server_that_ignores_its_children),
        CASE(a_killed_server_takes_its_compiler_along_and_the_next_one_sweeps),
    };

    if (argc == 3 && strcmp(argv[1], "server") == 0)
        return run_server(argv[2]);
    return cmocka_run_group_tests(cases, NULL, NULL);
}
