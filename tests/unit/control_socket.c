/* The control socket from both ends: what a server makes of bad peers, and what an asker makes of bad servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hookline/hookline.h>

#include "observe/control_address.h"
#include "observe/frame.h"

#define STATUS_REQUEST "{\"ask\":\"status\"}"

struct place {
    char folder[256];  /* temporary, holds all of it */
    char store[512];   /* URL */
    char control[512]; /* the control folder */
    hl_runtime *runtime;
};

/* ---- fixtures -------------------------------------------------------------------------------------------------- */

static void open_runtime(struct place *place)
{
    hl_options options = HL_OPTIONS_INIT;

    options.store = place->store;
    options.engine = HL_ENGINE_REFERENCE;
    assert_int_equal(hl_open(&options, &place->runtime), HL_OK);
}

static void place_names(struct place *place, const char *below)
{
    snprintf(place->store, sizeof(place->store), "lmdb:%s/%s", place->folder, below);
    snprintf(place->control, sizeof(place->control), "%s/%s/control", place->folder, below);
}

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    strcpy(place->folder, "/tmp/hookline-control-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    place_names(place, "store");
    open_runtime(place);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    char command[512];

    hl_close(place->runtime);
    snprintf(command, sizeof(command), "rm -rf %s", place->folder);
    assert_int_equal(system(command), 0);
    free(place);
    return 0;
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */

struct answers {
    size_t len;
    char last[4096];
};

static bool keep_answer(const char *answer, void *user)
{
    struct answers *answers = user;

    answers->len++;
    snprintf(answers->last, sizeof(answers->last), "%s", answer);
    return true;
}

static struct answers ask(const struct place *place, const char *request, uint32_t ms)
{
    struct answers answers = {0};
    hl_status status = hl_control_ask(place->store, request, ms, keep_answer, &answers);

    assert_int_equal(status, answers.len ? HL_OK : HL_ERR_PEER);
    return answers;
}

static void assert_still_answers(const struct place *place)
{
    struct answers answers = ask(place, STATUS_REQUEST, 10000);

    assert_int_equal(answers.len, 1);
    assert_non_null(strstr(answers.last, "\"counters\""));
}

static void find_socket(const struct place *place, char *out, size_t out_len)
{
    DIR *entries = opendir(place->control);
    struct dirent *entry;

    assert_non_null(entries);
    *out = '\0';
    while ((entry = readdir(entries)))
        if (strstr(entry->d_name, ".sock"))
            snprintf(out, out_len, "%.200s", entry->d_name);
    closedir(entries);
}

static int connect_raw(const struct place *place)
{
    int directory = open(place->control, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char name[256];
    int fd;

    find_socket(place, name, sizeof(name));
    fd = hl__control_connect(directory, name);
    assert_true(fd >= 0);
    close(directory);
    return fd;
}

static double seconds_since(const struct timespec *begin)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

/* ---- the server's end ------------------------------------------------------------------------------------------ */

static void only_the_owner_may_reach_the_socket(void **state)
{
    const struct place *place = *state;
    char name[256], path[1024];
    struct stat st;

    assert_int_equal(stat(place->control, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    find_socket(place, name, sizeof(name));
    snprintf(path, sizeof(path), "%s/%s", place->control, name);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void bytes_that_are_no_frame_end_the_connection_and_nothing_else(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } garbage[] = {
        {"\0\0\0\0", 4},
        {"\xff\xff\xff\xff", 4},
        {"\x7f\xff\xff\xff{}", 6},
        {"GET / HTTP/1.1\r\n\r\n", 18},
        {"\0\0\0\x10{\"ask\":1", 12},
        {"\0", 1},
        {"", 0},
    };

    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        int fd = connect_raw(*state);

        assert_int_equal(send(fd, garbage[i].bytes, garbage[i].len, MSG_NOSIGNAL), garbage[i].len);
        close(fd);
        assert_still_answers(*state);
    }
}

static void a_frame_longer_than_a_request_may_be_is_cut_off_at_once(void **state)
{
    static const unsigned char head[] = {0, 1, 0, 1};
    struct timespec begin;
    hl__frame answer = {0};
    int fd = connect_raw(*state);

    clock_gettime(CLOCK_MONOTONIC, &begin);
    assert_int_equal(send(fd, head, sizeof(head), MSG_NOSIGNAL), sizeof(head));
    assert_int_equal(hl__frame_wait(&answer, fd, HL__FRAME_ANSWER_MAX, hl__deadline_in(5000)), HL__FRAME_BROKEN);
    assert_true(seconds_since(&begin) < 1);
    hl__frame_cleanup(&answer);
    close(fd);
    assert_still_answers(*state);
}

static void bad_questions_are_answered_with_an_error(void **state)
{
    static const char *const questions[] = {
        "x",
        "[]",
        "{}",
        "null",
        "{\"ask\":1}",
        "{\"ask\":\"nonsense\"}",
        "{\"ask\":\"show\"}",
        "{\"ask\":\"show\",\"event\":7}",
        "{\"ask\":\"show\",\"event\":\"nowhere\"}",
        "{\"ask\":\"explain\",\"event\":\"nowhere\"}",
        "{\"ask\":\"profile\",\"event\":\"nowhere\"}",
        "{\"ask\":\"health\",\"event\":\"nowhere\",\"timeout_ms\":\"soon\"}",
        "{\"ask\":\"dump\",\"event\":\"nowhere\"}",
        "{\"ask\":\"dump\",\"event\":\"nowhere\",\"stage\":\"plan\"}",
        "{\"ask\":\"settle\",\"plugins\":[7]}",
        "{\"ask\":\"settle\",\"plugins\":[{\"name\":\"nobody\",\"revision\":9}]}",
        "{\"ask\":\"status\",\"ask\":\"status\"}",
        "{\"ask\":\"modules\"}", /* libhookline knows it */
    };

    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        struct answers answers = ask(*state, questions[i], 5000);

        assert_int_equal(answers.len, 1);
        if (!strstr(answers.last, "\"error\":{\"status\":\"HL_ERR_"))
            fail_msg("%s is answered with %s", questions[i], answers.last);
    }
}

static void peers_that_say_nothing_keep_nobody_out_for_long(void **state)
{
    int idle[8];

    for (size_t i = 0; i < 8; i++)
        idle[i] = connect_raw(*state);
    assert_still_answers(*state);
    for (size_t i = 0; i < 8; i++)
        close(idle[i]);
}

static void closing_does_not_wait_for_silent_peers(void **state)
{
    struct place *place = *state;
    struct timespec begin, pause = {0, 100000000};
    int idle[4];

    for (size_t i = 0; i < 4; i++)
        idle[i] = connect_raw(place);
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    hl_close(place->runtime);
    assert_true(seconds_since(&begin) < 1);
    for (size_t i = 0; i < 4; i++)
        close(idle[i]);
    open_runtime(place);
}

static void many_askers_at_once_are_all_answered(void **state)
{
    const struct place *place = *state;
    pid_t children[8];

    for (size_t i = 0; i < 8; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct answers answers = {0};
            int good = 0;

            for (size_t k = 0; k < 25; k++)
                good += hl_control_ask(place->store, STATUS_REQUEST, 20000, keep_answer, &answers) == HL_OK;
            _exit(good == 25 && answers.len == 25 ? 0 : 1);
        }
    }
    for (size_t i = 0; i < 8; i++) {
        int ended;

        assert_int_equal(waitpid(children[i], &ended, 0), children[i]);
        assert_int_equal(ended, 0);
    }
}

/* ---- the asker's end ------------------------------------------------------------------------------------------- */

/* A socket in the control folder that listens and never answers. */
static int false_server(const struct place *place, const char *name)
{
    int directory = open(place->control, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address;

    hl__control_address(directory, name, &address);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 5), 0);
    close(directory);
    return fd;
}

