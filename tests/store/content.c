/* What every store promises, tried on both: compare and swap, load, changes, watching, several openers. Rows BS-02,
 * RG-03, ST-01, ST-06, LG-02. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store/support/fixture.h"

/* ---- on both ---- */

static void a_new_store_is_empty_at_revision_0(void **state)
{
    own_store *here = *state;
    assert_int_equal(revision_of(here->store), 0);
    assert_content(here->store, "");
    assert_changes(here->store, 0, "");
}

static void a_commit_raises_the_revision_by_one(void **state)
{
    own_store *here = *state;
    for (uint64_t i = 1; i <= 5; i++) {
        assert_int_equal(put_plugin(here->store, "a", "1"), HL_OK);
        assert_int_equal(revision_of(here->store), i);
    }
}

static void a_commit_on_an_old_revision_is_a_conflict_and_writes_nothing(void **state)
{
    own_store *here = *state;
    hl__record *record = record_named("late", "", 1);
    hl__store_change change = {.record = record};

    assert_int_equal(put_plugin(here->store, "first", "1"), HL_OK);
    for (uint64_t wrong = 0; wrong < 4; wrong += wrong == 0 ? 2 : 1) {
        hl__store_commit commit = {wrong, &change, 1, "register"};
        assert_int_equal(here->store->ops->commit(here->store, &commit), HL_ERR_CONFLICT);
    }
    assert_int_equal(revision_of(here->store), 1);
    assert_content(here->store, "+first=1 ");
    hl__record_unref(record);
}

static void a_conflict_leaves_the_last_error_as_it_was(void **state)
{
    own_store *here = *state;
    hl__store_change change = {.gone = "none"};
    hl__store_commit commit = {7, &change, 1, "unregister"};

    hl__fail(HL_ERR_TIMEOUT, "before", "", "Set by the test.");
    assert_int_equal(here->store->ops->commit(here->store, &commit), HL_ERR_CONFLICT);
    assert_int_equal(hl_last_error()->status, HL_ERR_TIMEOUT);
}

static void changes_tells_each_touched_name_once_in_its_newest_form(void **state)
{
    own_store *here = *state;
    put_plugin(here->store, "a", "1");
    put_plugin(here->store, "b", "1");
    put_event(here->store, "request", HL_EVENT_SKIP_MISSING);
    put_plugin(here->store, "a", "2");
    drop_plugin(here->store, "b");
    put_plugin(here->store, "c", "1");
    assert_changes(here->store, 0, "!request=1 -b +a=2 +c=1 ");
    assert_changes(here->store, 3, "-b +a=2 +c=1 ");
    assert_changes(here->store, 5, "+c=1 ");
    assert_changes(here->store, 6, "");
}

static void a_revision_of_the_future_is_not_remembered(void **state)
{
    own_store *here = *state;
    put_plugin(here->store, "a", "1");
    assert_int_equal(try_changes(here->store, 2), HL_ERR_NOT_FOUND);
}

static void a_commit_of_many_changes_is_one_revision(void **state)
{
    own_store *here = *state;
    hl__record *a = record_named("a", "1", 1), *b = record_named("b", "1", 1), *again = record_named("a", "2", 2);
    hl__store_change both[] = {{.record = a}, {.record = b}};
    hl__store_change swap[] = {{.gone = "a"}, {.record = again}, {.gone = "b"}, {.gone = "never there"}};
    hl__store_commit first = {0, both, 2, "register"}, second = {1, swap, 4, "replace"};

    assert_int_equal(here->store->ops->commit(here->store, &first), HL_OK);
    assert_content(here->store, "+a=1 +b=1 ");
    assert_int_equal(here->store->ops->commit(here->store, &second), HL_OK);
    assert_content(here->store, "+a=2 ");
    assert_int_equal(revision_of(here->store), 2);
    hl__record_unref(a);
    hl__record_unref(b);
    hl__record_unref(again);
}

