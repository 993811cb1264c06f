/* Libraries that are asked for by content: what was verified is what is mapped, whatever happens to the path. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/extension.h"
#include "library/library.h"
#include "tests/library/support/fixture.h"

/* ---- an extension that compares contents and can do harm right after ---- */

static void (*meanwhile)(const char *path); /* what happens between the check and the mapping */
static unsigned checks;

/* Any digest shows what is to be shown; libhookline's is SHA-256. */
static void stamp_of_fd(int fd, char out[64])
{
    uint64_t hash = UINT64_C(14695981039346656037);
    unsigned char bytes[4096];
    ssize_t got;

    for (off_t at = 0; (got = pread(fd, bytes, sizeof(bytes), at)) > 0; at += got)
        for (ssize_t i = 0; i < got; i++)
            hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    snprintf(out, 64, HL__CONTENT_STAMP "%016llx", (unsigned long long)hash);
}

static hl_status check_content(int fd, const char *path, const char *stamp)
{
    char found[64];

    __atomic_fetch_add(&checks, 1, __ATOMIC_RELAXED);
    stamp_of_fd(fd, found);
    if (strcmp(found, stamp) != 0)
        return hl__fail(HL_ERR_CHECKSUM, "check", "stamp", "%s has another content.", path);
    if (meanwhile)
        meanwhile(path);
    return HL_OK;
}

static hl_status may_load(hl_runtime *runtime, const char *path)
{
    (void)runtime;
    (void)path;
    return HL_OK;
}

static void nothing(hl_runtime *runtime)
{
    (void)runtime;
}

static const hl__extension extension = {check_content, may_load, nothing, nothing, nothing, NULL};

static int begin(void **state)
{
    meanwhile = NULL;
    checks = 0;
    hl__extension_set(&extension);
    (void)state;
    return 0;
}

/* ---- libraries ---- */

/* A plugin that answers with a number, and `more` before it. */
static const char *numbered(const char *name, int number, const char *more, const char *flags)
{
    char source[2048];

    snprintf(source, sizeof(source),
             "#include <hookline/plugin.h>\n%s\n"
             "static hl_reply call(void *self, void *state, const void *meta)\n"
             "{ (void)self; (void)meta; hl_reply reply = {state, -(%d)}; return reply; }\n"
             "static const hl_plugin_spec specs[] = {HL_PLUGIN_INIT(\"number\", \"e\", call)};\n"
             "HL_PLUGIN_LIBRARY(\"number\", \"1\", specs)\n",
             more, number);
    return fixture_build(name, source, flags);
}

static const char *stamp_of(const char *path)
{
    static char stamps[8][64];
    static unsigned next;
    char *stamp = stamps[next++ % 8];
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    stamp_of_fd(fileno(file), stamp);
    fclose(file);
    return stamp;
}

static int64_t ask(const hl__library *library)
{
    const hl_plugin_spec *spec = &hl__loader.entry(library)->specs[0];

    return spec->call(spec->self, NULL, NULL).verdict;
}

static hl__library *load(const char *path, const char *stamp)
{
    hl__library *library = NULL;

    expect_status(hl__loader.load(path, stamp, &library), HL_OK, "", "");
    return library;
}

static void refuse(const char *path, const char *stamp, hl_status wanted, const char *field, const char *words)
{
    hl__library *library = NULL;
    holdings before = holdings_now();

    expect_status(hl__loader.load(path, stamp, &library), wanted, field, words);
    assert_null(library);
    expect_same_holdings(&before);
}

static char swap_in[256];

static void replace(const char *path)
{
    assert_int_equal(rename(swap_in, path), 0);
}

