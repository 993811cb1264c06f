/* Packages and folders that somebody writes to while they are installed: what was verified is what is loaded and
 * kept. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/installer/support/app.h"

#define GOOD "good content"
#define EVIL "EVIL content"

static hl_runtime *runtime;
static hl_event *event;

static int begin(void **state)
{
    test_begin(state);
    runtime = test_open_store(0);
    event = test_event(runtime, "e");
    return 0;
}

static int end(void **state)
{
    hl_close(runtime);
    return test_end(state);
}

static bool run_here(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool run_here(const char *format, ...)
{
    char command[4096];
    int len = snprintf(command, sizeof(command), "cd '%s' && ", test_place);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(command + len, sizeof(command) - (size_t)len, format, arguments);
    va_end(arguments);
    return system(command) == 0;
}

/* The folder of an app with a README of good content. */
static const char *make_folder(void)
{
    const char *folder = app_folder(.app = "shop", .version = "1.0.0");
    char path[4200];

    snprintf(path, sizeof(path), "%s/README", folder);
    test_write(path, GOOD);
    return folder;
}

static void assert_installed_is_good(const hl_install_report *report)
{
    assert_true(run_here("test \"$(cat '%s/README')\" = '" GOOD "'", report->folder));
    assert_string_equal(test_apps(runtime), "shop 1.0.0 ");
    assert_string_equal(test_seen_trail(event), "shop@1.0.0,");
}

static hl_status install(const char *location, hl_progress_fn *progress, void *user, hl_install_report *report)
{
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, location);

    spec.progress = progress;
    spec.user = user;
    return hl_install(runtime, &spec, report);
}

typedef struct mapping {
    char *bytes;
    size_t len;
} mapping;

/* All pages are written to here: what is written later moves no time of the file. */
static mapping map_dirty(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat about;
    mapping map;

    assert_true(fd >= 0 && fstat(fd, &about) == 0);
    map.len = (size_t)about.st_size;
    map.bytes = mmap(NULL, map.len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(map.bytes != MAP_FAILED);
    close(fd);
    for (size_t i = 0; i < map.len; i += 4096) {
        volatile char *byte = map.bytes + i;

        *byte = *byte;
    }
    return map;
}

static bool change_mapping(void *user, hl_install_step step, uint64_t done, uint64_t total)
{
    const mapping *map = user;
    char *at = memmem(map->bytes, map->len, GOOD, strlen(GOOD));

    (void)done;
    (void)total;
    if (step == HL_STEP_UNPACK && at)
        memcpy(at, EVIL, strlen(EVIL));
    return true;
}

/* X-014 X-020 */
static void package_that_is_changed_through_a_mapping_is_installed_as_it_was_verified(void **state)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;
    const char *package = test_path("shop.tar");
    mapping map;

    (void)state;
    assert_true(run_here("tar -cf shop.tar -C '%s' hookline.json lib README", make_folder()));
    map = map_dirty(package);
    ok(install(package, change_mapping, &map, &report));
    assert_non_null(memmem(map.bytes, map.len, EVIL, strlen(EVIL)));
    assert_installed_is_good(&report);
    assert_true(run_here("sha256sum '%s.package' | grep -q '^%s '", report.folder, report.sha256));
    munmap(map.bytes, map.len);
    hl_install_report_cleanup(&report);
}

static bool change_folder(void *user, hl_install_step step, uint64_t done, uint64_t total)
{
    (void)done;
    (void)total;
    if (step == HL_STEP_UNPACK)
        assert_true(run_here("printf '" EVIL "' > '%s/README' && printf x >> '%s/hookline.json'", (const char *)user,
                             (const char *)user));
    return true;
}

static void folder_that_is_changed_after_it_was_verified_is_installed_as_it_was(void **state)
{
    hl_install_report report = HL_INSTALL_REPORT_INIT;
    hl_install_report before = HL_INSTALL_REPORT_INIT;
    const char *folder = make_folder();
    hl_install_spec spec = HL_INSTALL_INIT(HL_SOURCE_PATH, folder);

    (void)state;
    spec.flags = HL_INSTALL_VERIFY_ONLY;
    ok(hl_install(runtime, &spec, &before));
    ok(install(folder, change_folder, (void *)folder, &report));
    assert_installed_is_good(&report);
    assert_string_equal(report.sha256, before.sha256);
    hl_install_report_cleanup(&before);
    hl_install_report_cleanup(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(package_that_is_changed_through_a_mapping_is_installed_as_it_was_verified,
                                        begin, end),
        cmocka_unit_test_setup_teardown(folder_that_is_changed_after_it_was_verified_is_installed_as_it_was, begin,
                                        end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
