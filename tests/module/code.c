/* The code store: what is kept is whole, checked and named by its content; what is not kept leaves nothing. */
#include <sys/stat.h>
#include <unistd.h>

#include "module/code.h"
#include "tests/module/support/modules.h"

/* The path of the newest code of a module; to be freed. */
static char *newest(const char *name)
{
    hl__code_document document;
    char *path;

    ok(hl__code_find(test_runtime, name, &document));
    ok(hl__code_path(test_runtime, &document, &path));
    hl__code_document_cleanup(&document);
    return path;
}

/* Compiles to a file outside of the store: its bytes. */
static void *make_bytes(const char *source, size_t *len)
{
    hl_module_code code;
    void *bytes;

    ok(test_compile(source, &code));
    bytes = test_read(code.path, len);
    ok(hl_module_purge(test_runtime, code.name));
    hl_module_code_cleanup(&code);
    return bytes;
}

/* MC-03 */
static void a_shared_object_is_kept_with_name_version_checksum_and_functions(void **state)
{
    hl_module_code code = HL_MODULE_CODE_INIT;
    hl__code_document document;
    struct stat about;
    size_t len;
    void *bytes = make_bytes(test_source("known", "1.2.3", 5), &len);

    (void)state;
    test_write(test_path("known.so"), bytes, len);
    free(bytes);
    ok(hl_module_load_file(test_runtime, test_path("known.so"), &code));
    assert_string_equal(code.name, "known");
    assert_string_equal(code.version, "1.2.3");
    assert_string_equal(code.diagnostics, "");
    assert_int_equal(strlen(code.sha256), 64);
    assert_non_null(strstr(code.path, code.sha256));
    assert_int_equal(stat(code.path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0444);
    ok(hl__code_find(test_runtime, "known", &document));
    assert_int_equal(document.functions_len, 1);
    assert_string_equal(document.functions[0].name, "answer");
    assert_string_equal(document.functions[0].doc, "a number");
    hl__code_document_cleanup(&document);
    hl_module_code_cleanup(&code);
}

/* MC-03 */
static void a_file_that_is_missing_or_no_module_is_refused(void **state)
{
    hl_module_code code;

    (void)state;
    refused(hl_module_load_file(test_runtime, test_path("missing.so"), NULL), HL_ERR_NOT_FOUND, "path");
    refused(hl_module_load_file(test_runtime, NULL, NULL), HL_ERR_INVALID, "path");
    refused(hl_module_load_file(test_runtime, test_dir, NULL), HL_ERR_NOT_ELF, "path");
    test_write(test_path("text.so"), "no library", 10);
    refused(hl_module_load_file(test_runtime, test_path("text.so"), NULL), HL_ERR_NOT_ELF, "path");
    refused(test_compile("int no_module;", &code), HL_ERR_NO_ENTRY, "hookline_module");
    hl_module_code_cleanup(&code);
    refused(hl_module_load_file(test_runtime, HL_TEST_HOOKLINE, NULL), HL_ERR_NOT_ELF, NULL);
    assert_false(test_exists("store/modules/no_module"));
}

/* MC-04, M1-06 */
static void bytes_are_kept_only_whole_and_under_their_own_name(void **state)
{
    hl_module_code code = HL_MODULE_CODE_INIT;
    size_t len;
    char *bytes = make_bytes(test_source("mine", "1.0.0", 1), &len);

    (void)state;
    refused(hl_module_load_memory(test_runtime, "yours", bytes, len, NULL), HL_ERR_INVALID, "name");
    refused(hl_module_load_memory(test_runtime, "../mine", bytes, len, NULL), HL_ERR_INVALID, "name");
    refused(hl_module_load_memory(test_runtime, NULL, bytes, len, NULL), HL_ERR_INVALID, "name");
    refused(hl_module_load_memory(test_runtime, "mine", NULL, len, NULL), HL_ERR_INVALID, "bytes");
    refused(hl_module_load_memory(test_runtime, "mine", bytes, 0, NULL), HL_ERR_NOT_ELF, "path");
    refused(hl_module_load_memory(test_runtime, "mine", "garbage", 7, NULL), HL_ERR_NOT_ELF, "path");
    refused(hl_module_load_memory(test_runtime, "mine", bytes, len / 2, NULL), HL_ERR_TRUNCATED, NULL);
    assert_int_equal(test_entries("mine"), 0);
    ok(hl_module_load_memory(test_runtime, "mine", bytes, len, &code));
    assert_string_equal(code.name, "mine");
    hl_module_code_cleanup(&code);
    free(bytes);
}

static void every_damaged_copy_is_refused_or_harmless(void **state)
{
    size_t len;
    unsigned char *bytes = make_bytes(test_source("mine", "1.0.0", 1), &len);
    unsigned char *damaged = malloc(len);

    (void)state;
    assert_non_null(damaged);
    srand(7);
    for (int i = 0; i < 300; i++) {
        hl_status status;

        memcpy(damaged, bytes, len);
        for (int j = 0; j < 20; j++)
            damaged[(size_t)rand() % (i % 2 ? len : 1024)] = (unsigned char)rand();
        status = hl_module_load_memory(test_runtime, "mine", damaged, len, NULL);
        assert_true(status <= HL_OK);
    }
    free(damaged);
    free(bytes);
}

static const char *const wrong_entries[][2] = {
    {"HL_MODULE(\"bad/name\", \"1\", functions)", "name"},
    {"HL_MODULE(\"\", \"1\", functions)", "name"},
    {"HL_MODULE(0, \"1\", functions)", "name"},
    {"HL_MODULE(\"m\", \"1\\n2\", functions)", "version"},
    {"const hl_module_entry HL_API hookline_module = {sizeof(hl_module_entry), HL_ABI, \"m\", \"1\", functions, 0, 0, 0, 0};",
     "functions_len"},
    {"const hl_module_entry HL_API hookline_module = {sizeof(hl_module_entry), HL_ABI, \"m\", \"1\", 0, 1, 0, 0, 0};",
     "functions"},
    {"const hl_module_entry HL_API hookline_module = {sizeof(hl_module_entry), HL_ABI, \"m\", \"1\", functions, 9, 0, 0, 0};",
     NULL},
    {"static const hl_module_function twice[] = {{\"a\", f, 0}, {\"b\", f, 0}, {\"a\", f, 0}}; HL_MODULE(\"m\", \"1\", twice)",
     "functions[2].name"},
    {"static const hl_module_function none[] = {{\"a\", 0, 0}}; HL_MODULE(\"m\", \"1\", none)", "functions[0].call"},
    {"static const hl_module_function unnamed[] = {{0, f, 0}}; HL_MODULE(\"m\", \"1\", unnamed)", "functions[0].name"},
    {"static const hl_module_function doc[] = {{\"a\", f, \"two\\nlines\"}}; HL_MODULE(\"m\", \"1\", doc)",
     "functions[0].doc"},
};

/* MB-01 */
static void an_entry_that_breaks_a_rule_is_refused_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_entries) / sizeof(wrong_entries[0]); i++) {
        char text[1024];
        hl_module_code code;

        snprintf(text, sizeof(text),
                 "#include <hookline/module.h>\n"
                 "hl_status f(void *s, const hl_value *a, hl_answer *b) { (void)s, (void)a, (void)b; return HL_OK; }\n"
                 "const hl_module_function functions[] = {{\"f\", f, 0}};\n"
                 "%s\n",
                 wrong_entries[i][0]);
        refused(test_compile(text, &code), HL_ERR_INVALID, wrong_entries[i][1]);
        hl_module_code_cleanup(&code);
    }
    assert_int_equal(test_entries("m"), 0);
}

