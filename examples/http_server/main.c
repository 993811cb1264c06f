/* A small HTTP server whose work is done by plugins. Read site.c first: it is the part that uses Hookline.
 *
 *     http-server --store lmdb:/tmp/site --port 8080 &
 *     hookline --store lmdb:/tmp/site register --start add-header.so
 *     curl -i http://127.0.0.1:8080/hello */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "ending.h"
#include "http.h"
#include "input.h"
#include "stats.h"

struct arguments {
    const char *store;
    const char *input; /* NULL: serve HTTP */
    unsigned long port;
    unsigned long threads;
    int stats, repeat, until_eof, help;
};

static const char usage[] = "http-server [OPTION...]: serves HTTP on 127.0.0.1 until SIGTERM\n"
                            "  --store URL    where the plugins are registered (default memory:)\n"
                            "  --port N       0, the default, takes any that is free and prints it\n"
                            "  --threads N    that serve (default 2)\n"
                            "  --input FILE   instead of HTTP, take each line of FILE as a request's path\n"
                            "  --repeat       with --input: begin again until SIGTERM\n"
                            "  --stats        time every dispatch, and serve the times at /stats\n"
                            "  --until-eof    end when standard input ends, too\n";

/* ---- arguments ------------------------------------------------------------------------------------------------- */

static bool number(const char *text, unsigned long least, unsigned long most, unsigned long *out)
{
    char *end;

    errno = 0;
    *out = strtoul(text, &end, 10);
    if (!errno && *text >= '0' && *text <= '9' && !*end && *out >= least && *out <= most)
        return true;
    fprintf(stderr, "http-server: \"%s\" is no number from %lu to %lu\n", text, least, most);
    return false;
}

static bool take(struct arguments *arguments, int option, const char *value)
{
    switch (option) {
    case 's':
        arguments->store = value;
        return true;
    case 'i':
        arguments->input = value;
        return true;
    case 'p':
        return number(value, 0, 65535, &arguments->port);
    case 't':
        return number(value, 1, 256, &arguments->threads);
    default:
        return option == 0;
    }
}

static bool read_arguments(struct arguments *arguments, int argc, char **argv)
{
    const struct option known[] = {
        {"store", required_argument, NULL, 's'},
        {"port", required_argument, NULL, 'p'},
        {"threads", required_argument, NULL, 't'},
        {"input", required_argument, NULL, 'i'},
        {"repeat", no_argument, &arguments->repeat, 1},
        {"stats", no_argument, &arguments->stats, 1},
        {"until-eof", no_argument, &arguments->until_eof, 1},
        {"help", no_argument, &arguments->help, 1},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (!take(arguments, option, optarg))
            return false;
    if (optind == argc)
        return true;
    fprintf(stderr, "http-server: unexpected argument \"%s\"\n", argv[optind]);
    return false;
}

/* ---- serving --------------------------------------------------------------------------------------------------- */

static int serve(struct site *site, const struct arguments *arguments, const struct ending *ending)
{
    struct http *http = http_start(site, (uint16_t)arguments->port, (unsigned)arguments->threads);

    if (!http) {
        fprintf(stderr, "http-server: cannot serve on port %lu: %s\n", arguments->port,
                errno ? strerror(errno) : "libmicrohttpd gives no reason");
        return 1;
    }
    printf("http-server: listening on http://127.0.0.1:%u\n", http_port(http));
    fflush(stdout);
    ending_wait(ending, -1);
    fprintf(stderr, "http-server: ending\n");
    http_stop(http);
    return 0;
}

static int run(const struct arguments *arguments, const struct ending *ending)
{
    struct site site;
    int code = 1;

    if (site_open(&site, arguments->store, arguments->stats) != HL_OK)
        fprintf(stderr, "http-server: %s: %s\n", hl_status_name(hl_last_error()->status), hl_last_error()->message);
    else if (arguments->input)
        code = input_run(&site, arguments->input, arguments->repeat, ending);
    else
        code = serve(&site, arguments, ending);
    site_close(&site);
    return code;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.store = "memory:", .threads = 2};
    struct ending ending;
    int code;

    if (!read_arguments(&arguments, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    if (arguments.help) {
        fputs(usage, stdout);
        return 0;
    }
    if (!ending_open(&ending, arguments.until_eof)) {
        fprintf(stderr, "http-server: cannot wait for signals: %s\n", strerror(errno));
        return 1;
    }
    code = run(&arguments, &ending);
    ending_close(&ending);
    return code;
}
