/* What the library's compiler client and the hookline-jit program say to each other.
 *
 * Both ends are of one build and one machine, so structs travel as they are. Messages are single SOCK_SEQPACKET
 * packets; bulk goes beside them as descriptors (SCM_RIGHTS): a batch in a memory file, its object in a file without a
 * name. */
#ifndef HL_JIT_WIRE_H
#define HL_JIT_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define HL__WIRE_MAGIC UINT32_C(0x316a6c68)

#define HL__WIRE_SOCKET 3 /* descriptors of the helper */
#define HL__WIRE_FOLDER 4 /* its temporary folder, which stays locked while this is open */

/* What is imported is named by its address: one of these and 16 hexadecimal digits. */
#define HL__WIRE_FUNCTION "hl_at_"
#define HL__WIRE_DATA "hl_to_"

#define HL__WIRE_BYTES_MAX (UINT64_C(1) << 28)  /* of a batch */
#define HL__WIRE_OBJECT_MAX (UINT64_C(1) << 28) /* of an object */

/* Client to helper: compile this batch. Carries the batch's descriptor. */
typedef struct hl__wire_request {
    uint32_t magic;
    uint32_t units_len;
    uint64_t batch; /* the client's number for it, given back in the reply */
} hl__wire_request;

/* Near is 1 when a direct call, or an address relative to the instruction, reaches there from wherever the chain is
 * placed. The batch: units_len times a unit, its symbol with end mark filled up to a multiple of 8 bytes, its steps. */
typedef struct hl__wire_unit {
    uint64_t of;
    uint64_t stop;
    uint32_t steps_len;
    uint32_t symbol_bytes;
    uint32_t of_near;
    uint32_t stop_near;
} hl__wire_unit;

typedef struct hl__wire_step {
    uint64_t call;
    uint64_t self;
    uint32_t call_near;
    uint32_t self_near;
} hl__wire_step;

typedef enum hl__wire_outcome {
    HL__WIRE_OBJECT = 1, /* carries the object's descriptor */
    HL__WIRE_FAILED = 2  /* text says why */
} hl__wire_outcome;

/* Helper to client. */
typedef struct hl__wire_reply {
    uint32_t magic;
    uint32_t outcome;
    uint64_t batch;
    char text[752];
} hl__wire_reply;

#endif
