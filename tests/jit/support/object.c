/* See object.h. */
#include "tests/jit/support/object.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "jit/code.h"
#include "jit/helper.h"
#include "jit/lower.h"
#include "jit/memfile.h"

static int make_batch(const hl__unit *units, size_t units_len, const hl__reach *reach)
{
    int fd = hl__memfile_new("test-batch", 0, false);
    size_t at = 0;

    assert(fd >= 0);
    for (size_t i = 0; i < units_len; i++) {
        hl__lowered lowered;

        assert(hl__lower(&units[i], i, reach, &lowered) == HL_OK);
        assert(hl__memfile_write(fd, lowered.bytes, lowered.len, at) == 0);
        at += lowered.len;
        hl__lowered_cleanup(&lowered);
    }
    return fd;
}

static int compile(hl__helper *helper, int batch, size_t units_len)
{
    hl__wire_request request = {HL__WIRE_MAGIC, (uint32_t)units_len, 1};
    hl__wire_reply reply;
    hl__heard heard;
    int object;

    assert(hl__helper_send(helper, &request, batch) == HL_OK);
    while ((heard = hl__helper_receive(helper, &reply, &object)) == HL__HEARD_NOTHING)
        usleep(1000);
    assert(heard == HL__HEARD_REPLY && object >= 0);
    return object;
}

uint8_t *object_make(const hl__unit *units, size_t units_len, const hl__reach *reach, size_t *len)
{
    hl__helper helper;
    hl__object object;
    uint8_t *bytes;
    int batch = make_batch(units, units_len, reach);
    int fd;

    assert(hl__helper_start(getenv("HOOKLINE_JIT"), 60, &helper) == HL_OK);
    fd = compile(&helper, batch, units_len);
    assert(hl__code_read(fd, &bytes, &object) == HL_OK);
    *len = object.len;
    close(fd);
    close(batch);
    hl__helper_end(&helper);
    return bytes;
}

const char *object_symbol(size_t number, const char *symbol)
{
    static char text[128];

    snprintf(text, sizeof(text), "hl_%zu_%s", number, symbol);
    return text;
}
