/* Documents as every store keeps them, tried on both: by key and by prefix, together with plugins in one commit, and
 * what readers at an old revision and other openers see. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hookline/store.h>

#include "core/document.h"
#include "tests/store/support/fixture.h"

static void assert_document(hl__store *store, const char *key, const char *expected)
{
    char *text = NULL;
    assert_int_equal(store->ops->document(store, key, HL__STORE_NEWEST, &text), HL_OK);
    assert_string_equal(text, expected);
    free(text);
}

static void assert_no_document(hl__store *store, const char *key)
{
    char *text = NULL;
    assert_int_equal(store->ops->document(store, key, HL__STORE_NEWEST, &text), HL_ERR_NOT_FOUND);
    assert_null(text);
}

/* ---- on both ---- */

static void a_document_is_read_as_it_was_put_until_it_is_removed(void **state)
{
    own_store *here = *state;

    assert_no_document(here->store, "app/shop");
    assert_int_equal(put_document(here->store, "app/shop", "{\"version\": \"1.0.0\"}"), HL_OK);
    assert_document(here->store, "app/shop", "{\"version\": \"1.0.0\"}");
    assert_int_equal(put_document(here->store, "app/shop", "{}"), HL_OK);
    assert_document(here->store, "app/shop", "{}");
    assert_no_document(here->store, "app/sho");
    assert_no_document(here->store, "app/shop/");
    assert_int_equal(put_document(here->store, "app/shop", NULL), HL_OK);
    assert_no_document(here->store, "app/shop");
    assert_int_equal(put_document(here->store, "app/shop", NULL), HL_OK);
    assert_int_equal(revision_of(here->store), 4);
}

static void a_missing_document_leaves_the_last_error_as_it_was(void **state)
{
    own_store *here = *state;

    hl__fail(HL_ERR_TIMEOUT, "before", "", "Set by the test.");
    assert_no_document(here->store, "none");
    assert_int_equal(hl_last_error()->status, HL_ERR_TIMEOUT);
}

static void a_walk_gives_the_keys_of_a_prefix_in_the_order_of_their_bytes(void **state)
{
    static const char *const keys[] = {"b/\xc3\xa4", "b/a", "a", "b", "b/a0", "b/a/x", "c", "b/Z", "b0", "b/10", "b/9"};
    own_store *here = *state;

    assert_documents(here->store, "", "");
    assert_documents(here->store, "b/", "");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_int_equal(put_document(here->store, keys[i], "{}"), HL_OK);
    assert_documents(here->store, "b/", "b/10={} b/9={} b/Z={} b/a={} b/a/x={} b/a0={} b/\xc3\xa4={} ");
    assert_documents(here->store, "b/a", "b/a={} b/a/x={} b/a0={} ");
    assert_documents(here->store, "c", "c={} ");
    assert_documents(here->store, "d", "");
    assert_documents(here->store, "",
                     "a={} b={} b/10={} b/9={} b/Z={} b/a={} b/a/x={} b/a0={} b/\xc3\xa4={} b0={} c={} ");
}

static void a_key_as_long_as_allowed_and_a_long_text_are_kept(void **state)
{
    own_store *here = *state;
    char key[HL__DOCUMENT_KEY_MAX + 1];
    size_t text_len = 300000;
    char *text = malloc(text_len + 1);

    assert_non_null(text);
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    memset(text, 'x', text_len);
    memcpy(text, "{\"a\":\"", 6);
    strcpy(text + text_len - 2, "\"}");
    assert_int_equal(put_document(here->store, key, text), HL_OK);
    assert_document(here->store, key, text);
    free(text);
}

