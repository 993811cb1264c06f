/* Mapping libraries: each file once, by counted references, gone after the last; and a refused one leaves nothing. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "library/library.h"
#include "tests/library/support/fixture.h"

/* What the libraries of this file find through the environment: they cannot see this program's symbols. */
static struct shared {
    int loads;
    int unloads;
    int (*inside)(void);
} shared;

#define SHARED                                                                                                               \
    "#include <stdlib.h>\n"                                                                                                  \
    "struct shared { int loads; int unloads; int (*inside)(void); };\n"                                                      \
    "static struct shared *shared(void) { return (struct shared *)strtoull(getenv(\"HOOKLINE_TEST_SHARED_AT\"), 0, 16); }\n" \
    "#define LOAD load\n#define UNLOAD unload\n"                                                                             \
    "static void unload(void) { __atomic_fetch_add(&shared()->unloads, 1, __ATOMIC_SEQ_CST); }\n"

#define COUNTING                                                                                                       \
    SHARED "static int load(void) { __atomic_fetch_add(&shared()->loads, 1, __ATOMIC_SEQ_CST); return 0; }\n"

static int begin(void **state)
{
    char text[32];

    snprintf(text, sizeof(text), "%llx", (unsigned long long)(uintptr_t)&shared);
    if (setenv("HOOKLINE_TEST_SHARED_AT", text, 1) != 0)
        return -1;
    snprintf(text, sizeof(text), "%ld", (long)getpid());
    return setenv("HOOKLINE_TEST_PID", text, 1) || fixture_begin(state);
}

static int reset(void **state)
{
    (void)state;
    shared = (struct shared){0, 0, NULL};
    return 0;
}

static hl__library *load(const char *path)
{
    hl__library *library = NULL;

    expect_status(hl__loader.load(path, NULL, &library), HL_OK, "", "");
    return library;
}

static void refuse(const char *path, hl_status wanted, const char *field, const char *words)
{
    hl__library *library = NULL;
    holdings before = holdings_now();

    expect_status(hl__loader.load(path, NULL, &library), wanted, field, words);
    assert_null(library);
    expect_same_holdings(&before);
}

/* What the first plugin of a library makes of a number. */
static int64_t ask(const hl__library *library)
{
    const hl_plugin_spec *spec = &hl__loader.entry(library)->specs[0];

    return spec->call(spec->self, NULL, NULL).verdict;
}

static const char *numbered(const char *name, int number, const char *flags)
{
    char source[1024];

    snprintf(source, sizeof(source),
             "#include <hookline/plugin.h>\n"
             "static hl_reply call(void *self, void *state, const void *meta)\n"
             "{ (void)self; (void)meta; hl_reply reply = {state, -%d}; return reply; }\n"
             "static const hl_plugin_spec specs[] = {HL_PLUGIN_INIT(\"number\", \"e\", call)};\n"
             "HL_PLUGIN_LIBRARY(\"number\", \"1\", specs)\n",
             number);
    return fixture_build(name, source, flags);
}

static void a_library_is_mapped_once_and_gone_after_the_last_reference(void **state)
{
    const char *path = fixture_plugin("counting.so", COUNTING, "");
    holdings before = holdings_now();
    hl__library *first = load(path);
    hl__library *second = load(path);

    (void)state;
    assert_ptr_equal(first, second);
    assert_ptr_equal(hl__loader.ref(first), first);
    assert_int_equal(shared.loads, 1);
    assert_string_equal(hl__loader.path(first), path);
    assert_int_equal(hl__loader.entry(first)->specs_len, 2);
    assert_string_equal(hl__loader.entry(first)->specs[1].name, "two");
    assert_int_equal(ask(first), HL_NEXT);
    assert_false(hl__loader.unref(first));
    assert_false(hl__loader.unref(first));
    assert_int_equal(shared.unloads, 0);
    assert_true(hl__loader.unref(first));
    assert_int_equal(shared.unloads, 1);
    expect_same_holdings(&before);
}

