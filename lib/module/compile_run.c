/* Runs the compiler in its sandbox, listens to it, and ends it when its time is over; see compile.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/child.h"
#include "core/error.h"
#include "module/compile.h"
#include "module/sandbox_run.h"
#include "worker/sandbox.h"

#define ACTION HL__COMPILE_ACTION
#define MEMORY_BYTES (UINT64_C(1) << 30)
#define FILE_BYTES (UINT64_C(64) << 20)
#define FILES 256
#define PROCESSES 32
#define KEPT_BYTES ((size_t)64 << 10)     /* of the diagnostics; what follows is dropped */
#define HEARD_BYTES_MAX ((size_t)8 << 20) /* a compiler that says more is ended */
#define READ_PATHS_MAX (16 + HL__COMPILE_PARTS_MAX)
#define CUT "\n(The rest of the diagnostics was left out.)\n"

/* One run. */
typedef struct running {
    const hl__compile_run *run;
    hl__child child;
    int output, output_writer;
    int why, why_writer;
    int plan;
    char *text; /* what was kept of the output */
    size_t text_len;
    size_t heard_len;
    bool late;
} running;

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- the sandbox ------------------------------------------------------------------------------------------------- */

static const char *const system_folders[] = {
    "/usr",      "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/ld.so.cache", "/etc/alternatives",
    "/dev/null",
};

/* Fills paths[] with those that exist, and a NULL behind. */
static void list_readable(const hl__compile_tools *tools, const char *paths[READ_PATHS_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < sizeof(system_folders) / sizeof(system_folders[0]); i++) {
        if (access(system_folders[i], R_OK) == 0)
            paths[len++] = system_folders[i];
    }
    paths[len++] = tools->headers;
    for (size_t i = 0; i < tools->parts_len; i++)
        paths[len++] = tools->parts[i];
    paths[len] = NULL;
}

/* The plan in a file in memory, which the program reads from its beginning. */
static hl_status write_plan(running *running, const void *plan, size_t len)
{
    running->plan = memfd_create("sandbox-plan", MFD_CLOEXEC);
    if (running->plan >= 0 && len < HL__SANDBOX_PLAN_MAX && write(running->plan, plan, len) == (ssize_t)len)
        return HL_OK;
    return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "sandbox", "The sandbox plan cannot be handed over");
}

static hl_status make_plan(running *running)
{
    const char *readable[READ_PATHS_MAX];
    const char *const writable[] = {running->run->folder, NULL};
    uint64_t now_ns = hl__child_now_ns();
    uint64_t left_ns = running->run->deadline_ns > now_ns ? running->run->deadline_ns - now_ns : 0;
    hl_sandbox sandbox = {.size = sizeof(sandbox),
                          .memory_bytes = MEMORY_BYTES,
                          .file_bytes = FILE_BYTES,
                          .files = FILES,
                          .processes = PROCESSES,
                          .cpu_seconds = (uint32_t)(left_ns / 1000000000) + 1,
                          .read = readable,
                          .write = writable};
    void *plan = NULL;
    size_t len = 0;
    hl_status status;

    list_readable(running->run->tools, readable);
    status = hl__sandbox_plan(&sandbox, &plan, &len);
    if (status == HL_OK)
        status = write_plan(running, plan, len);
    free(plan);
    return status;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static hl_status make_pipe(int *reader, int *writer)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) != 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "pipe", "No pipe for the compiler");
    *reader = fds[0];
    *writer = fds[1];
    if (fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "pipe", "No pipe for the compiler");
    return HL_OK;
}

