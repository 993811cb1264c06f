/* Builds plugin libraries at test time and counts what a process holds. Linked into the programs of tests/library. */
#include "tests/library/support/fixture.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

int fixture_begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/hookline-library-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

int fixture_end(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

const char *fixture_path(const char *name)
{
    static char paths[32][256];
    static unsigned next;
    char *path = paths[next++ % 32];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static const char *compiler(bool cxx)
{
    const char *named = getenv(cxx ? "HOOKLINE_TEST_CXX" : "HOOKLINE_TEST_CC");

    return named ? named : cxx ? "c++" : "cc";
}

static bool run_compiler(const char *name, const char *source, const char *kind, const char *flags)
{
    size_t len = strlen(name);
    bool cxx = len > 6 && strcmp(name + len - 6, ".cc.so") == 0;
    char source_name[128];
    char command[2048];

    snprintf(source_name, sizeof(source_name), "%s.%s", name, cxx ? "cc" : "c");
    fixture_write(source_name, source, strlen(source));
    snprintf(command, sizeof(command), "%s %s -I%s/../include %s -o %s %s 2>%s", compiler(cxx), kind, HL_TEST_SOURCE,
             fixture_path(source_name), fixture_path(name), flags, fixture_path("compiler-messages"));
    return system(command) == 0;
}

static void fail_build(const char *name)
{
    size_t len;
    unsigned char *text = fixture_read(fixture_path("compiler-messages"), &len);

    print_error("%.*s\n", (int)len, (const char *)text);
    free(text);
    fail_msg("%s could not be built", name);
}

bool fixture_try_build(const char *name, const char *source, const char *flags)
{
    return run_compiler(name, source, "-shared -fPIC -fvisibility=hidden", flags);
}

const char *fixture_build(const char *name, const char *source, const char *flags)
{
    if (!fixture_try_build(name, source, flags))
        fail_build(name);
    return fixture_path(name);
}

const char *fixture_link(const char *name, const char *source, const char *flags)
{
    if (!run_compiler(name, source, "", flags))
        fail_build(name);
    return fixture_path(name);
}

const char *fixture_plugin(const char *name, const char *more, const char *flags)
{
    char source[8192];

    if (access(fixture_path(name), R_OK) == 0)
        return fixture_path(name);
    snprintf(source, sizeof(source),
             "#include <hookline/plugin.h>\n"
             "#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
             "static hl_reply call(void *self, void *state, const void *meta)\n"
             "{ (void)self; (void)meta; return hl_next(state); }\n"
             "%s\n"
             "static const char *const depends[] = {\"one\", \"other\", NULL};\n"
             "static const hl_plugin_spec specs[] = {\n"
             "    HL_PLUGIN_INIT(\"one\", \"first\", call),\n"
             "    {.size = sizeof(hl_plugin_spec), .name = \"two\", .event = \"second\", .call = call,\n"
             "     .depends = depends, .extra = \"some text\", .priority = 7}};\n"
             "#ifndef LOAD\n#define LOAD NULL\n#endif\n#ifndef UNLOAD\n#define UNLOAD NULL\n#endif\n"
             "HL_PLUGIN_LIBRARY_HOOKS(\"both\", \"1.2.3\", specs, LOAD, UNLOAD)\n",
             more);
    return fixture_build(name, source, flags);
}

unsigned char *fixture_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes;
    long end;

    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    end = ftell(file);
    rewind(file);
    bytes = (unsigned char *)malloc((size_t)end + 1);
    assert_non_null(bytes);
    *len = fread(bytes, 1, (size_t)end, file);
    assert_int_equal(*len, end);
    fclose(file);
    return bytes;
}

const char *fixture_write(const char *name, const void *bytes, size_t len)
{
    const char *path = fixture_path(name);
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    return path;
}

void expect_status(hl_status status, hl_status wanted, const char *field, const char *words)
{
    const hl_error *error = hl_last_error();

    if (status != wanted)
        fail_msg("%s instead of %s: %s", hl_status_name(status), hl_status_name(wanted), error->message);
    if (wanted == HL_OK)
        return;
    assert_int_equal(error->status, wanted);
    assert_string_equal(error->field, field);
    if (!strstr(error->message, words))
        fail_msg("\"%s\" is not in: %s", words, error->message);
}

static size_t count_mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[1024];
    size_t count = 0;

    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps))
        count += strstr(line, folder) != NULL;
    fclose(maps);
    return count;
}

static size_t count_fds(void)
{
    DIR *fds = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(fds);
    while (readdir(fds))
        count++;
    closedir(fds);
    return count;
}

/* Children that were left, running or not: the tests of this folder wait for their own. */
static size_t count_children(void)
{
    siginfo_t info = {0};

    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
        return 0;
    return 1;
}

holdings holdings_now(void)
{
    return (holdings){count_mappings(), count_fds(), count_children()};
}

void expect_same_holdings(const holdings *before)
{
    holdings now = holdings_now();

    assert_int_equal(now.mappings, before->mappings);
    assert_int_equal(now.fds, before->fds);
    assert_int_equal(now.children, before->children);
}
