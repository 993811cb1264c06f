/* A process on a store that does what it is told, a line at a time, and ends with its standard input:
 *   stop|enable|unregister NAME     answers "STATUS T0 T1": the time before and after, CLOCK_MONOTONIC
 *   add NAME EVENT PRIORITY EXTRA   registers and starts a plugin that leaves its name; the same answer
 *   trail EVENT                     answers what a dispatch leaves
 *   follow EVENT                    answers "TIME TRAIL" at once and after each change, until the next line
 *   race PREFIX COUNT               registers "shared" and PREFIX-I in turns; answers how often it met a conflict
 *   same COUNT                      registers and starts same-0, same-1, ...; the same answer
 *   random SEED MS                  random operations for that time; answers how many
 *   cpu                             processor time used so far, in nanoseconds
 *   view                            every record, a line each, and "." */
#include <inttypes.h>
#include <poll.h>
#include <unistd.h>

#include "tests/processes/support/peer.h"

static hl_runtime *runtime;

/* Names outlive the plugins that have them as `self`. */
static char *keep(const char *name)
{
    static char names[4096][32];
    static size_t used;

    for (size_t i = 0; i < used; i++)
        if (strcmp(names[i], name) == 0)
            return names[i];
    snprintf(names[used], sizeof(names[0]), "%s", name);
    return names[used++];
}

static void die(const char *what, hl_status status)
{
    fprintf(stderr, "peer_program: %s: %s: %s\n", what, hl_status_name(status), hl_last_error()->message);
    exit(3);
}

static hl_status add_plugin(const char *name, const char *event, int priority, const char *extra, const char *depends)
{
    test_plugin plugin = {.name = keep(name),
                          .event = event,
                          .priority = &priority,
                          .extra = extra,
                          .depends = depends};

    return test_register(runtime, &plugin, HL_START);
}

/* ---- single operations ---- */

static void timed(const char *verb, const char *rest)
{
    uint64_t begun = test_now_ns();
    char name[64] = "", event[64] = "", extra[64] = "";
    int priority = 0;
    hl_status status = HL_ERR_INVALID;

    if (strcmp(verb, "stop") == 0)
        status = hl_stop(runtime, rest, 0);
    else if (strcmp(verb, "enable") == 0)
        status = hl_enable(runtime, rest, 0);
    else if (strcmp(verb, "unregister") == 0)
        status = hl_unregister(runtime, rest, 0);
    else if (sscanf(rest, "%63s %63s %d %63s", name, event, &priority, extra) >= 3)
        status = add_plugin(name, event, priority, extra, NULL);
    printf("%s %" PRIu64 " %" PRIu64 "\n", hl_status_name(status), begun, test_now_ns());
}

static const char *trail_of(hl_event *event)
{
    static test_trail trail;
    hl_reply reply;

    trail.text[0] = '\0';
    reply = hl_call(event, &trail, NULL);
    if (reply.verdict != HL_NEXT)
        snprintf(trail.text, sizeof(trail.text), "%s", hl_status_name((hl_status)reply.verdict));
    return trail.text;
}

static void follow(hl_event *event)
{
    struct pollfd wait[2] = {{.fd = 0, .events = POLLIN}, {.events = POLLIN}};
    hl_subscription *subscription;
    const hl_notice *notice;
    char last[512] = "?";

    ok(hl_subscribe_fd(runtime, 0, &wait[1].fd, &subscription));
    do {
        while (hl_notice_next(subscription, &notice) == HL_OK)
            ;
        if (strcmp(last, trail_of(event)) == 0)
            continue;
        snprintf(last, sizeof(last), "%s", trail_of(event));
        printf("%" PRIu64 " %s\n", test_now_ns(), last);
        fflush(stdout);
    } while (poll(wait, 2, -1) >= 0 && !wait[0].revents);
    hl_unsubscribe(subscription);
}

/* ---- many operations ---- */

static unsigned long insist(const char *name, int priority, const char *extra)
{
    unsigned long conflicts = 0;
    hl_status status;

    while ((status = add_plugin(name, "e", priority, extra, NULL)) == HL_ERR_CONFLICT)
        conflicts++;
    if (status != HL_OK)
        die("register", status);
    return conflicts;
}

static void race(const char *prefix, int count)
{
    unsigned long conflicts = 0;

    for (int i = 0; i < count; i++) {
        char name[64];

        snprintf(name, sizeof(name), "%s-%d", prefix, i);
        conflicts += insist("shared", i % 100, name);
        conflicts += insist(name, 50, "own");
    }
    printf("%lu\n", conflicts);
}

static void same(int count)
{
    unsigned long conflicts = 0;

    for (int i = 0; i < count; i++) {
        char name[32];

        snprintf(name, sizeof(name), "same-%d", i);
        conflicts += insist(name, 50, "the same");
    }
    printf("%lu\n", conflicts);
}

