/* Documents and changes of plugins as one commit of a runtime: all of it or nothing, also when other processes win
 * races, requests are refused, or the process is killed. Tried on both stores. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "core/document.h"
#include "tests/support/support.h"

typedef struct place {
    const char *folder; /* NULL: in memory */
    const char *url;
    hl_runtime *runtime;
    hl_event *event;
} place;

static void open_place(place *here, const char *url)
{
    here->url = url;
    here->runtime = test_open(url, 0);
    here->event = test_event(here->runtime, "e");
}

static int begin_memory(void **state)
{
    static place here;
    here = (place){0};
    open_place(&here, "memory:commits");
    *state = &here;
    return 0;
}

static int begin_lmdb(void **state)
{
    static place here;
    here = (place){.folder = test_folder()};
    open_place(&here, test_lmdb(here.folder));
    *state = &here;
    return 0;
}

static int end(void **state)
{
    place *here = *state;
    hl_close(here->runtime);
    if (here->folder)
        test_folder_remove(here->folder);
    return 0;
}

/* ---- short words ---- */

/* What a commit puts: keys and texts in turn, a text "" removes; then its answer. */
typedef struct script {
    const char *puts[8];
    hl_status answer;
    unsigned calls;
} script;

static hl_status play(void *user, hl__documents *documents)
{
    script *with = user;

    with->calls++;
    for (size_t i = 0; with->puts[i]; i += 2)
        ok(hl__documents_put(documents, with->puts[i], *with->puts[i + 1] ? with->puts[i + 1] : NULL));
    return with->answer;
}

static hl_status commit_script(hl_runtime *runtime, script *with)
{
    return hl__commit_documents(runtime, "test", NULL, 0, play, with, 0, NULL);
}

static void put_one(hl_runtime *runtime, const char *key, const char *text)
{
    ok(commit_script(runtime, &(script){.puts = {key, text}}));
}

static hl_status add_line(void *user, const char *key, const char *text)
{
    test_text *to = user;

    to->len += (size_t)snprintf(to->text + to->len, sizeof(to->text) - to->len, "%s=%s ", key, text);
    return HL_OK;
}

static const char *all_documents(hl_runtime *runtime)
{
    static test_text found;

    found.len = 0;
    found.text[0] = '\0';
    ok(hl__document_walk(runtime, "", add_line, &found));
    return found.text;
}

/* A stop of a plugin of this name, as a request. */
static hl__request stop(const char *name)
{
    return (hl__request){.op = {.verb = HL__STOP, .scope = HL__ONE, .subject = name}};
}

/* The number in a document {"n":...}; 0 when there is none. */
static long number_of(hl__documents *documents, const char *key)
{
    char *text;
    long number = 0;
    hl_status status = hl__documents_get(documents, key, &text);

    if (status == HL_OK) {
        assert_int_equal(sscanf(text, "{\"n\":%ld}", &number), 1);
        free(text);
    }
    return number;
}

static hl_status put_number(hl__documents *documents, const char *key, long number)
{
    char text[32];

    snprintf(text, sizeof(text), "{\"n\":%ld}", number);
    return hl__documents_put(documents, key, text);
}

static hl_status count_up(void *user, hl__documents *documents)
{
    return put_number(documents, user, number_of(documents, user) + 1);
}

/* ---- reading and writing ---- */

static void what_was_put_is_read_inside_and_outside_of_commits(void **state)
{
    place *here = *state;
    char *text = "untouched";

    assert_int_equal(hl__document_get(here->runtime, "app/a", &text), HL_ERR_NOT_FOUND);
    assert_null(text);
    ok(commit_script(here->runtime, &(script){.puts = {"app/b", "{\"n\":2}", "app/a", "{\"n\":1}"}}));
    ok(hl__document_get(here->runtime, "app/a", &text));
    assert_string_equal(text, "{\"n\":1}");
    free(text);
    assert_string_equal(all_documents(here->runtime), "app/a={\"n\":1} app/b={\"n\":2} ");
    ok(hl__commit_documents(here->runtime, "count", NULL, 0, count_up, "app/a", 0, NULL));
    ok(commit_script(here->runtime, &(script){.puts = {"app/b", "", "app/c", "{}"}}));
    assert_string_equal(all_documents(here->runtime), "app/a={\"n\":2} app/c={} ");
}

