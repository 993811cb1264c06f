/* See modules.h. */
#include "tests/module/support/modules.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXTS 8

const char *test_dir;
hl_runtime *test_runtime;

static char *next_text(size_t len)
{
    static char *texts[TEXTS];
    static size_t next;

    next = (next + 1) % TEXTS;
    free(texts[next]);
    texts[next] = calloc(1, len);
    assert_non_null(texts[next]);
    return texts[next];
}

static void open_store(void)
{
    hl_options options = HL_OPTIONS_INIT;

    options.store = test_lmdb(test_dir);
    options.engine = HL_ENGINE_REFERENCE;
    ok(hl_open(&options, &test_runtime));
}

int test_module_begin(void **state)
{
    (void)state;
    test_dir = realpath(test_folder(), NULL);
    assert_non_null(test_dir);
    unsetenv("HOOKLINE_CC");
    open_store();
    return 0;
}

int test_module_end(void **state)
{
    (void)state;
    unsetenv("HOOKLINE_CC");
    hl_close(test_runtime);
    test_folder_remove(strrchr(test_dir, '/') + 1);
    free((void *)(uintptr_t)test_dir);
    return 0;
}

void test_module_reopen(void)
{
    hl_close(test_runtime);
    open_store();
}

const char *test_source(const char *name, const char *version, int answer)
{
    static const char form[] = "#include <hookline/module.h>\n"
                               "static hl_status give(void *self, const hl_value *args, hl_answer *answer)\n"
                               "{\n"
                               "    (void)self, (void)args;\n"
                               "    return hl_answer_give(answer, hl_value_int(%d));\n"
                               "}\n"
                               "static const hl_module_function functions[] = {{\"answer\", give, \"a number\"}};\n"
                               "HL_MODULE(\"%s\", \"%s\", functions)\n";
    size_t len = sizeof(form) + strlen(name) + strlen(version) + 16;
    char *text = next_text(len);

    snprintf(text, len, form, answer, name, version);
    return text;
}

hl_status test_compile(const char *text, hl_module_code *out)
{
    hl_module_source source = HL_MODULE_SOURCE_INIT(text, strlen(text));

    *out = (hl_module_code)HL_MODULE_CODE_INIT;
    return hl_module_compile(test_runtime, &source, out);
}

void test_keep(const char *text)
{
    hl_module_code code;
    hl_status status = test_compile(text, &code);

    if (status != HL_OK)
        print_error("%s\n%s\n", hl_last_error()->message, code.diagnostics);
    ok(status);
    hl_module_code_cleanup(&code);
}

void test_compiler(const char *script)
{
    const char *path = test_path("bin/cc");
    char *text;

    assert_true(mkdir(test_path("bin"), 0755) == 0 || errno == EEXIST);
    assert_true(asprintf(&text, "#!/bin/sh\n%s\n", script) > 0);
    test_write(path, text, strlen(text));
    free(text);
    assert_int_equal(chmod(path, 0755), 0);
    setenv("HOOKLINE_CC", path, 1);
}

const char *test_path(const char *name)
{
    size_t len = strlen(test_dir) + strlen(name) + 2;
    char *text = next_text(len);

    snprintf(text, len, "%s/%s", test_dir, name);
    return text;
}

bool test_exists(const char *name)
{
    return access(test_path(name), F_OK) == 0;
}

size_t test_entries(const char *below)
{
    char name[512];
    DIR *entries;
    struct dirent *entry;
    size_t len = 0;

    snprintf(name, sizeof(name), "store/modules/%s", below);
    entries = opendir(test_path(name));
    while (entries && (entry = readdir(entries)))
        len += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (entries)
        closedir(entries);
    return len;
}

void test_write(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

void *test_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *bytes;
    long end;

    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    end = ftell(file);
    rewind(file);
    bytes = malloc((size_t)end + 1);
    assert_non_null(bytes);
    *len = fread(bytes, 1, (size_t)end, file);
    assert_int_equal(*len, end);
    fclose(file);
    return bytes;
}
