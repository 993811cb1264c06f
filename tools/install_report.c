/* The progress bar and the report of an installation. */
#include "install_report.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_NS 100000000u
#define BAR_LEN 30

static const char *const step_words[] = {
    [HL_STEP_RESOLVE] = "asking for the release",
    [HL_STEP_DOWNLOAD] = "downloading",
    [HL_STEP_VERIFY] = "verifying",
    [HL_STEP_UNPACK] = "unpacking",
    [HL_STEP_CHECK] = "reading the libraries",
    [HL_STEP_PROBE] = "trying them",
    [HL_STEP_PREPARE] = "loading in the servers",
    [HL_STEP_ACTIVATE] = "activating",
    [HL_STEP_RETIRE] = "waiting for the old code",
};

uint64_t install_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void draw(hl_install_step step, uint64_t done, uint64_t total)
{
    char bar[BAR_LEN + 1];
    size_t full = total ? (size_t)((double)done / (double)total * BAR_LEN) : 0;

    memset(bar, '.', BAR_LEN);
    memset(bar, '#', full < BAR_LEN ? full : BAR_LEN);
    bar[BAR_LEN] = '\0';
    if (total)
        fprintf(stderr, "\r\033[K%-24s [%s] %5.1f of %.1f MiB", step_words[step], bar, (double)done / 1048576,
                (double)total / 1048576);
    else if (done)
        fprintf(stderr, "\r\033[K%-24s %5.1f MiB", step_words[step], (double)done / 1048576);
    else
        fprintf(stderr, "\r\033[K%s", step_words[step]);
    fflush(stderr);
}

bool install_bar_move(void *user, hl_install_step step, uint64_t done, uint64_t total)
{
    struct install_bar *bar = user;
    uint64_t now = install_now_ns();
    bool due = step != bar->step || now - bar->shown_ns > REDRAW_NS || (total && done == total);

    if (bar->context->json || !isatty(STDERR_FILENO) || !due)
        return true;
    bar->step = step;
    bar->shown_ns = now;
    bar->drawn = true;
    draw(step, done, total);
    return true;
}

void install_bar_end(struct install_bar *bar)
{
    if (bar->drawn)
        fputs("\r\033[K", stderr);
    bar->drawn = false;
}

/* ---- the report ------------------------------------------------------------------------------------------------ */

static json_t *lines_value(char *const *lines, size_t len)
{
    json_t *array = json_array();

    for (size_t i = 0; i < len; i++)
        json_array_append_new(array, tool_text(lines[i]));
    return array;
}

static json_t *text_or_empty(const char *text)
{
    return tool_text(text ? text : "");
}

static json_t *report_value(const char *done, uint64_t asked_ns, const hl_install_report *report)
{
    return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:b, s:I, s:I, s:o, s:o}", "done",
                     done, "asked_ns", (json_int_t)asked_ns, "done_ns", (json_int_t)install_now_ns(), "app",
                     text_or_empty(report->app), "version", text_or_empty(report->version), "before",
                     text_or_empty(report->before), "folder", text_or_empty(report->folder), "sha256",
                     text_or_empty(report->sha256), "key", text_or_empty(report->key), "source",
                     text_or_empty(report->source), "plugins", (json_int_t)report->plugins_len, "servers",
                     (json_int_t)report->servers_len, "unloaded", report->unloaded, "bytes", (json_int_t)report->bytes,
                     "unpacked_bytes", (json_int_t)report->unpacked_bytes, "warnings",
                     lines_value(report->warnings, report->warnings_len), "isolated",
                     lines_value(report->isolated, report->isolated_len));
}

static bool is_there(const char *text)
{
    return text && text[0];
}

static void print_row(const char *title, const char *text)
{
    if (!is_there(text))
        return;
    printf("  %-10s ", title);
    tool_print_text(stdout, text);
    putchar('\n');
}

/* What was removed has no other version before it. */
static bool has_predecessor(const hl_install_report *report)
{
    return is_there(report->before) && is_there(report->version) && strcmp(report->before, report->version) != 0;
}

int install_report_print(struct context *context, const char *done, uint64_t asked_ns, const hl_install_report *report)
{
    if (context->json)
        return tool_print_json(report_value(done, asked_ns, report), TOOL_DONE);
    printf("%s %s %s", report->app ? report->app : "", is_there(report->version) ? report->version : "", done);
    if (has_predecessor(report))
        printf(" (before: %s)", report->before);
    printf(": %zu plugin%s", report->plugins_len, report->plugins_len == 1 ? "" : "s");
    if (is_there(report->folder) || report->servers_len)
        printf(", %zu running server%s", report->servers_len, report->servers_len == 1 ? "" : "s");
    putchar('\n');
    print_row("from", report->source);
    print_row("sha256", report->sha256);
    print_row("signed by", report->key);
    print_row("folder", report->folder);
    for (size_t i = 0; i < report->isolated_len; i++)
        print_row("isolated", report->isolated[i]);
    for (size_t i = 0; i < report->warnings_len; i++)
        print_row("warning", report->warnings[i]);
    if (has_predecessor(report) && !report->unloaded)
        print_row("note", "some process still has the old code mapped; it goes when the last call has left");
    return TOOL_DONE;
}