static void the_last_put_of_a_key_counts(void **state)
{
    place *here = *state;

    ok(commit_script(here->runtime, &(script){.puts = {"a", "{}", "a", "", "b", "{\"n\":1}"}}));
    assert_string_equal(all_documents(here->runtime), "b={\"n\":1} ");
    ok(commit_script(here->runtime, &(script){.puts = {"b", "", "b", "{\"n\":2}"}}));
    assert_string_equal(all_documents(here->runtime), "b={\"n\":2} ");
}

static hl_status stop_at_second(void *user, const char *key, const char *text)
{
    (void)key;
    (void)text;
    return ++*(int *)user == 2 ? HL_ERR_LIMIT : HL_OK;
}

static void a_visitor_ends_the_walk_with_its_status(void **state)
{
    place *here = *state;
    int calls = 0;

    ok(commit_script(here->runtime, &(script){.puts = {"a", "{}", "b", "{}", "c", "{}"}}));
    assert_int_equal(hl__document_walk(here->runtime, "", stop_at_second, &calls), HL_ERR_LIMIT);
    assert_int_equal(calls, 2);
}

static hl_status get_again(void *user, const char *key, const char *text)
{
    char *same;

    ok(hl__document_get(user, key, &same));
    assert_string_equal(same, text);
    free(same);
    return HL_OK;
}

static void a_walk_outside_of_a_commit_holds_no_lock(void **state)
{
    place *here = *state;

    put_one(here->runtime, "a", "{}");
    ok(hl__document_walk(here->runtime, "", get_again, here->runtime));
}

static hl_status try_keys(void *user, hl__documents *documents)
{
    char long_key[HL__DOCUMENT_KEY_MAX + 2], *text;

    (void)user;
    memset(long_key, 'k', sizeof(long_key) - 1);
    long_key[sizeof(long_key) - 1] = '\0';
    refused(hl__documents_put(documents, NULL, "{}"), HL_ERR_INVALID, "key");
    refused(hl__documents_put(documents, "", "{}"), HL_ERR_INVALID, "key");
    refused(hl__documents_put(documents, long_key, "{}"), HL_ERR_INVALID, "key");
    refused(hl__documents_get(documents, "", &text), HL_ERR_INVALID, "key");
    refused(hl__documents_get(documents, long_key, &text), HL_ERR_INVALID, "key");
    return HL_OK;
}

static void a_key_that_is_empty_or_too_long_is_refused(void **state)
{
    place *here = *state;
    char *text;

    ok(hl__commit_documents(here->runtime, "test", NULL, 0, try_keys, NULL, 0, NULL));
    refused(hl__document_get(here->runtime, "", &text), HL_ERR_INVALID, "key");
    assert_string_equal(all_documents(here->runtime), "");
}

/* ---- all or nothing ---- */

static void a_commit_without_changes_and_puts_writes_nothing(void **state)
{
    place *here = *state;
    hl__request request = {.op = {.verb = HL__STOP, .scope = HL__ALL}};
    script nothing = {.calls = 0};

    run(here->runtime, .name = "a", .event = "e");
    ok(hl_stop_all(here->runtime, 0));
    uint64_t commits = test_counters(here->runtime).commits;
    ok(commit_script(here->runtime, &nothing));
    ok(hl__commit_documents(here->runtime, "test", &request, 1, play, &nothing, 0, NULL));
    ok(hl__commit_documents(here->runtime, "test", &request, 1, NULL, NULL, 0, NULL));
    assert_int_equal(nothing.calls, 2);
    assert_int_equal(test_counters(here->runtime).commits, commits);
}

static void plugins_and_documents_change_in_one_commit(void **state)
{
    place *here = *state;
    hl__request request = stop("a");

    run(here->runtime, .name = "a", .event = "e");
    uint64_t commits = test_counters(here->runtime).commits;
    ok(hl__commit_documents(here->runtime, "test", &request, 1, play, &(script){.puts = {"app/a", "{}"}}, 0, NULL));
    assert_int_equal(test_counters(here->runtime).commits, commits + 1);
    assert_string_equal(test_status(here->runtime, "a"), "stopped");
    assert_string_equal(test_run_trail(here->event), "");
    assert_string_equal(all_documents(here->runtime), "app/a={} ");
}

