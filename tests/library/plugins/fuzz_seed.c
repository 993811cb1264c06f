/* A library with everything in it that a reader of plugin libraries looks at: what tests/fuzz/elf.c damages. */
#include <hookline/typed.h>

struct seed {
    int number;
    char text[20];
};

HL_TYPED_EVENT(seed, "seed", struct seed, HL_FIELD(struct seed, int, number), HL_FIELD(struct seed, char[20], text))

static hl_reply call(void *self, struct seed *state, const void *meta)
{
    (void)self;
    (void)meta;
    return hl_next(state);
}
HL_TYPED_PLUGIN(seed, call)

HL_API const char fuzz_seed_exported[] = "exported";
static const char *const depends[] = {"first", fuzz_seed_exported, NULL};

static const hl_plugin_spec specs[] = {
    HL_TYPED_PLUGIN_INIT("first", seed, call),
    {.size = sizeof(hl_plugin_spec),
     .name = "second",
     .event = seed_event_name,
     .call = call_call,
     .depends = depends,
     .extension = "other",
     .extra = "text",
     .contract = &seed_contract,
     .priority = 3},
};

HL_PLUGIN_LIBRARY("fuzz-seed", "1.0.0", specs)
