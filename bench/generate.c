/* Writes the C files of hookline bench that nobody wants to write by hand: `generate chains FILE`, one hand-written
 * function an event, and `generate library NN FILE`, a plugin library of 250 plugins. Run by the build only. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench_parts.h"

/* The same picks at every build. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Different functions within one chain, so that no call waits for the one before it. */
static void pick(uint32_t *seed, uint8_t *plugins, size_t len)
{
    bool used[BENCH_FUNCTIONS] = {false};

    for (size_t i = 0; i < len;) {
        uint8_t number = (uint8_t)(next_random(seed) % BENCH_FUNCTIONS);

        if (used[number])
            continue;
        used[number] = true;
        plugins[i++] = number;
    }
}

/* ---- hand-written chains --------------------------------------------------------------------------------------- */

static void write_chain_begin(FILE *out, const char *name, const uint8_t *plugins, size_t len)
{
    fprintf(out, "static const uint8_t %s_plugins[] = {", name);
    for (size_t i = 0; i < len; i++)
        fprintf(out, "%u, ", plugins[i]);
    fprintf(out, "};\nstatic hl_reply %s(void *state, const void *meta)\n{\n    hl_reply reply;\n\n", name);
}

static void write_call(FILE *out, const char *function, const char *self, bool first)
{
    fprintf(out, "    reply = %s(%s, %s, meta);\n", function, self, first ? "state" : "reply.state");
    fprintf(out, "    if (HL_UNLIKELY(reply.verdict))\n        return stop(state, reply);\n");
}

static void write_chain(FILE *out, const char *name, const uint8_t *plugins, size_t len)
{
    write_chain_begin(out, name, plugins, len);
    for (size_t i = 0; i < len; i++) {
        char function[32], self[32];

        snprintf(function, sizeof(function), "bench_plugin_%02x", plugins[i]);
        snprintf(self, sizeof(self), "&bench_counters[%u]", plugins[i]);
        write_call(out, function, self, i == 0);
    }
    fprintf(out, "    return reply;\n}\n\n");
}

static void write_state_chain(FILE *out)
{
    uint8_t plugins[BENCH_EVENT_PLUGINS];

    for (size_t i = 0; i < BENCH_EVENT_PLUGINS; i++)
        plugins[i] = (uint8_t)i;
    write_chain_begin(out, "chain_state", plugins, BENCH_EVENT_PLUGINS);
    for (size_t i = 0; i < BENCH_EVENT_PLUGINS; i++) {
        char function[32];

        snprintf(function, sizeof(function), "bench_state_plugin_%x", plugins[i]);
        write_call(out, function, "NULL", i == 0);
    }
    fprintf(out, "    return reply;\n}\n\n");
}

static void write_chains_head(FILE *out)
{
    fprintf(out, "/* Written by bench/generate.c. */\n#include \"tools/bench_parts.h\"\n\n"
                 "extern bench_counters_table bench_counters;\n");
    for (unsigned i = 0; i < BENCH_FUNCTIONS; i++)
        fprintf(out, "extern hl_call_fn bench_plugin_%02x;\n", i);
    for (unsigned i = 0; i < BENCH_STATE_FUNCTIONS; i++)
        fprintf(out, "extern hl_call_fn bench_state_plugin_%x;\n", i);
    fprintf(out, "\nstatic __attribute__((noinline, cold)) hl_reply stop(void *input, hl_reply reply)\n{\n"
                 "    if (reply.verdict < 0)\n        reply.state = input;\n    return reply;\n}\n\n");
}

static void write_row(FILE *out, const char *name, size_t len)
{
    fprintf(out, "    {%s, %zu, %s_plugins},\n", name, len, name);
}

static void write_tables(FILE *out, const unsigned *sizes)
{
    char name[32];

    fprintf(out, "HL_API const bench_chain bench_chain_sizes[] = {\n");
    for (unsigned i = 0; i < BENCH_SIZES; i++) {
        snprintf(name, sizeof(name), "chain_size_%u", sizes[i]);
        write_row(out, name, sizes[i]);
    }
    fprintf(out, "};\nHL_API const bench_chain bench_chain_events[] = {\n");
    for (unsigned i = 0; i < BENCH_EVENTS; i++) {
        snprintf(name, sizeof(name), "chain_%u", i);
        write_row(out, name, BENCH_EVENT_PLUGINS);
    }
    fprintf(out, "};\nHL_API const bench_chain bench_chain_state[] = {\n");
    write_row(out, "chain_state", BENCH_EVENT_PLUGINS);
    fprintf(out, "};\n");
}

static void write_chains(FILE *out)
{
    static const unsigned sizes[BENCH_SIZES] = {4, 16, 64};
    uint8_t plugins[BENCH_FUNCTIONS];
    uint32_t seed = 1;
    char name[32];

    write_chains_head(out);
    for (unsigned i = 0; i < BENCH_SIZES; i++) {
        snprintf(name, sizeof(name), "chain_size_%u", sizes[i]);
        pick(&seed, plugins, sizes[i]);
        write_chain(out, name, plugins, sizes[i]);
    }
    for (unsigned i = 0; i < BENCH_EVENTS; i++) {
        snprintf(name, sizeof(name), "chain_%u", i);
        pick(&seed, plugins, BENCH_EVENT_PLUGINS);
        write_chain(out, name, plugins, BENCH_EVENT_PLUGINS);
    }
    write_state_chain(out);
    write_tables(out, sizes);
}

/* ---- plugin libraries ------------------------------------------------------------------------------------------ */

static void write_library_plugin(FILE *out, unsigned number)
{
    fprintf(out,
            "static hl_reply plugin_%u(void *self, void *state, const void *meta)\n{\n    (void)self;\n"
            "    (void)meta;\n    *(uint64_t *)state += %u;\n    return hl_next(state);\n}\n\n",
            number, number);
}

static void write_library(FILE *out, unsigned library)
{
    unsigned first = library * BENCH_LIBRARY_PLUGINS;

    fprintf(out, "/* Written by bench/generate.c. */\n#include <hookline/plugin.h>\n\n");
    for (unsigned i = 0; i < BENCH_LIBRARY_PLUGINS; i++)
        write_library_plugin(out, first + i);
    fprintf(out, "static const hl_plugin_spec plugins[] = {\n");
    for (unsigned i = first; i < first + BENCH_LIBRARY_PLUGINS; i++)
        fprintf(out, "    HL_PLUGIN_INIT(\"open-plugin-%05u\", \"open-%03u\", plugin_%u),\n", i, i % BENCH_EVENTS, i);
    fprintf(out, "};\nHL_PLUGIN_LIBRARY(\"bench-%02u\", \"1.0.0\", plugins)\n", library);
}

int main(int argc, char **argv)
{
    bool library = argc == 4 && strcmp(argv[1], "library") == 0;
    FILE *out;

    if (!library && !(argc == 3 && strcmp(argv[1], "chains") == 0)) {
        fprintf(stderr, "usage: generate chains FILE | generate library NUMBER FILE\n");
        return 2;
    }
    out = fopen(argv[argc - 1], "we");
    if (!out) {
        fprintf(stderr, "generate: %s: %s\n", argv[argc - 1], strerror(errno));
        return 1;
    }
    if (library)
        write_library(out, (unsigned)strtoul(argv[2], NULL, 10));
    else
        write_chains(out);
    return fclose(out) == 0 ? 0 : 1;
}
