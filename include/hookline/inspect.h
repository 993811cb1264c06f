/* Seeing inside: why a chain is as it is, who holds an old one, what its code looks like. */
#ifndef HOOKLINE_INSPECT_H
#define HOOKLINE_INSPECT_H

#include <hookline/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A line of text for the asker, without its end mark; borrowed. */
typedef void hl_line_fn(const char *line, void *user);

/* Explains an event: its chain, why each plugin runs before the next (dependency path, priority or name), why the
 * others do not run, which engine runs it and why not a faster one. HL_ERR_NOT_FOUND. [any-thread] */
HL_API HL_MUST_USE hl_status hl_explain(hl_runtime *runtime, const char *event, hl_line_fn *line, void *user);

/* Why `first` runs before `second` in their event, or that it does not; as one or more lines. [any-thread] */
HL_API HL_MUST_USE hl_status hl_explain_order(hl_runtime *runtime, const char *first, const char *second,
                                              hl_line_fn *line, void *user);

/* The dependency graph of all plugins, or of one event's (event not NULL) with what they reach, in Graphviz DOT
 * (OD-11).
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_graph(hl_runtime *runtime, const char *event, hl_line_fn *line, void *user);

typedef enum hl_dump_stage {
    HL_DUMP_PLAN = 1,  /* the ordered plan: generation, availability, plugins with function and self */
    HL_DUMP_STEPS = 2, /* what the compiler is given */
    HL_DUMP_CODE = 3   /* address, length and bytes of the compiled chain, in hexadecimal */
} hl_dump_stage;

/* Writes one stage of an event's way to code. HL_ERR_NOT_FOUND when the event is not opened here, HL_ERR_COMPILE when
 * there is no compiled code to show. [any-thread] */
HL_API HL_MUST_USE hl_status hl_dump(hl_runtime *runtime, const char *event, hl_dump_stage stage, hl_line_fn *line,
                                     void *user);

/* An old generation of a chain that is not released yet. */
typedef struct hl_held {
    size_t size;
    const char *event;
    uint64_t generation;
    hl_engine engine;
    uint64_t held_ns;   /* since it was replaced */
    size_t threads_len; /* threads that are inside it now; 0: only waiting for the grace period's end */
} hl_held;

/* Walks the generations still held (event NULL: of all events), oldest first (G4). [any-thread] */
HL_API HL_MUST_USE hl_status hl_held_generations(hl_runtime *runtime, const char *event,
                                                 bool (*callback)(const hl_held *, void *user), void *user);

/* Counters of a runtime since it was opened. */
typedef struct hl_counters {
    size_t size; /* sizeof(hl_counters) */
    uint64_t commits;
    uint64_t remote_changes;
    uint64_t swaps;
    uint64_t compiled;
    uint64_t compile_failures;
    uint64_t compile_skipped; /* overtaken before they were compiled */
    uint64_t helper_starts;
    uint64_t failures; /* dispatches that a plugin failed */
    uint64_t retired;
    uint64_t reclaimed;
    uint64_t code_bytes; /* of compiled code in use */
} hl_counters;

HL_API HL_MUST_USE hl_status hl_counters_get(hl_runtime *runtime, hl_counters *out); /* [any-thread] */

#ifdef __cplusplus
}
#endif
#endif
