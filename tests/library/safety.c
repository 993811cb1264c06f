/* What a library's file tells before any of its code runs: could it be unmapped, and is there what it needs? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "library/library.h"
#include "tests/library/support/fixture.h"

typedef hl_status check_fn(const hl__library_file *file);

static void expect(check_fn *check, const char *path, hl_status wanted, const char *field, const char *words)
{
    hl__library_file *file = NULL;
    holdings before = holdings_now();

    expect_status(hl__library_read(path, &file), HL_OK, "", "");
    expect_status(check(file), wanted, field, words);
    hl__library_file_free(file);
    expect_same_holdings(&before);
}

static void a_plain_library_can_be_unloaded(void **state)
{
    (void)state;
    expect(hl__library_check_unload, fixture_plugin("plain.so", "", ""), HL_OK, "", "");
    expect(hl__library_check_unload, fixture_plugin("sysv.so", "", "-Wl,--hash-style=sysv"), HL_OK, "", "");
    expect(hl__library_check_unload, fixture_plugin("thread-local.so", "_Thread_local int plain; ", ""), HL_OK, "", "");
}

static void a_library_that_is_marked_nodelete_is_refused(void **state)
{
    (void)state;
    expect(hl__library_check_unload, fixture_plugin("nodelete.so", "", "-Wl,-z,nodelete"), HL_ERR_UNLOAD,
           "DF_1_NODELETE", "marked NODELETE");
}

#define UNIQUE                                                                                                         \
    "__asm__(\".pushsection .data\\n.globl only_one\\n.type only_one, %gnu_unique_object\\n\"\n"                       \
    "        \".size only_one, 4\\nonly_one: .long 1\\n.popsection\");\n"

static void a_symbol_that_is_unique_in_the_process_is_refused_by_name(void **state)
{
    (void)state;
    expect(hl__library_check_unload, fixture_plugin("unique.so", UNIQUE, ""), HL_ERR_UNLOAD, "STB_GNU_UNIQUE",
           "defines only_one");
    expect(hl__library_check_unload, fixture_plugin("unique-sysv.so", UNIQUE, "-Wl,--hash-style=sysv"), HL_ERR_UNLOAD,
           "STB_GNU_UNIQUE", "-fno-gnu-unique");
}

static void destructors_of_thread_local_variables_are_refused(void **state)
{
    const char *use = "extern int %s(void (*)(void *), void *, void *);\n"
                      "HL_API int at_end(void); int at_end(void) { return %s(free, 0, 0); }";
    char source[256];

    (void)state;
    snprintf(source, sizeof(source), use, "__cxa_thread_atexit_impl", "__cxa_thread_atexit_impl");
    expect(hl__library_check_unload, fixture_plugin("atexit-impl.so", source, ""), HL_ERR_UNLOAD,
           "__cxa_thread_atexit_impl", "thread-local variables with destructors");
    snprintf(source, sizeof(source), use, "__cxa_thread_atexit", "__cxa_thread_atexit");
    expect(hl__library_check_unload, fixture_plugin("atexit.so", source, ""), HL_ERR_UNLOAD, "__cxa_thread_atexit",
           "stay mapped");
}

static void destructors_of_thread_local_variables_in_cxx_are_refused(void **state)
{
    const char *path =
        fixture_build("thread.cc.so",
                      "#include <hookline/plugin.h>\n"
                      "namespace { struct limit { int value; limit() : value(3) {} ~limit() { value = 0; } }; }\n"
                      "static thread_local limit own;\n"
                      "static hl_reply call(void *, void *state, const void *)\n"
                      "{ return own.value == 3 ? hl_next(state) : hl_halt(state); }\n"
                      "static const hl_plugin_spec specs[] = {HL_PLUGIN_INIT(\"cxx\", \"e\", call)};\n"
                      "HL_PLUGIN_LIBRARY(\"cxx\", \"1\", specs)\n",
                      "");

    (void)state;
    expect(hl__library_check_unload, path, HL_ERR_UNLOAD, "__cxa_thread_atexit", "destructors");
}

/* ---- needed libraries ---- */

