/* See support.h. */
#include "tests/support/support.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define RING 8

static const char *in_ring(const char *text)
{
    static __thread char ring[RING][4096];
    static __thread unsigned at;
    char *place = ring[at++ % RING];

    snprintf(place, sizeof(ring[0]), "%s", text);
    return place;
}

/* ---- opening ---- */

hl_engine test_engine(void)
{
    const char *engine = getenv("HOOKLINE_TEST_ENGINE");

    return engine && strcmp(engine, "compiled") == 0 ? HL_ENGINE_COMPILED : HL_ENGINE_REFERENCE;
}

hl_runtime *test_open(const char *store, unsigned flags)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime = NULL;

    options.store = store;
    options.flags = flags;
    options.engine = test_engine();
    ok(hl_open(&options, &runtime));
    return runtime;
}

hl_event *test_event(hl_runtime *runtime, const char *name)
{
    hl_event *event = NULL;

    ok(hl_event_open(runtime, name, &event));
    return event;
}

void test_settle(hl_runtime *runtime, hl_event *event)
{
    ok(hl_wait_compiled(runtime, 30000));
    assert_int_equal(hl_event_engine(event), test_engine());
}

/* ---- plugins ---- */

hl_reply test_leave_name(void *self, void *state, const void *meta)
{
    test_trail *trail = state;
    size_t used = strlen(trail->text);

    (void)meta;
    snprintf(trail->text + used, sizeof(trail->text) - used, "%s,", (const char *)self);
    return hl_next(state);
}

hl_reply test_do_nothing(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_next(state);
}

#define DEPENDS_MAX 16

/* Room for the names that a spec points to, while it is handed over. */
typedef struct spec_room {
    char text[1024];
    const char *names[DEPENDS_MAX + 1];
} spec_room;

static void split(const char *list, spec_room *room)
{
    char *rest = NULL;
    size_t len = 0;

    snprintf(room->text, sizeof(room->text), "%s", list);
    for (char *name = strtok_r(room->text, ",", &rest); name && len < DEPENDS_MAX; name = strtok_r(NULL, ",", &rest))
        room->names[len++] = name;
    room->names[len] = NULL;
}

static hl_plugin_spec spec_of(const test_plugin *plugin, spec_room *room)
{
    hl_plugin_spec spec = HL_PLUGIN_INIT(plugin->name, plugin->event, plugin->call ? plugin->call : test_leave_name);

    spec.self = plugin->self || plugin->call ? plugin->self : (void *)(uintptr_t)plugin->name;
    spec.extension = plugin->extension;
    spec.extra = plugin->extra;
    spec.release = plugin->release;
    spec.health = plugin->health;
    spec.on_status = plugin->on_status;
    spec.on_dependency_error = plugin->on_dependency_error;
    spec.contract = plugin->contract;
    if (plugin->priority)
        spec.priority = *plugin->priority;
    if (plugin->depends) {
        split(plugin->depends, room);
        spec.depends = room->names;
    }
    return spec;
}

hl_status test_register(hl_runtime *runtime, const test_plugin *plugin, unsigned flags)
{
    spec_room room;
    hl_plugin_spec spec = spec_of(plugin, &room);

    return hl_register(runtime, &spec, flags);
}

hl_status test_txn_register(hl_txn *txn, const test_plugin *plugin, unsigned flags)
{
    spec_room room;
    hl_plugin_spec spec = spec_of(plugin, &room);

    return hl_txn_register(txn, &spec, flags);
}

void test_add(hl_runtime *runtime, const test_plugin *plugin, unsigned flags)
{
    ok(test_register(runtime, plugin, flags));
}

/* ---- asking ---- */

static bool take_name(const hl_plugin_info *info, void *user)
{
    test_trail *trail = user;
    size_t used = strlen(trail->text);

    snprintf(trail->text + used, sizeof(trail->text) - used, "%s,", info->name);
    return true;
}

const char *test_seen_trail(hl_event *event)
{
    test_trail trail = {""};
    hl_reply reply = hl_call(event, &trail, NULL);

    assert_int_equal(reply.verdict, HL_NEXT);
    assert_ptr_equal(reply.state, &trail);
    return in_ring(trail.text);
}

const char *test_run_trail(hl_event *event)
{
    const char *trail = test_seen_trail(event);
    test_trail chain = {""};

    ok(hl_chain(event, take_name, &chain));
    assert_string_equal(trail, chain.text);
    return trail;
}

static const char *status_word(hl_plugin_status status)
{
    static const char *const words[] = {"none", "registered", "started", "restarted", "stopped", "held"};

    return (unsigned)status < sizeof(words) / sizeof(words[0]) ? words[status] : "unknown";
}

const char *test_status(hl_runtime *runtime, const char *name)
{
    hl_plugin_info info;
    hl_status status = hl_plugin_get(runtime, name, &info);
    const char *word = "absent";

    if (status == HL_OK)
        word = status_word(info.status);
    else
        assert_int_equal(status, HL_ERR_NOT_FOUND);
    hl_plugin_info_cleanup(&info);
    return word;
}

static bool take_status(const hl_plugin_info *info, void *user)
{
    char *text = user;
    size_t used = strlen(text);

    snprintf(text + used, 4096 - used, "%s=%s ", info->name, status_word(info->status));
    return true;
}

const char *test_statuses(hl_runtime *runtime)
{
    char text[4096] = "";

    ok(hl_plugins(runtime, NULL, take_status, text));
    return in_ring(text);
}