static void another_name_of_the_same_file_is_the_same_library(void **state)
{
    const char *path = numbered("name.so", 1, "");
    hl__library *first = load(path);
    hl__library *second;

    (void)state;
    assert_int_equal(link(path, fixture_path("hard.so")), 0);
    assert_int_equal(symlink(path, fixture_path("soft.so")), 0);
    second = load(fixture_path("soft.so"));
    assert_ptr_equal(first, second);
    assert_false(hl__loader.unref(second));
    second = load(fixture_path("hard.so"));
    assert_ptr_equal(first, second);
    assert_false(hl__loader.unref(second));
    assert_true(hl__loader.unref(first));
}

static void a_replaced_file_is_another_library_beside_the_old_one(void **state)
{
    holdings before = holdings_now();
    char path[256];
    hl__library *versions[6];

    (void)state;
    snprintf(path, sizeof(path), "%s", numbered("replaced.so", 1, ""));
    for (int i = 0; i < 6; i++) {
        if (i > 0)
            assert_int_equal(rename(numbered("next.so", i + 1, ""), path), 0);
        versions[i] = load(path);
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(ask(versions[i]), -(i + 1));
        assert_string_equal(hl__loader.path(versions[i]), path);
    }
    for (int i = 0; i < 6; i++)
        assert_true(hl__loader.unref(versions[i]));
    expect_same_holdings(&before);
}

/* The first version puts the second in its place at the worst moment: while it is being mapped here, or (`in_trial`) in
 * the throw-away process. */
static const char *replacing_itself(const char *name, const char *next, bool in_trial)
{
    char more[1024];

    snprintf(more, sizeof(more),
             "__attribute__((constructor)) static void replace(void)\n"
             "{ if ((atoi(getenv(\"HOOKLINE_TEST_PID\")) != getpid()) == %d) rename(\"%s\", \"%s\"); }",
             in_trial, next, fixture_path(name));
    return fixture_plugin(name, more, "");
}

static void a_file_that_is_replaced_while_it_is_mapped_is_read_again(void **state)
{
    const char *next = numbered("swap-next.so", 2, "");
    const char *path = replacing_itself("swap.so", next, false);
    holdings before = holdings_now();
    hl__library_file *file = NULL;
    hl__library *library = NULL;

    (void)state;
    expect_status(hl__library_read(path, &file), HL_OK, "", "");
    expect_status(hl__loader.load(path, hl__library_stamp(file), &library), HL_OK, "", "");
    hl__library_file_free(file);
    assert_int_equal(ask(library), -2);
    assert_true(hl__loader.unref(library));
    expect_same_holdings(&before);
}

static void a_file_that_is_replaced_while_it_is_tried_is_refused(void **state)
{
    const char *next = numbered("trial-next.so", 2, "");

    (void)state;
    refuse(replacing_itself("trial.so", next, true), HL_ERR_PROBE, "path", "was replaced while it was tried");
}

/* Its own libraries are found from where it lies, however often it was replaced. */
static void a_replaced_library_still_finds_what_lies_beside_it(void **state)
{
    char flags[512];
    char source[] = "#include <hookline/plugin.h>\nextern int beside;\n"
                    "static hl_reply call(void *self, void *state, const void *meta)\n"
                    "{ (void)self; (void)meta; hl_reply reply = {state, -beside}; return reply; }\n"
                    "static const hl_plugin_spec specs[] = {HL_PLUGIN_INIT(\"number\", \"e\", call)};\n"
                    "HL_PLUGIN_LIBRARY(\"number\", \"1\", specs)\n";
    const char *beside = fixture_build("libbeside.so", "__attribute__((visibility(\"default\"))) int beside = 11;",
                                       "-Wl,-soname,libbeside.so");
    const char *path;
    hl__library *first;
    hl__library *second;

    (void)state;
    snprintf(flags, sizeof(flags), "%s -Wl,-rpath,'$ORIGIN'", beside);
    path = fixture_build("origin.so", source, flags);
    first = load(path);
    assert_int_equal(rename(fixture_build("origin-next.so", source, flags), path), 0);
    second = load(path);
    assert_ptr_not_equal(first, second);
    assert_int_equal(ask(first), -11);
    assert_int_equal(ask(second), -11);
    assert_true(hl__loader.unref(first));
    assert_true(hl__loader.unref(second));
}