static const char *needing(const char *name, const char *needed, const char *flags)
{
    char all[1024];

    snprintf(all, sizeof(all), "-Wl,--no-as-needed %s %s", needed, flags);
    return fixture_plugin(name, "", all);
}

static const char *made(const char *name)
{
    char flags[128];

    snprintf(flags, sizeof(flags), "-Wl,-soname,%s", name);
    return fixture_build(name, "__attribute__((visibility(\"default\"))) int something = 1;", flags);
}

static void a_missing_library_is_named(void **state)
{
    const char *gone = made("libsafety-gone.so.3");
    const char *path = needing("needs-gone.so", gone, "");

    (void)state;
    assert_int_equal(unlink(gone), 0);
    expect(hl__library_check_needed, path, HL_ERR_LIBRARY, "libsafety-gone.so.3", "not on this system");
}

static void libraries_of_the_system_are_found(void **state)
{
    (void)state;
    expect(hl__library_check_needed, needing("needs-system.so", "-lm -lc -ldl -lpthread", ""), HL_OK, "", "");
    expect(hl__library_check_needed, needing("needs-jansson.so", "-l:libjansson.so.4 -llmdb", ""), HL_OK, "", "");
}

static void what_lies_beside_it_is_found_only_where_the_library_says_so(void **state)
{
    const char *beside = made("libsafety-beside.so");

    (void)state;
    expect(hl__library_check_needed, needing("origin.so", beside, "-Wl,-rpath,'$ORIGIN'"), HL_OK, "", "");
    expect(hl__library_check_needed, needing("origin-old.so", beside, "-Wl,-rpath,'${ORIGIN}' -Wl,--disable-new-dtags"),
           HL_OK, "", "");
    expect(hl__library_check_needed, needing("elsewhere.so", beside, "-Wl,-rpath,'$ORIGIN/lib:/nowhere'"),
           HL_ERR_LIBRARY, "libsafety-beside.so", "-rpath,'$ORIGIN'");
    expect(hl__library_check_needed, needing("beside.so", beside, ""), HL_ERR_LIBRARY, "libsafety-beside.so", "needs");
}

static void what_only_the_dynamic_linker_can_tell_passes(void **state)
{
    const char *beside = made("libsafety-platform.so");

    (void)state;
    expect(hl__library_check_needed, needing("platform.so", beside, "-Wl,-rpath,'/opt/$PLATFORM'"), HL_OK, "", "");
}

static void the_environments_folders_are_searched(void **state)
{
    const char *path = needing("environment.so", made("libsafety-environment.so"), "");
    char folder[256];

    (void)state;
    snprintf(folder, sizeof(folder), "/nowhere:%s", fixture_path("."));
    setenv("LD_LIBRARY_PATH", folder, 1);
    expect(hl__library_check_needed, path, HL_OK, "", "");
    unsetenv("LD_LIBRARY_PATH");
    expect(hl__library_check_needed, path, HL_ERR_LIBRARY, "libsafety-environment.so", "needs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_library_can_be_unloaded),
        cmocka_unit_test(a_library_that_is_marked_nodelete_is_refused),
        cmocka_unit_test(a_symbol_that_is_unique_in_the_process_is_refused_by_name),
        cmocka_unit_test(destructors_of_thread_local_variables_are_refused),
        cmocka_unit_test(destructors_of_thread_local_variables_in_cxx_are_refused),
        cmocka_unit_test(a_missing_library_is_named),
        cmocka_unit_test(libraries_of_the_system_are_found),
        cmocka_unit_test(what_lies_beside_it_is_found_only_where_the_library_says_so),
        cmocka_unit_test(what_only_the_dynamic_linker_can_tell_passes),
        cmocka_unit_test(the_environments_folders_are_searched),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
