/* Loading, refreshing and releasing a key, under its gate; see load.h. New workers are renew.c's. */
#include "module/load.h"

#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "module/code.h"
#include "module/renew.h"

#define ACTION "load module"

static hl_status not_loaded(const hl_key *key)
{
    char text[HL_KEY_TEXT];

    hl_key_format(key, text);
    return hl__fail(HL_ERR_NOT_LOADED, ACTION, "key", "%s is not loaded in this process; load it (hl_module_load).",
                    text);
}

/* ---- newer code -------------------------------------------------------------------------------------------------- */

static bool is_same(const hl__key_document *a, const hl__key_document *b)
{
    return strcmp(a->module, b->module) == 0 && strcmp(a->isolation, b->isolation) == 0;
}

/* The same module: its workers take newer code as they are. */
static hl_status switch_code(hl__loaded *loaded)
{
    hl__code_document code = {0};
    int fd = -1;
    hl_status status = hl__code_open(loaded->room->runtime, loaded->document.module, &code, &fd);

    if (status == HL_OK && !hl__digest_same(code.sha256, loaded->sha256)) {
        status = hl__pool_switch(loaded->pool, fd, code.version);
        if (status == HL_OK)
            memcpy(loaded->sha256, code.sha256, sizeof(loaded->sha256));
    }
    if (fd >= 0)
        close(fd);
    hl__code_document_cleanup(&code);
    return status;
}

/* A key that is registered no longer goes on with what it has (MR-06). */
static hl_status look(hl__loaded *loaded, uint64_t deadline_ns, hl__loaded **out)
{
    hl__key_found found;
    hl_status status = hl__keys_find(loaded->room, &loaded->key, &found);

    *out = loaded;
    if (status == HL_ERR_NOT_FOUND)
        return HL_OK;
    if (status != HL_OK)
        return status;
    if (is_same(&found.document, &loaded->document)) {
        status = switch_code(loaded);
    } else {
        status = hl__renew(loaded->room, &loaded->key, &found, loaded, deadline_ns, out);
        if (status == HL_OK)
            hl__loaded_unref(loaded);
    }
    hl__key_document_cleanup(&found.document);
    return status;
}

/* What comes while it is being looked leaves it outdated. */
static hl_status refresh(hl__loaded *loaded, uint64_t deadline_ns, hl__loaded **out)
{
    uint64_t outdated = __atomic_load_n(&loaded->outdated, __ATOMIC_ACQUIRE);
    hl_status status;

    *out = loaded;
    if (!hl__loaded_is_outdated(loaded))
        return HL_OK;
    status = look(loaded, deadline_ns, out);
    if (status == HL_OK && *out == loaded)
        __atomic_store_n(&loaded->looked, outdated, __ATOMIC_RELEASE);
    return status;
}

/* ---- leaving the gate -------------------------------------------------------------------------------------------- */

static bool is_wanted(const hl__hold *hold)
{
    return __atomic_load_n(&hold->kept, __ATOMIC_ACQUIRE) || __atomic_load_n(&hold->holders, __ATOMIC_ACQUIRE) > 0;
}

static void release_unwanted(hl__module_room *room, const hl_key *key, uint64_t deadline_ns)
{
    hl__loaded *found = hl__loaded_find(room, key);

    if (found && !is_wanted(found->hold) && hl__loaded_withdraw(found))
        hl__renew_end(found, deadline_ns);
    hl__loaded_unref(found);
}

/* Who let the key go meanwhile and could not wait has left that to the one inside. */
static void leave(hl__module_room *room, const hl_key *key, hl__gate *gate, uint64_t deadline_ns)
{
    while (!hl__gate_leave(room->gates, gate))
        release_unwanted(room, key, deadline_ns);
}

/* ---- loading; in the gate ---------------------------------------------------------------------------------------- */

static hl_status load_anew(hl__module_room *room, const hl_key *key, hl__loaded *dead, uint64_t deadline_ns,
                           hl__loaded **out)
{
    hl__key_found found;
    hl_status status = hl__keys_find(room, key, &found);

    if (status == HL_OK)
        status = hl__renew(room, key, &found, dead, deadline_ns, out);
    hl__key_document_cleanup(&found.document);
    return status;
}