static void a_mapped_file_that_was_written_to_is_refused(void **state)
{
    const char *path = numbered("touched.so", 1, "");
    struct timespec later[2] = {{0, UTIME_OMIT}, {1000000000, 0}};
    hl__library *first = load(path);
    hl__library *again = NULL;

    (void)state;
    assert_int_equal(utimensat(AT_FDCWD, path, later, 0), 0);
    refuse(path, HL_ERR_LIBRARY, "path", "by renaming a new file");
    assert_true(hl__loader.unref(first));
    again = load(path);
    assert_true(hl__loader.unref(again));
}

static void a_file_that_was_tried_before_is_not_tried_again(void **state)
{
    const char *path = numbered("tried.so", 1, "");
    hl__library *library = load(path);
    char stamp[128];
    char *before = getenv("HOOKLINE_PROBE");
    char *kept = before ? strdup(before) : NULL;

    (void)state;
    snprintf(stamp, sizeof(stamp), "%s", hl__library_loaded_stamp(library));
    assert_true(hl__loader.unref(library));
    library = NULL;
    setenv("HOOKLINE_PROBE", "/nowhere/hookline-probe", 1);
    expect_status(hl__loader.load(path, "1:2:3:4", &library), HL_ERR_PROBE, "HOOKLINE_PROBE", "does not start");
    expect_status(hl__loader.load(path, stamp, &library), HL_OK, "", "");
    if (kept)
        setenv("HOOKLINE_PROBE", kept, 1);
    else
        unsetenv("HOOKLINE_PROBE");
    free(kept);
    assert_true(hl__loader.unref(library));
}

static void a_library_that_refuses_leaves_nothing(void **state)
{
    const char *path =
        fixture_plugin("refuses.so", SHARED "static int load(void) { shared()->loads++; return 77; }\n", "");

    (void)state;
    refuse(path, HL_ERR_LIBRARY, "load", "refused: it returned 77");
    assert_int_equal(shared.loads, 1);
    assert_int_equal(shared.unloads, 0);
}

static void a_library_whose_constructor_aborts_never_reaches_this_process(void **state)
{
    (void)state;
    refuse(fixture_plugin("abort.so", "__attribute__((constructor)) static void die(void) { abort(); }", ""),
           HL_ERR_PROBE, "library", "died by SIGABRT");
}

static void an_undefined_symbol_is_named_and_no_code_runs(void **state)
{
    const char *more = SHARED "extern int hookline_test_nowhere(void);\n"
                              "int use(void) { return hookline_test_nowhere(); }\n"
                              "__attribute__((constructor)) static void begin(void)\n"
                              "{ if (atoi(getenv(\"HOOKLINE_TEST_PID\")) == getpid()) abort(); }\n"
                              "static int load(void) { return 0; }\n";
    const char *lazy = fixture_plugin("undefined-lazy.so", more, "-Wl,-z,lazy");
    const char *now = fixture_plugin("undefined-now.so", more, "-Wl,-z,now");

    (void)state;
    refuse(lazy, HL_ERR_LIBRARY, "library", "undefined symbol: hookline_test_nowhere");
    refuse(now, HL_ERR_LIBRARY, "library", "undefined symbol: hookline_test_nowhere");
}

/* The file says "one"; code that runs while it is mapped makes "two" of it. */
static void a_library_that_changes_its_record_is_refused(void **state)
{
    const char *path =
        fixture_build("changes.so",
                      "#include <hookline/plugin.h>\n"
                      "static hl_reply call(void *a, void *b, const void *c)\n"
                      "{ (void)a; (void)c; return hl_next(b); }\n"
                      "static hl_plugin_spec specs[] = {HL_PLUGIN_INIT(\"one\", \"e\", call)};\n"
                      "__attribute__((constructor)) static void change(void) { specs[0].name = \"two\"; }\n"
                      "HL_PLUGIN_LIBRARY(\"changes\", \"1\", specs)\n",
                      "");

    (void)state;
    refuse(path, HL_ERR_LIBRARY, "hookline_plugin", "something else once it is mapped");
}