static void a_refused_request_leaves_no_document_and_is_named(void **state)
{
    place *here = *state;
    hl__request requests[] = {stop("a"), stop("missing")};
    script with = {.puts = {"app/a", "{}"}};
    size_t failed = SIZE_MAX;

    run(here->runtime, .name = "a", .event = "e");
    assert_int_equal(hl__commit_documents(here->runtime, "test", requests, 2, play, &with, 0, &failed),
                     HL_ERR_NOT_FOUND);
    assert_int_equal(failed, 1);
    assert_int_equal(with.calls, 1);
    assert_string_equal(test_status(here->runtime, "a"), "started");
    assert_string_equal(all_documents(here->runtime), "");
}

static void count_release(void *self)
{
    ++*(int *)self;
}

/* A registration with its code, as a request. */
static hl__request registration(hl__record *candidate, int *released)
{
    hl_plugin_spec spec = HL_PLUGIN_INIT("new", "e", test_do_nothing);
    hl__request request = {.op = {.verb = HL__REGISTER, .scope = HL__ONE, .subject = "new", .candidate = candidate}};

    spec.self = released;
    spec.release = count_release;
    request.binding = hl__binding_new(&spec, NULL, NULL, "", "");
    assert_non_null(request.binding);
    return request;
}

static hl__record *candidate_new(void)
{
    hl__record from = {.name = "new", .event = "e", .extension = "host", .extra = "", .priority = 100};

    from.status = HL_REGISTERED;
    from.library = from.library_stamp = from.version = "";
    ok(hl__uuid_new(from.id));
    return hl__record_new(&from);
}

static void a_refusing_function_leaves_no_record_and_no_code(void **state)
{
    place *here = *state;
    int released = 0;
    size_t failed = SIZE_MAX;
    hl__record *candidate = candidate_new();
    hl__request request = registration(candidate, &released);
    script with = {.puts = {"app/new", "{}"}, .answer = HL_ERR_LIMIT};

    assert_int_equal(hl__commit_documents(here->runtime, "test", &request, 1, play, &with, 0, &failed), HL_ERR_LIMIT);
    assert_int_equal(failed, SIZE_MAX);
    assert_string_equal(test_status(here->runtime, "new"), "absent");
    assert_string_equal(all_documents(here->runtime), "");
    assert_int_equal(released, 0); /* the caller keeps what was never taken */
    request = registration(candidate, &released);
    with.answer = HL_OK;
    ok(hl__commit_documents(here->runtime, "test", &request, 1, play, &with, 0, NULL));
    assert_string_equal(test_status(here->runtime, "new"), "registered");
    assert_string_equal(all_documents(here->runtime), "app/new={} ");
    assert_int_equal(released, 0);
    ok(hl_unregister(here->runtime, "new", HL_WAIT_IDLE));
    assert_int_equal(released, 1);
    hl__record_unref(candidate);
}

static void a_text_that_is_no_json_object_refuses_the_whole_commit(void **state)
{
    place *here = *state;
    hl__request request = stop("a");
    script with = {.puts = {"app/a", "{}", "app/b", "words"}};

    run(here->runtime, .name = "a", .event = "e");
    refused(hl__commit_documents(here->runtime, "test", &request, 1, play, &with, 0, NULL), HL_ERR_INVALID, "text");
    assert_string_equal(test_status(here->runtime, "a"), "started");
    assert_string_equal(all_documents(here->runtime), "");
    ok(hl__commit_documents(here->runtime, "test", &request, 1, play, &(script){.puts = {"app/a", "{}"}}, 0, NULL));
    assert_string_equal(test_status(here->runtime, "a"), "stopped");
}

