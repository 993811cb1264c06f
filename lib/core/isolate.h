/* Isolation as core sees it: the isolation of a record, and who runs plugins in workers. lib/worker is the one that
 * exists. */
#ifndef HL_CORE_ISOLATE_H
#define HL_CORE_ISOLATE_H

#include <hookline/isolation.h>
#include <hookline/supervise.h>

#include "core/binding.h"
#include "core/shared.h"

/* ---- the JSON form (isolate_text.c) ---- */

/* Reads it with every default filled in; one block, freed with free(). HL_ERR_INVALID with the field
 * ("isolation.deadline_ms"). Unknown fields are refused: a limit that is not understood is not kept. */
HL__SHARED hl_status hl__isolation_read(const char *json, hl_isolation **out);
/* Checks and writes it, the given fields only; malloc'ed. by_operator adds "by":"operator". */
HL__SHARED hl_status hl__isolation_write(const hl_isolation *isolation, bool by_operator, char **json);
/* Whether a record's isolation text asks for workers; and whether the operator set it. "" is false for both. */
HL__SHARED bool hl__isolation_in_worker(const char *json);
HL__SHARED bool hl__isolation_by_operator(const char *json);

/* In words, such as "runs in 2 workers, deadline 50 ms, on failure the plugin is skipped"; "" when there is nothing to
 * say. */
void hl__isolation_describe(const char *json, char *out, size_t out_len);
/* The text that hl_isolate gives a record, malloc'ed: "" for isolation NULL. */
hl_status hl__isolate_text(const char *name, const hl_isolation *isolation, char **text);
/* What a record keeps when it is registered with the text `asked`: the operator's word, or that. `old` NULL: it is
 * new. */
HL__SHARED const char *hl__isolation_kept(const hl__record *old, const char *asked);

/* ---- whether a state can be carried to a worker (isolate.c) ---- */

/* By what is known of the event: HL_ERR_CONTRACT when there is no contract, or one with neither size nor codec. */
HL__SHARED hl_status hl__check_carried(const hl__event_def *def, const char *action, const char *event);
/* The same by an event's name, for a plugin of a package; one that nobody has declared yet is looked at when it is.
 * Takes the lock. */
HL__SHARED hl_status hl__check_carried_event(hl_runtime *runtime, const char *action, const char *event);
/* The code of a plugin that is to run in workers, for the commit that registers it. NULL where this process needs none
 * now: it loads no code, has no handle of the event, or has the very code already. Fails as hl__code_of. Without the
 * lock. */
HL__SHARED hl_status hl__code_in_worker(hl_runtime *runtime, const hl__record *record, hl__binding **out);
/* The same for a process that is to do it: it needs the codec itself. */
hl_status hl__check_carried_here(const hl__event_def *def, const char *action, const char *event);

/* ---- who runs plugins in workers ---- */

/* The action of a failed call's error, whose field is the plugin: a dispatch that fails for it tells its message
 * too. */
#define HL__WORKER_ACTION "call worker"

typedef struct hl__isolator {
    /* Makes the binding of a record whose isolation asks for a worker: checks the library as a file, starts the
     * workers, and waits until one is ready or it is known that none will be; binding->call is then a stub. def: the
     * event's, or NULL. Fails as hl_register_library, with HL_ERR_CONTRACT, or HL_ERR_PLUGIN. The binding's release
     * ends the workers. Called without the lock, with the record's reference held. */
    hl_status (*bind)(hl_runtime *runtime, const hl__record *record, const hl__event_def *def, hl__binding **out);
    /* The operator asked for a new start of this plugin (restart, enable): its failures are forgotten. Under the
     * lock. */
    void (*forgive)(hl_runtime *runtime, const char *name);
    /* The runtime has closed and no dispatch is inside: no worker is left afterwards. Without the lock. */
    void (*closed)(hl_runtime *runtime);
    /* Walk the calls that are in workers now, and the last 256 crashes of workers, newest first; the callbacks return
     * false to end the walk. Under the lock. */
    void (*inside)(hl_runtime *runtime, bool (*callback)(const hl_inside_info *, void *user), void *user);
    void (*crashes)(hl_runtime *runtime, bool (*callback)(const hl_crash_info *, void *user), void *user);
} hl__isolator;

#endif
