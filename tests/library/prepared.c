/* Code of installed apps in a running server: loaded by content for its records, prepared before a commit that names
 * it, and its state carried over from the version that it replaces. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <hookline/hookline.h>

#include "core/error.h"
#include "core/extension.h"
#include "core/verbs.h"
#include "library/library.h"
#include "observe/answers.h"
#include "observe/prepared.h"
#include "tests/library/support/fixture.h"

/* ---- an extension whose decisions are the test's ---- */

static bool refusing;
static unsigned opened_len, closing_len;
static bool open_while_closing, known_while_closing;

/* A content stamp of these tests ends in the file's length. */
static hl_status check_content(int fd, const char *path, const char *stamp)
{
    off_t len = lseek(fd, 0, SEEK_END);

    if (len == atoll(stamp + strlen(HL__CONTENT_STAMP)))
        return HL_OK;
    return hl__fail(HL_ERR_CHECKSUM, "check", "stamp", "%s has another content.", path);
}

static hl_status may_load(hl_runtime *runtime, const char *path)
{
    assert_int_equal(hl__lock(runtime, "test"), HL_OK); /* asked without the lock */
    hl__unlock(runtime);
    if (refusing)
        return hl__fail(HL_ERR_LIBRARY, "load", "app", "The app of %s is put aside.", path);
    return HL_OK;
}

static void opened(hl_runtime *runtime)
{
    opened_len++;
    *hl__extension_slot(runtime, HL__ROOM_INSTALL) = &opened_len;
}

static void closing(hl_runtime *runtime)
{
    closing_len++;
    open_while_closing = hl__lock(runtime, "test") == HL_OK;
    if (!open_while_closing)
        return;
    known_while_closing = *hl__extension_slot(runtime, HL__ROOM_INSTALL) == &opened_len;
    hl__unlock(runtime);
}

static void tick(hl_runtime *runtime)
{
    (void)runtime;
}

static const hl__extension extension = {check_content, may_load, opened, closing, tick, NULL};

/* ---- libraries with state ---- */

/* A plugin on the event "e" that answers with its value, which begins with `value`; the next version takes ten times
 * what the old one had, and adds its own. */
static const char *counter(const char *name, int value, const char *save, const char *restore)
{
    char source[4096];

    snprintf(source, sizeof(source),
             "#include <hookline/plugin.h>\n#include <stdlib.h>\n#include <string.h>\n"
             "static int value = %d;\nstatic int restored;\n"
             "static hl_reply call(void *self, void *state, const void *meta)\n"
             "{ (void)self; (void)meta; *(int *)state = value; return hl_next(state); }\n"
             "static int64_t save(void *bytes, size_t room)\n{ (void)bytes; (void)room; %s }\n"
             "static int restore(const void *bytes, size_t len, const char *from)\n"
             "{ (void)bytes; (void)len; (void)from; restored++; %s }\n"
             "static const hl_plugin_spec specs[] = {HL_PLUGIN_INIT(\"counter\", \"e\", call)};\n"
             "HL_PLUGIN_LIBRARY_STATE(\"counter\", \"%d.0.0\", specs, NULL, NULL, save, restore)\n",
             value, save, restore, value);
    return fixture_build(name, source, "");
}

#define SAVE                                                                                                           \
    "if (room < sizeof(value)) return sizeof(value); memcpy(bytes, &value, sizeof(value)); return sizeof(value);"
#define RESTORE                                                                                                        \
    "int old; if (len != sizeof(old) || restored != 1) return 7; memcpy(&old, bytes, len); value += 10 * old;"         \
    "return atoi(from) == old ? 0 : 8;"

static const char *stamp_of(const char *path)
{
    static char stamps[16][48];
    static unsigned next;
    char *stamp = stamps[next++ % 16];
    size_t len;

    free(fixture_read(path, &len));
    snprintf(stamp, sizeof(stamps[0]), HL__CONTENT_STAMP "%zu", len);
    return stamp;
}

/* ---- runtimes ---- */

static hl_runtime *open_store(const char *store, unsigned flags)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime = NULL;

    options.store = store;
    options.flags = flags;
    options.engine = HL_ENGINE_REFERENCE;
    expect_status(hl_open(&options, &runtime), HL_OK, "", "");
    return runtime;
}

