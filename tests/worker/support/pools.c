/* Pools of the guest library for tests of lib/worker. */
#include "tests/worker/support/pools.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/isolate.h"
#include "worker/plugin_call.h"
#include "worker/supervisor.h"

#define READY_NS UINT64_C(30000000000)

hl_runtime *pools_runtime;
static size_t fds_before;

/* ---- what is left ---- */

static size_t count_entries(const char *path)
{
    DIR *entries = opendir(path);
    size_t count = 0;

    assert_non_null(entries);
    while (readdir(entries))
        count++;
    closedir(entries);
    return count - 3; /* two dots, and the folder itself */
}

size_t pools_fds(void)
{
    return count_entries("/proc/self/fd");
}

static bool is_child(const char *name)
{
    char path[300];
    FILE *file;
    int parent = 0;

    snprintf(path, sizeof(path), "/proc/%s/stat", name);
    file = fopen(path, "re");
    if (!file)
        return false;
    if (fscanf(file, "%*d (%*[^)]) %*c %d", &parent) != 1)
        parent = 0;
    fclose(file);
    return parent == (int)getpid();
}

size_t pools_children(void)
{
    DIR *entries = opendir("/proc");
    struct dirent *entry;
    size_t count = 0;

    assert_non_null(entries);
    while ((entry = readdir(entries)) != NULL)
        count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && is_child(entry->d_name);
    closedir(entries);
    return count;
}

int pools_open(void **state)
{
    (void)state;
    hl_close(NULL);
    fds_before = pools_fds();
    pools_runtime = test_open("memory:", 0);
    return 0;
}

int pools_close(void **state)
{
    (void)state;
    hl__supervisor_closed(pools_runtime);
    hl_close(pools_runtime);
    assert_int_equal(pools_children(), 0);
    assert_int_equal(pools_fds(), fds_before);
    return 0;
}

/* ---- pools ---- */

static hl_isolation *read_isolation(const char *json)
{
    hl_isolation *isolation = NULL;
    char text[2048];

    snprintf(text, sizeof(text), "{\"mode\":\"in_worker\"%s%s}", json[0] ? "," : "", json);
    if (hl__isolation_read(text, &isolation) != HL_OK)
        fail_msg("%s: %s", text, hl_last_error()->message);
    return isolation;
}

hl__pool *pools_of(const char *entry, const char *name, int priority, const char *json)
{
    hl_isolation *isolation = read_isolation(json);
    int library = open(HL_TEST_PLUGINS "/worker-guest.so", O_RDONLY | O_CLOEXEC);
    hl__pool_spec spec = {.runtime = pools_runtime,
                          .kind = HL__WORKER_PLUGIN,
                          .name = name,
                          .event = "work",
                          .version = "1.2.3",
                          .entry = entry,
                          .priority = priority,
                          .library_fd = library,
                          .area_bytes = sizeof(guest_state),
                          .isolation = isolation};
    hl__pool *pool = NULL;

    assert_true(library >= 0);
    if (hl__pool_new(&spec, &pool) != HL_OK)
        pool = NULL;
    close(library);
    free(isolation);
    return pool;
}

hl__pool *pools_new(const char *name, int priority, const char *json)
{
    return pools_of("guest", name, priority, json);
}

hl__pool *pools_ready(const char *name, const char *json)
{
    hl__pool *pool = pools_new(name, 50, json);

    if (!pool || hl__pool_ready(pool, hl__now_ns() + READY_NS) != HL_OK)
        fail_msg("%s: %s", name, hl_last_error()->message);
    return pool;
}

void pools_end(hl__pool *pool)
{
    hl__pool_end(pool, 500);
    hl__pool_free(pool);
}

/* ---- calls ---- */

typedef struct carried {
    guest_state *state;
    int64_t verdict;
} carried;

static int64_t fill(void *user, void *area, size_t area_bytes, uint32_t *part)
{
    const carried *carried = user;

    assert_true(area_bytes >= sizeof(guest_state));
    memcpy(area, carried->state, sizeof(guest_state));
    *part = sizeof(guest_state);
    return sizeof(guest_state);
}