static void a_read_only_runtime_reads_documents_and_writes_none(void **state)
{
    place *here = *state;
    hl_runtime *reader = test_open(here->url, HL_OPEN_READ_ONLY);

    put_one(here->runtime, "a", "{}");
    assert_string_equal(all_documents(reader), "a={} ");
    refused(commit_script(reader, &(script){.puts = {"b", "{}"}}), HL_ERR_STORE_READ_ONLY, "store");
    assert_string_equal(all_documents(here->runtime), "a={} ");
    hl_close(reader);
}

static void a_records_only_runtime_commits_documents_and_plugins(void **state)
{
    place *here = *state;
    hl_runtime *other = test_open(here->url, HL_OPEN_RECORDS_ONLY);
    hl__request request = stop("a");

    run(here->runtime, .name = "a", .event = "e");
    ok(hl__commit_documents(other, "test", &request, 1, play, &(script){.puts = {"app/a", "{}"}}, 0, NULL));
    hl_close(other);
    assert_string_equal(test_status(here->runtime, "a"), "stopped");
    assert_string_equal(all_documents(here->runtime), "app/a={} ");
    eventually(strcmp(test_seen_trail(here->event), "") == 0);
}

static void a_closed_runtime_refuses(void **state)
{
    place *here = *state;
    hl_runtime *other = test_open(here->url, 0);
    script with = {.puts = {"a", "{}"}};
    char *text;

    hl_close(other);
    refused(commit_script(other, &with), HL_ERR_CLOSED, "runtime");
    assert_int_equal(with.calls, 0);
    assert_int_equal(hl__document_get(other, "a", &text), HL_ERR_CLOSED);
    assert_int_equal(hl__document_walk(other, "", add_line, NULL), HL_ERR_CLOSED);
}

/* ---- other openers ---- */

/* Lets another runtime commit in the first attempt, before or after this one has read. */
typedef struct race {
    hl_runtime *other;
    bool before;
    const char *key; /* what the other one counts up */
    unsigned calls;
    hl_status heard; /* what reading answered in the first attempt */
} race;

static void let_other_win(race *with)
{
    if (with->calls == 1)
        ok(hl__commit_documents(with->other, "race", NULL, 0, count_up, (void *)(uintptr_t)with->key, 0, NULL));
}

static hl_status run_race(void *user, hl__documents *documents)
{
    race *with = user;
    char *text = NULL;
    long number;

    with->calls++;
    if (with->before)
        let_other_win(with);
    hl_status status = hl__documents_get(documents, "n", &text);
    if (with->calls == 1)
        with->heard = status;
    free(text);
    number = number_of(documents, "n");
    if (!with->before)
        let_other_win(with);
    return put_number(documents, "n", number + 1);
}

static void the_loser_of_a_race_decides_again_on_what_the_winner_wrote(void **state)
{
    place *here = *state;
    hl_runtime *other = test_open(here->url, 0);

    for (int before = 0; before < 2; before++) {
        race with = {.other = other, .before = before, .key = "n"};
        ok(hl__commit_documents(here->runtime, "test", NULL, 0, run_race, &with, 0, NULL));
        assert_int_equal(with.calls, 2);
        assert_int_equal(with.heard, before ? HL_ERR_CONFLICT : HL_ERR_NOT_FOUND);
        assert_string_equal(all_documents(other), "n={\"n\":2} ");
        put_one(other, "n", "");
    }
    hl_close(other);
}

static hl_status fail_when_overtaken(void *user, hl__documents *documents)
{
    race *with = user;
    char *text = NULL;
    test_text lines = {.len = 0};

    with->calls++;
    let_other_win(with);
    hl_status status = hl__documents_walk(documents, "", add_line, &lines);
    if (with->calls == 1) {
        assert_int_equal(status, HL_ERR_CONFLICT);
        assert_int_equal(lines.len, 0);
        return HL_ERR_LIMIT; /* a wrong conclusion from what could not be read */
    }
    ok(status);
    assert_string_equal(lines.text, "other={\"n\":1} ");
    assert_int_equal(hl__documents_get(documents, "mine", &text), HL_ERR_NOT_FOUND);
    return put_number(documents, "mine", 1);
}