static void an_entry_of_another_abi_is_refused(void **state)
{
    hl_module_code code;

    (void)state;
    refused(test_compile("#include <hookline/module.h>\n"
                         "HL_API const hl_module_entry hookline_module = {sizeof(hl_module_entry), HL_ABI + 1, \"m\"};",
                         &code),
            HL_ERR_ABI, "abi");
    hl_module_code_cleanup(&code);
    refused(test_compile("#include <hookline/module.h>\n"
                         "HL_API const hl_module_entry hookline_module = {8, HL_ABI, \"m\"};",
                         &code),
            HL_ERR_ABI, "size");
    hl_module_code_cleanup(&code);
}

static void newer_code_replaces_the_older_and_its_file(void **state)
{
    char *before, *after;

    (void)state;
    test_keep(test_source("twice", "1.0.0", 1));
    before = newest("twice");
    test_keep(test_source("twice", "1.1.0", 2));
    after = newest("twice");
    assert_string_not_equal(before, after);
    assert_int_not_equal(access(before, F_OK), 0);
    assert_int_equal(access(after, F_OK), 0);
    test_keep(test_source("twice", "1.1.0", 2));
    free(before);
    before = newest("twice");
    assert_string_equal(before, after);
    assert_int_equal(test_entries("twice"), 1);
    free(before);
    free(after);
}

