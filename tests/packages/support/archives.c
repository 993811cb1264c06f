/* See archives.h. */
#include "tests/packages/support/archives.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

const hl__archive_limits usual = HL__ARCHIVE_LIMITS_INIT;

const tar_member good[GOOD_LEN] = {TAR_MANIFEST,
                                   {.path = "lib", .kind = 'd', .mode = 0700},
                                   {.path = "lib/shop.so", .content = "code", .mode = 0700},
                                   {.path = "priv/deep/er/x.txt", .content = "x"},
                                   {.path = "README.md", .content = "read me"},
                                   {.path = "empty", .kind = 'd'}};

void make_surroundings(void)
{
    place_write(place_path("around/neighbour"), "untouched", 9);
    place_write(place_path("around/etc/passwd"), "untouched", 9);
    assert_int_equal(mkdir(place_path("around/target"), 0755), 0);
}

int open_target(void)
{
    return open(place_path("around/target"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* What lies around, without what lies in the folder. */
static const char *surroundings(void)
{
    place_run("mv around/target/ target-aside; mkdir around/target");
    place_run("touch -d @1 around");
    return place_tree(place_path("around"));
}

hl_status examine(int fd, const hl__archive_limits *limits)
{
    char *manifest;
    size_t len;
    hl_status status = hl__archive_examine(fd, limits, &manifest, &len);

    assert_true((status == HL_OK) == (manifest != NULL));
    free(manifest);
    return status;
}

hl_status unpack(int fd, const hl__archive_limits *limits)
{
    hl__package_files files;
    int folder = open_target();
    hl_status status = hl__archive_unpack(fd, folder, limits, NULL, NULL, &files);

    hl__package_files_free(&files);
    close(folder);
    return status;
}

void refused_with(int fd, const hl__archive_limits *limits, hl_status wanted, const char *reason)
{
    char before[32 * 1024];

    make_surroundings();
    snprintf(before, sizeof(before), "%s", surroundings());
    place_run("rm -rf target-aside");
    for (int unpacking = 0; unpacking < 2; unpacking++) {
        hl_status status = unpacking ? unpack(fd, limits) : examine(fd, limits);

        if (status != wanted)
            fail_msg("%s gives %s: %s", unpacking ? "unpacking" : "examining", hl_status_name(status),
                     hl_last_error()->message);
        if (!strstr(hl_last_error()->message, reason))
            fail_msg("\"%s\" does not say \"%s\"", hl_last_error()->message, reason);
        assert_string_equal(hl_last_error()->action, "install");
    }
    assert_string_equal(surroundings(), before);
    place_run("chmod -R u+w around target-aside; rm -rf around target-aside");
    close(fd);
}

void taken(int fd)
{
    make_surroundings();
    if (examine(fd, &usual) != HL_OK || unpack(fd, &usual) != HL_OK)
        fail_msg("refused: %s", hl_last_error()->message);
    close(fd);
}