static hl_status start(running *running)
{
    const hl__compile_tools *tools = running->run->tools;
    char server[24];
    const int fds[] = {running->plan, running->why_writer};
    const char *const argv[] = {"hookline-sandbox",
                                server,
                                running->run->folder,
                                tools->compiler,
                                "-shared",
                                "-fPIC",
                                "-O2",
                                "-std=gnu11",
                                "-Wall",
                                "-Wextra",
                                "-fvisibility=hidden",
                                "-fno-diagnostics-color",
                                "-isystem",
                                tools->headers,
                                "-o",
                                HL__COMPILE_RESULT,
                                running->run->file,
                                "-Wl,--as-needed",
                                "-lm",
                                NULL};
    const hl__child_spec spec = {.program = tools->sandbox,
                                 .argv = argv,
                                 .output = running->output_writer,
                                 .fds = fds,
                                 .fds_len = 2};
    int error;

    snprintf(server, sizeof(server), "%ld", (long)getpid());
    error = hl__child_spawn(&spec, &running->child);
    if (!error)
        return HL_OK;
    return hl__fail_errno(HL_ERR_SYSTEM, error, ACTION, "HOOKLINE_SANDBOX",
                          "Program %s does not start; install it, or set HOOKLINE_SANDBOX to its path", tools->sandbox);
}

/* ---- listening --------------------------------------------------------------------------------------------------- */

static void keep(running *running, const char *bytes, size_t len)
{
    size_t room = KEPT_BYTES - running->text_len;
    size_t kept = len < room ? len : room;

    memcpy(running->text + running->text_len, bytes, kept);
    running->text_len += kept;
    running->heard_len += len;
}

static void drain(running *running)
{
    char buffer[16384];
    ssize_t got;

    while (running->heard_len <= HEARD_BYTES_MAX) {
        got = read(running->output, buffer, sizeof(buffer));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return;
        if (got == 0)
            break;
        keep(running, buffer, (size_t)got);
    }
    close_fd(&running->output);
}

/* Until the program has ended, its time is over, or it has said too much. */
static void listen_to(running *running)
{
    while (running->child.pidfd >= 0 && running->heard_len <= HEARD_BYTES_MAX) {
        struct pollfd wait[] = {{running->child.pidfd, POLLIN, 0}, {running->output, POLLIN, 0}};
        uint64_t now_ns = hl__child_now_ns();
        uint64_t left_ms;

        running->late = now_ns >= running->run->deadline_ns;
        if (running->late)
            return;
        left_ms = (running->run->deadline_ns - now_ns) / 1000000 + 1;
        if (poll(wait, 2, left_ms < 60000 ? (int)left_ms : 60000) <= 0)
            continue;
        if (wait[1].revents)
            drain(running);
        if (wait[0].revents)
            return;
    }
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

/* What compilers say when they meet the sandbox's limits. */
static bool names_limit(const char *text)
{
    static const char *const words[] = {"File size limit exceeded", "CPU time limit exceeded", "out of memory",
                                        "memory exhausted",         "std::bad_alloc",          "File too large"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(text, words[i]))
            return true;
    }
    return false;
}

/* What they say when there is no room for what they write. */
static bool names_full_disk(const char *text)
{
    return strstr(text, "No space left on device") || strstr(text, "Disk quota exceeded");
}

/* The first line that names an error, else the first one, as the end of a message. */
static void pick_line(const char *text, char *out, size_t out_len)
{
    const char *at = strcasestr(text, "error: "); /* an assembler begins it with a capital letter */
    size_t len;

    while (at && at > text && at[-1] != '\n')
        at--;
    at = at ? at : text + strspn(text, "\n");
    len = strcspn(at, "\n");
    snprintf(out, out_len, "%.*s", len < 400 ? (int)len : 400, at);
}

static hl_status fail_not_run(running *running, const char *compiler)
{
    char why[512];
    ssize_t len = read(running->why, why, sizeof(why) - 1);

    why[len > 0 ? len : 0] = '\0';
    return hl__fail(HL_ERR_SYSTEM, ACTION, "sandbox", "%s was not run: %s.", compiler,
                    len > 0 ? why : "hookline-sandbox ended before");
}