static void what_is_no_library_is_refused_before_anything_starts(void **state)
{
    (void)state;
    refuse(fixture_write("text.so", "hello\n", 6), HL_ERR_NOT_ELF, "path", "not an ELF file");
    refuse(fixture_path("nothing.so"), HL_ERR_NOT_FOUND, "path", "There is no file");
}

static hl_status inside_status;

static int load_again(void)
{
    hl__library *library = NULL;

    inside_status = hl__loader.load(fixture_path("again.so"), NULL, &library);
    return 0;
}

static void loading_a_library_from_its_own_load_function_is_refused(void **state)
{
    const char *path = fixture_plugin("again.so", SHARED "static int load(void) { return shared()->inside(); }\n", "");
    hl__library *library;

    (void)state;
    shared.inside = load_again;
    library = load(path);
    assert_int_equal(inside_status, HL_ERR_LIBRARY);
    assert_true(hl__loader.unref(library));
}

static void a_larger_spec_of_a_newer_header_is_given_in_this_ones_size(void **state)
{
    const char *path = fixture_build(
        "larger.so",
        "#include <hookline/plugin.h>\n"
        "static hl_reply call(void *a, void *b, const void *c) { (void)a; (void)c; return hl_next(b); }\n"
        "typedef struct { hl_plugin_spec spec; void *more; } larger_spec;\n"
        "static const larger_spec specs[] = {\n"
        "{{.size = sizeof(larger_spec), .name = \"a\", .event = \"e\", .call = call}, 0},\n"
        "{{.size = sizeof(larger_spec), .name = \"b\", .event = \"f\", .call = call, .priority = 4}, 0}};\n"
        "HL_API const hl_plugin_entry hookline_plugin = {sizeof(hl_plugin_entry), HL_ABI, \"n\", \"1\",\n"
        "(const hl_plugin_spec *)specs, 2, 0, 0};\n",
        "");
    hl__library *library = load(path);
    const hl_plugin_spec *specs = hl__loader.entry(library)->specs;

    (void)state;
    assert_int_equal(specs[1].size, sizeof(hl_plugin_spec));
    assert_string_equal(specs[1].name, "b");
    assert_string_equal(specs[1].event, "f");
    assert_int_equal(specs[1].priority, 4);
    assert_true(hl__loader.unref(library));
}

/* The entry as it was before libraries could carry state, at the very end of the data: nothing behind it is read. */
static void an_entry_of_the_first_size_is_taken_without_save_and_restore(void **state)
{
    const char *path = fixture_build(
        "first-size.so",
        "#include <hookline/plugin.h>\n"
        "static hl_reply call(void *a, void *b, const void *c) { (void)a; (void)c; return hl_next(b); }\n"
        "static const hl_plugin_spec specs[] = {HL_PLUGIN_INIT(\"a\", \"e\", call)};\n"
        "typedef struct { uint32_t size, abi; const char *name, *version; const hl_plugin_spec *specs;\n"
        "    size_t specs_len; int (*load)(void); void (*unload)(void); } first_entry;\n"
        "HL_API const first_entry hookline_plugin;\n"
        "const first_entry hookline_plugin = {sizeof(first_entry), HL_ABI, \"n\", \"1\", specs, 1, 0, 0};\n",
        "");
    hl__library *library = load(path);
    const hl_plugin_entry *entry = hl__loader.entry(library);

    (void)state;
    assert_int_equal(entry->size, sizeof(hl_plugin_entry));
    assert_int_equal(entry->specs_len, 1);
    assert_null(entry->save);
    assert_null(entry->restore);
    assert_int_equal(hl__library_carry(library, library), HL_OK);
    assert_true(hl__loader.unref(library));
}

#define THREADS 6
#define ROUNDS 150