static hl_status refuse_second(void *user, hl__record *record)
{
    hl__record_unref(record);
    return ++*(int *)user == 2 ? HL_ERR_LIMIT : HL_OK;
}

static void a_visitor_that_refuses_ends_the_walk_with_its_status(void **state)
{
    own_store *here = *state;
    int calls = 0;
    uint64_t revision = 77;
    hl__store_visitor visitor = {.record = refuse_second, .user = &calls};

    for (int i = 0; i < 4; i++)
        put_plugin(here->store, (const char *[]){"a", "b", "c", "d"}[i], "");
    assert_int_equal(here->store->ops->load(here->store, &visitor, &revision), HL_ERR_LIMIT);
    assert_int_equal(calls, 2);
    assert_int_equal(revision, 77);
}

static void a_second_opener_sees_commits_and_is_woken(void **state)
{
    own_store *here = *state;
    hl__store *other = open_store(here->url);

    assert_false(watch_fires(other, 0));
    assert_int_equal(put_plugin(here->store, "a", "1"), HL_OK);
    assert_true(watch_fires(other, 1000));
    other->ops->watch_drain(other);
    assert_false(watch_fires(other, 0));
    assert_changes(other, 0, "+a=1 ");
    assert_int_equal(put_plugin(other, "b", "2"), HL_OK);
    assert_true(watch_fires(here->store, 1000));
    assert_content(here->store, "+a=1 +b=2 ");
    close_store(other);
}

static void closing_one_opener_leaves_the_other_working(void **state)
{
    own_store *here = *state;
    for (int i = 0; i < 3; i++) {
        hl__store *other = open_store(here->url);
        assert_int_equal(put_plugin(other, "a", "1"), HL_OK);
        close_store(other);
        assert_int_equal(put_plugin(here->store, "b", "2"), HL_OK);
        assert_content(here->store, "+a=1 +b=2 ");
    }
}

static void a_reader_may_not_commit(void **state)
{
    own_store *here = *state;
    hl__store *reader;

    assert_int_equal(hl__store_open(here->url, HL__STORE_READ_ONLY, 0, &reader), HL_OK);
    assert_int_equal(put_plugin(reader, "a", "1"), HL_ERR_STORE_READ_ONLY);
    assert_string_equal(hl_last_error()->field, "store");
    assert_int_equal(revision_of(here->store), 0);
    assert_int_equal(put_plugin(here->store, "a", "1"), HL_OK);
    assert_content(reader, "+a=1 ");
    close_store(reader);
}

static int use_in_child(own_store *here)
{
    hl__store *own;
    uint64_t revision;

    if (here->store->ops->revision(here->store, &revision) != HL_ERR_FORKED || try_load(here->store) != HL_ERR_FORKED ||
        try_changes(here->store, 0) != HL_ERR_FORKED)
        return 1;
    if (hl__store_open(here->url, 0, 0, &own) != HL_OK)
        return 2;
    if (here->folder && put_plugin(own, "child", "1") != HL_OK)
        return 3;
    close_store(own);
    close_store(here->store);
    return 0;
}

/* The test itself must fork: that is what it is about. */
static void a_forked_child_is_refused_until_it_opens_its_own(void **state)
{
    own_store *here = *state;
    int status;

    put_plugin(here->store, "a", "1");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(use_in_child(here));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(put_plugin(here->store, "b", "1"), HL_OK);
    assert_content(here->store, here->folder ? "+a=1 +b=1 +child=1 " : "+a=1 +b=1 ");
}

#define THREADS 4
#define COMMITS_EACH 100

