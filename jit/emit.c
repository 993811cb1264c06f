/* Emits chains with libgccjit; the only file that includes its header.
 *
 * A chain is straight-line code: call, look at the verdict, call. Every call site has a branch to a cold block of its
 * own that only notes the index; all of them share one call of the stop function. libgccjit keeps its first error by
 * itself and makes every later call a no-op, so nothing is checked before the end. */
#include "jit/emit.h"

#include <inttypes.h>
#include <libgccjit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/compiler.h"

#define STOP_PARAMS 5

/* What lies within reach of the arena is imported: the instructions then hold its distance, which is shorter. */
typedef enum kind { PLUGIN = 1, STOP, DATA } kind;

typedef struct imported {
    uint64_t address;
    kind kind; /* 0: free slot */
    gcc_jit_function *function;
    gcc_jit_rvalue *data;
} imported;

typedef struct emitter {
    gcc_jit_context *ctxt;
    gcc_jit_type *pointer;
    gcc_jit_type *word;  /* int64_t */
    gcc_jit_type *index; /* of a short chain */
    gcc_jit_type *long_index;
    gcc_jit_type *truth;
    gcc_jit_type *probability;
    gcc_jit_type *byte;
    gcc_jit_type *reply;
    gcc_jit_type *call_type; /* pointers to functions */
    gcc_jit_type *stop_type;
    gcc_jit_type *long_stop_type;
    gcc_jit_field *state;
    gcc_jit_field *verdict;
    imported *imports; /* hash table by address and kind, never more than half full */
    size_t imports_mask;
} emitter;

/* What the blocks of one chain have in common. */
typedef struct chain {
    emitter *e;
    const hl__wire_unit *unit;
    const hl__wire_step *steps;
    gcc_jit_function *function;
    gcc_jit_lvalue *reply;
    gcc_jit_lvalue *index;
    bool is_short; /* its index is one byte */
    gcc_jit_rvalue *input;
    gcc_jit_rvalue *meta;
    gcc_jit_block *stop;
} chain;

/* DIRECT_DATA makes gcc address imported data relative to the instruction, instead of through a table of addresses. The
 * index of a short chain is one byte: with SHORT_MOVES a cold block then takes four bytes instead of seven, because gcc
 * no longer writes the whole register. */
#if defined(__x86_64__)
#define DIRECT_DATA "-fpie"
#define SHORT_MOVES "-mtune-ctrl=^partial_reg_dependency"
#else
#define DIRECT_DATA "-fno-pie"
#define SHORT_MOVES DIRECT_DATA
#endif

static void set_options(gcc_jit_context *ctxt)
{
    static const char *const options[] =
        {/* -O2 gives the same code for 1.8 times the time once replies stay whole and the stop call may be a jump. */
         "-fno-tree-sra", "-foptimize-sibling-calls",
         /* With frame pointers one unwind entry serves the whole arena. */
         "-fno-omit-frame-pointer", "-fno-asynchronous-unwind-tables",
         /* Equal chains stay apart, because each is freed on its own. */
         "-fno-ipa-icf",
         /* A chain is one piece, and as small as can be: its footprint decides its speed among thousands. */
         "-fno-reorder-blocks-and-partition", "-fno-align-functions", "-fno-align-jumps", "-fno-align-labels",
         "-fno-stack-protector", "-fplt", DIRECT_DATA, SHORT_MOVES,
         /* It would move the first cold block's index into the hot path. */
         "-fno-if-conversion2"};

    gcc_jit_context_set_int_option(ctxt, GCC_JIT_INT_OPTION_OPTIMIZATION_LEVEL, 1);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        gcc_jit_context_add_command_line_option(ctxt, options[i]);
}

static void stop_params(const emitter *e, gcc_jit_type *index, gcc_jit_type **out)
{
    gcc_jit_type *params[STOP_PARAMS] = {e->pointer, e->pointer, e->word, index, e->pointer};

    memcpy(out, params, sizeof(params));
}

static gcc_jit_type *stop_type(const emitter *e, gcc_jit_type *index)
{
    gcc_jit_type *params[STOP_PARAMS];

    stop_params(e, index, params);
    return gcc_jit_context_new_function_ptr_type(e->ctxt, NULL, e->reply, STOP_PARAMS, params, 0);
}

