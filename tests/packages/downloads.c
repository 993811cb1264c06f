/* Downloads from a real HTTPS server that behaves and misbehaves: whatever it does, there is the very content, or an
 * error that tells why, and the process is as it was. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "install/digest.h"
#include "install/fetch.h"
#include "tests/packages/support/answer.h"
#include "tests/support/https_server.h"
#include "tests/support/support.h"

#define MIB (UINT64_C(1) << 20)
#define FILE_BYTES 300000

/* One server for all cases; each case has a policy and a file of its own. */
static struct {
    const char *folder;
    test_server server;
} shared;

typedef struct place {
    hl__policy policy;
    int fd;
    char *final_url;
    hl__policy_host hosts[2];
} place;

static int setup_all(void **state)
{
    char served[512], own[512], path[600];
    FILE *file;

    (void)state;
    shared.folder = test_folder();
    snprintf(served, sizeof(served), "%s/served", shared.folder);
    snprintf(own, sizeof(own), "%s/state", shared.folder);
    snprintf(path, sizeof(path), "%s/file", served);
    assert_int_equal(mkdir(served, 0755), 0);
    file = fopen(path, "we");
    assert_non_null(file);
    for (uint64_t i = 0; i < FILE_BYTES; i++)
        putc(test_made_up_byte(i), file);
    assert_int_equal(fclose(file), 0);
    test_server_start(&shared.server, served, own);
    return 0;
}

static int teardown_all(void **state)
{
    (void)state;
    test_server_stop(&shared.server);
    test_folder_remove(shared.folder);
    return 0;
}

/* A policy that allows the server by https and trusts its authority; tests change what they are about. */
static int setup(void **state)
{
    place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    assert_int_equal(hl__policy_load(NULL, &place->policy), HL_OK);
    place->hosts[0] = (hl__policy_host){"127.0.0.1", (uint16_t)shared.server.https, false};
    place->policy.hosts = place->hosts;
    place->policy.hosts_len = 1;
    place->policy.ca_file = shared.server.ca;
    place->policy.stall_seconds = 5;
    place->fd = memfd_create("download", MFD_CLOEXEC);
    assert_true(place->fd >= 0);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    place *place = *state;

    place->policy.hosts = NULL;
    place->policy.hosts_len = 0;
    place->policy.ca_file = NULL;
    hl__policy_cleanup(&place->policy);
    close(place->fd);
    free(place->final_url);
    free(place);
    return 0;
}

static hl_status get(place *place, const char *url)
{
    free(place->final_url);
    return hl__fetch(&place->policy, url, place->fd, place->policy.download_bytes, NULL, NULL, &place->final_url);
}

static hl_status get_path(place *place, const char *path)
{
    return get(place, test_server_url(&shared.server, "%s", path));
}

static uint64_t size_of(int fd)
{
    struct stat found;

    assert_int_equal(fstat(fd, &found), 0);
    return (uint64_t)found.st_size;
}

/* The file holds exactly the first `len` bytes of made-up content. */
static void check_content(int fd, uint64_t len)
{
    unsigned char bytes[65536];

    assert_int_equal(size_of(fd), len);
    for (uint64_t at = 0; at < len; at += sizeof(bytes)) {
        ssize_t got = pread(fd, bytes, sizeof(bytes), (off_t)at);

        assert_true(got > 0);
        for (ssize_t i = 0; i < got; i++) {
            if (bytes[i] != test_made_up_byte(at + (uint64_t)i))
                fail_msg("byte %llu differs", (unsigned long long)at + (unsigned long long)i);
        }
    }
}

static void gets_all(place *place, const char *path)
{
    if (get_path(place, path) != HL_OK)
        fail_msg("%s: %s", path, hl_last_error()->message);
    check_content(place->fd, FILE_BYTES);
}

static void message_says(const char *text)
{
    if (!strstr(hl_last_error()->message, text))
        fail_msg("\"%s\" is not in: %s", text, hl_last_error()->message);
}

/* ---- what works ---- */

/* DL-01 */
static void content_comes_as_it_is(void **state)
{
    place *place = *state;

    gets_all(place, "/file");
    assert_string_equal(place->final_url, test_server_url(&shared.server, "/file"));
    gets_all(place, "/file?chunked=1");
    gets_all(place, "/file?length=none");
    ok(get_path(place, "/file?bytes=0"));
    assert_int_equal(size_of(place->fd), 0);
}

/* SE-13 */
static void compressed_answers_are_not_decoded(void **state)
{
    gets_all(*state, "/file?gzip=1");
}

