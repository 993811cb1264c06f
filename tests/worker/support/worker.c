/* Workers for tests. Linked into every test of this room. */
#include "tests/worker/support/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hookline/status.h>

#define NS_PER_MS UINT64_C(1000000)
#define PATIENCE_MS 5000

uint64_t after_ms(unsigned ms)
{
    return hl__child_now_ns() + ms * NS_PER_MS;
}

static int open_library(const char *named)
{
    const char *name = named ? named : "obedient.so";
    char path[1024];
    int fd;

    snprintf(path, sizeof(path), "%s%s", name[0] == '/' ? "" : HL_TEST_PLUGINS "/", name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail_msg("%s cannot be opened", path);
    return fd;
}

static void start(worker *worker, const worker_options *options)
{
    hl__start_spec spec = {.kind = HL__WORKER_PLUGIN,
                           .library_fd =
                               options->library_fd ? dup(options->library_fd) : open_library(options->library),
                           .entry = options->entry ? options->entry : "obedient",
                           .beside = options->beside,
                           .beside_len = options->beside ? strlen(options->beside) + 1 : 0,
                           .sandbox = options->sandbox,
                           .channel = worker->channel};
    void *plan = NULL;
    hl_status status = hl__sandbox_plan(options->sandbox, &plan, &spec.plan_len);

    spec.plan = plan;
    if (status == HL_OK)
        status = hl__worker_start(&spec, &worker->child, &worker->report_fd, &worker->cgroup);
    free(plan);
    close(spec.library_fd);
    if (status != HL_OK)
        fail_msg("%s: %s", hl_status_name(status), hl_last_error()->message);
}

void worker_spawn(worker *worker, const worker_options *options)
{
    memset(worker, 0, sizeof(*worker));
    assert_int_equal(hl__channel_new(options->slots ? options->slots : 1, options->bytes ? options->bytes : 4096,
                                     &worker->channel),
                     HL_OK);
    start(worker, options);
}

void worker_start(worker *worker, const worker_options *options)
{
    worker_spawn(worker, options);
    assert_int_equal(worker_hear(worker, &worker->ready, worker->text), 1);
}

void worker_ready(worker *worker, const worker_options *options)
{
    worker_start(worker, options);
    if (worker->ready.kind != HL__REPORT_READY)
        fail_msg("refused: %s", worker->text);
}

int worker_hear(worker *worker, hl__report_head *head, char text[HL__REPORT_MAX])
{
    struct pollfd wait = {worker->report_fd, POLLIN, 0};
    uint64_t deadline_ns = after_ms(PATIENCE_MS);
    int heard;

    while ((heard = hl__worker_heard(worker->report_fd, head, text)) == 0 && hl__child_now_ns() < deadline_ns)
        poll(&wait, 1, 100);
    return heard;
}

hl__child_end worker_finish(worker *worker)
{
    hl__child_end end = hl__child_finish(&worker->child);

    close(worker->report_fd);
    hl__sandbox_cgroup_remove(worker->cgroup);
    hl__channel_free(worker->channel);
    return end;
}

hl__child_end worker_await_end(worker *worker)
{
    assert_true(hl__child_ended(&worker->child, after_ms(PATIENCE_MS)));
    return worker_finish(worker);
}

int worker_post(worker *worker, const void *state, uint32_t len, uint64_t deadline_ns)
{
    hl__request_head head = {.function = HL__PLUGIN_CALL,
                             .flags = 0,
                             .len = len,
                             .part = len,
                             .deadline_ns = deadline_ns};
    int slot = hl__channel_claim(worker->channel);

    assert_true(slot >= 0);
    memcpy(hl__channel_area(worker->channel, slot), state, len);
    hl__channel_post(worker->channel, slot, &head);
    return slot;
}

hl__wait_end worker_call(worker *worker, void *state, uint32_t len, unsigned timeout_ms, hl__reply_head *reply)
{
    uint64_t deadline_ns = after_ms(timeout_ms);
    int slot = worker_post(worker, state, len, deadline_ns);
    hl__wait_end end = hl__channel_wait(worker->channel, slot, worker->child.pidfd, deadline_ns, 0, reply);

    if (end == HL__REPLIED)
        memcpy(state, hl__channel_area(worker->channel, slot), reply->len < len ? reply->len : len);
    hl__channel_release(worker->channel, slot);
    return end;
}

deed worker_do(worker *worker, const char *what, const char *path, int64_t number)
{
    deed deed = {.number = number};
    hl__reply_head reply;

    snprintf(deed.what, sizeof(deed.what), "%s", what);
    snprintf(deed.path, sizeof(deed.path), "%s", path ? path : "");
    assert_int_equal(worker_call(worker, &deed, sizeof(deed), PATIENCE_MS, &reply), HL__REPLIED);
    assert_int_equal(reply.verdict, HL_NEXT);
    assert_int_equal(reply.len, sizeof(deed));
    return deed;
}

hl__wait_end worker_try(worker *worker, const char *what, int64_t number, unsigned timeout_ms)
{
    deed deed = {.number = number};
    hl__reply_head reply;

    snprintf(deed.what, sizeof(deed.what), "%s", what);
    return worker_call(worker, &deed, sizeof(deed), timeout_ms, &reply);
}

/* ---- files ---- */

static char folder[64];

int folder_begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/hookline-worker-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

int folder_end(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

const char *in_folder(const char *name)
{
    static char paths[16][256];
    static unsigned next;
    char *path = paths[next++ % 16];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

const char *build_library(const char *name, const char *source, const char *flags)
{
    const char *compiler = getenv("HOOKLINE_TEST_CC");
    const char *path = in_folder(name);
    char text[256];
    char command[2048];

    snprintf(text, sizeof(text), "%s.c", path);
    write_text(text, source);
    snprintf(command, sizeof(command), "%s -shared -fPIC -I%s/../include %s -o %s %s", compiler ? compiler : "cc",
             HL_TEST_SOURCE, text, path, flags);
    assert_int_equal(system(command), 0);
    return path;
}

/* ---- what is held ---- */

static size_t count_names(const char *folder)
{
    DIR *open_folder = opendir(folder);
    size_t names = 0;

    assert_non_null(open_folder);
    while (readdir(open_folder))
        names++;
    closedir(open_folder);
    return names;
}

static size_t count_lines_with(const char *path, const char *words)
{
    FILE *file = fopen(path, "r");
    char line[4096];
    size_t lines = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        lines += strstr(line, words) != NULL;
    fclose(file);
    return lines;
}

static size_t count_children(void)
{
    char path[64];
    char text[4096];
    size_t children = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    file = fopen(path, "r");
    assert_non_null(file);
    while (fscanf(file, "%4095s", text) == 1)
        children++;
    fclose(file);
    return children;
}

holdings holdings_now(void)
{
    return (holdings){count_names("/proc/self/fd"), count_lines_with("/proc/self/maps", "hookline-channel"),
                      count_children()};
}

void expect_same_holdings(const holdings *before)
{
    holdings now = holdings_now();

    assert_int_equal(now.fds, before->fds);
    assert_int_equal(now.channels, before->channels);
    assert_int_equal(now.children, before->children);
}

static bool lives_in_group(const char *pid, int group)
{
    char path[300];
    char state = 'Z';
    int found = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    file = fopen(path, "r");
    if (!file)
        return false;
    if (fscanf(file, "%*d (%*[^)]) %c %*d %d", &state, &found) != 2)
        found = 0;
    fclose(file);
    return found == group && state != 'Z' && state != 'X';
}

size_t living_in_group(int group)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    size_t living = 0;

    assert_non_null(processes);
    while ((entry = readdir(processes)))
        living += entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && lives_in_group(entry->d_name, group);
    closedir(processes);
    return living;
}

bool sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
    return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
    return false;
#endif
}