static void make_types(emitter *e)
{
    gcc_jit_context *ctxt = e->ctxt;
    gcc_jit_field *fields[2];
    gcc_jit_struct *reply;

    e->pointer = gcc_jit_context_get_type(ctxt, GCC_JIT_TYPE_VOID_PTR);
    e->word = gcc_jit_context_get_int_type(ctxt, 8, 1);
    e->index = gcc_jit_context_get_int_type(ctxt, 1, 0);
    e->long_index = gcc_jit_context_get_int_type(ctxt, 8, 0);
    e->truth = gcc_jit_context_get_type(ctxt, GCC_JIT_TYPE_LONG);
    e->probability = gcc_jit_context_get_type(ctxt, GCC_JIT_TYPE_DOUBLE);
    e->byte = gcc_jit_context_get_type(ctxt, GCC_JIT_TYPE_CHAR);
    e->state = fields[0] = gcc_jit_context_new_field(ctxt, NULL, e->pointer, "state");
    e->verdict = fields[1] = gcc_jit_context_new_field(ctxt, NULL, e->word, "verdict");
    reply = gcc_jit_context_new_struct_type(ctxt, NULL, "hl_reply", 2, fields);
    e->reply = gcc_jit_struct_as_type(reply);

    gcc_jit_type *call_params[] = {e->pointer, e->pointer, e->pointer};
    e->call_type = gcc_jit_context_new_function_ptr_type(ctxt, NULL, e->reply, 3, call_params, 0);
    e->stop_type = stop_type(e, e->index);
    e->long_stop_type = stop_type(e, e->long_index);
}

static gcc_jit_rvalue *address_constant(emitter *e, gcc_jit_type *type, uint64_t address)
{
    return gcc_jit_context_new_rvalue_from_ptr(e->ctxt, type, (void *)(uintptr_t)address);
}

static gcc_jit_function *declare_function(emitter *e, kind kind, const char *name)
{
    gcc_jit_type *types[STOP_PARAMS] = {e->pointer, e->pointer, e->pointer};
    gcc_jit_param *params[STOP_PARAMS];
    int len = kind == STOP ? STOP_PARAMS : 3;

    if (kind == STOP)
        stop_params(e, e->index, types);
    for (int i = 0; i < len; i++)
        params[i] = gcc_jit_context_new_param(e->ctxt, NULL, types[i], "p");
    return gcc_jit_context_new_function(e->ctxt, NULL, GCC_JIT_FUNCTION_IMPORTED, e->reply, name, len, params, 0);
}

static gcc_jit_rvalue *declare_data(emitter *e, const char *name)
{
    gcc_jit_lvalue *data = gcc_jit_context_new_global(e->ctxt, NULL, GCC_JIT_GLOBAL_IMPORTED, e->byte, name);

    return gcc_jit_context_new_cast(e->ctxt, NULL, gcc_jit_lvalue_get_address(data, NULL), e->pointer);
}

static imported declare_import(emitter *e, kind kind, uint64_t address)
{
    imported made = {.address = address, .kind = kind};
    char name[sizeof(HL__WIRE_DATA HL__WIRE_FUNCTION) + 16];

    snprintf(name, sizeof(name), "%s%016" PRIx64, kind == DATA ? HL__WIRE_DATA : HL__WIRE_FUNCTION, address);
    if (kind == DATA)
        made.data = declare_data(e, name);
    else
        made.function = declare_function(e, kind, name);
    return made;
}

static const imported *import_at(emitter *e, kind kind, uint64_t address)
{
    size_t slot = (size_t)((address + kind) * UINT64_C(0x9e3779b97f4a7c15) >> 32) & e->imports_mask;

    while (e->imports[slot].kind && (e->imports[slot].kind != kind || e->imports[slot].address != address))
        slot = (slot + 1) & e->imports_mask;
    if (!e->imports[slot].kind)
        e->imports[slot] = declare_import(e, kind, address);
    return &e->imports[slot];
}

static gcc_jit_rvalue *data_at(emitter *e, uint64_t address, bool near)
{
    return near ? import_at(e, DATA, address)->data : address_constant(e, e->pointer, address);
}

/* Calls a function at an address. */
static gcc_jit_rvalue *call_at(emitter *e, kind kind, uint64_t address, bool near, int args_len, gcc_jit_rvalue **args)
{
    gcc_jit_type *type = kind == STOP ? e->stop_type : e->call_type;

    if (near)
        return gcc_jit_context_new_call(e->ctxt, NULL, import_at(e, kind, address)->function, args_len, args);
    return gcc_jit_context_new_call_through_ptr(e->ctxt, NULL, address_constant(e, type, address), args_len, args);
}

