/* Stores that cannot be used as they are: newer and older layouts, damaged files, no permission, no space. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

#include "store/env.h"
#include "tests/store/support/fixture.h"

typedef struct place {
    char *folder;
    char url[URL_BYTES];
    char data[URL_BYTES]; /* path of data.mdb */
} place;

static int begin(void **state)
{
    place *here = calloc(1, sizeof(*here));
    assert_non_null(here);
    here->folder = folder_new();
    lmdb_url(here->folder, here->url);
    path_in(here->folder, "data.mdb", here->data);
    *state = here;
    return 0;
}

static int end(void **state)
{
    place *here = *state;
    folder_remove(here->folder);
    free(here);
    return 0;
}

static void fill_store(const char *url, int plugins)
{
    char name[32];
    hl__store *store = open_store(url);
    for (int i = 0; i < plugins; i++) {
        snprintf(name, sizeof(name), "plugin-%d", i);
        assert_int_equal(put_plugin(store, name, "some text"), HL_OK);
    }
    close_store(store);
}

static void assert_refused_untouched(const place *here, hl_status expected, const char *hint)
{
    hl__store *store;
    size_t before_len, after_len;
    char *before = file_read(here->data, &before_len);

    hl_status status = hl__store_open(here->url, 0, 0, &store);
    if (status == HL_OK)
        close_store(store);
    assert_int_equal(status, expected);
    assert_string_equal(hl_last_error()->field, "store");
    assert_non_null(strstr(hl_last_error()->message, hint));
    char *after = file_read(here->data, &after_len);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
    free(before);
    free(after);
}

/* ---- layouts, written with LMDB alone ---- */

typedef struct raw {
    MDB_env *env;
    MDB_txn *txn;
} raw;

