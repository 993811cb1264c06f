/* Three plugins that write down where they run; see support/placed.h. */
#include <unistd.h>

#include <hookline/plugin.h>

#include "tests/property/support/placed.h"

static hl_reply note(int32_t plugin, void *state)
{
    placed *trace = state;

    if (trace->len < 0 || trace->len >= PLACED_PLUGINS)
        return hl_fail(HL_ERR_INVALID);
    trace->at[trace->len].plugin = plugin;
    trace->at[trace->len++].pid = (int32_t)getpid();
    return hl_next(state);
}

static hl_reply note_0(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return note(0, state);
}

static hl_reply note_1(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return note(1, state);
}

static hl_reply note_2(void *self, void *state, const void *meta)
{
    (void)self;
    (void)meta;
    return note(2, state);
}

static const char *const on_p0[] = {"p0", NULL};
static const char *const on_p1[] = {"p1", NULL};

static const hl_field fields[] = {{"len", "int32_t", offsetof(placed, len), sizeof(int32_t)}};
static const hl_contract contract = {sizeof(hl_contract), "placed", sizeof(placed), fields, 1, NULL, 0};

static const hl_plugin_spec plugins[] = {
    {.size = sizeof(hl_plugin_spec),
     .name = "p0",
     .event = "e0",
     .call = note_0,
     .contract = &contract,
     .priority = 50},
    {.size = sizeof(hl_plugin_spec),
     .name = "p1",
     .event = "e0",
     .call = note_1,
     .contract = &contract,
     .priority = 20,
     .depends = on_p0},
    {.size = sizeof(hl_plugin_spec),
     .name = "p2",
     .event = "e1",
     .call = note_2,
     .contract = &contract,
     .priority = 50,
     .depends = on_p1},
};
HL_PLUGIN_LIBRARY("placed", "1.0.0", plugins)