static gcc_jit_rvalue *call_step(chain *c, const hl__wire_step *step, gcc_jit_rvalue *state)
{
    gcc_jit_rvalue *args[] = {data_at(c->e, step->self, step->self_near), state, c->meta};

    return call_at(c->e, PLUGIN, step->call, step->call_near, 3, args);
}

static gcc_jit_type *index_type(const chain *c)
{
    return c->is_short ? c->e->index : c->e->long_index;
}

/* Whether a reply's verdict is not HL_NEXT, marked as unlikely. The stop block lies behind the cold block that is the
 * least unlikely of all: `nearest` is to be that one. */
static gcc_jit_rvalue *stopped(chain *c, gcc_jit_lvalue *reply, bool nearest)
{
    gcc_jit_context *ctxt = c->e->ctxt;
    gcc_jit_rvalue *verdict = gcc_jit_lvalue_as_rvalue(gcc_jit_lvalue_access_field(reply, NULL, c->e->verdict));
    gcc_jit_rvalue *differs = gcc_jit_context_new_comparison(ctxt, NULL, GCC_JIT_COMPARISON_NE, verdict,
                                                             gcc_jit_context_zero(ctxt, c->e->word));
    gcc_jit_rvalue *args[] = {gcc_jit_context_new_cast(ctxt, NULL, differs, c->e->truth),
                              gcc_jit_context_zero(ctxt, c->e->truth),
                              gcc_jit_context_new_rvalue_from_double(ctxt, c->e->probability, nearest ? 0.8 : 0.9)};
    gcc_jit_rvalue *expected =
        gcc_jit_context_new_call(ctxt, NULL,
                                 gcc_jit_context_get_builtin_function(ctxt, "__builtin_expect_with_probability"), 3,
                                 args);

    return gcc_jit_context_new_comparison(ctxt, NULL, GCC_JIT_COMPARISON_NE, expected, args[1]);
}

/* The last call has a reply of its own: it is returned where it lies, and moved to where the stop block wants it in the
 * cold block only. With the stop block behind the last cold block but one, as many branches as can be reach their cold
 * blocks by the short form. */
static void emit_steps(chain *c, gcc_jit_block *block)
{
    gcc_jit_context *ctxt = c->e->ctxt;
    gcc_jit_lvalue *last = gcc_jit_function_new_local(c->function, NULL, c->e->reply, "last");
    gcc_jit_rvalue *state = c->input;

    for (uint32_t i = 0, left = c->unit->steps_len; left > 0; i++, left--) {
        gcc_jit_block *cold = gcc_jit_function_new_block(c->function, NULL);
        gcc_jit_block *next = gcc_jit_function_new_block(c->function, NULL);
        gcc_jit_lvalue *reply = left == 1 ? last : c->reply;

        gcc_jit_block_add_assignment(block, NULL, reply, call_step(c, &c->steps[i], state));
        gcc_jit_block_end_with_conditional(block, NULL, stopped(c, reply, left == 2), cold, next);
        if (left == 1)
            gcc_jit_block_add_assignment(cold, NULL, c->reply, gcc_jit_lvalue_as_rvalue(last));
        gcc_jit_block_add_assignment(cold, NULL, c->index,
                                     gcc_jit_context_new_rvalue_from_long(ctxt, index_type(c), (long)i));
        gcc_jit_block_end_with_jump(cold, NULL, c->stop);
        state = gcc_jit_lvalue_as_rvalue(gcc_jit_lvalue_access_field(reply, NULL, c->e->state));
        block = next;
    }
    gcc_jit_block_end_with_return(block, NULL, gcc_jit_lvalue_as_rvalue(last));
}

/* The arguments are in the order in which they lie in registers already. */
static void emit_stop(chain *c)
{
    emitter *e = c->e;
    gcc_jit_rvalue *args[STOP_PARAMS] =
        {c->input, gcc_jit_lvalue_as_rvalue(gcc_jit_lvalue_access_field(c->reply, NULL, e->state)),
         gcc_jit_lvalue_as_rvalue(gcc_jit_lvalue_access_field(c->reply, NULL, e->verdict)),
         gcc_jit_lvalue_as_rvalue(c->index), data_at(e, c->unit->of, c->unit->of_near)};
    gcc_jit_rvalue *call =
        c->is_short
            ? call_at(e, STOP, c->unit->stop, c->unit->stop_near, STOP_PARAMS, args)
            : gcc_jit_context_new_call_through_ptr(e->ctxt, NULL, address_constant(e, e->long_stop_type, c->unit->stop),
                                                   STOP_PARAMS, args);

    gcc_jit_block_end_with_return(c->stop, NULL, call);
}