static void what_was_decided_on_outdated_documents_does_not_count(void **state)
{
    place *here = *state;
    hl_runtime *other = test_open(here->url, 0);
    race with = {.other = other, .key = "other"};

    ok(hl__commit_documents(here->runtime, "test", NULL, 0, fail_when_overtaken, &with, 0, NULL));
    assert_int_equal(with.calls, 2);
    assert_string_equal(all_documents(other), "mine={\"n\":1} other={\"n\":1} ");
    hl_close(other);
}

static void a_conflict_that_the_function_answers_is_no_lost_race(void **state)
{
    place *here = *state;
    script with = {.puts = {"a", "{}"}, .answer = HL_ERR_CONFLICT};

    assert_int_equal(commit_script(here->runtime, &with), HL_ERR_CONFLICT);
    assert_int_equal(with.calls, 1);
    assert_string_equal(all_documents(here->runtime), "");
}

static void others_follow_a_commit_of_documents_without_noticing_it(void **state)
{
    place *here = *state;
    hl_runtime *other = test_open(here->url, 0);
    hl_event *event = test_event(other, "e");
    test_notices notices;

    run(other, .name = "a", .event = "e");
    test_settle(other, event);
    test_notices_begin(other, &notices);
    hl_counters before = test_counters(other);
    put_one(here->runtime, "app/a", "{}");
    eventually(test_counters(other).remote_changes == before.remote_changes + 1);
    assert_string_equal(all_documents(other), "app/a={} ");
    assert_string_equal(test_status(other, "a"), "started");
    hl_counters after = test_counters(other);
    assert_int_equal(after.remote_changes, before.remote_changes + 1);
    assert_int_equal(after.swaps, before.swaps);
    assert_int_equal(after.commits, before.commits);
    assert_string_equal(test_notices_take(&notices), "");
    put_one(other, "app/b", "{}");
    assert_int_equal(test_counters(other).remote_changes, before.remote_changes + 1);
    test_notices_end(&notices);
    hl_close(other);
}

/* ---- other processes ---- */

#define COUNTERS 3
#define ROUNDS 60

static int count_in_child(const char *url)
{
    hl_runtime *runtime = test_open(url, HL_OPEN_RECORDS_ONLY);

    for (int i = 0; i < ROUNDS; i++) {
        if (hl__commit_documents(runtime, "count", NULL, 0, count_up, "n", 0, NULL) != HL_OK)
            return 1;
        usleep(200); /* the writer lock is unfair */
    }
    hl_close(runtime);
    return 0;
}

static void processes_that_count_at_once_lose_no_step(void **state)
{
    place *here = *state;
    int children[COUNTERS];
    char expected[64];

    for (int i = 0; i < COUNTERS; i++)
        children[i] = test_spawn((const char *[]){"count", here->url, NULL});
    for (int i = 0; i < ROUNDS; i++)
        ok(hl__commit_documents(here->runtime, "count", NULL, 0, count_up, "n", 0, NULL));
    for (int i = 0; i < COUNTERS; i++)
        assert_int_equal(test_wait(children[i]), 0);
    snprintf(expected, sizeof(expected), "n={\"n\":%d} ", (COUNTERS + 1) * ROUNDS);
    assert_string_equal(all_documents(here->runtime), expected);
}

/* Registers "p" with the number as its extra text and writes it into two documents, all in one commit. */
static hl_status count_all(hl_runtime *runtime, long number)
{
    char extra[24];
    hl__record from = {.name = "p", .event = "e", .extension = "host", .extra = extra, .priority = 100};
    script with = {.puts = {"left", extra, "right", extra}};

    snprintf(extra, sizeof(extra), "{\"n\":%ld}", number);
    from.status = HL_REGISTERED;
    from.library = from.library_stamp = from.version = "";
    ok(hl__uuid_new(from.id));
    hl__record *candidate = hl__record_new(&from);
    hl__request request = {.op = {.verb = HL__REGISTER, .scope = HL__ONE, .subject = "p", .candidate = candidate}};
    hl_status status = hl__commit_documents(runtime, "count", &request, 1, play, &with, 0, NULL);
    hl__record_unref(candidate);
    return status;
}

