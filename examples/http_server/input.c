/* The site over the lines of a file. Memory is bounded whatever the file is: what is longer than a path may be is cut
 * and counted. See input.h. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stats.h"

#define CHUNK 65536
#define STATUSES 600

/* The line being read, which may be spread over several chunks. */
struct line {
    char bytes[sizeof(((struct http_exchange *)0)->path)];
    size_t len; /* of what was kept */
    bool begun;
    bool cut;
};

struct input {
    struct site *site;
    int fd;
    struct line line;
    int64_t time_ns; /* of this chunk: a clock for each line would cost as much as the line */
    uint64_t begun_ns;
    uint64_t elapsed_ns; /* without waiting */
    uint64_t passes, file_lines, lines, cut, with_nul;
    uint64_t next, halt, failed; /* verdicts of `request` */
    uint64_t statuses[STATUSES];
};

/* ---- a line ---------------------------------------------------------------------------------------------------- */

static void count_answer(struct input *input, const struct http_exchange *exchange, int64_t verdict)
{
    if (verdict < 0)
        input->failed++;
    else if (verdict == HL_HALT)
        input->halt++;
    else
        input->next++;
    input->statuses[exchange->status < STATUSES ? exchange->status : 0]++;
}

/* A path is text: a NUL would hide what follows it. */
static bool replace_nul(char *bytes, size_t len)
{
    bool found = false;

    for (char *at = bytes; (at = memchr(at, '\0', len - (size_t)(at - bytes))) != NULL; found = true)
        *at = '?';
    return found;
}

static void run_line(struct input *input)
{
    static const struct http_exchange blank = {.method = "GET", .client = "input"};
    struct line *line = &input->line;
    struct http_exchange exchange = blank;
    int64_t verdict;

    if (line->len > 0 && line->bytes[line->len - 1] == '\r' && !line->cut)
        line->len--;
    input->with_nul += line->len > 0 && replace_nul(line->bytes, line->len);
    memcpy(exchange.path, line->bytes, line->len);
    exchange.time_ns = input->time_ns;
    if (line->cut)
        exchange.status = 414;
    verdict = site_answer(input->site, &exchange);
    site_log(input->site, &exchange);
    count_answer(input, &exchange, verdict);
    input->lines++;
    input->cut += line->cut;
    line->begun = line->cut = false;
    line->len = 0;
}

static void add_bytes(struct line *line, const char *bytes, size_t len)
{
    size_t room = sizeof(line->bytes) - 1 - line->len;

    line->begun = true;
    line->cut = line->cut || len > room;
    len = len < room ? len : room;
    memcpy(line->bytes + line->len, bytes, len);
    line->len += len;
}

static void run_chunk(struct input *input, const char *chunk, size_t len)
{
    const char *end = chunk + len;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    input->time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    while (chunk < end) {
        const char *mark = memchr(chunk, '\n', (size_t)(end - chunk));

        add_bytes(&input->line, chunk, (size_t)((mark ? mark : end) - chunk));
        if (mark)
            run_line(input);
        chunk = mark ? mark + 1 : end;
    }
}

/* ---- the file -------------------------------------------------------------------------------------------------- */

/* Reads to the end of the file. 1: there; 0: it is time to end; -1 with errno: it cannot be read. */
static int run_pass(struct input *input, const struct ending *ending)
{
    char chunk[CHUNK];
    ssize_t len;

    while ((len = read(input->fd, chunk, sizeof(chunk))) != 0) {
        if (len < 0 && errno != EINTR)
            return -1;
        if (len > 0)
            run_chunk(input, chunk, (size_t)len);
        if (ending_wait(ending, 0))
            return 0;
    }
    if (input->line.begun)
        run_line(input);
    input->passes++;
    return 1;
}

static void say_first_pass(struct input *input)
{
    input->file_lines = input->lines;
    printf("http-server: first pass done: %llu lines\n", (unsigned long long)input->lines);
    fflush(stdout);
}

static int run_passes(struct input *input, bool repeat, const struct ending *ending)
{
    int going = run_pass(input, ending);

    if (going == 1)
        say_first_pass(input);
    while (going == 1 && repeat && input->lines > 0 && lseek(input->fd, 0, SEEK_SET) == 0)
        going = run_pass(input, ending);
    input->elapsed_ns = stats_now_ns() - input->begun_ns;
    /* A pipe cannot be read twice: the chains stay open for changes until the end. */
    if (going == 1 && repeat)
        ending_wait(ending, -1);
    return going;
}

static void print_report(const struct input *input)
{
    const char *separator = "";

    printf("{\"file_lines\":%llu,\"passes\":%llu,\"lines\":%llu,\"cut\":%llu,\"with_nul\":%llu,\"elapsed_ns\":%llu,"
           "\"verdicts\":{\"next\":%llu,\"halt\":%llu,\"failed\":%llu},\"statuses\":{",
           (unsigned long long)input->file_lines, (unsigned long long)input->passes, (unsigned long long)input->lines,
           (unsigned long long)input->cut, (unsigned long long)input->with_nul, (unsigned long long)input->elapsed_ns,
           (unsigned long long)input->next, (unsigned long long)input->halt, (unsigned long long)input->failed);
    for (unsigned status = 0; status < STATUSES; status++) {
        if (!input->statuses[status])
            continue;
        printf("%s\"%u\":%llu", separator, status, (unsigned long long)input->statuses[status]);
        separator = ",";
    }
    fputs("},\"stats\":", stdout);
    stats_write(stdout);
    puts("}");
    fflush(stdout);
}

int input_run(struct site *site, const char *path, bool repeat, const struct ending *ending)
{
    static struct input input;
    int going;

    input.site = site;
    input.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (input.fd < 0) {
        fprintf(stderr, "http-server: cannot open %s: %s\n", path, strerror(errno));
        return 1;
    }
    printf("http-server: reading %s\n", path);
    fflush(stdout);
    input.begun_ns = stats_now_ns();
    going = run_passes(&input, repeat, ending);
    if (going < 0)
        fprintf(stderr, "http-server: cannot read %s: %s\n", path, strerror(errno));
    else
        print_report(&input);
    close(input.fd);
    return going < 0;
}