static hl_status take(void *user, const hl__reply_head *reply, const void *area)
{
    carried *carried = user;

    carried->verdict = reply->verdict;
    if (reply->verdict < 0)
        return HL_OK;
    assert_int_equal(reply->len, sizeof(guest_state));
    memcpy(carried->state, area, sizeof(guest_state));
    return HL_OK;
}

hl_status pools_call(hl__pool *pool, guest_state *state, uint32_t deadline_ms)
{
    static uint64_t last_id;
    carried carried = {state, 0};
    hl__pool_call call = {.function = HL__PLUGIN_CALL, .fill = fill, .take = take, .user = &carried};
    uint64_t id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    hl_status status;

    state->id = id;
    if (deadline_ms)
        call.deadline_ns = hl__now_ns() + (uint64_t)deadline_ms * 1000000;
    status = hl__pool_call_worker(pool, &call);
    if (status == HL_OK && carried.verdict < 0)
        return (hl_status)carried.verdict;
    if (status == HL_OK) {
        assert_int_equal(state->id, id);
        assert_int_equal(state->answer, id * 3 + 1);
    }
    return status;
}

hl_status pools_act(hl__pool *pool, guest_act act, int32_t number)
{
    guest_state state = {.act = act, .number = number};

    return pools_call(pool, &state, 0);
}

int32_t pools_pid(hl__pool *pool)
{
    guest_state state = {.act = GUEST_ANSWER};
    hl_status status = pools_call(pool, &state, 0);

    if (status != HL_OK)
        fail_msg("%s", hl_last_error()->message);
    return state.pid;
}

static void *run_caller(void *argument)
{
    pools_caller *caller = argument;
    uint64_t begin_ns = hl__now_ns();

    caller->status = pools_call(caller->pool, &caller->state, caller->deadline_ms);
    caller->took_ns = hl__now_ns() - begin_ns;
    snprintf(caller->message, sizeof(caller->message), "%.500s",
             caller->status == HL_OK ? "" : hl_last_error()->message);
    return NULL;
}

void pools_begin(pools_caller *caller, hl__pool *pool, guest_act act, int32_t number, uint32_t deadline_ms)
{
    *caller = (pools_caller){.pool = pool, .state = {.act = act, .number = number}, .deadline_ms = deadline_ms};
    assert_int_equal(pthread_create(&caller->thread, NULL, run_caller, caller), 0);
}

void pools_finish(pools_caller *caller)
{
    assert_int_equal(pthread_join(caller->thread, NULL), 0);
}

/* ---- what is told of them ---- */

static bool add_state(const hl_worker_info *info, void *user)
{
    static const char *const words[] = {"?", "starting", "ready", "busy", "pausing", "failed", "stuck"};
    char *text = user;
    size_t used = strlen(text);

    snprintf(text + used, 1024 - used, "%s/%u=%s ", info->name, info->number, words[info->state]);
    return true;
}

const char *pools_states(void)
{
    static char text[1024];

    text[0] = '\0';
    ok(hl_workers(pools_runtime, add_state, text));
    return text;
}

typedef struct wanted_info {
    const char *name;
    uint32_t number;
    hl_worker_info info;
    char sandbox[160], lacking[160], reason[512];
} wanted_info;

static bool take_info(const hl_worker_info *info, void *user)
{
    wanted_info *wanted = user;

    if (strcmp(info->name, wanted->name) != 0 || info->number != wanted->number)
        return true;
    wanted->info = *info;
    snprintf(wanted->sandbox, sizeof(wanted->sandbox), "%s", info->sandbox);
    snprintf(wanted->lacking, sizeof(wanted->lacking), "%s", info->lacking);
    snprintf(wanted->reason, sizeof(wanted->reason), "%s", info->reason);
    return false;
}

hl_worker_info pools_info(const char *name, uint32_t number)
{
    static wanted_info wanted[8];
    static size_t turn;
    wanted_info *at = &wanted[turn++ % 8];

    *at = (wanted_info){.name = name, .number = number};
    ok(hl_workers(pools_runtime, take_info, at));
    at->info.sandbox = at->sandbox;
    at->info.lacking = at->lacking;
    at->info.reason = at->reason;
    return at->info;
}