static raw raw_begin(const char *folder)
{
    raw file;
    assert_int_equal(mdb_env_create(&file.env), 0);
    assert_int_equal(mdb_env_set_maxdbs(file.env, 8), 0);
    assert_int_equal(mdb_env_open(file.env, folder, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(file.env, NULL, 0, &file.txn), 0);
    return file;
}

static void raw_put(const raw *file, const char *table, const void *name, size_t name_len, const char *text)
{
    MDB_dbi dbi;
    MDB_val key = {name_len, (void *)(uintptr_t)name}, value = {strlen(text), (void *)(uintptr_t)text};
    assert_int_equal(mdb_dbi_open(file->txn, table, MDB_CREATE, &dbi), 0);
    assert_int_equal(mdb_put(file->txn, dbi, &key, &value, 0), 0);
}

static void raw_put_text(const raw *file, const char *table, const char *name, const char *text)
{
    raw_put(file, table, name, strlen(name), text);
}

static void raw_end(raw *file)
{
    assert_int_equal(mdb_txn_commit(file->txn), 0);
    mdb_env_close(file->env);
}

static int version_of(const char *folder)
{
    raw file = raw_begin(folder);
    MDB_val key = {6, "schema"}, value;
    MDB_dbi meta;
    int version;

    assert_int_equal(mdb_dbi_open(file.txn, "meta", 0, &meta), 0);
    assert_int_equal(mdb_get(file.txn, meta, &key, &value), 0);
    assert_int_equal(value.mv_size, 1);
    version = *(const char *)value.mv_data - '0';
    raw_end(&file);
    return version;
}

static void set_schema(const char *folder, const char *version)
{
    raw file = raw_begin(folder);
    raw_put_text(&file, "meta", "schema", version);
    raw_end(&file);
}

static void a_newer_layout_is_refused_with_both_versions(void **state)
{
    place *here = *state;
    fill_store(here->url, 3);
    set_schema(here->folder, "5");
    assert_refused_untouched(here, HL_ERR_STORE_NEWER, "layout 5");
    assert_non_null(strstr(hl_last_error()->message, "up to 4"));
    assert_non_null(strstr(hl_last_error()->message, "upgrade Hookline"));
}

static void a_commit_is_refused_after_another_process_brought_a_newer_layout(void **state)
{
    place *here = *state;
    hl__store *store = open_store(here->url);
    hl__store_change change = {.gone = "a"};
    hl__store_commit commit = {0, &change, 1, "unregister"};
    MDB_dbi meta;
    MDB_txn *txn;
    MDB_val key = {6, "schema"}, value = {2, "17"};
    MDB_env *env = ((hl__opener *)store)->env->mdb;

    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "meta", 0, &meta), 0);
    assert_int_equal(mdb_put(txn, meta, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    assert_int_equal(store->ops->commit(store, &commit), HL_ERR_STORE_NEWER);
    close_store(store);
}

static void an_unreadable_layout_is_refused(void **state)
{
    place *here = *state;
    fill_store(here->url, 3);
    set_schema(here->folder, "two");
    assert_refused_untouched(here, HL_ERR_STORE_CORRUPT, "\"two\"");
}

static void another_programs_lmdb_file_is_refused(void **state)
{
    place *here = *state;
    raw file = raw_begin(here->folder);
    raw_put_text(&file, "recipes", "soup", "water, salt");
    raw_end(&file);
    assert_refused_untouched(here, HL_ERR_STORE_CORRUPT, "");
}

static void another_programs_plain_lmdb_file_is_refused(void **state)
{
    place *here = *state;
    raw file = raw_begin(here->folder);
    raw_put_text(&file, NULL, "soup", "water, salt");
    raw_end(&file);
    assert_refused_untouched(here, HL_ERR_STORE_CORRUPT, "");
}

#define V1_RECORD(name, event, library)                                                                                \
    "{\"id\":\"01234567-89ab-4def-8123-456789abcdef\",\"name\":\"" name "\",\"event\":\"" event                        \
    "\",\"extra\":\"text of " name "\",\"depends\":[],\"priority\":10,\"status\":\"started\",\"library\":\"" library   \
    "\",\"library_stamp\":\"\",\"version\":\"\",\"contract\":\"\",\"inserted_at\":1600000000,"                         \
    "\"updated_at\":1600000001,\"revision\":2}"

static void write_layout_1(const char *folder)
{
    raw file = raw_begin(folder);
    raw_put_text(&file, "meta", "schema", "1");
    raw_put_text(&file, "meta", "store", "76543210-89ab-4def-8123-456789abcdef");
    raw_put_text(&file, "plugins", "auth", V1_RECORD("auth", "request", ""));
    raw_put_text(&file, "plugins", "gzip", V1_RECORD("gzip", "response", "/usr/lib/web/compress.so"));
    raw_put_text(&file, "plugins", "log", V1_RECORD("log", "response", ""));
    raw_put(&file, "log", "\0\0\0\0\0\0\0\1", 8,
            "{\"at\":1,\"pid\":2,\"action\":\"register\",\"plugins\":[\"auth\"],"
            "\"events\":[]}");
    raw_put(&file, "log", "\0\0\0\0\0\0\0\2", 8,
            "{\"at\":1,\"pid\":2,\"action\":\"register\",\"plugins\":[\"gzip\","
            "\"log\"],\"events\":[]}");
    raw_end(&file);
}

static hl_status print_extension(void *user, hl__record *record)
{
    char *end = (char *)user + strlen(user);
    snprintf(end, 64, "%s@%s ", record->name, record->extension);
    hl__record_unref(record);
    return HL_OK;
}

static hl_status skip_event(void *user, hl__event_def *def)
{
    (void)user;
    hl__event_def_unref(def);
    return HL_OK;
}

static void layout_1_is_brought_up_to_date_and_keeps_its_records(void **state)
{
    place *here = *state;
    char extensions[512] = "";
    hl__store_visitor visitor = {.record = print_extension, .event = skip_event, .user = extensions};
    uint64_t revision;

    write_layout_1(here->folder);
    hl__store *store = open_store(here->url);
    assert_content(store, "!request=0 !response=0 +auth=text of auth +gzip=text of gzip +log=text of log ");
    assert_int_equal(store->ops->load(store, &visitor, &revision), HL_OK);
    assert_string_equal(extensions, "auth@host gzip@compress log@host ");
    assert_int_equal(revision, 3);
    assert_changes(store, 2, "!request=0 !response=0 +auth=text of auth +gzip=text of gzip +log=text of log ");
    assert_int_equal(put_plugin(store, "new", "1"), HL_OK);
    close_store(store);
    store = open_store(here->url);
    assert_int_equal(revision_of(store), 4);
    assert_documents(store, "", "");
    close_store(store);
}

static void write_layout(const char *folder, const char *version)
{
    raw file = raw_begin(folder);
    raw_put_text(&file, "meta", "schema", version);
    raw_put_text(&file, "meta", "store", "76543210-89ab-4def-8123-456789abcdef");
    raw_put_text(&file, "events", "request", "{\"name\":\"request\",\"flags\":1,\"contract\":null}");
    raw_put_text(
        &file, "plugins", "auth",
        "{\"id\":\"01234567-89ab-4def-8123-456789abcdef\",\"name\":\"auth\",\"event\":\"request\","
        "\"status\":\"started\",\"priority\":10,\"depends\":[],\"extension\":\"host\",\"extra\":\"kept\","
        "\"library\":\"\",\"library_stamp\":\"\",\"version\":\"\",\"contract\":\"\",\"inserted_at\":1600000000,"
        "\"updated_at\":1600000001,\"revision\":1}");
    raw_put(&file, "log", "\0\0\0\0\0\0\0\1", 8,
            "{\"at\":1,\"pid\":2,\"action\":\"register\",\"plugins\":[\"auth\"],\"events\":[\"request\"]}");
    raw_end(&file);
}

static void layout_2_gets_room_for_documents_and_nothing_else_changes(void **state)
{
    place *here = *state;

    write_layout(here->folder, "2");
    hl__store *store = open_store(here->url);
    assert_content(store, "!request=1 +auth=kept ");
    assert_int_equal(revision_of(store), 2);
    assert_changes(store, 1, "");
    assert_documents(store, "", "");
    assert_int_equal(put_document(store, "app/shop", "{}"), HL_OK);
    close_store(store);
    store = open_store(here->url);
    assert_content(store, "!request=1 +auth=kept ");
    assert_documents(store, "", "app/shop={} ");
    close_store(store);
}

/* Who knows layout 3 only would run isolated plugins in the server's process: it must not open what may have some. */
static void layout_3_becomes_one_that_knows_isolation_and_nothing_else_changes(void **state)
{
    place *here = *state;

    write_layout(here->folder, "3");
    hl__store *store = open_store(here->url);
    assert_content(store, "!request=1 +auth=kept ");
    assert_int_equal(revision_of(store), 2);
    assert_changes(store, 1, "");
    close_store(store);
    assert_int_equal(version_of(here->folder), 4);
}

static void a_migration_that_fails_changes_nothing(void **state)
{
    place *here = *state;
    write_layout_1(here->folder);
    raw file = raw_begin(here->folder);
    raw_put_text(&file, "plugins", "spoiled", "[1,2,3]");
    raw_end(&file);
    assert_refused_untouched(here, HL_ERR_STORE_CORRUPT, "spoiled");
}

static void a_reader_does_not_migrate(void **state)
{
    place *here = *state;
    hl__store *store;
    size_t before_len, after_len;

    write_layout_1(here->folder);
    char *before = file_read(here->data, &before_len);
    assert_int_equal(hl__store_open(here->url, HL__STORE_READ_ONLY, 0, &store), HL_ERR_STORE_READ_ONLY);
    assert_non_null(strstr(hl_last_error()->message, "older layout"));
    char *after = file_read(here->data, &after_len);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
    free(before);
    free(after);
}

/* ---- damaged files ---- */

/* xorshift: the same damage in every run. */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void random_bytes_are_refused(void **state)
{
    place *here = *state;
    static unsigned char bytes[20000];
    static const size_t lengths[] = {1, 7, 100, 4095, 4096, 4097, 8191, 8192, 12288, 20000};
    uint64_t seed = 88172645463325252u;

    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (unsigned char)next_random(&seed);
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            file_write(here->data, bytes, lengths[i]);
            assert_refused_untouched(here, HL_ERR_STORE_CORRUPT, "data.mdb");
        }
    }
}

