/* Starting a worker process and hearing how that went. Used by the supervisor's thread (start.c) and by the worker
 * programs (start_worker.c), which agree here on descriptors and on what is said over the report socket.
 *
 * Descriptors of a worker: 3 the report socket (a seqpacket socketpair), 4 the library; the channel's come with the
 * plan. Arguments: the server's pid, the kind, the entry's name. */
#ifndef HL_WORKER_START_H
#define HL_WORKER_START_H

#include "core/child.h"
#include "worker/channel.h"
#include "worker/sandbox.h"

typedef enum hl__worker_kind { HL__WORKER_PLUGIN = 1, HL__WORKER_MODULE = 2 } hl__worker_kind;

#define HL__REPORT_FD 3
#define HL__LIBRARY_FD 4
#define HL__REPORT_MAX 4096          /* bytes of one message of the worker, and of its text with an end mark */
#define HL__PLAN_MAX ((size_t)65536) /* bytes of one message to it */

/* Worker to server: one of these in front, then a text. */
typedef enum hl__report {
    HL__REPORT_READY = 1,   /* hl__report_head.reached is valid */
    HL__REPORT_REFUSED = 2, /* the library cannot be loaded or said no; the text says why; the worker ends */
    HL__REPORT_SWITCHED = 3 /* module: the newer code is in use (kept: the state was taken over) */
} hl__report;

typedef struct hl__report_head {
    uint32_t kind;
    int32_t status; /* hl_status, of a refusal; negative */
    uint32_t reached;
    uint32_t landlock_abi;
    uint32_t kept;
    uint32_t text_len;
} hl__report_head;

/* Server to worker: the plan first, with the channel's descriptors (SCM_RIGHTS); later, for modules, HL__ORDER_SWITCH
 * with the newer library's, or HL__ORDER_END, after which the worker runs its unload function and exits with 0. */
typedef enum hl__order { HL__ORDER_PLAN = 1, HL__ORDER_SWITCH = 2, HL__ORDER_END = 3 } hl__order;

typedef struct hl__order_head {
    uint32_t order;
    uint32_t plan_len;   /* bytes of the sandbox's plan behind this */
    uint32_t beside_len; /* bytes behind that: paths, each with its end mark */
    uint32_t guarded;    /* PLAN: it may start processes, which have to end with it */
    uint32_t counted;    /* PLAN: they are counted, by its cgroup */
} hl__order_head;

typedef struct hl__start_spec {
    hl__worker_kind kind;
    int library_fd;     /* the very file that was checked */
    const char *entry;  /* PLUGIN: the plugin's name in the library; MODULE: the module's */
    const char *beside; /* libraries that it brings with it, loaded before it: paths, each with its end mark */
    size_t beside_len;
    const hl_sandbox *sandbox;
    const void *plan; /* of hl__sandbox_plan */
    size_t plan_len;
    hl__channel *channel;
} hl__start_spec;

/* Starts the program; *report_fd is the server's end, non-blocking. *cgroup_folder as hl__sandbox_cgroup_add says. On
 * the supervisor's thread only, because the worker dies with the thread that started it. HL_ERR_SYSTEM, HL_ERR_LIMIT,
 * HL_ERR_UNSUPPORTED (a cgroup that is required), HL_ERR_NO_MEMORY. */
hl_status hl__worker_start(const hl__start_spec *spec, hl__child *child, int *report_fd, char **cgroup_folder);

typedef enum hl__heard {
    HL__HEARD_END = -2,      /* the worker has closed its end */
    HL__HEARD_NONSENSE = -1, /* what it said is no report */
    HL__HEARD_NOTHING = 0,   /* none yet */
    HL__HEARD_REPORT = 1
} hl__heard;

/* Reads one message: *head, text (ended, without control characters) of a report. */
hl__heard hl__worker_heard(int report_fd, hl__report_head *head, char text[HL__REPORT_MAX]);
/* fd -1: none. Does not wait: HL_ERR_SYSTEM also where the worker does not take its orders. */
hl_status hl__worker_order(hl__channel *channel, int report_fd, hl__order order, int fd);
/* Whether it has read all of them. */
bool hl__worker_took_orders(int report_fd);

/* ---- what a worker serves (main.c calls it; serve_plugin.c, module's serve_module.c define it) ------------------- */

typedef struct hl__service {
    hl__worker_kind kind;
    /* Finds the entry in the mapped library, and runs its load function. Called again for newer code; *kept then says
     * whether the state was taken over. 0, or a negative hl_status with a sentence. */
    int (*load)(void *library, const char *entry, bool *kept, char *why, size_t why_len);
    void (*serve)(const hl__served *served, hl__reply_head *reply);
    void (*unload)(void);
} hl__service;

/* Does not return before the worker's end. */
int hl__worker_main(int argc, char **argv, const hl__service *service);

/* Notes in the channel what the worker dies of (fault_worker.c). */
void hl__serve_catch_faults(void);

#endif