/* Commits through an opener of its own, opened again now and then. */
static void *commit_from_thread(void *user)
{
    const own_store *here = user;
    hl__store_change change = {.gone = "nothing"};
    uintptr_t failures = 0;
    hl__store *own = NULL;

    for (int done = 0; done < COMMITS_EACH && !failures;) {
        hl__store_commit commit = {0, &change, 1, "unregister"};
        if (!own && hl__store_open(here->url, 0, 0, &own) != HL_OK)
            return (void *)1;
        failures += own->ops->revision(own, &commit.expected) != HL_OK;
        hl_status status = own->ops->commit(own, &commit);
        failures += status != HL_OK && status != HL_ERR_CONFLICT;
        done += status == HL_OK;
        if (status == HL_OK && done % 10 == 0) {
            own->ops->close(own);
            own = NULL;
        }
    }
    if (own)
        own->ops->close(own);
    return (void *)failures;
}

static void openers_on_several_threads_lose_no_commit(void **state)
{
    own_store *here = *state;
    pthread_t threads[THREADS];
    void *failures;

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, commit_from_thread, here), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &failures), 0);
        assert_null(failures);
    }
    assert_int_equal(revision_of(here->store), THREADS * COMMITS_EACH);
    assert_changes(here->store, 0, "-nothing ");
}

/* ---- in memory only ---- */

static void memory_forgets_far_changes_and_says_so(void **state)
{
    own_store *here = *state;
    for (int i = 0; i < 3000; i++)
        assert_int_equal(put_plugin(here->store, "a", "1"), HL_OK);
    assert_int_equal(try_changes(here->store, 0), HL_ERR_NOT_FOUND);
    assert_int_equal(try_changes(here->store, 1500), HL_ERR_NOT_FOUND);
    assert_changes(here->store, 2990, "+a=1 ");
}

static void a_named_memory_store_dies_with_its_last_opener(void **state)
{
    hl__store *one = open_store("memory:mortal"), *two = open_store("memory:mortal");

    (void)state;
    assert_int_equal(put_plugin(one, "a", "1"), HL_OK);
    close_store(one);
    assert_content(two, "+a=1 ");
    close_store(two);
    one = open_store("memory:mortal");
    assert_content(one, "");
    close_store(one);
}

static void unnamed_memory_stores_are_private(void **state)
{
    hl__store *one = open_store("memory:"), *two = open_store("memory:");

    (void)state;
    assert_int_equal(put_plugin(one, "a", "1"), HL_OK);
    assert_content(two, "");
    assert_int_equal(one->ops->watch_fd(one), -1);
    assert_null(one->ops->directory(one));
    close_store(one);
    close_store(two);
}

static void memory_stores_of_two_names_are_two_stores(void **state)
{
    hl__store *one = open_store("memory:one"), *two = open_store("memory:two");

    (void)state;
    assert_int_equal(put_plugin(one, "a", "1"), HL_OK);
    assert_content(two, "");
    close_store(one);
    close_store(two);
}

static void a_writer_in_memory_is_not_woken_by_itself(void **state)
{
    own_store *here = *state;
    assert_int_equal(put_plugin(here->store, "a", "1"), HL_OK);
    assert_false(watch_fires(here->store, 0));
}

/* ---- on disk only ---- */

static void the_log_keeps_ten_thousand_revisions_and_forgets_older_ones(void **state)
{
    own_store *here = *state;
    hl__store_change change = {.gone = "nothing"};
    const uint64_t commits = 10100;

    for (uint64_t i = 0; i < commits; i++) {
        hl__store_commit commit = {i, &change, 1, "unregister"};
        assert_int_equal(here->store->ops->commit(here->store, &commit), HL_OK);
    }
    assert_changes(here->store, commits - 10000, "-nothing ");
    assert_int_equal(try_changes(here->store, 0), HL_ERR_NOT_FOUND);
    assert_int_equal(try_changes(here->store, commits - 10000 - 40), HL_ERR_NOT_FOUND);
}

static void content_is_there_after_the_last_opener_closed(void **state)
{
    own_store *here = *state;
    put_plugin(here->store, "a", "1");
    close_store(here->store);
    here->store = open_store(here->url);
    assert_content(here->store, "+a=1 ");
    assert_int_equal(revision_of(here->store), 1);
}