static void an_empty_file_is_a_new_store(void **state)
{
    place *here = *state;
    file_write(here->data, "", 0);
    hl__store *store = open_store(here->url);
    assert_content(store, "");
    close_store(store);
}

static void a_file_that_is_cut_off_is_refused_or_whole(void **state)
{
    place *here = *state;
    size_t bytes_len;
    int refused = 0, tries = 0;

    fill_store(here->url, 200);
    char *bytes = file_read(here->data, &bytes_len);
    for (size_t length = 1; length < bytes_len; length += 997, tries++) {
        hl__store *store;
        file_write(here->data, bytes, length);
        if (hl__store_open(here->url, 0, 0, &store) != HL_OK) {
            assert_int_equal(hl_last_error()->status, HL_ERR_STORE_CORRUPT);
            refused++;
            continue;
        }
        /* Only free pages were cut off. */
        assert_int_equal(try_load(store), HL_OK);
        assert_int_equal(revision_of(store), 200);
        close_store(store);
    }
    free(bytes);
    assert_true(refused > tries / 2);
}

/* Opens, reads and writes a store that may be damaged; every outcome but a crash will do, if it says what it is. */
static bool survives(const char *url)
{
    hl__store *store;
    hl_status status = hl__store_open(url, 0, 0, &store);

    if (status != HL_OK) {
        assert_true(status == HL_ERR_STORE_CORRUPT || status == HL_ERR_STORE_NEWER);
        return false;
    }
    status = try_load(store);
    assert_true(status == HL_OK || status == HL_ERR_STORE_CORRUPT);
    bool whole = status == HL_OK;
    status = put_plugin(store, "after", "1");
    assert_true(status == HL_OK || status == HL_ERR_STORE_CORRUPT || status == HL_ERR_STORE_FULL);
    close_store(store);
    return whole;
}