static char *raced[2];
static char raced_stamp[2][128];

static void *load_and_leave(void *argument)
{
    uintptr_t thread = (uintptr_t)argument;

    for (uintptr_t i = 0; i < ROUNDS; i++) {
        size_t which = (i + thread) % 2;
        hl__library *library = NULL;

        if (hl__loader.load(raced[which], raced_stamp[which], &library) != HL_OK)
            return (void *)1;
        if (ask(library) != HL_NEXT)
            return (void *)1;
        hl__loader.unref(library);
    }
    return NULL;
}

static void threads_may_load_and_leave_at_the_same_time(void **state)
{
    pthread_t threads[THREADS];
    holdings before = holdings_now();

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        hl__library *library;

        raced[i] = strdup(fixture_plugin(i ? "race-a.so" : "race-b.so", COUNTING, ""));
        library = load(raced[i]);
        snprintf(raced_stamp[i], sizeof(raced_stamp[i]), "%s", hl__library_loaded_stamp(library));
        hl__loader.unref(library);
    }
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load_and_leave, (void *)i), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failed = NULL;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_true(shared.loads > 2);
    assert_int_equal(shared.loads, shared.unloads);
    expect_same_holdings(&before);
    free(raced[0]);
    free(raced[1]);
}

/* A C++ library stays mapped when another one came to depend on it, as libstdc++ can on a template's instance. */
static void cxx_libraries_are_mapped_and_gone(void **state)
{
    const char *path =
        fixture_build("plain.cc.so",
                      "#include <hookline/plugin.h>\n"
                      "namespace { struct limit { int value; limit() : value(3) {} ~limit() { value = 0; } }; }\n"
                      "static limit global;\n"
                      "static hl_reply call(void *, void *state, const void *)\n"
                      "{ return global.value == 3 ? hl_next(state) : hl_halt(state); }\n"
                      "static const hl_plugin_spec specs[] = {HL_PLUGIN_INIT(\"cxx\", \"e\", call)};\n"
                      "HL_PLUGIN_LIBRARY(\"cxx\", \"1\", specs)\n",
                      "");
    holdings before = holdings_now();
    hl__library *library = load(path);

    (void)state;
    assert_int_equal(ask(library), HL_NEXT);
    assert_true(hl__loader.unref(library));
    expect_same_holdings(&before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_library_is_mapped_once_and_gone_after_the_last_reference, reset),
        cmocka_unit_test(another_name_of_the_same_file_is_the_same_library),
        cmocka_unit_test(a_replaced_file_is_another_library_beside_the_old_one),
        cmocka_unit_test(a_file_that_is_replaced_while_it_is_mapped_is_read_again),
        cmocka_unit_test(a_file_that_is_replaced_while_it_is_tried_is_refused),
        cmocka_unit_test(a_replaced_library_still_finds_what_lies_beside_it),
        cmocka_unit_test(a_mapped_file_that_was_written_to_is_refused),
        cmocka_unit_test(a_file_that_was_tried_before_is_not_tried_again),
        cmocka_unit_test_setup(a_library_that_refuses_leaves_nothing, reset),
        cmocka_unit_test(a_library_whose_constructor_aborts_never_reaches_this_process),
        cmocka_unit_test_setup(an_undefined_symbol_is_named_and_no_code_runs, reset),
        cmocka_unit_test(a_library_that_changes_its_record_is_refused),
        cmocka_unit_test(what_is_no_library_is_refused_before_anything_starts),
        cmocka_unit_test_setup(loading_a_library_from_its_own_load_function_is_refused, reset),
        cmocka_unit_test(a_larger_spec_of_a_newer_header_is_given_in_this_ones_size),
        cmocka_unit_test(an_entry_of_the_first_size_is_taken_without_save_and_restore),
        cmocka_unit_test_setup(threads_may_load_and_leave_at_the_same_time, reset),
        cmocka_unit_test(cxx_libraries_are_mapped_and_gone),
    };

    return cmocka_run_group_tests(tests, begin, fixture_end);
}