static const char *new_store(void)
{
    static char store[300];
    static unsigned number;
    char name[32];

    snprintf(name, sizeof(name), "store-%u", number++);
    snprintf(store, sizeof(store), "lmdb:%s", fixture_path(name));
    return store;
}

static int begin(void **state)
{
    (void)state;
    refusing = false;
    opened_len = closing_len = 0;
    hl__extension_set(&extension);
    return 0;
}

/* What an installer commits: the library's plugins, with its content for a stamp; started. With code when it is
 * prepared in this runtime. */
static hl_status commit_library(hl_runtime *runtime, const char *path, const char *stamp, bool with_code)
{
    hl__library_file *file = NULL;
    hl__request request = {.op = {.verb = HL__REGISTER, .scope = HL__ONE, .start = true}};
    hl__source source = {path, stamp, "1", "counter", NULL};
    hl_status status = hl__library_read(path, &file);

    assert_int_equal(status, HL_OK);
    request.op.candidate = hl__candidate_new(&hl__library_info(file)->specs[0], &source);
    assert_non_null(request.op.candidate);
    if (with_code)
        status = hl__prepared_binding(runtime, path, stamp, "counter", &request.binding);
    if (status == HL_OK)
        status = hl__commit(runtime, "install", &request, 1, HL_WAIT_IDLE, NULL);
    hl__record_unref(request.op.candidate);
    hl__library_file_free(file);
    return status;
}

static int call(hl_event *event)
{
    int state = 0;
    hl_reply reply = hl_call(event, &state, NULL);

    return reply.verdict == HL_NEXT ? state : (int)reply.verdict;
}

static void count_library(void *user, const char *path, const char *stamp)
{
    (void)path;
    (void)stamp;
    ++*(int *)user;
}

static int mapped_len(void)
{
    int count = 0;

    hl__loader.walk(count_library, &count);
    return count;
}

static bool is_mapped(const char *path, const char *stamp)
{
    hl__library *library = hl__loader.find(path, stamp);

    if (library)
        hl__loader.unref(library);
    return library != NULL;
}

#define within_seconds(condition, seconds)                                                                             \
    for (int tries_ = 0; !(condition) && tries_ < (seconds)*1000; tries_++)                                            \
    nanosleep(&(struct timespec){0, 1000000}, NULL)

/* ---- loading for records ---- */

static void records_get_the_code_whose_content_they_name(void **state)
{
    const char *path = counter("records.so", 3, SAVE, RESTORE);
    hl_runtime *runtime = open_store("memory:", 0);
    hl_event *event = NULL;

    (void)state;
    expect_status(commit_library(runtime, path, stamp_of(path), false), HL_OK, "", "");
    assert_int_equal(hl_event_open(runtime, "e", &event), HL_OK);
    assert_int_equal(call(event), 3);
    assert_true(is_mapped(path, stamp_of(path)));
    hl_close(runtime);
    assert_int_equal(mapped_len(), 0);
}

static void expect_reason(hl_runtime *runtime, const char *words)
{
    hl_plugin_info info;

    assert_int_equal(hl_plugin_get(runtime, "counter", &info), HL_OK);
    if (words[0] ? !strstr(info.reason, words) : info.reason[0])
        fail_msg("the reason is: %s", info.reason);
    hl_plugin_info_cleanup(&info);
}

static void a_refused_library_is_not_loaded_and_its_plugins_have_the_reason(void **state)
{
    const char *path = counter("refused.so", 4, SAVE, RESTORE);
    const char *stamp = stamp_of(path);
    hl_runtime *runtime = open_store("memory:", 0);
    hl_event *event = NULL;

    (void)state;
    refusing = true;
    expect_status(commit_library(runtime, path, stamp, false), HL_OK, "", "");
    assert_int_equal(hl_event_open(runtime, "e", &event), HL_OK);
    assert_int_equal(call(event), HL_ERR_NOT_LOADED);
    expect_reason(runtime, "is put aside");
    assert_int_equal(mapped_len(), 0);
    expect_status(hl__load_library(runtime, path, stamp), HL_ERR_LIBRARY, "app", "put aside");

    refusing = false;
    assert_int_equal(call(event), HL_ERR_NOT_LOADED);
    expect_status(hl__load_library(runtime, path, stamp), HL_OK, "", "");
    assert_int_equal(call(event), 4);
    expect_reason(runtime, "");
    hl_close(runtime);
}