/* Where somebody else has reaped the program, its own word counts. */
static void learn_end(const running *running, hl__child_end *end)
{
    unsigned char word[2];

    if (!end->known && read(running->why, word, sizeof(word)) == (ssize_t)sizeof(word) && word[0] == 0)
        *end = (hl__child_end){.known = true, .code = word[1]};
}

static hl_status judge_exit(running *running, const hl__child_end *end)
{
    const hl__compile_run *run = running->run;
    char line[404];
    char how[80];

    pick_line(running->text, line, sizeof(line));
    if (end->known && !end->signalled && end->code == 0)
        return HL_OK;
    if (end->known && !end->signalled && end->code == HL__SANDBOX_NOT_RUN)
        return fail_not_run(running, run->tools->compiler);
    if (names_full_disk(running->text))
        return hl__fail(
            HL_ERR_STORE_FULL, ACTION, "store",
            "%s was not compiled for want of room in %s; free some space on that disk, and compile again: %s",
            run->file, run->folder, line);
    if (names_limit(running->text))
        return hl__fail(HL_ERR_LIMIT, ACTION, "source", "%s needs more than a compile may have: %s", run->file, line);
    if (end->known && !end->signalled && end->code < HL__SANDBOX_SIGNAL_EXIT)
        return hl__fail(HL_ERR_COMPILE, ACTION, "source", "%s does not compile: %s", run->file, line);
    hl__child_describe(end, how, sizeof(how));
    return hl__fail(HL_ERR_COMPILE, ACTION, "source", "The compiler of %s %s: %s", run->file, how, line);
}

static hl_status judge(running *running, const hl__child_end *end)
{
    if (running->late)
        return hl__fail(HL_ERR_TIMEOUT, ACTION, "timeout_ms",
                        "%s was not compiled in time; the compiler was ended. Give more time, or less source.",
                        running->run->file);
    if (running->heard_len > HEARD_BYTES_MAX)
        return hl__fail(HL_ERR_LIMIT, ACTION, "source", "The compiler said more than %zu bytes about %s.",
                        HEARD_BYTES_MAX, running->run->file);
    return judge_exit(running, end);
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static hl_status run(running *running)
{
    hl__child_end end;
    hl_status status = make_pipe(&running->output, &running->output_writer);

    if (status == HL_OK)
        status = make_pipe(&running->why, &running->why_writer);
    if (status == HL_OK)
        status = make_plan(running);
    if (status == HL_OK)
        status = start(running);
    if (status != HL_OK)
        return status;
    close_fd(&running->output_writer);
    close_fd(&running->why_writer);
    listen_to(running);
    end = hl__child_finish(&running->child);
    learn_end(running, &end);
    drain(running);
    running->text[running->text_len] = '\0';
    return judge(running, &end);
}

/* Others will print it: bytes that are no text are shown as '?'. */
static char *finish_text(running *running)
{
    if (running->heard_len > running->text_len)
        memcpy(running->text + running->text_len, CUT, sizeof(CUT));
    for (char *at = running->text; *at; at++) {
        if ((unsigned char)*at < ' ' && *at != '\n' && *at != '\t')
            *at = '?';
    }
    return running->text;
}

hl_status hl__compile_do(const hl__compile_run *spec, char **diagnostics)
{
    running running = {.run = spec,
                       .child = HL__CHILD_NONE,
                       .output = -1,
                       .output_writer = -1,
                       .why = -1,
                       .why_writer = -1,
                       .plan = -1};
    hl_status status;

    *diagnostics = NULL;
    running.text = (char *)calloc(1, KEPT_BYTES + sizeof(CUT));
    if (!running.text)
        return hl__fail_memory(ACTION);
    status = run(&running);
    *diagnostics = finish_text(&running);
    close_fd(&running.output);
    close_fd(&running.output_writer);
    close_fd(&running.why);
    close_fd(&running.why_writer);
    close_fd(&running.plan);
    return status;
}