static void plain_http_works_where_it_is_listed(void **state)
{
    place *place = *state;
    char url[128];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/file", shared.server.http);
    refused(get(place, url), HL_ERR_POLICY, "hosts");
    place->hosts[1] = (hl__policy_host){"127.0.0.1", (uint16_t)shared.server.http, true};
    place->policy.hosts_len = 2;
    ok(get(place, url));
    check_content(place->fd, FILE_BYTES);
}

typedef struct told {
    uint64_t calls, done, total, cancel_at;
} told;

static bool on_progress(void *user, uint64_t done, uint64_t total)
{
    told *told = user;

    assert_true(done >= told->done);
    told->calls++;
    told->done = done;
    told->total = total;
    return done < told->cancel_at;
}

static void progress_is_told_to_the_end(void **state)
{
    place *place = *state;
    told told = {0, 0, 0, UINT64_MAX};

    ok(hl__fetch(&place->policy, test_server_url(&shared.server, "/file"), place->fd, FILE_BYTES, on_progress, &told,
                 &place->final_url));
    assert_true(told.calls >= 2);
    assert_int_equal(told.done, FILE_BYTES);
    assert_int_equal(told.total, FILE_BYTES);
}

static void progress_function_can_cancel_while_nothing_comes(void **state)
{
    place *place = *state;
    told told = {0, 0, 0, 1000};
    uint64_t begin_ns = test_now_ns();

    place->policy.stall_seconds = 60;
    refused(hl__fetch(&place->policy, test_server_url(&shared.server, "/file?stall=1000"), place->fd, FILE_BYTES,
                      on_progress, &told, &place->final_url),
            HL_ERR_CANCELLED, "");
    assert_true(test_now_ns() - begin_ns < UINT64_C(5000000000));
    assert_null(place->final_url);
}

/* ---- redirects ---- */

/* SE-14 */
static void redirects_are_followed_up_to_the_limit(void **state)
{
    place *place = *state;

    gets_all(place, "/hops/5/file");
    assert_string_equal(place->final_url, test_server_url(&shared.server, "/file"));
    refused(get_path(place, "/hops/6/file"), HL_ERR_LIMIT, "limits.redirects");
    refused(get_path(place, "/loop"), HL_ERR_LIMIT, "limits.redirects");
    place->policy.redirects = 0;
    refused(get_path(place, "/hops/1/file"), HL_ERR_LIMIT, "limits.redirects");
    gets_all(place, "/file");
    assert_int_equal(test_server_count(&shared.server, "/loop"), 6);
}

/* SE-14, X-017 */
static void redirect_to_what_is_not_listed_is_refused_before_anything_is_sent_there(void **state)
{
    static const struct {
        const char *to, *field;
    } rows[] = {
        {"https://localhost:%u/file%%3Fmark=1", "hosts"},
        {"http://127.0.0.1:%u/file%%3Fmark=1", "hosts"},
        {"ftp://127.0.0.1:%u/file%%3Fmark=1", "location"},
        {"file:///etc/passwd#%u", "location"},
        {"https://user:secret@127.0.0.1:%u/file%%3Fmark=1", "location"},
        {"//localhost:%u/file%%3Fmark=1", "hosts"},
    };
    place *place = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned port = strncmp(rows[i].to, "http:", 5) == 0 ? shared.server.http : shared.server.https;
        char to[256], path[512];

        snprintf(to, sizeof(to), rows[i].to, port);
        snprintf(path, sizeof(path), "/file?redirect=%s", to);
        refused(get_path(place, path), HL_ERR_POLICY, rows[i].field);
        assert_int_equal(size_of(place->fd), 0);
    }
    assert_int_equal(test_server_count(&shared.server, " /file?mark=1"), 0);
}

static void redirect_to_another_listed_host_is_followed(void **state)
{
    place *place = *state;
    char path[256], wanted[128];

    place->hosts[1] = (hl__policy_host){"localhost", (uint16_t)shared.server.https, false};
    place->policy.hosts_len = 2;
    snprintf(wanted, sizeof(wanted), "https://localhost:%u/file", shared.server.https);
    snprintf(path, sizeof(path), "/file?redirect=%s", wanted);
    gets_all(place, path);
    assert_string_equal(place->final_url, wanted);
    gets_all(place, "/file?redirect=/file");
    gets_all(place, "/file?code=308%26&redirect=file");
}

static void redirect_without_a_place_is_an_error(void **state)
{
    refused(get_path(*state, "/file?code=302"), HL_ERR_DOWNLOAD, "location");
}

/* ---- answers that are no content ---- */

