/* Compilers that are installed elsewhere, and disks that are full under them. Mounting needs the right to: root. */
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/module/support/modules.h"
#include "worker/sandbox.h"

/* ---- compilers elsewhere --------------------------------------------------------------------------------------- */

static void write_file(const char *name, const char *text)
{
    const char *path = test_path(name);

    assert_true(mkdir(test_path("lib"), 0755) == 0 || test_exists("lib"));
    assert_true(mkdir(test_path("x86_64-any-linux-gnu"), 0755) == 0 || test_exists("x86_64-any-linux-gnu"));
    test_write(path, text, strlen(text));
}

/* */
static void a_compiler_elsewhere_is_read_with_its_parts_and_not_with_what_lies_beside(void **state)
{
    char script[2048];
    hl_module_code code;

    (void)state;
    if (!hl__landlock_abi())
        skip();
    write_file("lib/part", "a part of it\n");
    write_file("x86_64-any-linux-gnu/as", "its assembler\n");
    write_file("secret", "the secret\n");
    snprintf(script, sizeof(script), "cd %s; cat secret lib/part x86_64-any-linux-gnu/as bin/cc; ls; exit 1", test_dir);
    test_compiler(script);
    refused(test_compile("int x;", &code), HL_ERR_COMPILE, "source");
    assert_non_null(strstr(code.diagnostics, "a part of it\n"));
    assert_non_null(strstr(code.diagnostics, "its assembler\n"));
    assert_non_null(strstr(code.diagnostics, "#!/bin/sh\n"));
    assert_null(strstr(code.diagnostics, "the secret\n"));
    assert_null(strstr(code.diagnostics, "\nstore\n"));
    hl_module_code_cleanup(&code);
}

/* a folder that is not called "bin" may be anybody's home */
static void beside_a_compiler_in_no_bin_nothing_is_read_either(void **state)
{
    char script[2048];
    hl_module_code code;

    (void)state;
    if (!hl__landlock_abi())
        skip();
    write_file("lib/part", "a part of it\n");
    write_file("secret", "the secret\n");
    snprintf(script, sizeof(script), "#!/bin/sh\ncd %s; cat secret ../*/secret lib/part; ls; exit 1\n", test_dir);
    write_file("cc", script);
    assert_int_equal(chmod(test_path("cc"), 0755), 0);
    setenv("HOOKLINE_CC", test_path("cc"), 1);
    refused(test_compile("int x;", &code), HL_ERR_COMPILE, "source");
    assert_non_null(strstr(code.diagnostics, "a part of it\n"));
    assert_null(strstr(code.diagnostics, "the secret\n"));
    assert_null(strstr(code.diagnostics, "\nstore\n"));
    hl_module_code_cleanup(&code);
}

static void a_compiler_elsewhere_compiles(void **state)
{
    hl_module_code code;

    (void)state;
    test_compiler("exec cc \"$@\"");
    ok(test_compile(test_source("elsewhere", "1.0.0", 1), &code));
    hl_module_code_cleanup(&code);
}

/* ---- full disks ------------------------------------------------------------------------------------------------ */

static bool mounts_allowed;

/* Source whose assembly takes a megabyte. */
static const char *large_source(void)
{
    static char text[1 << 18];
    size_t len = (size_t)snprintf(text, sizeof(text), "%sconst short large[] = {", test_source("large", "1.0.0", 1));

    while (len < sizeof(text) - 16)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%zu,", len % 30000);
    snprintf(text + len, sizeof(text) - len, "1};\n");
    return text;
}

static void a_full_disk_is_told_as_one_and_not_as_wrong_source(void **state)
{
    hl_module_code code;
    const char *work;

    (void)state;
    if (!mounts_allowed)
        skip();
    test_keep(test_source("first", "1.0.0", 1));
    work = test_path("store/modules/.work");
    assert_int_equal(mount("test", work, "tmpfs", 0, "size=400k"), 0);
    refused(test_compile(large_source(), &code), HL_ERR_STORE_FULL, "store");
    assert_non_null(strstr(hl_last_error()->message, "free some space"));
    assert_non_null(strstr(code.diagnostics, "No space left on device"));
    hl_module_code_cleanup(&code);
    assert_int_equal(test_entries(".work"), 0);
    assert_int_equal(mount("test", work, "tmpfs", MS_REMOUNT, "size=16m"), 0);
    ok(test_compile(large_source(), &code));
    hl_module_code_cleanup(&code);
}

static int unmount_and_end(void **state)
{
    umount2(test_path("store/modules/.work"), MNT_DETACH);
    return test_module_end(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, test_module_begin, test_module_end)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_compiler_elsewhere_is_read_with_its_parts_and_not_with_what_lies_beside),
        CASE(beside_a_compiler_in_no_bin_nothing_is_read_either),
        CASE(a_compiler_elsewhere_compiles),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_as_one_and_not_as_wrong_source, test_module_begin,
                                        unmount_and_end),
    };

    /* Before there are threads: all of them have to see the same mounts. */
    mounts_allowed = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    return cmocka_run_group_tests(cases, NULL, NULL);
}
