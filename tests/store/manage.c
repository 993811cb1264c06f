/* Looking after a store: backup, restore, check and the activity log. Rows ST-07, ST-08, ST-10, TE-10. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hookline/store.h>

#include "tests/store/support/fixture.h"

typedef struct place {
    char *folder;
    char url[URL_BYTES];
    char backup[URL_BYTES];
    char backup_url[URL_BYTES + 8];
    hl__store *store;
} place;

static int begin(void **state)
{
    place *here = calloc(1, sizeof(*here));
    assert_non_null(here);
    here->folder = folder_new();
    snprintf(here->url, sizeof(here->url), "lmdb:%s/store", here->folder);
    path_in(here->folder, "backup", here->backup);
    snprintf(here->backup_url, sizeof(here->backup_url), "lmdb:%s", here->backup);
    here->store = open_store(here->url);
    *state = here;
    return 0;
}

static int end(void **state)
{
    place *here = *state;
    close_store(here->store);
    folder_remove(here->folder);
    free(here);
    return 0;
}

/* ---- backup and restore ---- */

static void a_backup_holds_what_the_store_held(void **state)
{
    place *here = *state;
    char path[URL_BYTES + 16];
    struct stat file;

    put_event(here->store, "request", 1);
    put_plugin(here->store, "a", "1");
    put_plugin(here->store, "b", "2");
    assert_int_equal(hl_store_backup(here->url, here->backup), HL_OK);
    put_plugin(here->store, "c", "3");
    snprintf(path, sizeof(path), "%s/data.mdb", here->backup);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    hl__store *copy = open_store(here->backup_url);
    assert_content(copy, "!request=1 +a=1 +b=2 ");
    assert_int_equal(revision_of(copy), 3);
    close_store(copy);
}

static void a_backup_needs_an_empty_folder(void **state)
{
    place *here = *state;
    char path[URL_BYTES + 16];
    size_t bytes_len;

    assert_int_equal(mkdir(here->backup, 0700), 0);
    assert_int_equal(hl_store_backup(here->url, here->backup), HL_OK);
    assert_int_equal(hl_store_backup(here->url, here->backup), HL_ERR_INVALID);
    assert_string_equal(hl_last_error()->field, "directory");
    snprintf(path, sizeof(path), "%s/lock.mdb", here->backup);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof(path), "%s/data.mdb", here->backup);
    free(file_read(path, &bytes_len));
    assert_true(bytes_len > 0);
}

static void what_the_system_refuses_is_told_in_one_sentence(void **state)
{
    place *here = *state;
    char path[URL_BYTES + 16];

    snprintf(path, sizeof(path), "%s/store/data.mdb/below", here->folder);
    assert_int_equal(hl_store_backup(here->url, path), HL_ERR_STORE);
    assert_non_null(strstr(hl_last_error()->message, "cannot be made (Not a directory)."));
}

static void a_backup_of_no_store_makes_nothing(void **state)
{
    place *here = *state;
    assert_int_equal(hl_store_backup("lmdb:no-such-folder", here->backup), HL_ERR_STORE);
    assert_int_equal(access(here->backup, F_OK), -1);
    assert_int_equal(access("no-such-folder", F_OK), -1);
}

static void a_restore_is_one_commit_that_running_openers_see(void **state)
{
    place *here = *state;

    put_plugin(here->store, "kept", "1");
    put_plugin(here->store, "changed", "before");
    put_plugin(here->store, "removed", "1");
    put_event(here->store, "request", 1);
    assert_int_equal(hl_store_backup(here->url, here->backup), HL_OK);
    put_plugin(here->store, "changed", "after");
    drop_plugin(here->store, "removed");
    put_plugin(here->store, "added", "1");
    put_event(here->store, "request", 2);
    put_event(here->store, "response", 0);
    uint64_t before = revision_of(here->store);
    here->store->ops->watch_drain(here->store);

    assert_int_equal(hl_store_restore(here->url, here->backup), HL_OK);
    assert_int_equal(revision_of(here->store), before + 1);
    assert_true(watch_fires(here->store, 1000));
    assert_changes(here->store, before, "!request=1 -added +changed=before +removed=1 ");
    assert_content(here->store, "!request=1 +changed=before +kept=1 +removed=1 ");
}

