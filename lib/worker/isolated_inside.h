/* The wrapper that a stub gets as its self; made by isolated_bind.c, called by isolated.c. */
#ifndef HL_WORKER_ISOLATED_INSIDE_H
#define HL_WORKER_ISOLATED_INSIDE_H

#include "core/record.h"
#include "worker/pool.h"

typedef struct hl__isolated {
    hl__pool *pool;
    char *name;               /* the plugin's, for errors */
    const hl__event_def *def; /* counted; codec and sizes are its contract's */
    const hl_codec *codec;    /* NULL: the state is flat */
    size_t state_size;
    size_t meta_size;
    hl_call_fn *inline_call; /* HL_RUN_INLINE: the plugin as it is mapped here; NULL: it is not */
    void *inline_self;
} hl__isolated;

/* The stubs, one for each failure policy; hl_call_fns. */
hl_reply hl__isolated_fail(void *self, void *state, const void *meta);
hl_reply hl__isolated_skip(void *self, void *state, const void *meta);
hl_reply hl__isolated_halt(void *self, void *state, const void *meta);

#endif