static int damage_and_try(const place *here, const char *bytes, size_t bytes_len, size_t from, size_t to, int rounds)
{
    uint64_t seed = 0x9e3779b97f4a7c15u + from;
    char *damaged = malloc(bytes_len);
    int refused = 0;

    assert_non_null(damaged);
    for (int i = 0; i < rounds; i++) {
        memcpy(damaged, bytes, bytes_len);
        for (int flips = 1 + i % 3; flips > 0; flips--)
            damaged[from + next_random(&seed) % (to - from)] ^= (char)(1 + next_random(&seed) % 255);
        file_write(here->data, damaged, bytes_len);
        refused += !survives(here->url);
    }
    free(damaged);
    return refused;
}

static void flipped_bytes_in_the_heads_do_not_crash(void **state)
{
    place *here = *state;
    size_t bytes_len;

    fill_store(here->url, 100);
    char *bytes = file_read(here->data, &bytes_len);
    assert_true(damage_and_try(here, bytes, bytes_len, 0, 152, 150) > 50);
    assert_true(damage_and_try(here, bytes, bytes_len, 4096, 4096 + 152, 150) > 50);
    free(bytes);
}

static void flipped_bytes_in_the_pages_do_not_crash(void **state)
{
    place *here = *state;
    size_t bytes_len;

    fill_store(here->url, 100);
    char *bytes = file_read(here->data, &bytes_len);
    int refused = damage_and_try(here, bytes, bytes_len, 8192, bytes_len, 300);
    /* The first bytes of a page say what it is and where its entries are. */
    for (size_t page = 2; page < bytes_len / 4096; page++)
        refused += damage_and_try(here, bytes, bytes_len, page * 4096, page * 4096 + 40, 20);
    free(bytes);
    assert_true(refused > 20);
}

static void a_record_that_cannot_be_read_is_named(void **state)
{
    place *here = *state;

    fill_store(here->url, 2);
    raw file = raw_begin(here->folder);
    raw_put_text(&file, "plugins", "plugin-1", V1_RECORD("plugin-1", "request", ""));
    raw_end(&file);
    hl__store *store = open_store(here->url);
    assert_int_equal(try_load(store), HL_ERR_STORE_CORRUPT);
    assert_string_equal(hl_last_error()->field, "extension");
    assert_non_null(strstr(hl_last_error()->message, "plugin-1"));
    close_store(store);
}

/* ---- no permission ---- */

static void expect_child(const char *mode, const char *folder, const char *expected)
{
    char line[1024];
    child other = child_start(mode, folder, "x");
    assert_true(child_line(&other, line, sizeof(line)));
    child_end(&other);
    if (strncmp(line, expected, strlen(expected)) != 0)
        fail_msg("%s said: %s", mode, line);
}

static void a_folder_without_write_permission_is_read_only(void **state)
{
    place *here = *state;

    fill_store(here->url, 3);
    assert_int_equal(chmod(here->folder, 0555), 0);
    assert_int_equal(chmod(here->data, 0444), 0);
    expect_child("nobody-put", here->folder, "HL_ERR_STORE_READ_ONLY");
    expect_child("nobody-count-read-only", here->folder, "HL_ERR_STORE_READ_ONLY");
    chmod(here->folder, 0700);
}