/* DL-01, X-021 */
static void only_200_is_content(void **state)
{
    static const unsigned codes[] = {201, 203, 204, 206, 300, 304, 400, 401, 403, 404, 410, 416, 429, 500, 503};
    place *place = *state;
    char path[64], says[32];

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        snprintf(path, sizeof(path), "/file?code=%u", codes[i]);
        snprintf(says, sizeof(says), "answers %u", codes[i]);
        refused(get_path(place, path), HL_ERR_DOWNLOAD, "location");
        message_says(says);
        assert_int_equal(size_of(place->fd), 0);
    }
}

static void what_is_secret_in_an_address_is_not_in_messages(void **state)
{
    refused(get_path(*state, "/nothing?signature=secret"), HL_ERR_DOWNLOAD, "location");
    assert_null(strstr(hl_last_error()->message, "secret"));
    message_says("/nothing");
}

/* ---- broken transfers ---- */

static void broken_transfer_is_resumed_where_it_stopped(void **state)
{
    place *place = *state;

    gets_all(place, "/file?reset=100000&mark=resumed");
    assert_int_equal(test_server_count(&shared.server, "mark=resumed range= "), 1);
    assert_int_equal(test_server_count(&shared.server, "mark=resumed range=bytes="), 3 - 1);
    gets_all(place, "/file?close=100000&once=k0");
    gets_all(place, "/hops/2/file?reset=200000");
}

static void transfer_that_cannot_be_resumed_begins_anew(void **state)
{
    place *place = *state;

    gets_all(place, "/file?reset=290000&once=k1&etag=changing");
    gets_all(place, "/file?reset=100000&once=k2&wrong_range=1");
    refused(get_path(place, "/file?reset=100000&ranges=0"), HL_ERR_DOWNLOAD, "location");
    refused(get_path(place, "/file?reset=100000&etag=none&mark=anew"), HL_ERR_DOWNLOAD, "location");
    message_says("at try 5");
    assert_int_equal(test_server_count(&shared.server, "mark=anew range= "), 5);
    refused(get_path(place, "/file?reset=100000&etag=weak"), HL_ERR_DOWNLOAD, "location");
}

/* */
static void server_that_always_breaks_is_an_error(void **state)
{
    place *place = *state;

    refused(get_path(place, "/file?reset=0"), HL_ERR_DOWNLOAD, "location");
    refused(get_path(place, "/file?reset=1"), HL_ERR_DOWNLOAD, "location");
    refused(get_path(place, "/file?close=10"), HL_ERR_DOWNLOAD, "location");
}

/* A length that is not true: too long is a broken transfer, too short is not read past. */
static void length_that_lies_is_noticed_or_kept(void **state)
{
    place *place = *state;

    refused(get_path(place, "/file?length=400000"), HL_ERR_DOWNLOAD, "location");
    ok(get_path(place, "/file?length=1000"));
    check_content(place->fd, 1000);
    refused(get_path(place, "/file?length=-5"), HL_ERR_DOWNLOAD, "location");
    gets_all(place, "/file?length=99999999999999999999999");
}

/* SE-07 */
static void wrong_content_has_another_checksum(void **state)
{
    place *place = *state;
    char right[HL__SHA256_TEXT], wrong[HL__SHA256_TEXT];

    ok(get_path(place, "/file"));
    ok(hl__digest_fd(place->fd, right));
    ok(get_path(place, "/file?rotten=1"));
    ok(hl__digest_fd(place->fd, wrong));
    assert_int_equal(size_of(place->fd), FILE_BYTES);
    assert_false(hl__digest_same(right, wrong));
}

/* ---- limits ---- */

/* X-018, SE-15 */
static void more_than_allowed_is_never_written(void **state)
{
    place *place = *state;

    place->policy.download_bytes = FILE_BYTES;
    gets_all(place, "/file");
    place->policy.download_bytes = FILE_BYTES - 1;
    refused(get_path(place, "/file"), HL_ERR_LIMIT, "limits.download_bytes");
    assert_int_equal(size_of(place->fd), 0);
    refused(get_path(place, "/file?chunked=1"), HL_ERR_LIMIT, "limits.download_bytes");
    assert_true(size_of(place->fd) < FILE_BYTES);
    refused(get_path(place, "/file?length=none"), HL_ERR_LIMIT, "limits.download_bytes");
    assert_true(size_of(place->fd) < FILE_BYTES);
    refused(get_path(place, "/x?bytes=1099511627776"), HL_ERR_LIMIT, "limits.download_bytes");
    free(place->final_url);
    refused(hl__fetch(&place->policy, test_server_url(&shared.server, "/file"), place->fd, 8192, NULL, NULL,
                      &place->final_url),
            HL_ERR_LIMIT, "location");
}