static void code_is_there_when_the_store_is_opened_again(void **state)
{
    hl__code_document document;
    int fd;

    (void)state;
    test_keep(test_source("lasting", "1.0.0", 1));
    test_module_reopen();
    ok(hl__code_open(test_runtime, "lasting", &document, &fd));
    assert_string_equal(document.version, "1.0.0");
    hl__code_document_cleanup(&document);
    close(fd);
}

static void code_that_was_changed_on_disk_is_not_opened(void **state)
{
    hl__code_document document;
    char *path;
    int fd;

    (void)state;
    test_keep(test_source("changed", "1.0.0", 1));
    path = newest("changed");
    assert_int_equal(chmod(path, 0644), 0);
    test_write(path, "other", 5);
    refused(hl__code_open(test_runtime, "changed", &document, &fd), HL_ERR_CHECKSUM, "sha256");
    assert_int_equal(fd, -1);
    test_keep(test_source("changed", "1.0.0", 1));
    ok(hl__code_open(test_runtime, "changed", &document, &fd));
    close(fd);
    hl__code_document_cleanup(&document);
    assert_int_equal(unlink(path), 0);
    refused(hl__code_open(test_runtime, "changed", &document, &fd), HL_ERR_NOT_FOUND, "module");
    free(path);
}

/* MC-06 */
static void purged_code_is_gone_and_purging_twice_is_told(void **state)
{
    hl__code_document document;

    (void)state;
    test_keep(test_source("gone", "1.0.0", 1));
    ok(hl_module_purge(test_runtime, "gone"));
    refused(hl__code_find(test_runtime, "gone", &document), HL_ERR_NOT_FOUND, "module");
    refused(hl_module_purge(test_runtime, "gone"), HL_ERR_NOT_FOUND, "module");
    refused(hl_module_purge(test_runtime, "../store"), HL_ERR_INVALID, "module");
    refused(hl_module_purge(test_runtime, NULL), HL_ERR_INVALID, "module");
    assert_false(test_exists("store/modules/gone"));
}

static void what_killed_processes_left_is_swept_as_the_store_is_opened(void **state)
{
    (void)state;
    test_keep(test_source("kept", "1.0.0", 1));
    test_write(test_path("store/modules/kept/0123.so.77.new"), "half", 4);
    assert_int_equal(mkdir(test_path("store/modules/orphan"), 0755), 0);
    test_write(test_path("store/modules/orphan/0123.so"), "whole", 5);
    assert_int_equal(mkdir(test_path("store/modules/.work/abc"), 0755), 0);
    test_write(test_path("store/modules/.work/abc/module.c"), "int", 3);
    test_module_reopen();
    assert_int_equal(test_entries("kept"), 1);
    assert_false(test_exists("store/modules/orphan"));
    assert_int_equal(test_entries(".work"), 0);
}

static void what_a_killed_change_of_a_module_left_goes_with_its_next_one(void **state)
{
    hl__code_document document;
    int fd;

    (void)state;
    test_keep(test_source("kept", "1.0.0", 1));
    test_keep(test_source("beside", "1.0.0", 1));
    test_write(test_path("store/modules/kept/0123.so.77.new"), "half", 4);
    test_write(test_path("store/modules/kept/4567.so"), "whole", 5);
    test_keep(test_source("beside", "1.1.0", 2));
    assert_int_equal(test_entries("kept"), 3);
    test_keep(test_source("kept", "1.0.0", 1));
    assert_int_equal(test_entries("kept"), 1);
    ok(hl__code_open(test_runtime, "kept", &document, &fd));
    hl__code_document_cleanup(&document);
    close(fd);
}

