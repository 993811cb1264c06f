/* A plugin on "work" that was built for another contract. */
#include <hookline/plugin.h>
#include <hookline/typed.h>

struct other {
    uint64_t count;
};

HL_TYPED_EVENT(other, "work", struct other, HL_FIELD(struct other, uint64_t, count))

static hl_reply pass(void *self, struct other *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_next(state);
}
HL_TYPED_PLUGIN(other, pass)

static const hl_plugin_spec plugins[] = {
    HL_TYPED_PLUGIN_INIT("stranger", other, pass),
};

HL_PLUGIN_LIBRARY("cli-stranger", "1.0.0", plugins)