static void loading_a_library_gives_code_to_events_that_nobody_has_opened(void **state)
{
    const char *path = counter("unopened.so", 5, SAVE, RESTORE);
    hl_runtime *runtime = open_store("memory:", 0);
    hl_event *event = NULL;

    (void)state;
    expect_status(commit_library(runtime, path, stamp_of(path), false), HL_OK, "", "");
    expect_status(hl__load_library(runtime, path, stamp_of(path)), HL_OK, "", "");
    assert_true(is_mapped(path, stamp_of(path)));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(hl_event_open(runtime, "e", &event), HL_OK);
    assert_int_equal(call(event), 5);
    hl_close(runtime);
}

static void another_content_is_the_plugins_reason(void **state)
{
    const char *path = counter("altered.so", 6, SAVE, RESTORE);
    hl_runtime *runtime = open_store("memory:", 0);

    (void)state;
    expect_status(commit_library(runtime, path, HL__CONTENT_STAMP "1", false), HL_OK, "", "");
    expect_status(hl__load_library(runtime, path, HL__CONTENT_STAMP "1"), HL_ERR_CHECKSUM, "stamp", "another content");
    expect_reason(runtime, "another content");
    hl_close(runtime);
}

static void a_runtime_without_code_loads_none(void **state)
{
    const char *path = counter("operator.so", 7, SAVE, RESTORE);
    const char *stamp = stamp_of(path);
    hl_runtime *runtime = open_store("memory:", HL_OPEN_RECORDS_ONLY);
    hl__prepared row = {path, stamp, "", ""};

    (void)state;
    expect_status(hl__load_library(runtime, path, stamp), HL_ERR_UNSUPPORTED, "runtime", "records-only");
    expect_status(hl__prepare(runtime, &row, 1), HL_OK, "", "");
    expect_status(commit_library(runtime, path, stamp, true), HL_OK, "", "");
    assert_int_equal(mapped_len(), 0);
    hl_close(runtime);
}

static void the_extension_is_told_of_runtimes_that_run_code_and_of_the_end_of_all(void **state)
{
    hl_runtime *runtime = open_store("memory:", HL_OPEN_RECORDS_ONLY);

    (void)state;
    hl_close(runtime);
    assert_int_equal(opened_len, 0);
    assert_int_equal(closing_len, 1);
    assert_true(open_while_closing && !known_while_closing);
    runtime = open_store("memory:", 0);
    assert_int_equal(opened_len, 1);
    hl_close(runtime);
    hl_close(runtime);
    assert_int_equal(closing_len, 2);
    assert_true(open_while_closing && known_while_closing);
}

/* ---- preparing ---- */

/* A server with version 1 in service. */
typedef struct server {
    const char *store;
    hl_runtime *runtime;
    hl_event *event;
    char path[256];
    char stamp[48];
} server;

static server serve(const char *store, const char *file)
{
    server made = {.store = store, .runtime = open_store(store, 0)};

    snprintf(made.path, sizeof(made.path), "%s", counter(file, 1, SAVE, RESTORE));
    snprintf(made.stamp, sizeof(made.stamp), "%s", stamp_of(made.path));
    expect_status(commit_library(made.runtime, made.path, made.stamp, false), HL_OK, "", "");
    assert_int_equal(hl_event_open(made.runtime, "e", &made.event), HL_OK);
    assert_int_equal(call(made.event), 1);
    return made;
}

/* all of the new code serves, and the old is unmapped. */
static void an_upgrade_carries_state_and_leaves_nothing_of_the_old_version(void **state)
{
    server server = serve("memory:", "upgrade-1.so");
    const char *path = counter("upgrade-2.so", 2, SAVE, RESTORE);
    const char *stamp = stamp_of(path);
    hl__prepared row = {path, stamp, server.path, server.stamp};

    (void)state;
    expect_status(hl__prepare(server.runtime, &row, 1), HL_OK, "", "");
    assert_int_equal(call(server.event), 1); /* the old one serves until the commit */
    assert_int_equal(unlink(path), 0);       /* what is prepared needs its file no more */
    path = counter("upgrade-2.so", 2, SAVE, RESTORE);
    expect_status(commit_library(server.runtime, path, stamp, true), HL_OK, "", "");
    assert_int_equal(call(server.event), 12);
    within_seconds(!is_mapped(server.path, server.stamp), 10);
    assert_false(is_mapped(server.path, server.stamp));
    hl__prepare_release(server.runtime, &row, 1);
    assert_int_equal(call(server.event), 12);
    assert_int_equal(mapped_len(), 1);
    hl_close(server.runtime);
    assert_int_equal(mapped_len(), 0);
}