static void a_restore_brings_documents_back_and_removes_later_ones(void **state)
{
    place *here = *state;

    put_document(here->store, "app/kept", "{\"n\":1}");
    put_document(here->store, "app/changed", "{\"n\":1}");
    put_document(here->store, "app/removed", "{\"n\":1}");
    assert_int_equal(hl_store_backup(here->url, here->backup), HL_OK);
    put_document(here->store, "app/changed", "{\"n\":2}");
    put_document(here->store, "app/removed", NULL);
    put_document(here->store, "app/added", "{}");
    put_document(here->store, "zone", "{}");
    uint64_t before = revision_of(here->store);

    assert_int_equal(hl_store_restore(here->url, here->backup), HL_OK);
    assert_int_equal(revision_of(here->store), before + 1);
    assert_documents(here->store, "", "app/changed={\"n\":1} app/kept={\"n\":1} app/removed={\"n\":1} ");
    assert_changes(here->store, before, "");
}

static void a_restore_of_the_same_content_still_is_a_commit(void **state)
{
    place *here = *state;
    put_plugin(here->store, "a", "1");
    assert_int_equal(hl_store_backup(here->url, here->backup), HL_OK);
    assert_int_equal(hl_store_restore(here->url, here->backup), HL_OK);
    assert_int_equal(revision_of(here->store), 2);
    assert_changes(here->store, 1, "");
}

static void a_restore_makes_the_store_where_there_is_none(void **state)
{
    place *here = *state;
    char url[URL_BYTES];

    put_plugin(here->store, "a", "1");
    assert_int_equal(hl_store_backup(here->url, here->backup), HL_OK);
    snprintf(url, sizeof(url), "lmdb:%s/new", here->folder);
    assert_int_equal(hl_store_restore(url, here->backup), HL_OK);
    hl__store *made = open_store(url);
    assert_content(made, "+a=1 ");
    close_store(made);
}

/* The two texts have one length. */
static void damage_backup(const place *here, const char *text, const char *wrong)
{
    char path[URL_BYTES + 16];
    size_t bytes_len;

    snprintf(path, sizeof(path), "%s/data.mdb", here->backup);
    char *bytes = file_read(path, &bytes_len);
    char *found = memmem(bytes, bytes_len, text, strlen(text));
    assert_non_null(found);
    memcpy(found, wrong, strlen(text));
    file_write(path, bytes, bytes_len);
    free(bytes);
}

static void a_bad_backup_changes_nothing(void **state)
{
    place *here = *state;

    put_plugin(here->store, "a", "1");
    assert_int_equal(hl_store_backup(here->url, here->backup), HL_OK);
    damage_backup(here, "\"started\"", "\"snoring\"");
    put_plugin(here->store, "b", "1");
    assert_int_equal(hl_store_restore(here->url, here->backup), HL_ERR_STORE_CORRUPT);
    assert_non_null(strstr(hl_last_error()->message, "snoring"));
    assert_string_equal(hl_last_error()->action, "store restore");
    assert_int_equal(revision_of(here->store), 2);
    assert_int_equal(hl_store_restore(here->url, "no-such-folder"), HL_ERR_STORE);
    assert_int_equal(revision_of(here->store), 2);
}

/* ---- check ---- */

static char problems[8192];

static void keep_problem(const char *line, void *user)
{
    assert_ptr_equal(user, problems);
    strncat(problems, line, sizeof(problems) - strlen(problems) - 2);
    strcat(problems, "\n");
}

static hl_store_info check(const char *url)
{
    hl_store_info info = {.size = sizeof(info)};
    problems[0] = '\0';
    if (hl_store_check(url, &info, keep_problem, problems) != HL_OK)
        fail_msg("%s", hl_last_error()->message);
    return info;
}

static void put_depending(hl__store *store, const char *name, const char *depends, hl_plugin_status status)
{
    hl__record *made = record_named(name, "", 0);
    hl__record from = *made;
    const char *const names[] = {depends, NULL};
    uint64_t revision = revision_of(store);

    from.depends = names;
    from.depends_len = depends ? 1 : 0;
    from.status = status;
    from.revision = revision + 1;
    hl__record *record = hl__record_new(&from);
    hl__store_change change = {.record = record};
    hl__store_commit commit = {revision, &change, 1, "register"};
    assert_int_equal(store->ops->commit(store, &commit), HL_OK);
    hl__record_unref(record);
    hl__record_unref(made);
}