static void what_is_no_json_object_is_refused_with_all_of_its_commit(void **state)
{
    static const char *const wrong[] = {"",      "text",         "[1]",
                                        "1",     "{\"a\":}",     "{\"a\":1",
                                        "{} {}", "{\"\xff\":1}", "{\"a\":1,\"a\":2}"};
    own_store *here = *state;

    assert_int_equal(put_document(here->store, "kept", "{\"n\":1}"), HL_OK);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        hl__record *record = record_named("a", "1", 2);
        hl__store_change changes[] = {{.record = record},
                                      {.document = "new", .text = "{}"},
                                      {.document = "kept"},
                                      {.document = "x", .text = wrong[i]}};
        hl__store_commit commit = {1, changes, 4, "register"};
        assert_int_equal(here->store->ops->commit(here->store, &commit), HL_ERR_INVALID);
        assert_string_equal(hl_last_error()->field, "text");
        assert_non_null(strstr(hl_last_error()->message, "\"x\""));
        hl__record_unref(record);
    }
    assert_int_equal(revision_of(here->store), 1);
    assert_content(here->store, "");
    assert_documents(here->store, "", "kept={\"n\":1} ");
}

static void documents_and_plugins_of_one_commit_are_one_revision(void **state)
{
    own_store *here = *state;
    hl__record *a = record_named("a", "1", 1);
    hl__store_change changes[] = {{.document = "app/a", .text = "{\"n\":1}"},
                                  {.record = a},
                                  {.document = "app/b", .text = "{}"},
                                  {.document = "app/b"},
                                  {.document = "app/c"},
                                  {.document = "app/c", .text = "{\"n\":3}"}};
    hl__store_commit commit = {0, changes, 6, "install"};

    assert_int_equal(here->store->ops->commit(here->store, &commit), HL_OK);
    assert_int_equal(revision_of(here->store), 1);
    assert_content(here->store, "+a=1 ");
    assert_documents(here->store, "", "app/a={\"n\":1} app/c={\"n\":3} ");
    assert_int_equal(here->store->ops->commit(here->store, &commit), HL_ERR_CONFLICT);
    hl__record_unref(a);
}

static void a_plugin_an_event_and_a_document_may_have_one_name(void **state)
{
    own_store *here = *state;

    put_plugin(here->store, "same", "1");
    put_event(here->store, "same", 1);
    put_document(here->store, "same", "{}");
    drop_plugin(here->store, "same");
    assert_content(here->store, "!same=1 ");
    put_document(here->store, "same", NULL);
    assert_content(here->store, "!same=1 ");
    assert_documents(here->store, "", "");
}

static void a_reader_at_another_revision_is_told_of_the_conflict(void **state)
{
    own_store *here = *state;
    hl__store *other = open_store(here->url);
    hl__store_documents list = {0};
    char *text = NULL;

    assert_int_equal(put_document(here->store, "a", "{}"), HL_OK);
    assert_int_equal(here->store->ops->document(here->store, "a", 1, &text), HL_OK);
    free(text);
    text = NULL;
    assert_int_equal(put_plugin(other, "p", "1"), HL_OK);
    hl__fail(HL_ERR_TIMEOUT, "before", "", "Set by the test.");
    for (uint64_t wrong = 0; wrong < 4; wrong += wrong == 1 ? 2 : 1) {
        assert_int_equal(here->store->ops->document(here->store, "a", wrong, &text), HL_ERR_CONFLICT);
        assert_int_equal(here->store->ops->document(here->store, "none", wrong, &text), HL_ERR_CONFLICT);
        assert_int_equal(here->store->ops->documents(here->store, "", wrong, &list), HL_ERR_CONFLICT);
    }
    assert_int_equal(hl_last_error()->status, HL_ERR_TIMEOUT);
    assert_null(text);
    assert_int_equal(list.len, 0);
    assert_int_equal(here->store->ops->documents(here->store, "", 2, &list), HL_OK);
    assert_int_equal(list.len, 1);
    hl__store_documents_cleanup(&list);
    close_store(other);
}

