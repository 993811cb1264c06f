/* Serving the calls of one plugin in a worker: what the chain's stub (isolated.c) asks is done here. Part of
 * hookline-worker only. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <hookline/plugin.h>

#include "worker/plugin_call.h"
#include "worker/serve_plugin.h"

static struct {
    const hl_plugin_entry *entry;
    const hl_plugin_spec *spec;
} self;

/* ---- loading ----------------------------------------------------------------------------------------------------- */

static const hl_plugin_spec *find_spec(const hl_plugin_entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->specs_len; i++)
        if (entry->specs[i].name && strcmp(entry->specs[i].name, name) == 0)
            return &entry->specs[i];
    return NULL;
}

static int refuse(int status, char *why, size_t why_len, const char *format, const char *name)
{
    snprintf(why, why_len, format, name);
    return status;
}

static int load(void *library, const char *name, bool *kept, char *why, size_t why_len)
{
    int result;

    *kept = false;
    self.entry = (const hl_plugin_entry *)dlsym(library, "hookline_plugin");
    if (!self.entry)
        return refuse(HL_ERR_NO_ENTRY, why, why_len, "The library of plugin %s exports no hookline_plugin.", name);
    if (self.entry->abi != HL_ABI)
        return refuse(HL_ERR_ABI, why, why_len, "The library of plugin %s was built for another Hookline ABI.", name);
    self.spec = find_spec(self.entry, name);
    if (!self.spec || !self.spec->call)
        return refuse(HL_ERR_NOT_FOUND, why, why_len, "The library has no plugin %s.", name);
    result = self.entry->load ? self.entry->load() : 0;
    if (result == 0)
        return 0;
    snprintf(why, why_len, "The load function of the library of plugin %s refused in a worker: it returned %d.", name,
             result);
    return HL_ERR_LIBRARY;
}

static void unload(void)
{
    if (self.entry->unload)
        self.entry->unload();
}

/* ---- calling ----------------------------------------------------------------------------------------------------- */

static const hl_codec *codec(void)
{
    return self.spec->contract ? self.spec->contract->codec : NULL;
}

/* The plugin may have replied with a state of its own. */
static void put_flat(const hl__served *served, void *state, hl__reply_head *out)
{
    if (!state) {
        out->flags = HL__PLUGIN_NO_STATE;
        return;
    }
    if (state != served->area)
        memmove(served->area, state, served->head.part);
    out->len = served->head.part;
}

static void put_encoded(const hl__served *served, void *state, hl__reply_head *out)
{
    int64_t len;

    if (!state) {
        out->flags = HL__PLUGIN_NO_STATE;
        return;
    }
    len = codec()->encode(state, served->area, served->area_bytes);
    if (len < 0)
        out->verdict = len;
    else if ((uint64_t)len > served->area_bytes)
        out->verdict = HL_ERR_LIMIT;
    else
        out->len = (uint32_t)len;
}

static hl_reply call(void *state, const hl__served *served)
{
    const char *meta = (const char *)served->area + hl__plugin_meta_at(served->head.part);

    return self.spec->call(self.spec->self, state, served->head.flags & HL__PLUGIN_META ? meta : NULL);
}

static void serve_flat(const hl__served *served, hl__reply_head *out)
{
    hl_reply reply = call(served->head.flags & HL__PLUGIN_NO_STATE ? NULL : served->area, served);

    out->verdict = reply.verdict;
    if (reply.verdict >= 0)
        put_flat(served, reply.state, out);
}

static void serve_encoded(const hl__served *served, hl__reply_head *out)
{
    void *state = codec() ? codec()->decode(NULL, served->area, served->head.part) : NULL;
    hl_reply reply;

    if (!state) {
        out->verdict = HL_ERR_CONTRACT;
        return;
    }
    reply = call(state, served);
    out->verdict = reply.verdict;
    if (reply.verdict >= 0)
        put_encoded(served, reply.state, out);
    codec()->release(state);
}

static void serve(const hl__served *served, hl__reply_head *out)
{
    bool encoded = (served->head.flags & HL__PLUGIN_ENCODED) && !(served->head.flags & HL__PLUGIN_NO_STATE);

    if (served->head.function != HL__PLUGIN_CALL)
        out->verdict = HL_ERR_UNSUPPORTED;
    else if (encoded)
        serve_encoded(served, out);
    else
        serve_flat(served, out);
}

const hl__service hl__plugin_service = {HL__WORKER_PLUGIN, load, serve, unload};