static void emit_chain(emitter *e, const hl__wire_unit *unit, const char *symbol, const hl__wire_step *steps)
{
    gcc_jit_param *params[] = {gcc_jit_context_new_param(e->ctxt, NULL, e->pointer, "event"),
                               gcc_jit_context_new_param(e->ctxt, NULL, e->pointer, "state"),
                               gcc_jit_context_new_param(e->ctxt, NULL, e->pointer, "meta")};
    chain c = {.e = e, .unit = unit, .steps = steps};
    gcc_jit_block *block;

    c.function = gcc_jit_context_new_function(e->ctxt, NULL, GCC_JIT_FUNCTION_EXPORTED, e->reply, symbol, 3, params, 0);
    c.reply = gcc_jit_function_new_local(c.function, NULL, e->reply, "reply");
    c.is_short = unit->steps_len <= HL__SHORT_CHAIN;
    c.index = gcc_jit_function_new_local(c.function, NULL, index_type(&c), "index");
    c.input = gcc_jit_param_as_rvalue(params[1]);
    c.meta = gcc_jit_param_as_rvalue(params[2]);
    block = gcc_jit_function_new_block(c.function, NULL);
    c.stop = gcc_jit_function_new_block(c.function, NULL);
    emit_steps(&c, block);
    emit_stop(&c);
}

/* Walks the batch. Returns the number of its steps, or SIZE_MAX when it is not what the wire promises; emits the chains
 * when there is an emitter. */
static size_t walk_batch(const char *bytes, size_t bytes_len, uint32_t units_len, emitter *e)
{
    size_t at = 0;
    size_t steps_len = 0;

    for (uint32_t i = 0; i < units_len; i++) {
        const hl__wire_unit *unit = (const void *)(bytes + at);
        size_t steps_at;

        if (bytes_len - at < sizeof(*unit))
            return SIZE_MAX;
        steps_at = at + sizeof(*unit) + unit->symbol_bytes;
        if (!unit->symbol_bytes || unit->symbol_bytes % 8 || unit->symbol_bytes > bytes_len || steps_at > bytes_len ||
            bytes[steps_at - 1] || unit->steps_len > (bytes_len - steps_at) / sizeof(hl__wire_step))
            return SIZE_MAX;
        if (e)
            emit_chain(e, unit, bytes + at + sizeof(*unit), (const void *)(bytes + steps_at));
        steps_len += unit->steps_len;
        at = steps_at + unit->steps_len * sizeof(hl__wire_step);
    }
    return steps_len;
}

static bool make_imports(emitter *e, size_t entries)
{
    size_t slots = 16;

    while (slots < 2 * entries)
        slots *= 2;
    e->imports_mask = slots - 1;
    e->imports = calloc(slots, sizeof(*e->imports));
    return e->imports != NULL;
}

bool hl__emit(const void *bytes, size_t bytes_len, uint32_t units_len, const char *path, char *why, size_t why_len)
{
    emitter e = {0};
    size_t steps_len = walk_batch(bytes, bytes_len, units_len, NULL);
    const char *error;

    snprintf(why, why_len, "out of memory");
    if (steps_len == SIZE_MAX) {
        snprintf(why, why_len, "the batch is malformed");
        return false;
    }
    e.ctxt = gcc_jit_context_acquire();
    if (!e.ctxt || !make_imports(&e, 2 * (steps_len + units_len)))
        goto out;
    set_options(e.ctxt);
    make_types(&e);
    walk_batch(bytes, bytes_len, units_len, &e);
    gcc_jit_context_compile_to_file(e.ctxt, GCC_JIT_OUTPUT_KIND_OBJECT_FILE, path);
    error = gcc_jit_context_get_first_error(e.ctxt);
    snprintf(why, why_len, "%s", error ? error : "");
out:
    free(e.imports);
    if (e.ctxt)
        gcc_jit_context_release(e.ctxt);
    return !*why;
}
