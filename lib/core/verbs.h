/* What the verbs, transactions and library registration share. */
#ifndef HL_CORE_VERBS_H
#define HL_CORE_VERBS_H

#include "core/document.h"
#include "core/runtime.h"

/* Where a plugin's code comes from, as its record says. */
typedef struct hl__source {
    const char *path; /* "" for the host program */
    const char *stamp;
    const char *version;
    const char *extension; /* when the spec names none */
    const char *isolation; /* that its package asks for, as JSON (hl__isolation_write); NULL: none */
} hl__source;

extern const hl__source hl__host_source;

/* The record that a spec asks for; one reference, NULL without memory. The spec has been checked. */
HL__SHARED hl__record *hl__candidate_new(const hl_plugin_spec *spec, const hl__source *source);

/* Whether the spec's contract is the event's: HL_ERR_CONTRACT with every difference. Takes the lock. */
HL__SHARED hl_status hl__check_contract_of(hl_runtime *runtime, const char *action, const hl_plugin_spec *spec);

/* Hookline itself holds a plugin, as after repeated crashes, until it is started, restarted or enabled by name; reason
 * is the sentence that users see. fn (may be NULL) writes documents in the same commit. An operator's stop stays.
 * HL_ERR_NOT_FOUND, and as hl_stop. [any-thread] */
hl_status hl__hold(hl_runtime *runtime, const char *name, const char *reason, hl__documents_fn *fn, void *user);

/* The name that an operation is about. */
hl_status hl__check_subject(const hl__op *op);

#endif