static void what_is_released_without_a_commit_is_gone(void **state)
{
    server server = serve("memory:", "released-1.so");
    const char *path = counter("released-2.so", 2, SAVE, RESTORE);
    hl__prepared row = {path, stamp_of(path), server.path, server.stamp};
    hl__binding *binding;

    (void)state;
    expect_status(hl__prepare(server.runtime, &row, 1), HL_OK, "", "");
    expect_status(hl__prepared_binding(server.runtime, path, row.stamp, "other", &binding), HL_ERR_NOT_FOUND, "plugin",
                  "no plugin \"other\"");
    assert_true(is_mapped(path, row.stamp));
    hl__prepare_release(server.runtime, &row, 1);
    assert_false(is_mapped(path, row.stamp));
    expect_status(hl__prepared_binding(server.runtime, path, row.stamp, "counter", &binding), HL_ERR_NOT_FOUND, "path",
                  "not prepared");
    assert_int_equal(call(server.event), 1);

    /* Prepared once more, it begins anew: restore of RESTORE refuses a second time in the same mapping. */
    expect_status(hl__prepare(server.runtime, &row, 1), HL_OK, "", "");
    expect_status(hl__prepare(server.runtime, &row, 1), HL_OK, "", "");
    hl_close(server.runtime);
    assert_int_equal(mapped_len(), 0);
}

static void what_no_commit_names_is_let_go_of_after_a_minute(void **state)
{
    server server = serve("memory:", "expired-1.so");
    const char *path = counter("expired-2.so", 2, SAVE, RESTORE);
    hl__prepared row = {path, stamp_of(path), "", ""};
    uint64_t now_ns;

    (void)state;
    expect_status(hl__prepare(server.runtime, &row, 1), HL_OK, "", "");
    now_ns = hl__now_ns();
    hl__prepared_tick(server.runtime, now_ns + (HL__PREPARED_MS - 1000) * UINT64_C(1000000));
    assert_true(is_mapped(path, row.stamp));
    hl__prepared_tick(server.runtime, now_ns + HL__PREPARED_MS * UINT64_C(1000000));
    assert_false(is_mapped(path, row.stamp));
    hl_close(server.runtime);
}

/* The second library of the request fails: the first is not kept either, and the old version goes on. */
static void expect_undone(const char *save, const char *restore, hl_status wanted, const char *field, const char *words)
{
    hl_runtime *runtime = open_store("memory:", 0);
    const char *other = fixture_plugin("undone-other.so", "", "");
    const char *old = counter("undone-1.so", 1, save, RESTORE);
    const char *next = counter("undone-2.so", 2, SAVE, restore);
    hl__prepared rows[] = {{other, stamp_of(other), "", ""}, {next, stamp_of(next), old, stamp_of(old)}};
    hl_event *event = NULL;

    expect_status(commit_library(runtime, old, stamp_of(old), false), HL_OK, "", "");
    assert_int_equal(hl_event_open(runtime, "e", &event), HL_OK);
    expect_status(hl__prepare(runtime, rows, 2), wanted, field, words);
    assert_int_equal(mapped_len(), 1);
    assert_int_equal(call(event), 1);
    hl_close(runtime);
}

static void a_failing_save_undoes_the_request(void **state)
{
    (void)state;
    expect_undone("return HL_ERR_TIMEOUT;", RESTORE, HL_ERR_LIBRARY, "save", "The time given was not enough");
    expect_undone("return INT64_C(1) << 40;", RESTORE, HL_ERR_LIMIT, "save", "bytes of state");
}

static void a_failing_restore_undoes_the_request(void **state)
{
    (void)state;
    expect_undone(SAVE, "return 9;", HL_ERR_LIBRARY, "restore", "version \"1.0.0\": it returned 9");
}

