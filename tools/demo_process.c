/* Processes of `hookline demo`: the temporary folder, the example server, the commands, and how all of it ends. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"
#include "servers.h"

#define START_S 10
#define COMMAND_S 30
#define END_MS 5000

extern char **environ;

/* ---- waiting --------------------------------------------------------------------------------------------------- */

static const char *how_it_ended(const struct demo_child *child)
{
    static char text[96];
    siginfo_t info;

    memset(&info, 0, sizeof(info));
    if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT) != 0)
        return "ended";
    if (info.si_code == CLD_EXITED)
        snprintf(text, sizeof(text), "ended with exit status %d", info.si_status);
    else
        snprintf(text, sizeof(text), "was killed by signal %d (%s)", info.si_status, strsignal(info.si_status));
    return text;
}

/* The last line that the children wrote to standard error. */
static void last_words(const struct demo *demo, char *out, size_t out_len)
{
    FILE *file = fopen(demo->log, "re");
    char line[256];

    *out = '\0';
    if (!file)
        return;
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        snprintf(out, out_len, " Its last words: %s", line);
    }
    fclose(file);
}

static enum demo_wait server_ended(struct demo *demo)
{
    char words[300];

    last_words(demo, words, sizeof(words));
    demo_fail(demo, "The example server %s in the middle of the demo.%s", how_it_ended(&demo->server), words);
    return DEMO_FAILED;
}

static int ms_until(uint64_t until_ns)
{
    uint64_t now = demo_now_ns();

    return until_ns <= now ? 0 : (int)((until_ns - now + DEMO_NS_PER_MS - 1) / DEMO_NS_PER_MS);
}

enum demo_wait demo_wait(struct demo *demo, int fd, uint64_t until_ns)
{
    struct pollfd waits[] = {{demo->signals, POLLIN, 0}, {demo->server.pidfd, POLLIN, 0}, {fd, POLLIN, 0}};
    int ready;

    do
        ready = poll(waits, 3, ms_until(until_ns));
    while (ready < 0 && errno == EINTR);
    if (waits[0].revents) {
        demo_fail(demo, "The demo was interrupted.");
        return DEMO_FAILED;
    }
    if (waits[1].revents)
        return server_ended(demo);
    return ready > 0 ? DEMO_READY : DEMO_TIME;
}

bool demo_sleep(struct demo *demo, uint64_t until_ns)
{
    return demo_wait(demo, -1, until_ns) == DEMO_TIME;
}

/* ---- starting a process ---------------------------------------------------------------------------------------- */

struct spawning {
    struct demo *demo;
    const char *const *argv;
    bool with_input;
};

/* Signals as in a fresh process, and a process group of its own: Ctrl-C at the terminal is ours to handle. */
static bool set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    return posix_spawnattr_setsigmask(attributes, &none) == 0 && posix_spawnattr_setsigdefault(attributes, &all) == 0 &&
           posix_spawnattr_setpgroup(attributes, 0) == 0 &&
           posix_spawnattr_setflags(attributes,
                                    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP) == 0;
}

static bool set_files(posix_spawn_file_actions_t *files, const struct demo *demo, int input, int output)
{
    int failed = input >= 0 ? posix_spawn_file_actions_adddup2(files, input, STDIN_FILENO)
                            : posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    return !failed && posix_spawn_file_actions_adddup2(files, output, STDOUT_FILENO) == 0 &&
           posix_spawn_file_actions_addopen(files, STDERR_FILENO, demo->log, O_WRONLY | O_APPEND | O_CREAT, 0600) == 0;
}

