/* Runs hookline-probe on a library and turns what happens to it into a status. Called by hl_register_library and by the
 * loader for files that were not tried before. */
#include "library/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/child.h"
#include "core/error.h"
#include "core/program.h"
#include "library/library_file.h"

#define ACTION "try library"
#define NS_PER_S UINT64_C(1000000000)

/* What a pipe brought: its beginning as a string; the rest is read and dropped, so that nobody waits at a full pipe. */
typedef struct heard {
    int fd;
    size_t len;
    char text[512];
} heard;

typedef struct attempt {
    hl__child child;
    heard answer; /* of the program */
    heard output; /* of the library's code */
    int answer_writer;
    int output_writer;
    bool in_time;
} attempt;

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static hl_status make_pipe(int *reader, int *writer)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) != 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "pipe", "No pipe for the throw-away process");
    *reader = fds[0];
    *writer = fds[1];
    if (fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "pipe", "No pipe for the throw-away process");
    return HL_OK;
}

static hl_status start(attempt *attempt, const char *path, int fd)
{
    char buffer[PATH_MAX];
    char parent[24];
    const char *program =
        hl__program_find("HOOKLINE_PROBE", "hookline-probe", HL__PROBE_PROGRAM, buffer, sizeof(buffer));
    const char *argv[] = {"hookline-probe", path, parent, NULL};
    const int fds[] = {fd, attempt->answer_writer};
    hl__child_spec spec = {program, argv, NULL, attempt->output_writer, fds, 2};
    int error;

    snprintf(parent, sizeof(parent), "%ld", (long)getpid());
    error = hl__child_spawn(&spec, &attempt->child);
    if (error)
        return hl__fail_errno(HL_ERR_PROBE, error, ACTION, "HOOKLINE_PROBE",
                              "%s cannot be tried: program %s does not start; install it, or set HOOKLINE_PROBE to its "
                              "path",
                              path, program);
    return HL_OK;
}

static void drain(heard *heard)
{
    char buffer[4096];
    ssize_t got;

    while ((got = read(heard->fd, buffer, sizeof(buffer))) > 0 || (got < 0 && errno == EINTR)) {
        size_t room = sizeof(heard->text) - 1 - heard->len;
        size_t len = got < 0 ? 0 : (size_t)got < room ? (size_t)got : room;

        memcpy(heard->text + heard->len, buffer, len);
        heard->len += len;
    }
    if (got == 0)
        close_fd(&heard->fd);
}

/* Until the process has ended or its time is over. A pipe's end says nothing: the library may have given its descriptor
 * to another process, or closed it. A library that prints without pause is stopped by the deadline. */
static void listen_to(attempt *attempt, uint64_t deadline_ns)
{
    attempt->in_time = attempt->child.pidfd < 0;
    while (!attempt->in_time) {
        struct pollfd wait[] = {{attempt->child.pidfd, POLLIN, 0},
                                {attempt->answer.fd, POLLIN, 0},
                                {attempt->output.fd, POLLIN, 0}};
        uint64_t now = hl__child_now_ns();

        if (now >= deadline_ns)
            return;
        if (poll(wait, 3, (int)((deadline_ns - now) / 1000000) + 1) <= 0)
            continue;
        if (wait[1].revents)
            drain(&attempt->answer);
        if (wait[2].revents)
            drain(&attempt->output);
        attempt->in_time = wait[0].revents != 0;
    }
}

static bool was_loaded(const attempt *attempt)
{
    return attempt->answer.text[0] == HL__PROBE_LOADED;
}

/* The answer without the news that the library was loaded; "" when that was all. */
static const char *answer_of(const attempt *attempt)
{
    return attempt->answer.text + was_loaded(attempt);
}

/* What the library printed, as one line at the end of a message. */
static const char *printed(attempt *attempt, char *out, size_t out_len)
{
    char *text = attempt->output.text;

    while (attempt->output.len && (unsigned char)text[attempt->output.len - 1] <= ' ')
        text[--attempt->output.len] = '\0';
    for (size_t i = 0; i < attempt->output.len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = ' ';
    if (attempt->output.len)
        snprintf(out, out_len, " It printed: %.300s", text);
    else
        out[0] = '\0';
    return out;
}

static const char *stage(const attempt *attempt)
{
    return was_loaded(attempt) ? "while it was unloaded (its destructors)" : "while it was loaded (its constructors)";
}

static hl_status fail_death(attempt *attempt, const char *path, const hl__child_end *end)
{
    char how[80];
    char output[360];

    hl__child_describe(end, how, sizeof(how));
    if (!attempt->in_time)
        return hl__fail(HL_ERR_PROBE, ACTION, "library", "%s hung %s: a throw-away process was killed after %d s.%s",
                        path, stage(attempt), HL__PROBE_SECONDS, printed(attempt, output, sizeof(output)));
    return hl__fail(HL_ERR_PROBE, ACTION, "library", "%s: a throw-away process %s %s.%s", path, how, stage(attempt),
                    printed(attempt, output, sizeof(output)));
}

static hl_status judge(attempt *attempt, const char *path, const hl__child_end *end)
{
    const char *answer = answer_of(attempt);

    switch (answer[0]) {
    case HL__PROBE_DONE:
    case HL__PROBE_UNRESOLVED:
        return HL_OK;
    case HL__PROBE_REPLACED:
        return hl__fail(HL_ERR_PROBE, ACTION, "path", "%s was replaced while it was tried; try again.", path);
    case HL__PROBE_REFUSED:
        return hl__fail(HL_ERR_PROBE, ACTION, "library", "%s cannot be loaded: %s.", path, answer + 1);
    case HL__PROBE_ENTRY:
        return hl__fail(HL_ERR_PROBE, ACTION, "library", "%s changes when it is loaded: %s.", path, answer + 1);
    default:
        return fail_death(attempt, path, end);
    }
}

static hl_status run(attempt *attempt, const char *path, int fd)
{
    hl__child_end end;
    hl_status status = make_pipe(&attempt->answer.fd, &attempt->answer_writer);

    if (status == HL_OK)
        status = make_pipe(&attempt->output.fd, &attempt->output_writer);
    if (status == HL_OK)
        status = start(attempt, path, fd);
    if (status != HL_OK)
        return status;
    close_fd(&attempt->answer_writer);
    close_fd(&attempt->output_writer);
    listen_to(attempt, hl__child_now_ns() + HL__PROBE_SECONDS * NS_PER_S);
    end = hl__child_finish(&attempt->child);
    drain(&attempt->answer);
    drain(&attempt->output);
    return judge(attempt, path, &end);
}

hl_status hl__probe_run(const char *path, int fd)
{
    attempt attempt = {.child = HL__CHILD_NONE,
                       .answer = {.fd = -1},
                       .output = {.fd = -1},
                       .answer_writer = -1,
                       .output_writer = -1,
                       .in_time = false};
    hl_status status = run(&attempt, path, fd);

    close_fd(&attempt.answer.fd);
    close_fd(&attempt.output.fd);
    close_fd(&attempt.answer_writer);
    close_fd(&attempt.output_writer);
    return status;
}

hl_status hl__library_probe(const hl__library_file *file)
{
    return hl__probe_run(file->path, file->fd);
}
