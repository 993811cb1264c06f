/* See peer.h. */
#include "tests/processes/support/peer.h"

#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <sys/resource.h>
#include <unistd.h>

extern char **environ;

const char *peer_store;
static const char *folder;

/* ---- the other process ---- */

static int closed_on_exec(int pipes[2])
{
    return pipe2(pipes, O_CLOEXEC);
}

peer peer_start(const char *store)
{
    const char *argv[] = {HL_TEST_PROGRAMS "/peer_program", store, NULL};
    posix_spawn_file_actions_t actions;
    int in[2], out[2];
    peer p;

    assert_int_equal(closed_on_exec(in), 0);
    assert_int_equal(closed_on_exec(out), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    assert_int_equal(posix_spawn(&p.pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    p.to = fdopen(in[1], "w");
    p.from = fdopen(out[0], "r");
    assert_string_equal(peer_hears(&p), "ready");
    return p;
}

void peer_end(peer *p)
{
    fclose(p->to);
    assert_int_equal(test_wait(p->pid), 0);
    fclose(p->from);
}

void peer_tell(peer *p, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(p->to, format, arguments);
    va_end(arguments);
    fputc('\n', p->to);
    assert_int_equal(fflush(p->to), 0);
}

const char *peer_hears(peer *p)
{
    static char lines[8][4096];
    static unsigned at;
    char *line = lines[at++ % 8];

    if (!fgets(line, sizeof(lines[0]), p->from))
        fail_msg("the other process has ended");
    line[strcspn(line, "\n")] = '\0';
    return line;
}

/* ---- views ---- */

typedef struct view {
    char *text;
    size_t len, room;
} view;

static void add_text(view *to, const char *text)
{
    size_t len = strlen(text);

    if (to->len + len + 1 > to->room) {
        to->room = 2 * (to->len + len + 1);
        to->text = realloc(to->text, to->room);
        assert_non_null(to->text);
    }
    memcpy(to->text + to->len, text, len + 1);
    to->len += len;
}

static bool add_record(const hl_plugin_info *info, void *user)
{
    char line[2048];

    snprintf(line, sizeof(line), "%s %s %d %d %s '%s' %s %" PRId64 " %" PRId64 " %" PRIu64, info->name, info->event,
             info->priority, (int)info->status, info->extension, info->extra, info->id, info->inserted_at,
             info->updated_at, info->revision);
    add_text(user, line);
    for (size_t i = 0; i < info->depends_len; i++) {
        add_text(user, " ");
        add_text(user, info->depends[i]);
    }
    add_text(user, "\n");
    return true;
}

char *peer_view(hl_runtime *runtime)
{
    view to = {0};

    add_text(&to, "");
    ok(hl_plugins(runtime, NULL, add_record, &to));
    return to.text;
}

char *peer_ask_view(peer *p)
{
    view to = {0};
    const char *line;

    peer_tell(p, "view");
    add_text(&to, "");
    while (strcmp(line = peer_hears(p), ".") != 0) {
        add_text(&to, line);
        add_text(&to, "\n");
    }
    return to.text;
}

/* ---- cases ---- */

int peer_begin(void **state)
{
    (void)state;
    folder = test_folder();
    peer_store = strdup(test_lmdb(folder));
    return 0;
}

int peer_end_case(void **state)
{
    (void)state;
    free((char *)(uintptr_t)peer_store);
    test_folder_remove(folder);
    return 0;
}

hl_runtime *peer_open(unsigned flags)
{
    hl_options options = HL_OPTIONS_INIT;
    hl_runtime *runtime;

    options.store = peer_store;
    options.flags = flags;
    ok(hl_open(&options, &runtime));
    return runtime;
}

int peer_command(const char *const *arguments)
{
    const char *argv[16] = {HL_TEST_HOOKLINE, "--store", peer_store};
    posix_spawn_file_actions_t actions;
    size_t len = 3;
    pid_t pid;

    while (*arguments && len < 15)
        argv[len++] = *arguments++;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    assert_int_equal(posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return test_wait(pid);
}

uint64_t peer_cpu_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}
