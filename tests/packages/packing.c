/* Packing: the same content gives the same bytes, and what installing would refuse is not packed. Folders that are
 * packages keep the rules of archives. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include <hookline/install.h>

#include "install/archive.h"
#include "tests/packages/support/tars.h"

static const hl__archive_limits usual = HL__ARCHIVE_LIMITS_INIT;

#if defined(__x86_64__)
#define ARCHITECTURE "x86_64"
#else
#define ARCHITECTURE "aarch64"
#endif
#ifdef __GLIBC__
#define LIBC "gnu"
#else
#define LIBC "musl"
#endif

#define MANIFEST(plugins)                                                                                              \
    "{\"app\":\"shop\",\"version\":\"1.2.0\",\"abi\":1,\"architecture\":\"" ARCHITECTURE "\",\"libc\":\"" LIBC         \
    "\",\"libraries\":[{\"file\":\"lib/shop.so\",\"plugins\":[" plugins "]}],\"data\":\"assets\"}\n"

static void write_text(const char *path, const char *text)
{
    place_write(path, text, strlen(text));
}

static void make_folder(const char *name)
{
    write_text(place_path("%s/hookline.json", name), MANIFEST("\"packed-b\",\"packed-a\""));
    place_run("mkdir -p %s/lib && cp '%s/packed.so' %s/lib/shop.so", name, HL_TEST_PLUGINS, name);
    write_text(place_path("%s/README.md", name), "read me");
    write_text(place_path("%s/priv/b/x", name), "x");
    write_text(place_path("%s/priv/b.txt", name), "b");
    write_text(place_path("%s/assets/start.txt", name), "start");
    write_text(place_path("%s/priv/caf\xc3\xa9", name), "c");
    place_run("chmod 644 %s/priv/b/x; chmod 755 %s/lib/shop.so", name, name);
}

static char *pack(const char *folder, const char *out)
{
    char *path = NULL;

    if (hl_pack(place_path("%s", folder), out ? place_path("%s", out) : NULL, &path) != HL_OK)
        fail_msg("not packed: %s", hl_last_error()->message);
    return path;
}

static void not_packed(const char *folder, hl_status wanted, const char *field)
{
    char *path = (char *)"x";
    hl_status status = hl_pack(place_path("%s", folder), place_path("%s", "out"), &path);

    if (status != wanted || strcmp(hl_last_error()->field, field) != 0)
        fail_msg("%s over %s: %s", hl_status_name(status), hl_last_error()->field, hl_last_error()->message);
    assert_string_equal(hl_last_error()->action, "pack");
    assert_null(path);
    place_run("test -z \"$(ls -A out)\"");
}

/* ---- the bytes ---- */

/* From another folder, with another mask, at another time, made in another order. */
static void the_same_content_gives_the_same_bytes(void **state)
{
    char *first, *second;

    (void)state;
    make_folder("one");
    place_run("mkdir out1 out2");
    umask(077);
    place_run("mkdir -p other/deep/priv/b other/deep/empty; printf x >other/deep/priv/b/x");
    place_run("cp -r one/assets one/hookline.json one/lib one/README.md other/deep/; printf x >other/deep/Makefile");
    place_run("cp one/priv/b.txt one/priv/caf* other/deep/priv/");
    place_run("find other -exec touch -d '2001-02-03 04:05:06.789' {} +; chmod 600 other/deep/README.md");
    first = pack("one", "out1");
    second = pack("other/deep", "out2");
    umask(022);
    place_run("cmp '%s' '%s'", first, second);
    assert_non_null(strstr(first, "/out1/shop-1.2.0.tar.gz"));
    place_run("test \"$(ls -A out1)\" = shop-1.2.0.tar.gz");
    free(first);
    free(second);
}

static void nothing_of_the_packer_is_in_the_package(void **state)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    unsigned char head[10];
    char names[1024] = "";
    char *path;
    int fd;

    (void)state;
    make_folder("one");
    place_run("mkdir out");
    path = pack("one", "out");
    fd = place_open(path);
    assert_int_equal(read(fd, head, sizeof(head)), sizeof(head));
    assert_int_equal(head[3], 0); /* no name, no comment */
    assert_memory_equal(head + 4, "\0\0\0\0", 4);
    lseek(fd, 0, SEEK_SET);
    archive_read_support_format_tar(archive);
    archive_read_support_filter_gzip(archive);
    assert_int_equal(archive_read_open_fd(archive, fd, 10240), ARCHIVE_OK);
    while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(entry);

        assert_int_equal(archive_entry_mtime(entry), 0);
        assert_int_equal(archive_entry_uid(entry) + archive_entry_gid(entry), 0);
        assert_true(!archive_entry_uname(entry) || !archive_entry_uname(entry)[0]);
        assert_int_equal(archive_entry_mode(entry), S_IFREG | (strstr(name, ".so") ? 0755 : 0644));
        sprintf(names + strlen(names), "%s ", name);
    }
    assert_int_equal(strncmp(names,
                             "shop-1.2.0/hookline.json shop-1.2.0/README.md shop-1.2.0/assets/start.txt "
                             "shop-1.2.0/lib/shop.so shop-1.2.0/priv/b.txt shop-1.2.0/priv/b/x shop-1.2.0/priv/caf",
                             strlen(names) - 4),
                     0);
    archive_read_free(archive);
    close(fd);
    free(path);
}

