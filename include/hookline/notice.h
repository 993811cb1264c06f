/* Change notices: what happens to plugins and chains, once each, in order, with the record (PS-03..PS-16,
 * TE-01..TE-03). */
#ifndef HOOKLINE_NOTICE_H
#define HOOKLINE_NOTICE_H

#include <hookline/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hl_notice_kind {
    HL_NOTICE_REGISTERED = 1,      /* a registration was accepted, also one that changed nothing (LC-04) */
    HL_NOTICE_STATUS = 2,          /* a plugin's status changed: before -> plugin->status */
    HL_NOTICE_UNREGISTERED = 3,    /* a record was removed; plugin is its last content */
    HL_NOTICE_REGISTER_ERROR = 4,  /* a plugin or library was refused; status and reason say why (PS-06) */
    HL_NOTICE_SWAPPED = 5,         /* an event's dispatches now run another chain, under the reference engine (PS-07) */
    HL_NOTICE_COMPILED = 6,        /* the same chain now runs as compiled code */
    HL_NOTICE_COMPILE_FAILED = 7,  /* it cannot be compiled; reason says why; the reference engine goes on */
    HL_NOTICE_LOADED = 8,          /* a plugin library was loaded */
    HL_NOTICE_LOAD_FAILED = 9,     /* a plugin's code could not be loaded in this process */
    HL_NOTICE_UNLOADED = 10,       /* a plugin library was unmapped */
    HL_NOTICE_LOST = 11,           /* a slow eventfd subscriber missed `lost` notices */
    HL_NOTICE_INSTALLED = 12,      /* an app was installed, upgraded or rolled back; reason is "APP VERSION" */
    HL_NOTICE_INSTALL_FAILED = 13, /* of the queue or at boot; status and reason say why */
    HL_NOTICE_UNINSTALLED = 14,    /* an app was removed; reason is "APP VERSION" */
    HL_NOTICE_CRASHED = 15,        /* a worker died by itself, or was killed for a deadline; reason is a sentence */
    HL_NOTICE_WORKER_FAILED = 16,  /* a plugin's workers are not started again; status and reason say why */
    HL_NOTICE_OVERDUE = 17, /* a call in this process is over its deadline: its plugin was left out; reason says more */
    HL_NOTICE_ISOLATED = 18 /* how a plugin is isolated was changed: plugin->isolation */
} hl_notice_kind;

typedef struct hl_notice {
    size_t size;
    hl_notice_kind kind;
    uint64_t sequence;            /* rises by one with each notice of the runtime */
    const char *event;            /* "" where it concerns none */
    const hl_plugin_info *plugin; /* NULL where it concerns none */
    hl_plugin_status before;      /* STATUS, UNREGISTERED */
    hl_status status;             /* the failures */
    const char *reason;           /* the failures; library path for LOADED and UNLOADED; where named above; "" else */
    uint64_t generation;          /* SWAPPED, COMPILED, COMPILE_FAILED */
    uint64_t elapsed_ns;          /* SWAPPED: since the change was asked; COMPILED: since it was swapped in */
    uint64_t lost;                /* LOST */
    bool remote;                  /* another process made the change */
} hl_notice;

typedef struct hl_subscription hl_subscription;

/* Called for each notice, one at a time, in order, after the change is visible. The notice is borrowed. May call
 * anything but what waits (HL_WAIT_..., hl_close). [control] */
typedef void hl_notice_fn(const hl_notice *notice, void *user);

/* Subscribes a callback. Notices of changes made after the return are delivered. [any-thread] */
HL_API HL_MUST_USE hl_status hl_subscribe(hl_runtime *runtime, hl_notice_fn *callback, void *user,
                                          hl_subscription **out);

/* Subscribes with an event loop's means: *fd (borrowed, an eventfd) is readable while notices wait, of which at most
 * queue_len are kept (0: 4,096); what comes on top is counted and reported as one HL_NOTICE_LOST. [any-thread] */
HL_API HL_MUST_USE hl_status hl_subscribe_fd(hl_runtime *runtime, size_t queue_len, int *fd, hl_subscription **out);

/* Takes the next notice of a subscription made by hl_subscribe_fd. HL_ERR_NOT_FOUND when none waits. The notice is
 * borrowed until the next call with this subscription. Used by one thread at a time. Never waits. [any-thread] */
HL_API HL_MUST_USE hl_status hl_notice_next(hl_subscription *subscription, const hl_notice **out);

/* Ends a subscription: when it returns its callback is not running and will not run again (called from within the
 * callback itself: it will not run again). Closes its eventfd. NULL is a no-op. Before hl_close. [any-thread] */
HL_API void hl_unsubscribe(hl_subscription *subscription);

#ifdef __cplusplus
}
#endif
#endif