/* Another user needs to be let through every folder on the way, which a checkout in somebody's home may not do. */
static bool others_may_come_here(void)
{
    char path[PATH_MAX];
    struct stat status;

    if (!getcwd(path, sizeof(path)))
        return false;
    for (char *end = path + strlen(path); end > path; end = strrchr(path, '/')) {
        *end = '\0';
        if (*path && (stat(path, &status) != 0 || !(status.st_mode & S_IXOTH)))
            return false;
    }
    return true;
}

static void a_copied_store_without_lock_file_can_be_read_where_nobody_can_write(void **state)
{
    place *here = *state;
    char path[URL_BYTES];

    if (!others_may_come_here()) {
        print_message("not tested: other users cannot reach this folder\n");
        return;
    }
    fill_store(here->url, 3);
    path_in(here->folder, "lock.mdb", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(chmod(here->folder, 0555), 0);
    assert_int_equal(chmod(here->data, 0444), 0);
    expect_child("nobody-count-read-only", here->folder, "3 at 3");
    chmod(here->folder, 0700);
}

static void a_folder_that_cannot_be_made_is_read_only(void **state)
{
    place *here = *state;
    char inner[URL_BYTES];

    path_in(here->folder, "a/b", inner);
    assert_int_equal(chmod(here->folder, 0555), 0);
    expect_child("nobody-put", inner, "HL_ERR_STORE_READ_ONLY");
    chmod(here->folder, 0700);
}

static void a_reader_makes_nothing(void **state)
{
    place *here = *state;
    struct stat file;
    char inner[URL_BYTES], url[URL_BYTES + 8];
    hl__store *store;

    assert_int_equal(hl__store_open(here->url, HL__STORE_READ_ONLY, 0, &store), HL_ERR_STORE);
    assert_int_equal(stat(here->data, &file), -1);
    path_in(here->folder, "inner", inner);
    snprintf(url, sizeof(url), "lmdb:%s", inner);
    assert_int_equal(hl__store_open(url, HL__STORE_READ_ONLY, 0, &store), HL_ERR_STORE);
    assert_int_equal(stat(inner, &file), -1);
}

static void what_is_made_is_its_owners_only(void **state)
{
    place *here = *state;
    static const char *const made[] = {"a", "a/b", "a/b/data.mdb", "a/b/lock.mdb", "a/b/notify"};
    char path[URL_BYTES], url[URL_BYTES];
    struct stat file;

    snprintf(url, sizeof(url), "lmdb:%s/a/b", here->folder);
    mode_t mask = umask(0);
    fill_store(url, 1);
    umask(mask);
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        path_in(here->folder, made[i], path);
        assert_int_equal(stat(path, &file), 0);
        assert_int_equal(file.st_mode & 0777, S_ISDIR(file.st_mode) ? 0700 : 0600);
    }
}

static void a_file_in_the_place_of_the_folder_is_an_error(void **state)
{
    place *here = *state;
    hl__store *store;
    char path[URL_BYTES], url[URL_BYTES + 8];

    path_in(here->folder, "plain", path);
    file_write(path, "text", 4);
    snprintf(url, sizeof(url), "lmdb:%s", path);
    assert_int_equal(hl__store_open(url, 0, 0, &store), HL_ERR_STORE);
}

/* ---- no space ---- */

static int fill_until(hl__store *store, hl_status expected)
{
    static char extra[8001];
    char name[32];

    memset(extra, 'x', sizeof(extra) - 1);
    for (int i = 0;; i++) {
        snprintf(name, sizeof(name), "plugin-%d", i);
        hl_status status = put_plugin(store, name, extra);
        if (status == HL_OK)
            continue;
        assert_int_equal(status, expected);
        return i;
    }
}

static void a_full_map_is_told_and_changes_nothing(void **state)
{
    place *here = *state;
    hl__store *store;

    assert_int_equal(hl__store_open(here->url, 0, 1 << 20, &store), HL_OK);
    int count = fill_until(store, HL_ERR_STORE_FULL);
    assert_string_equal(hl_last_error()->field, "store_map_bytes");
    assert_true(count > 50);
    assert_int_equal(revision_of(store), count);
    assert_int_equal(try_load(store), HL_OK);
    close_store(store);
    store = open_store(here->url);
    assert_int_equal(revision_of(store), count);
    assert_int_equal(put_plugin(store, "more room", "1"), HL_OK);
    close_store(store);
}