static void remove_file(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

/* ---- tests ---- */

/* The replacement's constructor ends the process, should it ever run. */
static void what_was_verified_is_mapped_when_the_path_is_replaced_meanwhile(void **state)
{
    const char *path = numbered("swapped.so", 1, "", "");
    const char *other =
        numbered("other.so", 2,
                 "#include <unistd.h>\n__attribute__((constructor)) static void die(void) { _exit(99); }", "");
    holdings before = holdings_now();
    hl__library *library;

    (void)state;
    snprintf(swap_in, sizeof(swap_in), "%s", other);
    meanwhile = replace;
    library = load(path, stamp_of(path));
    assert_int_equal(ask(library), -1);
    assert_true(hl__loader.unref(library));
    expect_same_holdings(&before);
}

static void what_was_verified_is_mapped_when_the_path_is_gone_meanwhile(void **state)
{
    const char *path = numbered("removed.so", 3, "", "");
    holdings before = holdings_now();
    hl__library *library;

    (void)state;
    meanwhile = remove_file;
    library = load(path, stamp_of(path));
    assert_int_equal(ask(library), -3);
    assert_true(hl__loader.unref(library));
    expect_same_holdings(&before);
}

static void another_content_is_refused_before_its_code_runs(void **state)
{
    const char *wanted = stamp_of(numbered("wanted.so", 4, "", ""));
    const char *path =
        numbered("changed.so", 5,
                 "#include <unistd.h>\n__attribute__((constructor)) static void die(void) { _exit(99); }", "");

    (void)state;
    refuse(path, wanted, HL_ERR_CHECKSUM, "stamp", "another content");
    refuse(fixture_path("no-such.so"), wanted, HL_ERR_NOT_FOUND, "path", "There is no file");
    refuse(
        path,
        HL__CONTENT_STAMP
        "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
        HL_ERR_CHECKSUM, "stamp", "no checksum");
}

static void a_program_without_libhookline_says_what_is_missing(void **state)
{
    const char *path = numbered("core-only.so", 6, "", "");

    (void)state;
    hl__extension_set(NULL);
    refuse(path, stamp_of(path), HL_ERR_LIBRARY, "library", "linked with libhookline-core");
}

/* LH-05: what is loaded already is a success. */
static void a_mapped_content_is_taken_without_a_look_at_its_file(void **state)
{
    const char *path = numbered("kept.so", 7, "", "");
    const char *stamp = stamp_of(path);
    hl__library *first = load(path, stamp);

    (void)state;
    assert_int_equal(unlink(path), 0);
    assert_ptr_equal(load(path, stamp), first);
    assert_ptr_equal(hl__loader.find(path, stamp), first);
    assert_null(hl__loader.find(path, HL__CONTENT_STAMP "00"));
    assert_int_equal(checks, 1);
    assert_false(hl__loader.unref(first));
    assert_false(hl__loader.unref(first));
    assert_true(hl__loader.unref(first));
    assert_null(hl__loader.find(path, stamp));
}

static void the_installer_has_tried_it_so_it_is_not_tried_again(void **state)
{
    const char *path = numbered("installed.so", 8, "", "");
    char *kept = strdup(getenv("HOOKLINE_PROBE") ? getenv("HOOKLINE_PROBE") : "");

    (void)state;
    setenv("HOOKLINE_PROBE", "/nowhere/hookline-probe", 1);
    assert_true(hl__loader.unref(load(path, stamp_of(path))));
    setenv("HOOKLINE_PROBE", kept, 1);
    free(kept);
}

static void one_path_with_two_contents_is_two_libraries(void **state)
{
    const char *path = numbered("twice.so", 9, "", "");
    holdings before = holdings_now();
    hl__library *first = load(path, stamp_of(path));
    hl__library *second;

    (void)state;
    assert_int_equal(rename(numbered("twice-next.so", 10, "", ""), path), 0);
    second = load(path, stamp_of(path));
    assert_ptr_not_equal(first, second);
    assert_int_equal(ask(first), -9);
    assert_int_equal(ask(second), -10);
    assert_true(hl__loader.unref(first));
    assert_true(hl__loader.unref(second));
    expect_same_holdings(&before);
}

static void a_file_that_is_mapped_by_its_path_may_be_asked_for_by_content(void **state)
{
    const char *path = numbered("both-ways.so", 11, "", "");
    hl__library *first = load(path, NULL);

    (void)state;
    assert_ptr_equal(load(path, stamp_of(path)), first);
    refuse(path, HL__CONTENT_STAMP "ff", HL_ERR_CHECKSUM, "stamp", "another content");
    assert_ptr_equal(hl__loader.find(path, stamp_of(path)), first);
    for (int i = 0; i < 2; i++)
        assert_false(hl__loader.unref(first));
    assert_true(hl__loader.unref(first));
}

/* It is mapped by its descriptor, but debuggers, profilers and dladdr are told of the file. */
static void tools_see_the_path_of_what_was_mapped(void **state)
{
    const char *path = numbered("seen.so", 12, "", "");
    hl__library *library = load(path, stamp_of(path));
    Dl_info info;

    (void)state;
    assert_true(dladdr((const void *)hl__loader.entry(library)->specs[0].name, &info) != 0);
    assert_string_equal(info.dli_fname, path);
    assert_string_equal(hl__loader.path(library), path);
    assert_true(holdings_now().mappings > 0);
    assert_true(hl__loader.unref(library));
}

/* What lies beside it is found by $ORIGIN, though the dynamic linker is given another name; also one that needs another
 * in turn. */
static void a_pinned_library_finds_what_lies_beside_it(void **state)
{
    char flags[1024];
    const char *inner = fixture_build("libcontent-inner.so", "__attribute__((visibility(\"default\"))) int inner = 20;",
                                      "-Wl,-soname,libcontent-inner.so");
    const char *outer;
    const char *path;
    holdings before = holdings_now();
    hl__library *library;

    (void)state;
    snprintf(flags, sizeof(flags), "%s -Wl,-rpath,'$ORIGIN' -Wl,-soname,libcontent-outer.so", inner);
    outer = fixture_build("libcontent-outer.so",
                          "extern int inner; __attribute__((visibility(\"default\"))) int outer(void);\n"
                          "int outer(void) { return inner + 1; }",
                          flags);
    snprintf(flags, sizeof(flags), "%s -Wl,-rpath,'/nowhere:${ORIGIN}/.'", outer);
    path = fixture_build("needs-beside.so",
                         "#include <hookline/plugin.h>\nextern int outer(void);\n"
                         "static hl_reply call(void *self, void *state, const void *meta)\n"
                         "{ (void)self; (void)meta; hl_reply reply = {state, -outer()}; return reply; }\n"
                         "static const hl_plugin_spec specs[] = {HL_PLUGIN_INIT(\"number\", \"e\", call)};\n"
                         "HL_PLUGIN_LIBRARY(\"number\", \"1\", specs)\n",
                         flags);
    library = load(path, stamp_of(path));
    assert_int_equal(ask(library), -21);
    assert_true(hl__loader.unref(library));
    expect_same_holdings(&before);
}

/* Without a soname a library is known by its path only; each version finds the one in its own folder. */
static void a_library_beside_it_without_a_soname_is_found_too(void **state)
{
    const char *source = "#include <hookline/plugin.h>\nextern int beside;\n"
                         "static hl_reply call(void *self, void *state, const void *meta)\n"
                         "{ (void)self; (void)meta; hl_reply reply = {state, -beside}; return reply; }\n"
                         "static const hl_plugin_spec specs[] = {HL_PLUGIN_INIT(\"number\", \"e\", call)};\n"
                         "HL_PLUGIN_LIBRARY(\"number\", \"1\", specs)\n";
    hl__library *libraries[2];
    holdings before = holdings_now();

    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *folder = fixture_path(i ? "v2" : "v1");
        const char *path = fixture_path(i ? "v2/own.so" : "v1/own.so");
        char beside[128];
        char flags[512];

        assert_int_equal(mkdir(folder, 0700), 0);
        snprintf(beside, sizeof(beside), "__attribute__((visibility(\"default\"))) int beside = %d;", 31 + i);
        fixture_build(i ? "v2/libcontent-nameless.so" : "v1/libcontent-nameless.so", beside, "");
        snprintf(flags, sizeof(flags), "-L%s -lcontent-nameless -Wl,-rpath,'$ORIGIN'", folder);
        fixture_build(i ? "v2/own.so" : "v1/own.so", source, flags);
        libraries[i] = load(path, stamp_of(path));
        assert_int_equal(ask(libraries[i]), -(31 + i));
    }
    assert_int_equal(ask(libraries[0]), -31);
    for (int i = 0; i < 2; i++)
        assert_true(hl__loader.unref(libraries[i]));
    expect_same_holdings(&before);
}

