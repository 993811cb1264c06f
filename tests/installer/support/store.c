/* A store for each case, and questions about what is installed in it. See app.h. */
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/installer/support/app.h"

const char *test_store;
const char *test_place;
static char folder[64];
static char store[4096], place[4096];

int test_begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "%s", test_folder());
    assert_non_null(realpath(folder, place));
    snprintf(store, sizeof(store), "lmdb:%s/store", folder);
    test_store = store;
    test_place = place;
    return 0;
}

int test_end(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

hl_runtime *test_open_store(unsigned flags)
{
    return test_open(test_store, flags);
}

const char *test_path(const char *format, ...)
{
    static char paths[8][4096];
    static unsigned at;
    char *out = paths[at++ % 8];
    int len = snprintf(out, sizeof(paths[0]), "%s/", place);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(out + len, sizeof(paths[0]) - (size_t)len, format, arguments);
    va_end(arguments);
    return out;
}

bool test_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

void test_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Locks and the crash guard's files come and go by themselves. */
static bool is_told(const FTSENT *entry, size_t skip)
{
    const char *path = entry->fts_path + skip;

    return entry->fts_info == FTS_F && strcmp(path, "/lock") != 0 && strcmp(path, "/queue.lock") != 0 &&
           strncmp(path, "/boot/", 6) != 0;
}

const char *test_tree(const char *path)
{
    static char texts[2][32 * 1024];
    static unsigned at;
    char *out = texts[at++ % 2], *const paths[] = {(char *)(uintptr_t)path, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    FTSENT *entry;
    size_t len = 0;

    out[0] = '\0';
    assert_non_null(walk);
    while ((entry = fts_read(walk))) {
        if (is_told(entry, strlen(path)) && len < sizeof(texts[0]) - 512)
            len += (size_t)snprintf(out + len, sizeof(texts[0]) - len, "%s %lld\n", entry->fts_path + strlen(path),
                                    (long long)entry->fts_statp->st_size);
    }
    fts_close(walk);
    return out;
}

/* ---- installing ---- */

hl_status test_install(hl_runtime *runtime, const char *location, hl_install_report *report)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, location);

    return hl_install(runtime, &spec, report);
}

hl_status test_install_flags(hl_runtime *runtime, const char *location, unsigned flags)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, location);

    spec.flags = flags;
    return hl_install(runtime, &spec, NULL);
}

static bool add_app(const hl_app_info *info, void *user)
{
    char *text = user;
    size_t len = strlen(text);

    snprintf(text + len, 1024 - len, "%s %s%s%s ", info->app, info->version, info->before[0] ? "<" : "", info->before);
    return true;
}

const char *test_apps(hl_runtime *runtime)
{
    static char texts[8][1024];
    static unsigned at;
    char *out = texts[at++ % 8];

    out[0] = '\0';
    ok(hl_installed(runtime, add_app, out));
    return out;
}

static bool keep_entry(const hl_install_entry *entry, void *user)
{
    snprintf(user, 1024, "%s %s %s -> %s %s", entry->action, entry->app, entry->before, entry->version,
             hl_status_name(entry->status));
    return true;
}

const char *test_last_entry(hl_runtime *runtime)
{
    static char text[1024];

    text[0] = '\0';
    ok(hl_install_log(runtime, keep_entry, text));
    return text;
}

uint64_t test_log_len(hl_runtime *runtime)
{
    uint64_t entries = 0;

    ok(hl_install_log_verify(runtime, &entries, NULL));
    return entries;
}

size_t test_mapped(const char *text)
{
    FILE *file = fopen("/proc/self/maps", "r");
    char line[4096];
    size_t len = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        len += strstr(line, text) != NULL;
    fclose(file);
    return len;
}