static int work_in_child(const char *url, const char *acknowledged, long from)
{
    int fd = open(acknowledged, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    hl_runtime *runtime = test_open(url, HL_OPEN_RECORDS_ONLY);

    for (long number = from;; number++) {
        if (count_all(runtime, number) != HL_OK || pwrite(fd, &number, sizeof(number), 0) != sizeof(number))
            return 1;
    }
}

static long read_acknowledged(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    long number = 0;

    if (fd < 0)
        return 0;
    assert_true(read(fd, &number, sizeof(number)) >= 0);
    close(fd);
    return number;
}

/* Checks that plugin and documents are of one commit; gives its number. */
static long number_left(const char *url)
{
    hl_runtime *runtime = test_open(url, HL_OPEN_RECORDS_ONLY);
    hl_plugin_info info = {.size = sizeof(info)};
    char expected[128];
    long number = 0;

    ok(hl_plugin_get(runtime, "p", &info));
    assert_int_equal(sscanf(info.extra, "{\"n\":%ld}", &number), 1);
    snprintf(expected, sizeof(expected), "left=%s right=%s ", info.extra, info.extra);
    assert_string_equal(all_documents(runtime), expected);
    hl_plugin_info_cleanup(&info);
    hl_close(runtime);
    return number;
}

static void a_killed_process_leaves_plugins_and_documents_of_one_commit(void **state)
{
    place *here = *state;
    char acknowledged[128], from[24];
    long number = 0;

    snprintf(acknowledged, sizeof(acknowledged), "%s/acknowledged", here->folder);
    for (unsigned i = 0; i < 20; i++) {
        long before = number;
        snprintf(from, sizeof(from), "%ld", before + 1);
        int child = test_spawn((const char *[]){"work", here->url, acknowledged, from, NULL});
        eventually(read_acknowledged(acknowledged) > before + 1);
        usleep(i * 211 % 4000);
        kill(child, SIGKILL);
        assert_int_equal(test_wait(child), -SIGKILL);
        number = number_left(here->url);
        assert_in_range(number, read_acknowledged(acknowledged), read_acknowledged(acknowledged) + 1);
    }
}

#define ON_BOTH(test)                                                                                                  \
    {#test " [memory]", test, begin_memory, end, NULL},                                                                \
    {                                                                                                                  \
#test " [lmdb]", test, begin_lmdb, end, NULL                                                                   \
    }

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(what_was_put_is_read_inside_and_outside_of_commits),
        ON_BOTH(the_last_put_of_a_key_counts),
        ON_BOTH(a_visitor_ends_the_walk_with_its_status),
        ON_BOTH(a_walk_outside_of_a_commit_holds_no_lock),
        ON_BOTH(a_key_that_is_empty_or_too_long_is_refused),
        ON_BOTH(a_commit_without_changes_and_puts_writes_nothing),
        ON_BOTH(plugins_and_documents_change_in_one_commit),
        ON_BOTH(a_refused_request_leaves_no_document_and_is_named),
        ON_BOTH(a_refusing_function_leaves_no_record_and_no_code),
        ON_BOTH(a_text_that_is_no_json_object_refuses_the_whole_commit),
        ON_BOTH(a_read_only_runtime_reads_documents_and_writes_none),
        ON_BOTH(a_records_only_runtime_commits_documents_and_plugins),
        ON_BOTH(a_closed_runtime_refuses),
        ON_BOTH(the_loser_of_a_race_decides_again_on_what_the_winner_wrote),
        ON_BOTH(what_was_decided_on_outdated_documents_does_not_count),
        ON_BOTH(a_conflict_that_the_function_answers_is_no_lost_race),
        ON_BOTH(others_follow_a_commit_of_documents_without_noticing_it),
        cmocka_unit_test_setup_teardown(processes_that_count_at_once_lose_no_step, begin_lmdb, end),
        cmocka_unit_test_setup_teardown(a_killed_process_leaves_plugins_and_documents_of_one_commit, begin_lmdb, end),
    };

    if (argc > 2 && strcmp(argv[1], "count") == 0)
        return count_in_child(argv[2]);
    if (argc > 4 && strcmp(argv[1], "work") == 0)
        return work_in_child(argv[2], argv[3], atol(argv[4]));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