static void a_map_that_another_process_outgrew_is_followed(void **state)
{
    place *here = *state;
    hl__store *store;
    char line[1024];

    assert_int_equal(hl__store_open(here->url, 0, 1 << 20, &store), HL_OK);
    assert_int_equal(put_plugin(store, "mine", "1"), HL_OK);
    child writer = child_start("fill", here->folder, "4194304");
    assert_true(child_line(&writer, line, sizeof(line)));
    int count = atoi(line);
    assert_true(count > 20);
    assert_int_equal(child_end(&writer), 0);
    assert_int_equal(revision_of(store), count + 1);
    assert_int_equal(try_load(store), HL_OK);
    close_store(store);
}

static void a_limit_on_the_file_size_is_a_full_store(void **state)
{
    place *here = *state;
    char line[1024];
    child writer = child_start("fill", here->folder, "1048576");

    assert_true(child_line(&writer, line, sizeof(line)));
    int count = atoi(line);
    assert_true(count > 5);
    assert_true(child_line(&writer, line, sizeof(line)));
    assert_non_null(strstr(line, "HL_ERR_STORE_FULL"));
    assert_int_equal(child_end(&writer), 0);
    hl__store *store = open_store(here->url);
    assert_int_equal(revision_of(store), count);
    assert_int_equal(put_plugin(store, "more room", "1"), HL_OK);
    close_store(store);
}

static void a_full_disk_is_told_and_changes_nothing(void **state)
{
    place *here = *state;

    if (mount("none", here->folder, "tmpfs", 0, "size=1m") != 0)
        skip(); /* only root may mount */
    hl__store *store = open_store(here->url);
    int count = fill_until(store, HL_ERR_STORE_FULL);
    assert_true(count > 20);
    assert_int_equal(revision_of(store), count);
    assert_int_equal(try_load(store), HL_OK);
    assert_int_equal(drop_plugin(store, "plugin-0"), HL_OK);
    close_store(store);
    store = open_store(here->url);
    assert_int_equal(revision_of(store), count + 1);
    close_store(store);
    assert_int_equal(umount(here->folder), 0);
}

static void a_read_only_file_system_is_read_only(void **state)
{
    place *here = *state;

    if (mount("none", here->folder, "tmpfs", 0, "size=4m") != 0)
        skip(); /* only root may mount */
    fill_store(here->url, 3);
    assert_int_equal(mount("none", here->folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    expect_child("put", here->folder, "HL_ERR_STORE_READ_ONLY");
    expect_child("count-read-only", here->folder, "3 at 3");
    expect_child("put-read-only", here->folder, "HL_ERR_STORE_READ_ONLY");
    assert_int_equal(umount(here->folder), 0);
}

#define HERE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE(a_newer_layout_is_refused_with_both_versions),
        HERE(a_commit_is_refused_after_another_process_brought_a_newer_layout),
        HERE(an_unreadable_layout_is_refused),
        HERE(another_programs_lmdb_file_is_refused),
        HERE(another_programs_plain_lmdb_file_is_refused),
        HERE(layout_1_is_brought_up_to_date_and_keeps_its_records),
        HERE(layout_2_gets_room_for_documents_and_nothing_else_changes),
        HERE(layout_3_becomes_one_that_knows_isolation_and_nothing_else_changes),
        HERE(a_migration_that_fails_changes_nothing),
        HERE(a_reader_does_not_migrate),
        HERE(random_bytes_are_refused),
        HERE(an_empty_file_is_a_new_store),
        HERE(a_file_that_is_cut_off_is_refused_or_whole),
        HERE(flipped_bytes_in_the_heads_do_not_crash),
        HERE(flipped_bytes_in_the_pages_do_not_crash),
        HERE(a_record_that_cannot_be_read_is_named),
        HERE(a_folder_without_write_permission_is_read_only),
        HERE(a_copied_store_without_lock_file_can_be_read_where_nobody_can_write),
        HERE(a_folder_that_cannot_be_made_is_read_only),
        HERE(a_reader_makes_nothing),
        HERE(what_is_made_is_its_owners_only),
        HERE(a_file_in_the_place_of_the_folder_is_an_error),
        HERE(a_full_map_is_told_and_changes_nothing),
        HERE(a_map_that_another_process_outgrew_is_followed),
        HERE(a_limit_on_the_file_size_is_a_full_store),
        HERE(a_full_disk_is_told_and_changes_nothing),
        HERE(a_read_only_file_system_is_read_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