static void another_opener_is_woken_and_has_a_new_revision_and_nothing_else_to_follow(void **state)
{
    own_store *here = *state;
    hl__store *other = open_store(here->url);

    put_plugin(here->store, "a", "1");
    assert_changes(other, 0, "+a=1 ");
    other->ops->watch_drain(other);
    assert_int_equal(put_document(here->store, "app/a", "{}"), HL_OK);
    assert_true(watch_fires(other, 1000));
    assert_int_equal(revision_of(other), 2);
    assert_changes(other, 1, "");
    assert_changes(other, 0, "+a=1 ");
    assert_documents(other, "", "app/a={} ");
    close_store(other);
}

static int use_in_child(own_store *here)
{
    hl__store_documents list = {0};
    char *text;

    if (here->store->ops->document(here->store, "a", HL__STORE_NEWEST, &text) != HL_ERR_FORKED)
        return 1;
    return here->store->ops->documents(here->store, "", HL__STORE_NEWEST, &list) != HL_ERR_FORKED;
}

/* The test itself must fork: that is what it is about. */
static void a_forked_child_is_refused(void **state)
{
    own_store *here = *state;
    int status;

    put_document(here->store, "a", "{}");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(use_in_child(here));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_documents(here->store, "", "a={} ");
}

/* ---- in memory only ---- */

static void many_documents_do_not_push_plugins_out_of_what_is_remembered(void **state)
{
    own_store *here = *state;

    put_plugin(here->store, "a", "1");
    for (int i = 0; i < 1500; i++)
        assert_int_equal(put_document(here->store, "boot/a", i % 2 ? "{}" : NULL), HL_OK);
    assert_changes(here->store, 0, "+a=1 ");
}

/* ---- on disk only ---- */

static void documents_are_there_after_the_last_opener_closed(void **state)
{
    own_store *here = *state;

    put_document(here->store, "app/a", "{\"n\":1}");
    close_store(here->store);
    here->store = open_store(here->url);
    assert_documents(here->store, "", "app/a={\"n\":1} ");
    assert_int_equal(revision_of(here->store), 1);
}

static bool print_entry(const hl_log_entry *entry, void *user)
{
    sprintf((char *)user + strlen(user), "%d %s '%s';", (int)entry->revision, entry->action, entry->subject);
    return true;
}

static void the_log_names_the_action_of_a_commit_of_documents_and_nothing_else(void **state)
{
    own_store *here = *state;
    char text[256] = "";
    hl__record *a = record_named("a", "1", 2);
    hl__store_change both[] = {{.document = "app/a"}, {.record = a}};
    hl__store_commit commit = {1, both, 2, "remove"};

    put_document(here->store, "app/a", "{}");
    assert_int_equal(here->store->ops->commit(here->store, &commit), HL_OK);
    assert_int_equal(hl_store_log(here->url, 0, print_entry, text), HL_OK);
    assert_string_equal(text, "1 document '';2 remove 'a';");
    hl__record_unref(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_document_is_read_as_it_was_put_until_it_is_removed),
        ON_BOTH(a_missing_document_leaves_the_last_error_as_it_was),
        ON_BOTH(a_walk_gives_the_keys_of_a_prefix_in_the_order_of_their_bytes),
        ON_BOTH(a_key_as_long_as_allowed_and_a_long_text_are_kept),
        ON_BOTH(what_is_no_json_object_is_refused_with_all_of_its_commit),
        ON_BOTH(documents_and_plugins_of_one_commit_are_one_revision),
        ON_BOTH(a_plugin_an_event_and_a_document_may_have_one_name),
        ON_BOTH(a_reader_at_another_revision_is_told_of_the_conflict),
        ON_BOTH(another_opener_is_woken_and_has_a_new_revision_and_nothing_else_to_follow),
        ON_BOTH(a_forked_child_is_refused),
        cmocka_unit_test_setup_teardown(many_documents_do_not_push_plugins_out_of_what_is_remembered,
                                        own_store_in_memory, own_store_end),
        cmocka_unit_test_setup_teardown(documents_are_there_after_the_last_opener_closed, own_store_in_lmdb,
                                        own_store_end),
        cmocka_unit_test_setup_teardown(the_log_names_the_action_of_a_commit_of_documents_and_nothing_else,
                                        own_store_in_lmdb, own_store_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