static void note_want(hl__loaded *loaded, hl__want want)
{
    if (want == HL__WANT_KEPT)
        __atomic_store_n(&loaded->hold->kept, true, __ATOMIC_RELEASE);
    if (want == HL__WANT_HELD)
        __atomic_fetch_add(&loaded->hold->holders, 1, __ATOMIC_ACQ_REL);
}

static hl_status load_inside(hl__module_room *room, const hl_key *key, hl__want want, uint64_t deadline_ns,
                             hl__loaded **out)
{
    hl__loaded *found = hl__loaded_find(room, key);
    bool lives = found && !hl__loaded_is_dead(found);
    hl_status status;

    if (lives)
        status = refresh(found, deadline_ns, out);
    else if (want == HL__WANT_AS_IT_IS)
        status = not_loaded(key);
    else
        status = load_anew(room, key, found, deadline_ns, out);
    if (status == HL_OK)
        note_want(*out, want);
    if (!lives || status != HL_OK)
        hl__loaded_unref(found);
    return status;
}

hl_status hl__load(hl__module_room *room, const hl_key *key, hl__want want, uint64_t deadline_ns, hl__loaded **out)
{
    hl__gate *gate;
    hl_status status = hl__gate_enter(room->gates, key, deadline_ns, &gate);

    if (status != HL_OK)
        return status;
    status = load_inside(room, key, want, deadline_ns, out);
    leave(room, key, gate, deadline_ns);
    return status;
}

/* ---- letting go; in the gate ------------------------------------------------------------------------------------- */

void hl__load_let_go(hl__loaded *loaded, uint64_t deadline_ns)
{
    hl__module_room *room = loaded->room;
    hl__error_copy error;
    hl__gate *gate;

    if (__atomic_sub_fetch(&loaded->hold->holders, 1, __ATOMIC_ACQ_REL) > 0 || is_wanted(loaded->hold))
        return;
    hl__error_save(&error);
    if (hl__gate_enter_or_ask(room->gates, &loaded->key, deadline_ns, &gate) == HL_OK) {
        release_unwanted(room, &loaded->key, deadline_ns);
        leave(room, &loaded->key, gate, deadline_ns);
    }
    hl__error_restore(&error);
}

static hl_status release_inside(hl__module_room *room, const hl_key *key)
{
    hl__loaded *found = hl__loaded_find(room, key);
    bool lived = found && !hl__loaded_is_dead(found);

    if (found && hl__loaded_withdraw(found))
        hl__renew_end(found, HL__GATE_NO_DEADLINE);
    hl__loaded_unref(found);
    return lived ? HL_OK : not_loaded(key);
}

hl_status hl__load_release(hl__module_room *room, const hl_key *key)
{
    hl__gate *gate;
    hl_status status = hl__gate_enter(room->gates, key, HL__GATE_NO_DEADLINE, &gate);

    if (status != HL_OK)
        return status;
    status = release_inside(room, key);
    leave(room, key, gate, 0);
    return status;
}

static hl_status again_inside(hl__module_room *room, const hl_key *key)
{
    hl__loaded *before = hl__loaded_find(room, key), *made = NULL;
    hl_status status = load_anew(room, key, before, hl__now_ns() + HL__LOAD_MS * UINT64_C(1000000), &made);

    if (status == HL_OK && (!before || made->hold != before->hold))
        note_want(made, HL__WANT_KEPT);
    hl__loaded_unref(made);
    hl__loaded_unref(before);
    return status;
}

hl_status hl__load_again(hl__module_room *room, const hl_key *key)
{
    hl__gate *gate;
    hl_status status = hl__gate_enter(room->gates, key, HL__GATE_NO_DEADLINE, &gate);

    if (status != HL_OK)
        return status;
    status = again_inside(room, key);
    leave(room, key, gate, 0);
    return status;
}