#define THREADS 4
#define ROUNDS 200

static const char *raced_path;
static const char *raced_stamp;

static void *load_and_leave(void *failed)
{
    for (int i = 0; i < ROUNDS; i++) {
        hl__library *library = NULL;

        if (hl__loader.load(raced_path, raced_stamp, &library) != HL_OK || ask(library) != -13) {
            __atomic_store_n((bool *)failed, true, __ATOMIC_RELAXED);
            return NULL;
        }
        hl__loader.unref(library);
    }
    return NULL;
}

static void threads_may_ask_for_one_content_at_the_same_time(void **state)
{
    pthread_t threads[THREADS];
    bool failed = false;
    holdings before;

    (void)state;
    raced_path = numbered("raced.so", 13, "", "");
    raced_stamp = stamp_of(raced_path);
    before = holdings_now();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load_and_leave, &failed), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(failed);
    expect_same_holdings(&before);
}

static void write_down(void *user, const char *path, const char *stamp)
{
    char *text = user;

    snprintf(text + strlen(text), 1024 - strlen(text), "%s %s;", strrchr(path, '/') + 1, stamp);
}

static void the_list_names_each_library_by_what_it_was_asked_for(void **state)
{
    const char *by_content = numbered("listed-a.so", 14, "", "");
    const char *by_path = numbered("listed-b.so", 15, "", "");
    const char *stamp = stamp_of(by_content);
    hl__library *a = load(by_content, stamp);
    hl__library *b = load(by_path, NULL);
    char wanted[256];
    char text[1024] = "";

    (void)state;
    hl__loader.walk(write_down, text);
    snprintf(wanted, sizeof(wanted), "listed-b.so %s;listed-a.so %s;", hl__library_loaded_stamp(b), stamp);
    assert_string_equal(text, wanted);
    hl__loader.unref(a);
    hl__loader.unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_verified_is_mapped_when_the_path_is_replaced_meanwhile, begin),
        cmocka_unit_test_setup(what_was_verified_is_mapped_when_the_path_is_gone_meanwhile, begin),
        cmocka_unit_test_setup(another_content_is_refused_before_its_code_runs, begin),
        cmocka_unit_test_setup(a_program_without_libhookline_says_what_is_missing, begin),
        cmocka_unit_test_setup(a_mapped_content_is_taken_without_a_look_at_its_file, begin),
        cmocka_unit_test_setup(the_installer_has_tried_it_so_it_is_not_tried_again, begin),
        cmocka_unit_test_setup(one_path_with_two_contents_is_two_libraries, begin),
        cmocka_unit_test_setup(a_file_that_is_mapped_by_its_path_may_be_asked_for_by_content, begin),
        cmocka_unit_test_setup(tools_see_the_path_of_what_was_mapped, begin),
        cmocka_unit_test_setup(a_pinned_library_finds_what_lies_beside_it, begin),
        cmocka_unit_test_setup(a_library_beside_it_without_a_soname_is_found_too, begin),
        cmocka_unit_test_setup(threads_may_ask_for_one_content_at_the_same_time, begin),
        cmocka_unit_test_setup(the_list_names_each_library_by_what_it_was_asked_for, begin),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