static void code_of_a_memory_store_goes_with_its_runtime(void **state)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_module_code code = HL_MODULE_CODE_INIT;
    const char *text = test_source("fleeting", "1.0.0", 1);
    hl_module_source source = HL_MODULE_SOURCE_INIT(text, strlen(text));
    hl_runtime *runtime;

    (void)state;
    options.store = "memory:";
    ok(hl_open(&options, &runtime));
    ok(hl_module_compile(runtime, &source, &code));
    assert_int_equal(access(code.path, R_OK), 0);
    hl_close(runtime);
    assert_int_not_equal(access(code.path, F_OK), 0);
    hl_module_code_cleanup(&code);
}

static void a_runtime_that_may_not_write_brings_and_removes_no_code(void **state)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *reader;
    hl_module_code code = HL_MODULE_CODE_INIT;
    hl_module_source source = HL_MODULE_SOURCE_INIT("int x;", 6);

    (void)state;
    ok(test_compile(test_source("there", "1.0.0", 1), &code));
    assert_int_equal(mkdir(test_path("store/modules/.work/abc"), 0755), 0);
    options.store = test_lmdb(test_dir);
    options.flags = HL_OPEN_READ_ONLY | HL_OPEN_NO_CONTROL;
    ok(hl_open(&options, &reader));
    refused(hl_module_load_file(reader, code.path, NULL), HL_ERR_STORE_READ_ONLY, "flags");
    refused(hl_module_compile(reader, &source, NULL), HL_ERR_STORE_READ_ONLY, "flags");
    refused(hl_module_purge(reader, "there"), HL_ERR_STORE_READ_ONLY, "flags");
    hl_close(reader);
    assert_true(test_exists("store/modules/.work/abc"));
    assert_int_equal(access(code.path, F_OK), 0);
    hl_module_code_cleanup(&code);
}

static void without_a_runtime_every_call_is_refused(void **state)
{
    hl_module_source source = HL_MODULE_SOURCE_INIT("int x;", 6);
    size_t len;
    void *bytes = make_bytes(test_source("mine", "1.0.0", 1), &len);

    (void)state;
    test_write(test_path("mine.so"), bytes, len);
    refused(hl_module_compile(NULL, &source, NULL), HL_ERR_INVALID, "runtime");
    refused(hl_module_load_file(NULL, test_path("mine.so"), NULL), HL_ERR_INVALID, "runtime");
    refused(hl_module_load_memory(NULL, "mine", bytes, len, NULL), HL_ERR_INVALID, "runtime");
    refused(hl_module_purge(NULL, "mine"), HL_ERR_INVALID, "runtime");
    free(bytes);
}

static void a_struct_without_its_size_is_refused(void **state)
{
    hl_module_code code = {0};

    (void)state;
    refused(hl_module_load_file(test_runtime, "x.so", &code), HL_ERR_STRUCT_SIZE, "out");
    hl_module_code_cleanup(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, test_module_begin, test_module_end)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_shared_object_is_kept_with_name_version_checksum_and_functions),
        CASE(a_file_that_is_missing_or_no_module_is_refused),
        CASE(bytes_are_kept_only_whole_and_under_their_own_name),
        CASE(every_damaged_copy_is_refused_or_harmless),
        CASE(an_entry_that_breaks_a_rule_is_refused_with_its_place),
        CASE(an_entry_of_another_abi_is_refused),
        CASE(newer_code_replaces_the_older_and_its_file),
        CASE(code_is_there_when_the_store_is_opened_again),
        CASE(code_that_was_changed_on_disk_is_not_opened),
        CASE(purged_code_is_gone_and_purging_twice_is_told),
        CASE(what_killed_processes_left_is_swept_as_the_store_is_opened),
        CASE(what_a_killed_change_of_a_module_left_goes_with_its_next_one),
        CASE(code_of_a_memory_store_goes_with_its_runtime),
        CASE(a_runtime_that_may_not_write_brings_and_removes_no_code),
        CASE(without_a_runtime_every_call_is_refused),
        CASE(a_struct_without_its_size_is_refused),
    };

    return cmocka_run_group_tests(cases, NULL, NULL);
}
