/* Stores of newer and older layouts, of other programs, and with a record that cannot be read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lmdb.h>

#include "store/env.h"
#include "tests/store/support/place.h"

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
        HERE(a_record_that_cannot_be_read_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