static void a_sound_store_has_no_problems_and_is_counted(void **state)
{
    place *here = *state;

    put_event(here->store, "request", 0);
    put_depending(here->store, "a", NULL, HL_STARTED);
    put_depending(here->store, "b", "a", HL_RESTARTED);
    put_depending(here->store, "c", "missing", HL_HELD);
    put_depending(here->store, "d", NULL, HL_STOPPED);
    hl_store_info info = check(here->url);
    assert_string_equal(problems, "");
    assert_int_equal(info.problems_len, 0);
    assert_int_equal(info.schema, 4);
    assert_int_equal(info.revision, 5);
    assert_int_equal(info.plugins_len, 4);
    assert_int_equal(info.events_len, 1);
    assert_int_equal(info.log_len, 5);
    assert_int_equal(strlen(info.id), 36);
    assert_string_equal(info.url, here->url);
    assert_true(info.used_bytes > 4096 && info.map_bytes > info.used_bytes);
}

static void what_does_not_agree_is_reported(void **state)
{
    place *here = *state;

    put_depending(here->store, "a", "b", HL_STARTED);
    put_depending(here->store, "b", "a", HL_STARTED);
    put_depending(here->store, "c", "stopped", HL_STARTED);
    put_depending(here->store, "d", "a", HL_HELD);
    put_depending(here->store, "e", "nowhere", HL_RESTARTED);
    put_depending(here->store, "stopped", NULL, HL_STOPPED);
    hl_store_info info = check(here->url);
    assert_int_equal(info.problems_len, 4);
    assert_non_null(strstr(problems, "plugin \"c\": is started, but \"stopped\""));
    assert_non_null(strstr(problems, "plugin \"d\": is held, but everything"));
    assert_non_null(strstr(problems, "plugin \"e\": is restarted, but \"nowhere\""));
    assert_non_null(strstr(problems, "plugins: "));
    assert_int_equal(hl_store_check(here->url, &info, NULL, NULL), HL_OK);
    assert_int_equal(info.problems_len, 4);
}

static void what_cannot_be_read_is_reported_and_the_rest_is_read(void **state)
{
    place *here = *state;

    put_plugin(here->store, "a", "1");
    put_plugin(here->store, "b", "1");
    assert_int_equal(hl_store_backup(here->url, here->backup), HL_OK);
    damage_backup(here, "\"started\"", "\"snoring\"");
    hl_store_info info = check(here->backup_url);
    assert_int_equal(info.plugins_len, 2);
    assert_int_equal(info.problems_len, 1);
    assert_non_null(strstr(problems, "snoring"));
}

static void documents_are_counted_and_one_that_is_no_object_is_named(void **state)
{
    place *here = *state;

    put_document(here->store, "app/a", "{\"n\":\"one\"}");
    put_document(here->store, "app/b", "{\"n\":\"two\"}");
    assert_int_equal(check(here->url).documents_len, 2);
    assert_string_equal(problems, "");
    assert_int_equal(hl_store_backup(here->url, here->backup), HL_OK);
    damage_backup(here, "{\"n\":\"two\"}", "{\"n\":\"tw\xff\"}");
    hl_store_info info = check(here->backup_url);
    assert_int_equal(info.documents_len, 2);
    assert_int_equal(info.problems_len, 1);
    assert_non_null(strstr(problems, "document \"app/b\": "));
    assert_int_equal(hl_store_restore(here->url, here->backup), HL_ERR_STORE_CORRUPT);
    assert_int_equal(revision_of(here->store), 2);
}

static void an_info_of_an_unknown_size_is_refused(void **state)
{
    place *here = *state;
    hl_store_info info = {.size = 0};

    assert_int_equal(hl_store_check(here->url, &info, NULL, NULL), HL_ERR_STRUCT_SIZE);
    info.size = sizeof(info) + 8;
    assert_int_equal(hl_store_check(here->url, &info, NULL, NULL), HL_ERR_STRUCT_SIZE);
    assert_int_equal(hl_store_check(here->url, NULL, NULL, NULL), HL_ERR_INVALID);
}

static void an_info_of_an_older_size_is_filled_as_far_as_it_goes(void **state)
{
    place *here = *state;
    struct {
        hl_store_info info;
        char after[8];
    } both;

    memset(&both, 0x5a, sizeof(both));
    both.info.size = offsetof(hl_store_info, log_len);
    put_plugin(here->store, "a", "1");
    assert_int_equal(hl_store_check(here->url, &both.info, NULL, NULL), HL_OK);
    assert_int_equal(both.info.plugins_len, 1);
    assert_int_equal(both.info.size, offsetof(hl_store_info, log_len));
    assert_true(both.info.log_len == UINT64_C(0x5a5a5a5a5a5a5a5a));
}

