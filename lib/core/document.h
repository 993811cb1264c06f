/* Documents: JSON texts that other rooms keep in the store beside plugins and events, by key, such as "app/shop". They
 * are committed together with changes of plugins, or alone. core neither reads nor understands them. */
#ifndef HL_CORE_DOCUMENT_H
#define HL_CORE_DOCUMENT_H

#include "core/runtime.h"

#define HL__DOCUMENT_KEY_MAX 400 /* bytes without the end mark */

/* The documents of one attempt to commit: what is in the store, and what the attempt will write. */
typedef struct hl__documents hl__documents;

/* Called in each attempt, under the runtime's lock, when the newest commits of other processes are in and before the
 * requests are applied. Reads and puts; any status but HL_OK refuses the commit with it. It may be called again when
 * another process won the race, so that everything it decides must come from what it reads. It must not call the
 * runtime. */
typedef hl_status hl__documents_fn(void *user, hl__documents *documents);

/* HL_ERR_NOT_FOUND without an error text when there is none; *text is owned by the caller. What was put before in the
 * same attempt is not seen. HL_ERR_CONFLICT, to be handed on, when another process has just committed. */
HL__SHARED hl_status hl__documents_get(hl__documents *documents, const char *key, char **text);
/* Walks the keys that begin with prefix, in the order of their bytes. Any status but HL_OK ends the walk. */
typedef hl_status hl__document_visit_fn(void *user, const char *key, const char *text);
HL__SHARED hl_status hl__documents_walk(hl__documents *documents, const char *prefix, hl__document_visit_fn *visit,
                                        void *user);
/* Writes (text NULL: removes) a document with the commit. Both are copied; the last put of a key counts. The text must
 * be a JSON object, which the commit checks. */
HL__SHARED hl_status hl__documents_put(hl__documents *documents, const char *key, const char *text);

/* hl__commit with documents: all of it becomes visible and durable at once, or nothing. requests_len may be 0, fn may
 * be NULL; without changes and puts nothing is written. The bindings of the requests are taken over as by hl__commit.
 * Called without the lock. */
HL__SHARED hl_status hl__commit_documents(hl_runtime *runtime, const char *action, hl__request *requests,
                                          size_t requests_len, hl__documents_fn *fn, void *user, unsigned flags,
                                          size_t *failed);

/* The same questions outside of a commit, at the store's newest revision. Called without the lock. */
HL__SHARED hl_status hl__document_get(hl_runtime *runtime, const char *key, char **text);
HL__SHARED hl_status hl__document_walk(hl_runtime *runtime, const char *prefix, hl__document_visit_fn *visit,
                                       void *user);

/* ---- for commit.c ---- */

struct hl__documents {
    hl_runtime *runtime;
    hl__store_change *puts; /* each key once; keys and texts are owned */
    size_t puts_len;
    size_t puts_cap;
    bool overtaken; /* another process committed since the attempt began: it is lost, whatever was decided */
};

void hl__documents_cleanup(hl__documents *documents);

#endif