static void a_library_that_does_not_load_undoes_the_request(void **state)
{
    server server = serve("memory:", "missing-1.so");
    const char *path = counter("missing-2.so", 2, SAVE, RESTORE);
    hl__prepared rows[] = {{path, stamp_of(path), "", ""}, {fixture_path("none.so"), HL__CONTENT_STAMP "1", "", ""}};

    (void)state;
    expect_status(hl__prepare(server.runtime, rows, 2), HL_ERR_NOT_FOUND, "path", "no file");
    assert_false(is_mapped(path, rows[0].stamp));
    hl_close(server.runtime);
}

#define LARGE "(INT64_C(3) << 20)"

static void state_of_any_size_is_carried_whole(void **state)
{
    server server;
    const char *old =
        counter("large-1.so", 1, "if (room >= " LARGE ") memset(bytes, 0x5a, " LARGE ");\nreturn " LARGE ";", RESTORE);
    const char *path = counter("large-2.so", 2, SAVE,
                               "if (len != " LARGE ") return 1;\n"
                               "for (size_t i = 0; i < len; i++) if (((const char *)bytes)[i] != 0x5a) return 2;\n"
                               "value = 77; return 0;");
    hl__prepared row = {path, stamp_of(path), old, stamp_of(old)};

    (void)state;
    server.runtime = open_store("memory:", 0);
    expect_status(commit_library(server.runtime, old, row.replaces_stamp, false), HL_OK, "", "");
    assert_int_equal(hl_event_open(server.runtime, "e", &server.event), HL_OK);
    expect_status(hl__prepare(server.runtime, &row, 1), HL_OK, "", "");
    expect_status(commit_library(server.runtime, path, row.stamp, true), HL_OK, "", "");
    assert_int_equal(call(server.event), 77);
    hl_close(server.runtime);
}

static void several_runtimes_of_a_process_carry_state_once(void **state)
{
    const char *store = new_store();
    server server = serve(store, "several-1.so");
    hl_runtime *second = open_store(store, 0);
    const char *path = counter("several-2.so", 2, SAVE, RESTORE);
    hl__prepared row = {path, stamp_of(path), server.path, server.stamp};

    (void)state;
    expect_status(hl__prepare(server.runtime, &row, 1), HL_OK, "", "");
    expect_status(hl__prepare(second, &row, 1), HL_OK, "", "");
    hl__prepare_release(server.runtime, &row, 1);
    assert_true(is_mapped(path, row.stamp));
    hl_close(second);
    assert_false(is_mapped(path, row.stamp));
    hl_close(server.runtime);
}

/* ---- over the control socket ---- */

static const char *answer(hl_runtime *runtime, const char *request)
{
    static char text[4096];
    char *answer = hl__control_answer(runtime, request, strlen(request));

    assert_non_null(answer);
    snprintf(text, sizeof(text), "%s", answer);
    free(answer);
    return text;
}

static void expect_words(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" is not in: %s", words, text);
}

/* The commit is another process's: this one learns of it from the store, as servers do. */
static void a_server_is_prepared_upgraded_and_released_from_outside(void **state)
{
    server server = serve(new_store(), "outside-1.so");
    hl_runtime *records = open_store(server.store, HL_OPEN_RECORDS_ONLY);
    const char *path = counter("outside-2.so", 2, SAVE, RESTORE);
    const char *stamp = stamp_of(path);
    char libraries[1024];
    char request[2048];

    (void)state;
    snprintf(libraries, sizeof(libraries),
             "[{\"path\":\"%s\",\"stamp\":\"%s\",\"replaces_path\":\"%s\",\"replaces_stamp\":\"%s\"}]", path, stamp,
             server.path, server.stamp);
    snprintf(request, sizeof(request), "{\"ask\":\"prepare\",\"libraries\":%s}", libraries);
    expect_words(answer(server.runtime, request), "\"prepared\":true");
    expect_words(answer(server.runtime, "{\"ask\":\"libraries\"}"), path);
    expect_words(answer(server.runtime, "{\"ask\":\"libraries\"}"), server.path);
    expect_words(answer(server.runtime, "{\"ask\":\"libraries\"}"), stamp);

    expect_status(commit_library(records, path, stamp, false), HL_OK, "", "");
    within_seconds(call(server.event) == 12, 10);
    assert_int_equal(call(server.event), 12);
    within_seconds(!is_mapped(server.path, server.stamp), 10);
    assert_null(strstr(answer(server.runtime, "{\"ask\":\"libraries\"}"), server.path));

    snprintf(request, sizeof(request), "{\"ask\":\"release\",\"libraries\":%s}", libraries);
    expect_words(answer(server.runtime, request), "\"released\":true");
    assert_int_equal(call(server.event), 12);
    hl_close(records);
    hl_close(server.runtime);
    assert_int_equal(mapped_len(), 0);
}

