/* `hookline demo --input FILE`: the example server takes the lines of a file for requests, while the changes are
 * made. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "demo.h"
#include "servers.h"

#define SAY_S 5

/* Says in advance what the server could only say after it was started. */
static bool check_file(struct demo *demo)
{
    struct stat status;

    if (stat(demo->input, &status) != 0)
        return demo_fail(demo, "%s cannot be read: %s", demo->input, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return demo_fail(demo, "%s is a folder; name a file with one request path a line.", demo->input);
    if (access(demo->input, R_OK) != 0)
        return demo_fail(demo, "%s cannot be read: %s", demo->input, strerror(errno));
    if (S_ISREG(status.st_mode) && status.st_size == 0)
        return demo_fail(demo, "%s is empty; name a file with at least one line.", demo->input);
    return true;
}

/* However long the file is, it is run over once to its end. */
static bool await_first_pass(struct demo *demo)
{
    uint64_t say_ns = demo_now_ns() + SAY_S * DEMO_NS_PER_S;

    while (!demo->first_pass) {
        if (!demo_server_listen(demo, say_ns))
            return false;
        if (demo->first_pass || demo_now_ns() < say_ns)
            continue;
        demo_say(demo, "still in the first pass over the file");
        say_ns += SAY_S * DEMO_NS_PER_S;
    }
    return true;
}

static bool take_answer(struct demo *demo, const char *text)
{
    const char *start = text ? strchr(text, '{') : NULL;
    json_t *answer = start ? json_loads(start, JSON_DISABLE_EOF_CHECK, NULL) : NULL;

    if (!answer)
        return demo_fail(demo, "The server ended without a report over %s.", demo->input);
    demo_times_match(json_object_get(demo->report, "changes"),
                     json_object_get(json_object_get(answer, "stats"), "notices"));
    json_object_del(answer, "stats");
    json_object_set(demo->report, "input", answer);
    json_decref(answer);
    return true;
}

static bool end_server(struct demo *demo)
{
    char *text = NULL;
    bool done = demo_server_end(demo, &text) && take_answer(demo, text);

    free(text);
    return done;
}

/* As with requests: a chain that failed, or could not run, is a failure of the demo. */
static bool check_verdicts(struct demo *demo)
{
    const json_t *input = json_object_get(demo->report, "input");
    uint64_t failed = value_count(json_object_get(input, "verdicts"), "failed");

    if (value_count(input, "lines") == 0)
        return demo_fail(demo, "%s has no line to run.", demo->input);
    return !failed || demo_fail(demo, "The chains failed on %llu lines.", (unsigned long long)failed);
}

bool demo_input(struct demo *demo)
{
    if (!check_file(demo) || !demo_server_start(demo))
        return false;
    demo_say(demo, "the lines of %s are requests, over and over until the changes are made", demo->input);
    return demo_changes_run(demo) && await_first_pass(demo) && demo_engine(demo) && end_server(demo) &&
           check_verdicts(demo);
}