static unsigned long draw(unsigned long *seed, unsigned long below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*seed >> 33) % below;
}

static const char *draw_name(unsigned long *seed)
{
    char name[8];

    snprintf(name, sizeof(name), "n%lu", draw(seed, 12));
    return keep(name);
}

static const char *draw_event(unsigned long *seed)
{
    static const char *const names[] = {"e0", "e1", "e2"};

    return names[draw(seed, 3)];
}

static hl_status draw_register(unsigned long *seed)
{
    const char *name = draw_name(seed), *other = draw_name(seed);
    bool depends = draw(seed, 2) && strcmp(name, other) != 0;

    return add_plugin(name, draw_event(seed), (int)draw(seed, 101), draw(seed, 2) ? "x" : "y", depends ? other : NULL);
}

static hl_status draw_txn(unsigned long *seed)
{
    hl_txn *txn;

    ok(hl_txn_begin(runtime, &txn));
    for (int i = 0; i < 3; i++) {
        hl_status step = draw(seed, 2) ? hl_txn_stop(txn, draw_name(seed), 0) : hl_txn_enable(txn, draw_name(seed), 0);

        (void)step; /* a refused step is not part of the transaction */
    }
    return hl_txn_commit(txn, 0);
}

static hl_status draw_operation(unsigned long *seed)
{
    switch (draw(seed, 12)) {
    case 0:
    case 1:
    case 2:
        return draw_register(seed);
    case 3:
        return hl_start(runtime, draw_name(seed), 0);
    case 4:
        return hl_stop(runtime, draw_name(seed), 0);
    case 5:
        return hl_enable(runtime, draw_name(seed), 0);
    case 6:
        return hl_restart(runtime, draw_name(seed), 0);
    case 7:
        return hl_unregister(runtime, draw_name(seed), 0);
    case 8:
        return hl_start_event(runtime, draw_event(seed), 0);
    case 9:
        return draw(seed, 4) ? hl_restart_event(runtime, draw_event(seed), 0)
                             : hl_stop_event(runtime, draw_event(seed), 0);
    case 10:
        return draw_txn(seed);
    default:
        return draw(seed, 8) ? hl_start_all(runtime, 0) : hl_unregister_event(runtime, draw_event(seed), 0);
    }
}

static bool is_an_answer(hl_status status)
{
    return status == HL_OK || status == HL_ERR_NOT_FOUND || status == HL_ERR_STATUS || status == HL_ERR_DEPENDENCY ||
           status == HL_ERR_CYCLE || status == HL_ERR_CONFLICT;
}

static void random_operations(unsigned long seed, uint64_t ms)
{
    uint64_t until = test_now_ns() + ms * 1000000;
    unsigned long done = 0;
    hl_event *event;

    ok(hl_event_open(runtime, "e0", &event));
    for (; test_now_ns() < until; done++) {
        test_trail trail = {""};
        hl_status status = draw_operation(&seed);
        int64_t verdict = hl_call(event, &trail, NULL).verdict;

        if (!is_an_answer(status))
            die("random", status);
        if (verdict != HL_NEXT && verdict != HL_ERR_NOT_LOADED)
            die("dispatch", (hl_status)verdict);
        usleep(300);
    }
    printf("%lu\n", done);
}

/* ---- obeying ---- */

static void show(void)
{
    char *view = peer_view(runtime);

    printf("%s.\n", view);
    free(view);
}

static void obey(const char *verb, const char *rest)
{
    char prefix[32];
    unsigned long first, second;
    int count;

    if (strcmp(verb, "trail") == 0)
        printf("%s\n", trail_of(test_event(runtime, rest)));
    else if (strcmp(verb, "follow") == 0)
        follow(test_event(runtime, rest));
    else if (strcmp(verb, "race") == 0 && sscanf(rest, "%31s %d", prefix, &count) == 2)
        race(prefix, count);
    else if (strcmp(verb, "same") == 0)
        same(atoi(rest));
    else if (strcmp(verb, "random") == 0 && sscanf(rest, "%lu %lu", &first, &second) == 2)
        random_operations(first, second);
    else if (strcmp(verb, "cpu") == 0)
        printf("%" PRIu64 "\n", peer_cpu_ns());
    else if (strcmp(verb, "view") == 0)
        show();
    else
        timed(verb, rest);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    hl_options options = HL_OPTIONS_INIT;
    char line[256];
    hl_status status;

    options.store = argc > 1 ? argv[1] : "memory:";
    setvbuf(stdin, NULL, _IONBF, 0);
    status = hl_open(&options, &runtime);
    if (status != HL_OK)
        die("open", status);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        char *rest;

        line[strcspn(line, "\n")] = '\0';
        rest = strchr(line, ' ');
        if (rest)
            *rest++ = '\0';
        obey(line, rest ? rest : "");
    }
    hl_close(runtime);
    return 0;
}