static void one_file_is_one_store_whatever_it_is_called(void **state)
{
    own_store *here = *state;
    char link[URL_BYTES], url[URL_BYTES + 8];

    snprintf(link, sizeof(link), "%s-link", here->folder);
    assert_int_equal(symlink(here->folder, link), 0);
    snprintf(url, sizeof(url), "lmdb:./%s", link);
    hl__store *other = open_store(url);
    assert_string_equal(other->ops->directory(other), here->store->ops->directory(here->store));
    assert_int_equal(put_plugin(other, "a", "1"), HL_OK);
    assert_content(here->store, "+a=1 ");
    close_store(other);
    assert_int_equal(put_plugin(here->store, "b", "1"), HL_OK);
    assert_int_equal(unlink(link), 0);
}

/* ---- addresses ---- */

static void assert_refused(const char *url, hl_status expected, const char *hint)
{
    hl__store *store;
    assert_int_equal(hl__store_open(url, 0, 0, &store), expected);
    assert_string_equal(hl_last_error()->field, "store");
    assert_non_null(strstr(hl_last_error()->message, hint));
}

static void an_address_of_no_known_kind_is_refused_with_those_there_are(void **state)
{
    (void)state;
    assert_refused(NULL, HL_ERR_INVALID, "lmdb:DIR");
    assert_refused("", HL_ERR_INVALID, "lmdb:DIR");
    assert_refused("/var/lib/plugins", HL_ERR_INVALID, "lmdb:DIR");
    assert_refused("LMDB:x", HL_ERR_INVALID, "memory:NAME");
    assert_refused("lmdb:", HL_ERR_INVALID, "lmdb:DIR");
    assert_refused("etcd:localhost:2379/x", HL_ERR_UNSUPPORTED, "this build");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_new_store_is_empty_at_revision_0),
        ON_BOTH(a_commit_raises_the_revision_by_one),
        ON_BOTH(a_commit_on_an_old_revision_is_a_conflict_and_writes_nothing),
        ON_BOTH(a_conflict_leaves_the_last_error_as_it_was),
        ON_BOTH(changes_tells_each_touched_name_once_in_its_newest_form),
        ON_BOTH(a_revision_of_the_future_is_not_remembered),
        ON_BOTH(a_commit_of_many_changes_is_one_revision),
        ON_BOTH(a_visitor_that_refuses_ends_the_walk_with_its_status),
        ON_BOTH(a_second_opener_sees_commits_and_is_woken),
        ON_BOTH(closing_one_opener_leaves_the_other_working),
        ON_BOTH(a_reader_may_not_commit),
        ON_BOTH(openers_on_several_threads_lose_no_commit),
        ON_BOTH(a_forked_child_is_refused_until_it_opens_its_own),
        cmocka_unit_test_setup_teardown(memory_forgets_far_changes_and_says_so, own_store_in_memory, own_store_end),
        cmocka_unit_test_setup_teardown(a_writer_in_memory_is_not_woken_by_itself, own_store_in_memory, own_store_end),
        cmocka_unit_test(a_named_memory_store_dies_with_its_last_opener),
        cmocka_unit_test(unnamed_memory_stores_are_private),
        cmocka_unit_test(memory_stores_of_two_names_are_two_stores),
        cmocka_unit_test_setup_teardown(the_log_keeps_ten_thousand_revisions_and_forgets_older_ones, own_store_in_lmdb,
                                        own_store_end),
        cmocka_unit_test_setup_teardown(content_is_there_after_the_last_opener_closed, own_store_in_lmdb,
                                        own_store_end),
        cmocka_unit_test_setup_teardown(one_file_is_one_store_whatever_it_is_called, own_store_in_lmdb, own_store_end),
        cmocka_unit_test(an_address_of_no_known_kind_is_refused_with_those_there_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
