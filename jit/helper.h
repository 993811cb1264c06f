/* The compiler program as a process: starting, talking to, ending it. Called by client.c on the control thread. */
#ifndef HL_JIT_HELPER_H
#define HL_JIT_HELPER_H

#include "core/child.h"
#include "jit/scratch.h"
#include "jit/wire.h"

typedef struct hl__helper {
    hl__child child;
    int socket; /* -1: there is no helper */
    int errors; /* memory file that its standard error goes to */
    hl__scratch scratch;
} hl__helper;

#define HL__HELPER_NONE                                                                                                \
    {                                                                                                                  \
        HL__CHILD_NONE, -1, -1, HL__SCRATCH_NONE                                                                       \
    }

typedef enum hl__heard {
    HL__HEARD_NOTHING, /* yet */
    HL__HEARD_REPLY,
    HL__HEARD_END /* it has died, or answered what makes no sense */
} hl__heard;

/* Starts `program`, which gives up by itself on a batch that takes longer than limit_s. HL_ERR_COMPILE. */
hl_status hl__helper_start(const char *program, unsigned limit_s, hl__helper *out);

/* Hands over a batch, which `batch_fd` holds. HL_ERR_COMPILE; a helper that has died is not noticed here. */
hl_status hl__helper_send(hl__helper *helper, const hl__wire_request *request, int batch_fd);

/* Looks for a reply without waiting. *object is the object's descriptor, owned by the caller; -1: none. */
hl__heard hl__helper_receive(hl__helper *helper, hl__wire_reply *reply, int *object);

/* The last words on its standard error, on one line; "" when it said nothing. They are forgotten then. */
void hl__helper_words(hl__helper *helper, char *out, size_t out_len);

/* Kills it if it lives, reaps it, and removes its folder. One that is none is a no-op. */
hl__child_end hl__helper_end(hl__helper *helper);

#endif