static void a_server_that_does_not_answer_delays_no_other(void **state)
{
    int mute = false_server(*state, "1-1.sock");
    struct timespec begin;
    struct answers answers;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    answers = ask(*state, STATUS_REQUEST, 300);
    assert_int_equal(answers.len, 1);
    assert_true(seconds_since(&begin) < 2);
    close(mute);
}

static bool keep_silent(const char *answer, void *user)
{
    return !strstr(answer, "\"silent\":true") || keep_answer(answer, user);
}

static struct answers ask_all(const struct place *place, uint32_t ms)
{
    struct answers silent = {0};

    assert_int_equal(hl_control_ask_all(place->store, STATUS_REQUEST, ms, keep_silent, &silent), HL_OK);
    return silent;
}

static void who_asks_all_is_told_of_those_that_do_not_answer(void **state)
{
    int mute = false_server(*state, "4-1.sock");
    struct answers silent = ask_all(*state, 300);

    assert_int_equal(silent.len, 1);
    assert_non_null(strstr(silent.last, "\"pid\":4,"));
    assert_non_null(strstr(silent.last, "HL_ERR_TIMEOUT"));
    close(mute);
    assert_int_equal(ask_all(*state, 5000).len, 0);
}

static void who_asks_all_is_told_of_one_that_ends_meanwhile(void **state)
{
    int dying = false_server(*state, "5-1.sock");
    pid_t child = fork();
    struct answers silent;
    int ended;

    assert_true(child >= 0);
    if (child == 0) {
        accept(dying, NULL, NULL);
        _exit(0);
    }
    silent = ask_all(*state, 20000);
    assert_int_equal(silent.len, 1);
    assert_non_null(strstr(silent.last, "\"pid\":5,"));
    assert_non_null(strstr(silent.last, "HL_ERR_PEER"));
    assert_int_equal(waitpid(child, &ended, 0), child);
    close(dying);
}

