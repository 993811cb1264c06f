/* What libhookline keeps for a runtime that loads code: how each installed app is in this process, and the thread that
 * works through the queue. Made when the runtime has been opened; it stays with the runtime's shell after hl_close. */
#ifndef HL_INSTALL_SESSION_H
#define HL_INSTALL_SESSION_H

#include <pthread.h>

#include "core/extension.h"
#include "install/app.h"

/* An app that does not run in this process. */
typedef struct hl__unwell {
    struct hl__unwell *next;
    char *app;
    char *folder; /* of the version that is meant: another one has another chance */
    bool aside;   /* else broken */
    bool told;    /* by a notice */
    hl_status status;
    char *reason;
} hl__unwell;

typedef struct hl__session {
    hl_runtime *runtime;
    pid_t pid;
    pthread_mutex_t lock;
    hl__unwell *unwell;
    uint64_t revision; /* of the store, when the control thread last looked for work */

    pthread_t worker;    /* of the queue */
    bool worker_started; /* and not joined yet */
    bool worker_ended;   /* it has nothing more to do and can be joined */
    bool queue_again;    /* there are jobs that another process had its hands on */
    bool ending;
} hl__session;

/* NULL in a records-only runtime, and while the runtime is still being opened. */
hl__session *hl__session_of(hl_runtime *runtime);

#endif