static int spawn_with(const struct spawning *spawning, int input, int output, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int failed = ENOMEM;

    if (posix_spawn_file_actions_init(&files) != 0)
        return failed;
    if (posix_spawnattr_init(&attributes) == 0) {
        if (set_files(&files, spawning->demo, input, output) && set_attributes(&attributes))
            failed = posix_spawn(pid, spawning->argv[0], &files, &attributes, (char *const *)(uintptr_t)spawning->argv,
                                 environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return failed;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool spawn(const struct spawning *spawning, struct demo_child *child)
{
    int input[2] = {-1, -1}, output[2] = {-1, -1};
    int failed = (spawning->with_input && pipe2(input, O_CLOEXEC) != 0) || pipe2(output, O_CLOEXEC) != 0 ? errno : 0;

    if (!failed)
        failed = spawn_with(spawning, input[0], output[1], &child->pid);
    close_fd(&input[0]);
    close_fd(&output[1]);
    child->input = input[1];
    child->output = output[0];
    if (!failed) {
        child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
        return true;
    }
    child->pid = 0;
    close_fd(&child->input);
    close_fd(&child->output);
    return demo_fail(spawning->demo, "%s could not be started: %s", spawning->argv[0], strerror(failed));
}

/* Reaps a child, after killing it unless it ends in time. Returns its wait status. */
static int finish(struct demo_child *child, int wait_ms)
{
    struct pollfd ended = {child->pidfd, POLLIN, 0};
    int status = 0;

    if (child->pid <= 0)
        return 0;
    close_fd(&child->input);
    if (child->pidfd < 0 || poll(&ended, 1, wait_ms) <= 0)
        kill(-child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close_fd(&child->output);
    close_fd(&child->pidfd);
    child->pid = 0;
    return status;
}

/* ---- a run of the command -------------------------------------------------------------------------------------- */

static bool collect(struct demo *demo, int fd, FILE *file)
{
    uint64_t until_ns = demo_now_ns() + COMMAND_S * DEMO_NS_PER_S;
    char bytes[4096];
    ssize_t got = 1;

    while (got > 0) {
        enum demo_wait waited = demo_wait(demo, fd, until_ns);

        if (waited == DEMO_TIME)
            return demo_fail(demo, "A hookline command took more than %d seconds.", COMMAND_S);
        if (waited == DEMO_FAILED)
            return false;
        got = read(fd, bytes, sizeof(bytes));
        if (got > 0)
            fwrite(bytes, 1, (size_t)got, file);
    }
    return true;
}

/* What went wrong, as the command itself tells it. */
static bool command_failed(struct demo *demo, const char *verb, const json_t *answer)
{
    const char *message = answer ? servers_error(answer) : NULL;

    return demo_fail(demo, "hookline %s failed: %s", verb, message ? message : "it gave no reason");
}

static bool run_child(struct demo *demo, const char *const *argv, char **text)
{
    struct spawning spawning = {demo, argv, false};
    struct demo_child child = DEMO_CHILD_NONE;
    size_t text_len;
    FILE *file = open_memstream(text, &text_len);
    bool done;
    int status;

    if (!file)
        return demo_fail(demo, "No memory is left.");
    done = spawn(&spawning, &child) && collect(demo, child.output, file);
    status = finish(&child, done ? END_MS : 0);
    if (fclose(file) != 0)
        return demo_fail(demo, "No memory is left.");
    return done && WIFEXITED(status) && WEXITSTATUS(status) == TOOL_DONE;
}

bool demo_command(struct demo *demo, const char *const *arguments, json_t **out)
{
    const char *argv[16] = {demo->command, "--json", "--store", demo->store};
    size_t len = 4;
    char *text = NULL;
    bool done;

    for (size_t i = 0; arguments[i] && len < sizeof(argv) / sizeof(argv[0]) - 1; i++)
        argv[len++] = arguments[i];
    done = run_child(demo, argv, &text);
    *out = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (done && *out)
        return true;
    if (!demo->failure[0])
        command_failed(demo, arguments[0], *out);
    json_decref(*out);
    *out = NULL;
    return false;
}

/* ---- the server ------------------------------------------------------------------------------------------------ */

static void take_line(struct demo *demo, const char *line)
{
    static const char port[] = "http-server: listening on http://127.0.0.1:";

    if (strncmp(line, port, sizeof(port) - 1) == 0)
        demo->port = (unsigned)strtoul(line + sizeof(port) - 1, NULL, 10);
    if (demo->port || strncmp(line, "http-server: reading", 20) == 0)
        demo->ready = true;
    if (strncmp(line, "http-server: first pass done", 28) == 0)
        demo->first_pass = true;
}

bool demo_server_listen(struct demo *demo, uint64_t until_ns)
{
    char bytes[256];
    ssize_t got;

    switch (demo_wait(demo, demo->server.output, until_ns)) {
    case DEMO_TIME:
        return true;
    case DEMO_FAILED:
        return false;
    default:
        got = read(demo->server.output, bytes, sizeof(bytes));
    }
    if (got <= 0)
        return demo_sleep(demo, until_ns);
    for (ssize_t i = 0; i < got; i++) {
        if (bytes[i] != '\n' && demo->line_len < sizeof(demo->line) - 1) {
            demo->line[demo->line_len++] = bytes[i];
            continue;
        }
        demo->line[demo->line_len] = '\0';
        demo->line_len = 0;
        take_line(demo, demo->line);
    }
    return true;
}

static bool spawn_server(struct demo *demo)
{
    char program[PATH_MAX + 16], threads[24];
    const char *http[] = {program,   "--store",   demo->store, "--port",      "0",
                          "--stats", "--threads", threads,     "--until-eof", NULL};
    const char *input[] = {program, "--store", demo->store, "--input", demo->input, "--repeat", "--until-eof", NULL};
    struct spawning spawning = {demo, demo->input ? input : http, true};

    snprintf(program, sizeof(program), "%s/http-server", demo->examples);
    snprintf(threads, sizeof(threads), "%lu", demo->threads);
    return spawn(&spawning, &demo->server);
}

bool demo_server_start(struct demo *demo)
{
    uint64_t until_ns = demo_now_ns() + START_S * DEMO_NS_PER_S;

    if (!spawn_server(demo))
        return false;
    while (!demo->ready && demo_now_ns() < until_ns)
        if (!demo_server_listen(demo, until_ns))
            return false;
    return demo->ready || demo_fail(demo, "The example server was not ready within %d seconds.", START_S);
}

static void read_rest(int fd, FILE *file, uint64_t until_ns)
{
    struct pollfd readable = {fd, POLLIN, 0};
    char bytes[65536];

    while (poll(&readable, 1, ms_until(until_ns)) > 0) {
        ssize_t got = read(fd, bytes, sizeof(bytes));

        if (got <= 0)
            return;
        fwrite(bytes, 1, (size_t)got, file);
    }
}

bool demo_server_end(struct demo *demo, char **out)
{
    uint64_t until_ns = demo_now_ns() + END_MS * DEMO_NS_PER_MS;
    size_t text_len;
    char *text = NULL;
    FILE *file = open_memstream(&text, &text_len);
    int status;

    kill(demo->server.pid, SIGTERM);
    if (file) {
        read_rest(demo->server.output, file, until_ns);
        fclose(file);
    }
    status = finish(&demo->server, ms_until(until_ns));
    if (out)
        *out = text;
    else
        free(text);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    return demo_fail(demo, "The example server did not end cleanly when it was asked to (wait status %d).", status);
}

/* ---- preparing and cleaning up --------------------------------------------------------------------------------- */

static bool find_programs(struct demo *demo)
{
    const char *named = getenv("HOOKLINE_EXAMPLES");
    ssize_t len = readlink("/proc/self/exe", demo->command, sizeof(demo->command) - 1);
    char program[PATH_MAX + 16];

    if (len <= 0)
        return demo_fail(demo, "This program's own file cannot be found: %s", strerror(errno));
    demo->command[len] = '\0';
    if (named && *named)
        snprintf(demo->examples, sizeof(demo->examples), "%s", named);
    else
        snprintf(demo->examples, sizeof(demo->examples), "%.*s/../libexec/hookline/examples",
                 (int)(strrchr(demo->command, '/') - demo->command), demo->command);
    snprintf(program, sizeof(program), "%s/http-server", demo->examples);
    if (access(program, X_OK) == 0)
        return true;
    return demo_fail(demo,
                     "There is no example server at %s. It is built where libmicrohttpd is installed (Debian: "
                     "libmicrohttpd-dev); $HOOKLINE_EXAMPLES may name the folder where it is.",
                     program);
}

static bool make_folder(struct demo *demo)
{
    const char *temporary = getenv("TMPDIR");

    if (!temporary || !*temporary)
        temporary = "/tmp";
    if ((size_t)snprintf(demo->folder, sizeof(demo->folder), "%s/hookline-demo-XXXXXX", temporary) >= 4000 ||
        !mkdtemp(demo->folder)) {
        demo->folder[0] = '\0';
        return demo_fail(demo, "No temporary folder can be made in %s: %s. Set TMPDIR to a folder that can be written.",
                         temporary, strerror(errno));
    }
    snprintf(demo->store, sizeof(demo->store), "lmdb:%.4000s/store", demo->folder);
    snprintf(demo->log, sizeof(demo->log), "%.4000s/log", demo->folder);
    return true;
}

/* The plugins' settings; the core dumps of nobody: a plugin of the demo that crashed would be our mistake to find. */
static void set_surroundings(void)
{
    struct rlimit no_core = {0, 0};

    setrlimit(RLIMIT_CORE, &no_core);
    setenv("HTTP_RATE_LIMIT", "4000000000", 1);
    setenv("HTTP_ACCESS_LOG", "/dev/null", 1);
}

bool demo_prepare(struct demo *demo)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    demo->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    if (demo->signals < 0)
        return demo_fail(demo, "Cannot wait for signals: %s", strerror(errno));
    set_surroundings();
    return find_programs(demo) && make_folder(demo);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

/* What a killed process had begun may still add a file while the folder is being emptied. */
static void remove_folder(const char *folder)
{
    for (int tries = 0; tries < 20 && access(folder, F_OK) == 0; tries++) {
        if (tries)
            usleep(50000);
        nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
}

void demo_cleanup(struct demo *demo)
{
    struct demo_load_counts counts;

    demo_load_stop(demo->load, &counts);
    demo->load = NULL;
    if (demo->server.pid > 0)
        kill(demo->server.pid, SIGTERM);
    finish(&demo->server, END_MS);
    if (demo->folder[0])
        remove_folder(demo->folder);
    close_fd(&demo->signals);
}