/* ---- log ---- */

static bool print_entry(const hl_log_entry *entry, void *user)
{
    char *text = user;
    snprintf(text + strlen(text), 128, "%d %s %s%s;", (int)entry->revision, entry->action, entry->subject,
             entry->pid == getpid() && entry->at > 1500000000 ? "" : " ?");
    return strlen(text) < 400;
}

static void the_log_tells_who_did_what_oldest_first(void **state)
{
    place *here = *state;
    char text[1024] = "";
    hl__record *a = record_named("x", "", 4), *b = record_named("y", "", 4);
    hl__event_def *def = hl__event_def_new("request", 0, NULL);
    hl__store_change changes[] = {{.record = b}, {.event = def}, {.record = a}, {.gone = "a"}};
    hl__store_commit commit = {3, changes, 4, "transaction"};

    put_plugin(here->store, "a", "1");
    put_event(here->store, "response", 0);
    drop_plugin(here->store, "a");
    assert_int_equal(here->store->ops->commit(here->store, &commit), HL_OK);
    assert_int_equal(hl_store_log(here->url, 0, print_entry, text), HL_OK);
    assert_string_equal(text, "1 register a;2 define response;3 unregister a;4 transaction y x a request;");
    text[0] = '\0';
    assert_int_equal(hl_store_log(here->url, 2, print_entry, text), HL_OK);
    assert_string_equal(text, "3 unregister a;4 transaction y x a request;");
    hl__record_unref(a);
    hl__record_unref(b);
    hl__event_def_unref(def);
}

static bool stop_at_once(const hl_log_entry *entry, void *user)
{
    *(uint64_t *)user += entry->revision;
    return false;
}

static void a_callback_ends_the_walk(void **state)
{
    place *here = *state;
    uint64_t sum = 0;

    put_plugin(here->store, "a", "1");
    put_plugin(here->store, "b", "1");
    assert_int_equal(hl_store_log(here->url, 0, stop_at_once, &sum), HL_OK);
    assert_int_equal(sum, 1);
}

static void stores_in_memory_cannot_be_looked_after(void **state)
{
    place *here = *state;
    hl_store_info info = {.size = sizeof(info)};
    char text[16] = "";

    assert_int_equal(hl_store_backup("memory:x", here->backup), HL_ERR_UNSUPPORTED);
    assert_int_equal(hl_store_restore("memory:x", here->backup), HL_ERR_UNSUPPORTED);
    assert_int_equal(hl_store_check("memory:x", &info, NULL, NULL), HL_ERR_UNSUPPORTED);
    assert_int_equal(hl_store_log("memory:", 0, print_entry, text), HL_ERR_UNSUPPORTED);
    assert_int_equal(hl_store_log("etcd:host", 0, print_entry, text), HL_ERR_UNSUPPORTED);
    assert_int_equal(hl_store_log(NULL, 0, print_entry, text), HL_ERR_INVALID);
}

#define HERE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HERE(a_backup_holds_what_the_store_held),
        HERE(a_backup_needs_an_empty_folder),
        HERE(what_the_system_refuses_is_told_in_one_sentence),
        HERE(a_backup_of_no_store_makes_nothing),
        HERE(a_restore_is_one_commit_that_running_openers_see),
        HERE(a_restore_brings_documents_back_and_removes_later_ones),
        HERE(a_restore_of_the_same_content_still_is_a_commit),
        HERE(a_restore_makes_the_store_where_there_is_none),
        HERE(a_bad_backup_changes_nothing),
        HERE(a_sound_store_has_no_problems_and_is_counted),
        HERE(what_does_not_agree_is_reported),
        HERE(what_cannot_be_read_is_reported_and_the_rest_is_read),
        HERE(documents_are_counted_and_one_that_is_no_object_is_named),
        HERE(an_info_of_an_unknown_size_is_refused),
        HERE(an_info_of_an_older_size_is_filled_as_far_as_it_goes),
        HERE(the_log_tells_who_did_what_oldest_first),
        HERE(a_callback_ends_the_walk),
        HERE(stores_in_memory_cannot_be_looked_after),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