uint64_t test_revision(hl_runtime *runtime, const char *name)
{
    hl_plugin_info info;
    uint64_t revision;

    ok(hl_plugin_get(runtime, name, &info));
    revision = info.revision;
    hl_plugin_info_cleanup(&info);
    return revision;
}

hl_counters test_counters(hl_runtime *runtime)
{
    hl_counters counters = {.size = sizeof(counters)};

    ok(hl_counters_get(runtime, &counters));
    return counters;
}

void test_take_line(const char *line, void *user)
{
    test_text *to = user;

    assert_null(strchr(line, '\n'));
    to->len += (size_t)snprintf(to->text + to->len, sizeof(to->text) - to->len, "%s\n", line);
    assert_true(to->len < sizeof(to->text));
}

/* ---- failures ---- */

void test_refused(hl_status status, hl_status wanted, const char *field, const char *file, int line)
{
    const hl_error *error = hl_last_error();

    if (status != wanted)
        print_error("%s, not %s: %s\n", hl_status_name(status), hl_status_name(wanted), error->message);
    _assert_int_equal((LargestIntegralType)status, (LargestIntegralType)wanted, file, line);
    _assert_int_equal((LargestIntegralType)error->status, (LargestIntegralType)wanted, file, line);
    if (field)
        _assert_string_equal(error->field, field, file, line);
    _assert_true(error->message[0] != '\0', "the error has a message", file, line);
    _assert_true(error->action[0] != '\0', "the error has an action", file, line);
}

/* ---- notices ---- */

void test_notice_line(const hl_notice *notice, char *line, size_t len)
{
    static const char *const words[] = {"none",           "registered",     "status",      "unregistered",
                                        "register_error", "swapped",        "compiled",    "compile_failed",
                                        "loaded",         "load_failed",    "unloaded",    "lost",
                                        "installed",      "install_failed", "uninstalled", "crashed",
                                        "worker_failed",  "overdue",        "isolated"};
    const char *name = notice->plugin ? notice->plugin->name : notice->event;

    assert_in_range(notice->kind, HL_NOTICE_REGISTERED, HL_NOTICE_ISOLATED);
    if (notice->kind == HL_NOTICE_STATUS)
        snprintf(line, len, "status %s %s %s\n", name, status_word(notice->before),
                 status_word(notice->plugin->status));
    else if (notice->kind == HL_NOTICE_LOST)
        snprintf(line, len, "lost %llu\n", (unsigned long long)notice->lost);
    else
        snprintf(line, len, "%s %s\n", words[notice->kind], name);
}

void test_notices_begin(hl_runtime *runtime, test_notices *notices)
{
    notices->compiler = false;
    notices->text[0] = '\0';
    ok(hl_subscribe_fd(runtime, 0, &notices->fd, &notices->subscription));
}

static bool from_compiler(const hl_notice *notice)
{
    return notice->kind == HL_NOTICE_COMPILED || notice->kind == HL_NOTICE_COMPILE_FAILED;
}

const char *test_notices_take(test_notices *notices)
{
    const hl_notice *notice;
    size_t used = 0;

    notices->text[0] = '\0';
    while (hl_notice_next(notices->subscription, &notice) == HL_OK) {
        if (from_compiler(notice) && !notices->compiler)
            continue;
        test_notice_line(notice, notices->text + used, sizeof(notices->text) - used);
        used += strlen(notices->text + used);
    }
    return notices->text;
}

void test_notices_end(test_notices *notices)
{
    hl_unsubscribe(notices->subscription);
}

/* ---- folders, processes, time ---- */

const char *test_folder(void)
{
    char folder[] = "contract-XXXXXX";

    assert_non_null(mkdtemp(folder));
    return in_ring(folder);
}

void test_folder_remove(const char *folder)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf './%s'", folder);
    assert_int_equal(system(command), 0);
}

const char *test_lmdb(const char *folder)
{
    char url[128];

    snprintf(url, sizeof(url), "lmdb:%s/store", folder);
    return in_ring(url);
}

bool test_sanitized(void)
{
    const char *sanitize = getenv("HOOKLINE_TEST_SANITIZE");

    return sanitize && sanitize[0];
}

/* A child ends with its test, also when the test is killed. */
static __attribute__((constructor)) void end_with_parent(void)
{
    if (getenv("HOOKLINE_TEST_CHILD"))
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

int test_spawn(const char *const *arguments)
{
    const char *argv[16] = {"/proc/self/exe"};
    size_t len = 1;
    pid_t pid;

    for (; *arguments && len < 15; arguments++)
        argv[len++] = *arguments;
    setenv("HOOKLINE_TEST_CHILD", "1", 1);
    assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    unsetenv("HOOKLINE_TEST_CHILD");
    return pid;
}

int test_wait(int pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void signal_path(char *path, size_t len, const char *folder, const char *what)
{
    snprintf(path, len, "%s/signal-%s", folder, what);
}

void test_signal(const char *folder, const char *what)
{
    char path[256];
    int fd;

    signal_path(path, sizeof(path), folder, what);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

void test_await(const char *folder, const char *what)
{
    char path[256];

    signal_path(path, sizeof(path), folder, what);
    eventually(access(path, F_OK) == 0);
}

void test_sleep_ms(unsigned ms)
{
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&time, NULL);
}

uint64_t test_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