/* Nobody has opened the event, but the old code is mapped: it must give way, or it would stay for ever. */
static void replaced_code_gives_way_also_where_its_event_is_not_open(void **state)
{
    const char *store = new_store();
    const char *old = counter("closed-1.so", 1, SAVE, RESTORE);
    const char *path = counter("closed-2.so", 2, SAVE, RESTORE);
    hl_runtime *runtime = open_store(store, 0);
    hl_runtime *records = open_store(store, HL_OPEN_RECORDS_ONLY);

    (void)state;
    expect_status(commit_library(runtime, old, stamp_of(old), false), HL_OK, "", "");
    expect_status(hl__load_library(runtime, old, stamp_of(old)), HL_OK, "", "");
    assert_true(is_mapped(old, stamp_of(old)));
    expect_status(commit_library(records, path, stamp_of(path), false), HL_OK, "", "");
    within_seconds(is_mapped(path, stamp_of(path)) && !is_mapped(old, stamp_of(old)), 10);
    assert_true(is_mapped(path, stamp_of(path)));
    assert_false(is_mapped(old, stamp_of(old)));
    hl_close(records);
    hl_close(runtime);
}

static void bad_requests_are_answered_and_change_nothing(void **state)
{
    hl_runtime *runtime = open_store("memory:", 0);

    (void)state;
    expect_words(answer(runtime, "{\"ask\":\"prepare\",\"libraries\":[{\"path\":\"/x\"}]}"), "HL_ERR_INVALID");
    expect_words(answer(runtime, "{\"ask\":\"release\",\"libraries\":[7]}"), "no path or no stamp");
    expect_words(answer(runtime,
                        "{\"ask\":\"prepare\",\"libraries\":[{\"path\":\"/no/such.so\",\"stamp\":\"sha256:1\"}]}"),
                 "HL_ERR_NOT_FOUND");
    expect_words(answer(runtime, "{\"ask\":\"prepare\"}"), "\"prepared\":true");
    expect_words(answer(runtime, "{\"ask\":\"libraries\"}"), "\"libraries\":[]");
    hl_close(runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(records_get_the_code_whose_content_they_name, begin),
        cmocka_unit_test_setup(a_refused_library_is_not_loaded_and_its_plugins_have_the_reason, begin),
        cmocka_unit_test_setup(loading_a_library_gives_code_to_events_that_nobody_has_opened, begin),
        cmocka_unit_test_setup(another_content_is_the_plugins_reason, begin),
        cmocka_unit_test_setup(a_runtime_without_code_loads_none, begin),
        cmocka_unit_test_setup(the_extension_is_told_of_runtimes_that_run_code_and_of_the_end_of_all, begin),
        cmocka_unit_test_setup(an_upgrade_carries_state_and_leaves_nothing_of_the_old_version, begin),
        cmocka_unit_test_setup(what_is_released_without_a_commit_is_gone, begin),
        cmocka_unit_test_setup(what_no_commit_names_is_let_go_of_after_a_minute, begin),
        cmocka_unit_test_setup(a_failing_save_undoes_the_request, begin),
        cmocka_unit_test_setup(a_failing_restore_undoes_the_request, begin),
        cmocka_unit_test_setup(a_library_that_does_not_load_undoes_the_request, begin),
        cmocka_unit_test_setup(state_of_any_size_is_carried_whole, begin),
        cmocka_unit_test_setup(several_runtimes_of_a_process_carry_state_once, begin),
        cmocka_unit_test_setup(a_server_is_prepared_upgraded_and_released_from_outside, begin),
        cmocka_unit_test_setup(replaced_code_gives_way_also_where_its_event_is_not_open, begin),
        cmocka_unit_test_setup(bad_requests_are_answered_and_change_nothing, begin),
    };

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
