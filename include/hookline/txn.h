/* Transactions: several operations as one. One commit, one compile for each touched event, one swap each; nothing of it
 * is visible or stored when any step fails. */
#ifndef HOOKLINE_TXN_H
#define HOOKLINE_TXN_H

#include <hookline/isolation.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hl_txn hl_txn;

/* Begins a transaction. It holds no lock: other threads and processes go on, and hl_txn_commit checks every step again
 * on what is there then. Used by one thread at a time; ended by hl_txn_commit or hl_txn_abort. [any-thread] */
HL_API HL_MUST_USE hl_status hl_txn_begin(hl_runtime *runtime, hl_txn **out);

/* The verbs. Each checks its step against the transaction so far and says at once what hl_register & co. would; a step
 * that failed is not part of the transaction, which stays usable. flags: HL_START for register, else 0. Spec strings
 * are copied. [any-thread] */
HL_API HL_MUST_USE hl_status hl_txn_register(hl_txn *txn, const hl_plugin_spec *spec, unsigned flags);
HL_API HL_MUST_USE hl_status hl_txn_start(hl_txn *txn, const char *name, unsigned flags);
HL_API HL_MUST_USE hl_status hl_txn_stop(hl_txn *txn, const char *name, unsigned flags);
HL_API HL_MUST_USE hl_status hl_txn_restart(hl_txn *txn, const char *name, unsigned flags);
HL_API HL_MUST_USE hl_status hl_txn_enable(hl_txn *txn, const char *name, unsigned flags);
HL_API HL_MUST_USE hl_status hl_txn_unregister(hl_txn *txn, const char *name, unsigned flags);
HL_API HL_MUST_USE hl_status hl_txn_start_event(hl_txn *txn, const char *event, unsigned flags);
HL_API HL_MUST_USE hl_status hl_txn_stop_event(hl_txn *txn, const char *event, unsigned flags);
HL_API HL_MUST_USE hl_status hl_txn_restart_event(hl_txn *txn, const char *event, unsigned flags);
HL_API HL_MUST_USE hl_status hl_txn_unregister_event(hl_txn *txn, const char *event, unsigned flags);
HL_API HL_MUST_USE hl_status hl_txn_start_all(hl_txn *txn, unsigned flags);
HL_API HL_MUST_USE hl_status hl_txn_stop_all(hl_txn *txn, unsigned flags);
HL_API HL_MUST_USE hl_status hl_txn_restart_all(hl_txn *txn, unsigned flags);
HL_API HL_MUST_USE hl_status hl_txn_unregister_all(hl_txn *txn, unsigned flags);

/* As hl_isolate, but the plugin's new code is made ready after the commit: until then its event runs the old chain, and
 * when it cannot be had the plugin counts as missing code. [any-thread] */
HL_API HL_MUST_USE hl_status hl_txn_isolate(hl_txn *txn, const char *name, const hl_isolation *isolation,
                                            unsigned flags);

/* Commits and frees the transaction, whatever the outcome. On failure nothing has changed, and hl_last_error's message
 * begins with the number of the failing step. flags: HL_WAIT_COMPILED, HL_WAIT_IDLE. An empty one is HL_OK.
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_txn_commit(hl_txn *txn, unsigned flags);

/* Frees the transaction without doing anything. NULL is a no-op. [any-thread] */
HL_API void hl_txn_abort(hl_txn *txn);

#ifdef __cplusplus
}
#endif
#endif
