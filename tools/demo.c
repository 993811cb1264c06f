/* The verb demo: its options, its order of events, and its end, which takes everything with it that the demo made. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "demo.h"

#define SECONDS 4
#define SECONDS_MAX 10 /* twice that, and the changes, stay under 30 s */
#define THREADS 2
#define REQUESTS 5000000

uint64_t demo_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * DEMO_NS_PER_S + (uint64_t)now.tv_nsec;
}

bool demo_fail(struct demo *demo, const char *format, ...)
{
    va_list arguments;

    if (demo->failure[0])
        return false;
    va_start(arguments, format);
    vsnprintf(demo->failure, sizeof(demo->failure), format, arguments);
    va_end(arguments);
    return false;
}

void demo_say(const struct demo *demo, const char *format, ...)
{
    va_list arguments;

    if (demo->context->json)
        return;
    printf("%5.1f s  ", (double)(demo_now_ns() - demo->begun_ns) / 1e9);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* ---- options --------------------------------------------------------------------------------------------------- */

static int take_number(struct context *context, const char *name, unsigned long most, unsigned long *out)
{
    char *end;

    errno = 0;
    *out = strtoul(optarg, &end, 10);
    if (!errno && *optarg >= '0' && *optarg <= '9' && !*end && *out >= 1 && *out <= most)
        return TOOL_DONE;
    return tool_usage(context, "--%s takes a number from 1 to %lu, not \"%s\"", name, most, optarg);
}

static int take_option(struct demo *demo, int option, const char *given)
{
    switch (option) {
    case 'i':
        demo->input = optarg;
        return TOOL_DONE;
    case 's':
        return take_number(demo->context, "seconds", SECONDS_MAX, &demo->seconds);
    case 't':
        return take_number(demo->context, "threads", 64, &demo->threads);
    case 'r':
        return take_number(demo->context, "requests", 1000000000, &demo->requests);
    case ':':
        return tool_usage(demo->context, "%s needs a value", given);
    default:
        return tool_usage(demo->context,
                          "unknown option %s; there are --input FILE, --seconds N, --threads N and "
                          "--requests N",
                          given);
    }
}

static int read_options(struct demo *demo, int argc, char **argv)
{
    static const struct option known[] = {{"input", required_argument, NULL, 'i'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"requests", required_argument, NULL, 'r'},
                                          {0}};
    int code = TOOL_DONE;
    int option;

    opterr = 0;
    optind = 0;
    while (code == TOOL_DONE && (option = getopt_long(argc, argv, ":", known, NULL)) != -1)
        code = take_option(demo, option, argv[optind - 1]);
    if (code == TOOL_DONE && optind < argc)
        return tool_usage(demo->context, "demo takes no argument \"%s\"; a file is named with --input", argv[optind]);
    return code;
}

/* ---- the demo -------------------------------------------------------------------------------------------------- */

static json_t *new_report(const struct demo *demo)
{
    json_t *report = json_pack("{s:s, s:s, s:I, s:[], s:[]}", "mode", demo->input ? "input" : "http", "clock",
                               "CLOCK_MONOTONIC", "threads", (json_int_t)demo->threads, "changes", "dispatch");

    if (demo->input)
        json_object_set_new(report, "file", tool_text(demo->input));
    return report;
}

static bool run(struct demo *demo)
{
    if (!demo_prepare(demo))
        return false;
    demo->context->store = demo->store;
    return demo->input ? demo_input(demo) : demo_http(demo);
}

/* What is known is shown also when the demo failed in the end: failed requests are read beside what was changed. */
static int tell(struct demo *demo, bool done)
{
    struct context *context = demo->context;
    bool complete = json_object_get(demo->report, demo->input ? "input" : "requests") != NULL;

    if (context->json && done)
        return tool_print_json(json_incref(demo->report), TOOL_DONE);
    if (!context->json && complete)
        demo_report_print(demo);
    return done ? TOOL_DONE : tool_error(context, TOOL_REFUSED, HL_ERR_SYSTEM, "demo", "%s", demo->failure);
}

int hl_tool_demo(struct context *context, int argc, char **argv)
{
    struct demo demo = {.context = context,
                        .seconds = SECONDS,
                        .threads = THREADS,
                        .requests = REQUESTS,
                        .signals = -1,
                        .server = DEMO_CHILD_NONE,
                        .begun_ns = demo_now_ns()};
    const char *store = context->store;
    int code = read_options(&demo, argc, argv);
    bool done;

    if (code != TOOL_DONE)
        return code;
    demo.report = new_report(&demo);
    done = run(&demo);
    demo_cleanup(&demo);
    context->store = store;
    code = tell(&demo, done);
    json_decref(demo.report);
    return code;
}