static void an_answer_without_an_end_is_left_out(void **state)
{
    int mute = false_server(*state, "1-1.sock");
    pid_t child = fork();
    struct answers answers;
    int ended;

    assert_true(child >= 0);
    if (child == 0) {
        int fd = accept(mute, NULL, NULL);

        if (send(fd, "\0\0\1\0{\"pid\"", 10, MSG_NOSIGNAL) < 0)
            _exit(1);
        _exit(0);
    }
    answers = ask(*state, STATUS_REQUEST, 2000);
    assert_int_equal(answers.len, 1);
    assert_non_null(strstr(answers.last, "counters"));
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    close(mute);
}

static void sockets_of_the_dead_are_swept_and_those_of_the_living_kept(void **state)
{
    struct place *place = *state;
    int living = false_server(place, "2-1.sock");
    char dead_path[1024], living_path[1024];

    close(false_server(place, "1-1.sock"));
    snprintf(dead_path, sizeof(dead_path), "%s/1-1.sock", place->control);
    snprintf(living_path, sizeof(living_path), "%s/2-1.sock", place->control);
    assert_int_equal(access(dead_path, F_OK), 0);
    hl_close(place->runtime);
    open_runtime(place);
    assert_int_not_equal(access(dead_path, F_OK), 0);
    assert_int_equal(access(living_path, F_OK), 0);
    close(living);
}

static void a_child_that_inherited_the_socket_is_not_taken_for_the_server(void **state)
{
    struct place *place = *state;
    pid_t server = fork();
    struct timespec begin;
    struct answers answers;
    int ended;

    assert_true(server >= 0);
    if (server == 0) {
        false_server(place, "3-1.sock");
        if (fork() == 0)
            sleep(5);
        _exit(0);
    }
    assert_int_equal(waitpid(server, &ended, 0), server);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    answers = ask(place, STATUS_REQUEST, 3000);
    assert_int_equal(answers.len, 1);
    assert_true(seconds_since(&begin) < 1);
}

static void two_runtimes_of_one_store_have_a_socket_each(void **state)
{
    struct place *place = *state;
    struct place second = *place;

    open_runtime(&second);
    assert_int_equal(ask(place, STATUS_REQUEST, 5000).len, 2);
    hl_close(second.runtime);
    assert_int_equal(ask(place, STATUS_REQUEST, 5000).len, 1);
}

static void a_store_path_longer_than_a_socket_address_works(void **state)
{
    struct place *place = *state;
    char below[181];

    hl_close(place->runtime);
    memset(below, 'd', sizeof(below) - 1);
    below[sizeof(below) - 1] = '\0';
    place_names(place, below);
    open_runtime(place);
    assert_still_answers(place);
}

static void without_a_server_asking_says_so(void **state)
{
    struct place *place = *state;

    hl_close(place->runtime);
    place->runtime = NULL;
    assert_int_equal(ask(place, STATUS_REQUEST, 1000).len, 0);
    assert_int_equal(hl_control_ask("memory:", STATUS_REQUEST, 0, keep_answer, NULL), HL_ERR_UNSUPPORTED);
    assert_int_equal(hl_control_ask(place->store, NULL, 0, keep_answer, NULL), HL_ERR_INVALID);
    assert_int_equal(hl_control_ask("lmdb:/nonexistent", STATUS_REQUEST, 0, keep_answer, NULL), HL_ERR_PEER);
    assert_int_equal(hl_control_ask_all(place->store, STATUS_REQUEST, 0, keep_answer, NULL), HL_ERR_PEER);
}

#define with_runtime(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_runtime(only_the_owner_may_reach_the_socket),
        with_runtime(bytes_that_are_no_frame_end_the_connection_and_nothing_else),
        with_runtime(a_frame_longer_than_a_request_may_be_is_cut_off_at_once),
        with_runtime(bad_questions_are_answered_with_an_error),
        with_runtime(peers_that_say_nothing_keep_nobody_out_for_long),
        with_runtime(closing_does_not_wait_for_silent_peers),
        with_runtime(many_askers_at_once_are_all_answered),
        with_runtime(a_server_that_does_not_answer_delays_no_other),
        with_runtime(who_asks_all_is_told_of_those_that_do_not_answer),
        with_runtime(who_asks_all_is_told_of_one_that_ends_meanwhile),
        with_runtime(an_answer_without_an_end_is_left_out),
        with_runtime(sockets_of_the_dead_are_swept_and_those_of_the_living_kept),
        with_runtime(a_child_that_inherited_the_socket_is_not_taken_for_the_server),
        with_runtime(two_runtimes_of_one_store_have_a_socket_each),
        with_runtime(a_store_path_longer_than_a_socket_address_works),
        with_runtime(without_a_server_asking_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
