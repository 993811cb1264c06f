/* Lowering of units. */
#include "jit/lower.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "jit/wire.h"

#define NUMBER_ROOM 32

static bool is_plain(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

/* Writes at most three bytes for one and an end mark. */
static void write_word(char *out, const char *text, const char *kept)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (is_plain(byte) || strchr(kept, byte))
            *out++ = (char)byte;
        else
            out += sprintf(out, "_%02x", byte);
    }
    *out = '\0';
}

char *hl__unit_label(const hl__unit *unit)
{
    char *label = malloc(3 * strlen(unit->symbol) + 1);

    if (label)
        write_word(label, unit->symbol, "_.");
    return label;
}

static bool within(hl__range range, uint64_t address)
{
    return address >= range.low && address <= range.high;
}

static void write_steps(hl__wire_step *out, const hl__unit *unit, const hl__reach *reach)
{
    for (size_t i = 0; i < unit->steps_len; i++) {
        out[i].call = (uint64_t)(uintptr_t)unit->steps[i].call;
        out[i].self = (uint64_t)(uintptr_t)unit->steps[i].self;
        out[i].call_near = within(reach->calls, out[i].call);
        out[i].self_near = within(reach->data, out[i].self);
    }
}

hl_status hl__lower(const hl__unit *unit, size_t number, const hl__reach *reach, hl__lowered *out)
{
    size_t symbol_room = 3 * strlen(unit->symbol) + NUMBER_ROOM;
    hl__wire_unit head = {.of = (uint64_t)(uintptr_t)unit->of, .stop = (uint64_t)(uintptr_t)unit->stop};
    char *symbol;

    if (!unit->steps_len || unit->steps_len > HL__WIRE_BYTES_MAX / sizeof(hl__wire_step) / 2)
        return hl__fail(HL_ERR_COMPILE, "compile", "steps", "a chain of %zu plugins cannot be compiled",
                        unit->steps_len);
    out->bytes = calloc(1, sizeof(head) + symbol_room + 8 + unit->steps_len * sizeof(hl__wire_step));
    if (!out->bytes)
        return hl__fail_memory("compile");
    symbol = out->bytes + sizeof(head);
    /* libgccjit takes C identifiers only, so that dots go as well. */
    write_word(symbol + sprintf(symbol, "hl_%zu_", number), unit->symbol, "_");
    head.of_near = within(reach->data, head.of);
    head.stop_near = within(reach->calls, head.stop);
    head.steps_len = (uint32_t)unit->steps_len;
    head.symbol_bytes = (uint32_t)((strlen(symbol) + 8) / 8 * 8);
    memcpy(out->bytes, &head, sizeof(head));
    write_steps((hl__wire_step *)(void *)(symbol + head.symbol_bytes), unit, reach);
    out->len = sizeof(head) + head.symbol_bytes + unit->steps_len * sizeof(hl__wire_step);
    out->symbol = symbol;
    return HL_OK;
}

void hl__lowered_cleanup(hl__lowered *lowered)
{
    free(lowered->bytes);
    *lowered = (hl__lowered){0};
}
