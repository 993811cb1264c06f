/* Chains to compile, whose plugins write down that they were called. */
#ifndef HL_TEST_JIT_CHAINS_H
#define HL_TEST_JIT_CHAINS_H

#include "core/compiler.h"

#define CHAIN_STEPS_MAX 1024

/* What one run did. Reset by chain_run. */
typedef struct chain_trace {
    size_t calls_len;
    const void *selves[CHAIN_STEPS_MAX + 1];
    const void *metas[CHAIN_STEPS_MAX + 1];
    const void *states[CHAIN_STEPS_MAX + 1];
    int stops;
    const void *stop_of;
    uint64_t stop_index;
    const void *stop_input;
    const void *stop_state;
    int64_t stop_verdict;
} chain_trace;

extern chain_trace trace;

/* A plugin's self: where it is in the chain, and what it answers. `adds` is added to the state pointer. */
typedef struct chain_self {
    int64_t verdict;
    size_t adds;
} chain_self;

typedef struct chain {
    chain_self selves[CHAIN_STEPS_MAX];
    hl__step steps[CHAIN_STEPS_MAX];
    char symbol[64];
    hl__unit unit;
} chain;

/* A chain of plugins that all answer HL_NEXT with state + 1; its unit's `of` is the chain. The caller frees. */
chain *chain_new(const char *symbol, size_t steps_len);

hl_reply chain_plugin(void *self, void *state, const void *meta);

/* What the chain's stop function answers. */
#define CHAIN_STOPPED ((void *)0x5709)

/* Runs compiled code with a clean trace. */
hl_reply chain_run(const hl__compiled *compiled, void *state, const void *meta);

#endif
