/* See scene.h. */
#include "tests/engines/support/scene.h"

#include <dirent.h>
#include <limits.h>
#include <link.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

char scene_folder[] = "/tmp/hookline-engines-XXXXXX";

/* ---- the runtime ---- */

static scene *opened; /* a case that fails leaves it open */

void scene_open(scene *s, const char *program, uint32_t compile_timeout_ms)
{
    hl_options options = HL_OPTIONS_INIT;

    memset(s, 0, sizeof(*s));
    options.jit_program = program;
    options.compile_timeout_ms = compile_timeout_ms;
    ok(hl_open(&options, &s->runtime));
    ok(hl_subscribe_fd(s->runtime, 0, &(int){0}, &s->notices));
    opened = s;
    s->event = test_event(s->runtime, "e");
    run(s->runtime, .name = "a", .event = "e");
    run(s->runtime, .name = "b", .event = "e");
}

void scene_close(scene *s)
{
    opened = NULL;
    hl_unsubscribe(s->notices);
    hl_close(s->runtime);
}

void scene_take_notices(scene *s)
{
    const hl_notice *notice;

    while (hl_notice_next(s->notices, &notice) == HL_OK) {
        if (strcmp(notice->event, "e") != 0)
            continue;
        s->compiled += notice->kind == HL_NOTICE_COMPILED;
        if (notice->kind != HL_NOTICE_COMPILE_FAILED)
            continue;
        s->failed++;
        s->failed_generation = notice->generation;
        assert_int_equal(notice->status, HL_ERR_COMPILE);
        snprintf(s->reason, sizeof(s->reason), "%s", notice->reason);
    }
}

/* Moves "b" before "a" and back again. */
uint64_t scene_change_ns(scene *s)
{
    bool first = strcmp(test_run_trail(s->event), "b,a,") == 0;
    test_plugin plugin = {.name = "b", .event = "e", .priority = PRIORITY(first ? 100 : 1)};
    uint64_t begun = test_now_ns();

    ok(test_register(s->runtime, &plugin, HL_WAIT_COMPILED));
    assert_string_equal(test_run_trail(s->event), first ? "a,b," : "b,a,");
    return test_now_ns() - begun;
}

static void expect_words(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

void scene_expect_reference(scene *s, const char *reason)
{
    static test_text text;

    text.len = 0;
    assert_int_equal(hl_event_engine(s->event), HL_ENGINE_REFERENCE);
    assert_int_equal(strlen(test_run_trail(s->event)), 4);
    ok(hl_explain(s->runtime, "e", test_take_line, &text));
    expect_words(text.text, reason);
    scene_take_notices(s);
    expect_words(s->reason, reason);
}

void scene_expect_compiled(scene *s)
{
    static test_text text;

    text.len = 0;
    assert_int_equal(strlen(test_run_trail(s->event)), 4);
    ok(hl_explain(s->runtime, "e", test_take_line, &text));
    expect_words(text.text, "compiled code");
    assert_int_equal(hl_event_engine(s->event), HL_ENGINE_COMPILED);
}

void scene_await_compiled(scene *s)
{
    for (int i = 0; i < 10000 && hl_event_engine(s->event) != HL_ENGINE_COMPILED; i++)
        test_sleep_ms(1);
    scene_expect_compiled(s);
}

/* ---- the system ---- */

/* The n-th child of a process, as the kernel lists it for each of its threads; 0 when there are fewer. */
static pid_t child(pid_t parent, size_t n)
{
    char path[PATH_MAX];
    struct dirent *entry;
    pid_t found = 0;
    DIR *threads;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)parent);
    threads = opendir(path);
    while (threads && !found && (entry = readdir(threads))) {
        FILE *list;
        int pid;

        snprintf(path, sizeof(path), "/proc/%d/task/%s/children", (int)parent, entry->d_name);
        list = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
        while (list && !found && fscanf(list, "%d", &pid) == 1)
            found = n-- == 0 ? pid : 0;
        if (list)
            fclose(list);
    }
    if (threads)
        closedir(threads);
    return found;
}

size_t scene_children(void)
{
    size_t count = 0;

    while (child(getpid(), count))
        count++;
    return count;
}

/* The first field of a process's stat file after its name: 'Z' for a zombie; 0 when there is no such process. */
static char state_of(pid_t pid, char *name, size_t name_len)
{
    char path[64], line[256] = "", *open, *shut;
    FILE *stat;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    stat = fopen(path, "re");
    if (!stat)
        return 0;
    if (!fgets(line, sizeof(line), stat))
        line[0] = '\0';
    fclose(stat);
    open = strchr(line, '(');
    shut = strrchr(line, ')');
    if (!open || !shut)
        return 0;
    snprintf(name, name_len, "%.*s", (int)(shut - open - 1), open + 1);
    return shut[2];
}

/* By pidfd: a zombie whose other threads are still ending has not ended. */
bool scene_alive(pid_t pid)
{
    struct pollfd end = {(int)syscall(SYS_pidfd_open, pid, 0), POLLIN, 0};
    bool alive;

    if (end.fd < 0)
        return false;
    alive = poll(&end, 1, 0) == 0;
    close(end.fd);
    return alive;
}

pid_t scene_helper_of(pid_t parent)
{
    for (size_t i = 0; child(parent, i); i++) {
        pid_t pid = child(parent, i);
        char name[32], state = state_of(pid, name, sizeof(name));

        if (state && state != 'Z' && strcmp(name, "hookline-jit") == 0)
            return pid;
    }
    return 0;
}

pid_t scene_helper(void)
{
    return scene_helper_of(getpid());
}

static size_t count_entries(const char *folder, const char *prefix)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    size_t count = 0;

    while (dir && (entry = readdir(dir)))
        count += entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    if (dir)
        closedir(dir);
    return count;
}

size_t scene_fds(void)
{
    return count_entries("/proc/self/fd", "");
}

size_t scene_scratch(const char *folder)
{
    return count_entries(folder, "hookline-jit.");
}

size_t scene_maps(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    size_t count = 0;
    int byte;

    assert_non_null(maps);
    while ((byte = fgetc(maps)) != EOF)
        count += byte == '\n';
    fclose(maps);
    return count;
}

long scene_rss_kb(void)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    long size, resident;

    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%ld %ld", &size, &resident), 2);
    fclose(statm);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static int holds(struct dl_phdr_info *info, size_t size, void *code)
{
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

        if (info->dlpi_phdr[i].p_type == PT_LOAD && (uintptr_t)code - from < info->dlpi_phdr[i].p_memsz)
            return 1;
    }
    return 0;
}

bool scene_is_mapped(const void *code)
{
    return dl_iterate_phdr(holds, (void *)(uintptr_t)code);
}

/* ---- each case ---- */

static size_t fds_before, children_before;

int scene_make_folder(void **state)
{
    (void)state;
    return mkdtemp(scene_folder) ? 0 : -1;
}

int scene_remove_folder(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", scene_folder);
    return system(command);
}

int scene_begin(void **state)
{
    (void)state;
    setenv("TMPDIR", scene_folder, 1);
    fds_before = scene_fds();
    children_before = scene_children();
    return 0;
}

int scene_end(void **state)
{
    (void)state;
    if (opened)
        scene_close(opened);
    assert_int_equal(scene_fds(), fds_before);
    assert_int_equal(scene_children(), children_before);
    assert_int_equal(scene_scratch(scene_folder), 0);
    return 0;
}