static void what_was_packed_is_unpacked_as_it_was(void **state)
{
    hl__package_files files;
    char *path, *manifest;
    size_t len;
    int fd, folder;

    (void)state;
    make_folder("one");
    place_run("mkdir out target");
    path = pack("one", "out");
    fd = place_open(path);
    folder = open(place_path("target"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(hl__archive_examine(fd, &usual, &manifest, &len), HL_OK);
    assert_string_equal(manifest, MANIFEST("\"packed-b\",\"packed-a\""));
    assert_int_equal(hl__archive_unpack(fd, folder, &usual, NULL, NULL, &files), HL_OK);
    place_run("diff -r one target");
    assert_int_equal(files.len, 7);
    hl__package_files_free(&files);
    free(manifest);
    free(path);
    close(folder);
    close(fd);
}

static void names_longer_than_a_tar_header_are_packed(void **state)
{
    char name[256];
    char *path;

    (void)state;
    make_folder("one");
    memset(name, 'n', sizeof(name));
    name[200] = '\0';
    write_text(place_path("one/priv/%s/%s", name, name), "x");
    place_run("mkdir out out2");
    path = pack("one", "out");
    place_run(
        "touch -d @99 one/priv/n*/n*; mkdir got; tar -xzf out/shop-1.2.0.tar.gz -C got; diff -r one got/shop-1.2.0");
    free(path);
    path = pack("one", "out2");
    place_run("cmp out/shop-1.2.0.tar.gz out2/shop-1.2.0.tar.gz");
    free(path);
}

static void an_older_package_of_the_name_is_replaced(void **state)
{
    char *path;

    (void)state;
    make_folder("one");
    place_run("mkdir out; printf old >out/shop-1.2.0.tar.gz");
    path = pack("one", "out");
    place_run("gzip -t out/shop-1.2.0.tar.gz; test \"$(ls -A out)\" = shop-1.2.0.tar.gz");
    free(path);
}

/* ---- what is refused ---- */

static void manifests_that_installing_refuses_are_not_packed(void **state)
{
    (void)state;
    make_folder("one");
    place_run("mkdir out");
    write_text(place_path("one/hookline.json"), "{}");
    not_packed("one", HL_ERR_MANIFEST, "app");
    place_run("rm one/hookline.json");
    not_packed("one", HL_ERR_MANIFEST, "hookline.json");
    place_run("ln -s /etc/passwd one/hookline.json");
    not_packed("one", HL_ERR_SYSTEM, "hookline.json");
    place_run("rm one/hookline.json; mkfifo one/hookline.json");
    not_packed("one", HL_ERR_ARCHIVE, "hookline.json");
    place_run("rm one/hookline.json; truncate -s 1048577 one/hookline.json");
    not_packed("one", HL_ERR_LIMIT, "hookline.json");
}

static void a_library_has_to_be_there_and_to_be_one(void **state)
{
    (void)state;
    make_folder("one");
    place_run("mkdir out; mv one/lib/shop.so one/lib/other.so");
    not_packed("one", HL_ERR_MANIFEST, "libraries");
    place_run("head -c 4096 /dev/zero >one/lib/shop.so");
    not_packed("one", HL_ERR_NOT_ELF, "path");
    place_run("head -c 300 one/lib/other.so >one/lib/shop.so");
    not_packed("one", HL_ERR_TRUNCATED, "program header table");
}

/* The manifest lists exactly the plugins that the library has. */
static void a_manifest_that_lists_other_plugins_is_refused(void **state)
{
    (void)state;
    make_folder("one");
    place_run("mkdir out");
    write_text(place_path("one/hookline.json"), MANIFEST("\"packed-a\""));
    not_packed("one", HL_ERR_MANIFEST, "libraries");
    assert_non_null(strstr(hl_last_error()->message, "packed-b is in the library and not in the manifest"));
    write_text(place_path("one/hookline.json"), MANIFEST("\"packed-a\",\"packed-b\",\"packed-c\""));
    not_packed("one", HL_ERR_MANIFEST, "libraries");
    assert_non_null(strstr(hl_last_error()->message, "packed-c is in the manifest and not in the library"));
}

static void files_that_no_archive_may_hold_are_refused(void **state)
{
    static const char *const commands[] = {"ln -s ../README.md one/priv/link",
                                           "mkfifo one/priv/pipe",
                                           "printf x >one/priv/a; printf x >one/priv/A",
                                           "printf x >\"one/priv/$(printf 'a\\nb')\"",
                                           "printf x >one/priv/s; chmod 4755 one/priv/s",
                                           "ln -s /etc one/priv/folder",
                                           "mv one/lib one/real; ln -s real one/lib"};

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        char *path = NULL;
        hl_status status;

        make_folder("one");
        place_run("mkdir out; %s", commands[i]);
        status = hl_pack(place_path("one"), place_path("out"), &path);
        if (status != HL_ERR_ARCHIVE)
            fail_msg("%s: %s", commands[i], hl_status_name(status));
        place_run("test -z \"$(ls -A out)\"; rm -rf one out");
    }
}

static void folders_that_are_not_there_are_named(void **state)
{
    char *path;

    (void)state;
    place_run("mkdir out");
    not_packed("nowhere", HL_ERR_NOT_FOUND, "folder");
    assert_int_equal(hl_pack(NULL, NULL, &path), HL_ERR_INVALID);
    make_folder("one");
    assert_int_equal(hl_pack(place_path("one"), place_path("nowhere"), &path), HL_ERR_NOT_FOUND);
    assert_string_equal(hl_last_error()->field, "out_folder");
}

/* ---- folders as packages ---- */

static int open_folder(const char *name)
{
    return open(place_path("%s", name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* IN-02: a folder is copied, never moved, and what is no part of the package stays behind. */
static void a_folder_is_copied_without_what_lies_beside(void **state)
{
    hl__package_files files;
    int from, to;
    char *manifest;
    size_t len;

    (void)state;
    make_folder("one");
    place_run("cp -r one expected; printf x >expected/LICENSE; printf x >one/LICENSE");
    place_run(
        "mkdir -p target one/.git one/src; printf x >one/.git/x; printf x >one/src/shop.c; printf x >one/Makefile");
    place_run("ln -s / one/src/link");
    from = open_folder("one");
    to = open_folder("target");
    assert_int_equal(hl__folder_examine(from, &usual, &manifest, &len), HL_OK);
    assert_int_equal(len, strlen(manifest));
    free(manifest);
    assert_int_equal(hl__folder_copy(from, to, &usual, NULL, NULL, &files), HL_OK);
    place_run("diff -r expected target; test -x target/lib/shop.so; test \"$(stat -c %%a target/README.md)\" = 444");
    assert_int_equal(files.len, 8);
    assert_string_equal(files.rows[0].path, "LICENSE");
    assert_int_equal(hl__package_files_check(to, &files), HL_OK);
    hl__package_files_free(&files);
    close(from);
    close(to);
}

static void a_folder_keeps_the_limits(void **state)
{
    hl__archive_limits limits = usual;
    char *manifest;
    size_t len;
    int from;

    (void)state;
    make_folder("one");
    from = open_folder("one");
    limits.unpacked_bytes = 100;
    assert_int_equal(hl__folder_examine(from, &limits, &manifest, &len), HL_ERR_LIMIT);
    assert_string_equal(hl_last_error()->field, "unpacked_bytes");
    limits = usual;
    limits.entries = 8;
    assert_int_equal(hl__folder_examine(from, &limits, &manifest, &len), HL_ERR_LIMIT);
    assert_string_equal(hl_last_error()->field, "entries");
    limits = usual;
    limits.name_bytes = 12;
    assert_int_equal(hl__folder_examine(from, &limits, &manifest, &len), HL_ERR_LIMIT);
    assert_string_equal(hl_last_error()->field, "name_bytes");
    close(from);
}

static bool cancel(void *user, uint64_t done, uint64_t total)
{
    (void)user;
    (void)done;
    (void)total;
    return false;
}

static void copying_a_folder_can_be_cancelled(void **state)
{
    hl__package_files files;
    int from, to;

    (void)state;
    make_folder("one");
    place_run("mkdir target");
    from = open_folder("one");
    to = open_folder("target");
    assert_int_equal(hl__folder_copy(from, to, &usual, cancel, NULL, &files), HL_ERR_CANCELLED);
    hl__package_files_free(&files);
    close(from);
    close(to);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, place_begin, place_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_same_content_gives_the_same_bytes),       CASE(nothing_of_the_packer_is_in_the_package),
        CASE(what_was_packed_is_unpacked_as_it_was),       CASE(names_longer_than_a_tar_header_are_packed),
        CASE(an_older_package_of_the_name_is_replaced),    CASE(manifests_that_installing_refuses_are_not_packed),
        CASE(a_library_has_to_be_there_and_to_be_one),     CASE(a_manifest_that_lists_other_plugins_is_refused),
        CASE(files_that_no_archive_may_hold_are_refused),  CASE(folders_that_are_not_there_are_named),
        CASE(a_folder_is_copied_without_what_lies_beside), CASE(a_folder_keeps_the_limits),
        CASE(copying_a_folder_can_be_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