/* */
static void server_that_stalls_is_given_up(void **state)
{
    place *place = *state;
    uint64_t begin_ns = test_now_ns();

    place->policy.stall_seconds = 1;
    refused(get_path(place, "/file?silent=1"), HL_ERR_DOWNLOAD, "location");
    message_says("nothing came for 1 seconds");
    assert_true(test_now_ns() - begin_ns < UINT64_C(4000000000));
    gets_all(place, "/file?stall=100000&once=k3");
}

/* */
static void slow_server_is_given_up_after_the_time_that_is_allowed(void **state)
{
    place *place = *state;
    uint64_t begin_ns = test_now_ns();

    place->policy.download_seconds = 2;
    refused(get_path(place, "/file?drip=50"), HL_ERR_LIMIT, "limits.download_seconds");
    assert_true(test_now_ns() - begin_ns < UINT64_C(6000000000));
}

static uint64_t memory_bytes(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    unsigned long long kib = 0;
    char line[256];

    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        sscanf(line, "VmHWM: %llu kB", &kib);
    fclose(file);
    assert_true(kib > 0);
    return kib * 1024;
}

/* the content goes to the file and not through memory. */
static void large_download_takes_no_memory(void **state)
{
    place *place = *state;
    int file = open(shared.folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    uint64_t before;

    assert_true(file >= 0);
    ok(get_path(place, "/file"));
    free(place->final_url);
    before = memory_bytes();
    ok(hl__fetch(&place->policy, test_server_url(&shared.server, "/large?bytes=%llu", (unsigned long long)(256 * MIB)),
                 file, 256 * MIB, NULL, NULL, &place->final_url));
    assert_int_equal(size_of(file), 256 * MIB);
    if (!test_sanitized())
        assert_true(memory_bytes() - before < 16 * MIB);
    close(file);
}

static void full_disk_is_told_as_such(void **state)
{
    place *place = *state;
    struct rlimit before, small = {100000, 100000};
    hl_status status;
    int file;

    file = open(shared.folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status = hl__fetch(&place->policy, test_server_url(&shared.server, "/file"), file, FILE_BYTES, NULL, NULL,
                       &place->final_url);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    refused(status, HL_ERR_STORE_FULL, "");
    close(file);
}

static void file_that_cannot_be_written_is_an_error(void **state)
{
    place *place = *state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    refused(hl__fetch(&place->policy, test_server_url(&shared.server, "/file"), fd, FILE_BYTES, NULL, NULL,
                      &place->final_url),
            HL_ERR_SYSTEM, "");
    close(fd);
}

/* ---- trust ---- */

static void refuses_certificate(place *place, unsigned port)
{
    char url[128];

    place->hosts[0].port = (uint16_t)port;
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/file", port);
    refused(get(place, url), HL_ERR_DOWNLOAD, "location");
    message_says("certificate");
    assert_int_equal(size_of(place->fd), 0);
}

/* SE-03, X-020: whom one talks to is known before anything is asked. */
static void server_without_a_good_certificate_is_refused(void **state)
{
    place *place = *state;

    refuses_certificate(place, shared.server.expired);
    refuses_certificate(place, shared.server.other);
    place->policy.ca_file = NULL;
    refuses_certificate(place, shared.server.https);
    message_says("ca_file");
    assert_int_equal(test_server_count(&shared.server, "expired /"), 0);
    assert_int_equal(test_server_count(&shared.server, "other /"), 0);
}

/* No cookies are kept, no passwords are looked up, no token is sent to a server that is not the API. */
static void nothing_about_us_is_sent(void **state)
{
    place *place = *state;
    char home[600], path[700];
    FILE *file;

    snprintf(home, sizeof(home), "%s/home", shared.folder);
    snprintf(path, sizeof(path), "%s/.netrc", home);
    assert_int_equal(mkdir(home, 0700), 0);
    file = fopen(path, "we");
    assert_non_null(file);
    fputs("machine 127.0.0.1 login me password of-netrc\n", file);
    fclose(file);
    assert_int_equal(setenv("HOME", home, 1), 0);
    place->policy.token = strdup("token-of-the-api");
    gets_all(place, "/hops/2/file?mark=us");
    assert_true(test_server_count(&shared.server, "mark=us") > 0);
    assert_int_equal(test_server_count(&shared.server, "token-of-the-api"), 0);
    assert_int_equal(test_server_count(&shared.server, "Basic"), 0);
    assert_int_equal(test_server_count(&shared.server, "cookie=a"), 0);
    assert_true(test_server_count(&shared.server, "agent=hookline/") > 0);
}

/* ---- the network ---- */

/* DL-07, X-021 */
static void network_failure_is_an_error_and_no_crash(void **state)
{
    static const char *const urls[] = {"https://127.0.0.1:1/file", "https://nowhere.invalid/file",
                                       "https://[::1]:1/file"};
    place *place = *state;
    hl__policy_host hosts[] = {{"127.0.0.1", 1, false}, {"nowhere.invalid", 443, false}, {"[::1]", 1, false}};

    place->policy.hosts = hosts;
    place->policy.hosts_len = 3;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        refused(get(place, urls[i]), HL_ERR_DOWNLOAD, "location");
    place->policy.hosts = place->hosts;
}

/* speaking http to an https port, and the other way round. */
static void wrong_protocol_is_an_error(void **state)
{
    place *place = *state;
    char url[128];

    place->hosts[0] = (hl__policy_host){"127.0.0.1", (uint16_t)shared.server.http, false};
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/file", shared.server.http);
    refused(get(place, url), HL_ERR_DOWNLOAD, "location");
    place->hosts[0] = (hl__policy_host){"127.0.0.1", (uint16_t)shared.server.https, true};
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/file", shared.server.https);
    refused(get(place, url), HL_ERR_DOWNLOAD, "location");
}

/* DL-06 */
static void proxy_of_the_environment_is_used(void **state)
{
    place *place = *state;
    char proxy[64];

    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", shared.server.http);
    assert_int_equal(setenv("https_proxy", proxy, 1), 0);
    refused(get_path(place, "/file"), HL_ERR_DOWNLOAD, "location");
    assert_int_equal(setenv("no_proxy", "127.0.0.1", 1), 0);
    gets_all(place, "/file");
    unsetenv("https_proxy");
    unsetenv("no_proxy");
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

/* A server's handlers and signal mask are its own business. */
static void signals_of_the_process_are_left_alone(void **state)
{
    struct sigaction mine = {.sa_handler = count_signal}, before, after;
    sigset_t mask;

    assert_int_equal(sigaction(SIGPIPE, &mine, &before), 0);
    refused(get_path(*state, "/file?reset=100"), HL_ERR_DOWNLOAD, "location");
    assert_int_equal(sigaction(SIGPIPE, NULL, &after), 0);
    assert_ptr_equal(after.sa_handler, count_signal);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    assert_int_equal(sigismember(&mask, SIGPIPE), 0);
    assert_int_equal(signals, 0);
    assert_int_equal(sigaction(SIGPIPE, &before, NULL), 0);
}

#define THREADS 4

static void *get_on_thread(void *argument)
{
    place *place = argument;

    return (void *)(intptr_t)get_path(place, "/file?reset=200000");
}

static void several_threads_download_at_once(void **state)
{
    void *places[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        setup(&places[i]);
        assert_int_equal(pthread_create(&threads[i], NULL, get_on_thread, places[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *status;

        assert_int_equal(pthread_join(threads[i], &status), 0);
        assert_int_equal((intptr_t)status, HL_OK);
        check_content(((place *)places[i])->fd, FILE_BYTES);
        teardown(&places[i]);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(content_comes_as_it_is),
        CASE(compressed_answers_are_not_decoded),
        CASE(plain_http_works_where_it_is_listed),
        CASE(progress_is_told_to_the_end),
        CASE(progress_function_can_cancel_while_nothing_comes),
        CASE(redirects_are_followed_up_to_the_limit),
        CASE(redirect_to_what_is_not_listed_is_refused_before_anything_is_sent_there),
        CASE(redirect_to_another_listed_host_is_followed),
        CASE(redirect_without_a_place_is_an_error),
        CASE(only_200_is_content),
        CASE(what_is_secret_in_an_address_is_not_in_messages),
        CASE(broken_transfer_is_resumed_where_it_stopped),
        CASE(transfer_that_cannot_be_resumed_begins_anew),
        CASE(server_that_always_breaks_is_an_error),
        CASE(length_that_lies_is_noticed_or_kept),
        CASE(wrong_content_has_another_checksum),
        CASE(more_than_allowed_is_never_written),
        CASE(server_that_stalls_is_given_up),
        CASE(slow_server_is_given_up_after_the_time_that_is_allowed),
        CASE(large_download_takes_no_memory),
        CASE(full_disk_is_told_as_such),
        CASE(file_that_cannot_be_written_is_an_error),
        CASE(server_without_a_good_certificate_is_refused),
        CASE(nothing_about_us_is_sent),
        CASE(network_failure_is_an_error_and_no_crash),
        CASE(wrong_protocol_is_an_error),
        CASE(proxy_of_the_environment_is_used),
        CASE(signals_of_the_process_are_left_alone),
        CASE(several_threads_download_at_once),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
