/* A plugin on a state with a pointer: writes its process number into it, and makes the text longer. */
#include <unistd.h>

#include "tests/support/codec_note.h"

static hl_reply grow(void *self, note *state, const void *meta)
{
    size_t len = strlen(state->text);
    char *longer = realloc(state->text, 2 * len + 1);

    (void)self;
    (void)meta;
    if (!longer)
        return hl_fail(HL_ERR_NO_MEMORY);
    memcpy(longer + len, longer, len);
    longer[2 * len] = '\0';
    state->text = longer;
    state->pid = (int32_t)getpid();
    return hl_next(state);
}
HL_TYPED_PLUGIN(note, grow)

static const hl_plugin_spec plugins[] = {HL_TYPED_PLUGIN_INIT("grow", note, grow)};
HL_PLUGIN_LIBRARY("contract-codec", "1.0.0", plugins)
