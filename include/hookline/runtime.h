/* Opening and closing a runtime: one store, its events and plugins, a control thread, and the compiler. */
#ifndef HOOKLINE_RUNTIME_H
#define HOOKLINE_RUNTIME_H

#include <hookline/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hl_runtime hl_runtime;

/* How an event's chain runs. */
typedef enum hl_engine {
    HL_ENGINE_REFERENCE = 1, /* the loop that defines the meaning */
    HL_ENGINE_COMPILED = 2,  /* one straight-line function a chain, by libgccjit */
    HL_ENGINE_FUSED = 3      /* the same with the plugins' bodies in it */
} hl_engine;

typedef enum hl_log_level { HL_LOG_ERROR = 1, HL_LOG_WARNING = 2, HL_LOG_INFO = 3, HL_LOG_DEBUG = 4 } hl_log_level;

/* Receives one line without its end mark. Component is "event", "store", "compiler", "library" or "control" (LG-01).
 * May be called from any thread, with no lock of Hookline held that a lifecycle call would need. */
typedef void hl_log_fn(void *user, hl_log_level level, const char *component, const char *line);

/* Options that start or leave out parts of a runtime. */
#define HL_OPEN_RECORDS_ONLY (1u << 0)     /* an operator's view: loads no plugin code, compiles nothing */
#define HL_OPEN_READ_ONLY (1u << 1)        /* never writes the store; lifecycle calls say HL_ERR_STORE_READ_ONLY */
#define HL_OPEN_START_REGISTERED (1u << 2) /* bulk-start every event once when opened (LC-09, BS-04) */
#define HL_OPEN_PERF_MAP (1u << 3)         /* write /tmp/perf-PID.map rows for compiled chains, for perf(1) */
#define HL_OPEN_NO_CONTROL (1u << 4)       /* no control socket: the hookline command cannot ask this process */
/* Handles SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT: writes down in the store's folder which plugin the process dies
 * in, and hands the signal on to the handler that was there before, or dies of it. The next runtime on the store tells
 * of it (hl_crashes), and holds a plugin in which two crashes within ten minutes were. Nothing in a store without a
 * folder. */
#define HL_OPEN_RECORD_FAULTS (1u << 5)

typedef struct hl_options {
    size_t size;                 /* sizeof(hl_options) */
    const char *store;           /* "lmdb:DIR", "memory:" (private), "memory:NAME" (shared within the process) */
    unsigned flags;              /* HL_OPEN_... */
    hl_engine engine;            /* the highest engine allowed; HL_ENGINE_REFERENCE starts no compiler */
    const char *jit_program;     /* path of hookline-jit; NULL: $HOOKLINE_JIT, else beside the library */
    uint32_t compile_timeout_ms; /* a batch that takes longer is given up and its helper killed; 0: 10,000 */
    uint64_t store_map_bytes;    /* the most that the LMDB file may grow to; 0: 16 GiB (address space, not disk) */
    hl_log_fn *log;              /* NULL: nothing is logged */
    void *log_user;
} hl_options;

#define HL_OPTIONS_INIT                                                                                                \
    {                                                                                                                  \
        sizeof(hl_options), "memory:", 0, HL_ENGINE_COMPILED, NULL, 0, 0, NULL, NULL                                   \
    }

/* Opens a runtime: opens or makes the store, replays its records, settles held plugins, and is ready when it returns
 * (ST-01, BS-02..BS-05, PS-16). Plugins from libraries are loaded when their event is opened.
 *
 * options  NULL means HL_OPTIONS_INIT; copied
 * out      owned by the caller, hl_close gives it back; untouched on failure
 * fails    HL_ERR_INVALID (store), HL_ERR_STORE, HL_ERR_STORE_CORRUPT, HL_ERR_STORE_NEWER, HL_ERR_STORE_READ_ONLY,
 *          HL_ERR_STORE_FULL, HL_ERR_STRUCT_SIZE, HL_ERR_FLAGS, HL_ERR_NO_MEMORY, HL_ERR_SYSTEM; nothing is left then
 * cost     file system calls and a thread; one helper process at the first compile
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_open(const hl_options *options, hl_runtime **out);

/* Closes a runtime: waits until no dispatch is inside, releases every plugin's self, unmaps libraries and code.
 * NULL is a no-op. Afterwards events answer HL_ERR_CLOSED and lifecycle calls return it. In a forked child, and from
 * inside a plugin, it changes nothing and leaves HL_ERR_FORKED or HL_ERR_IN_PLUGIN in hl_last_error.
 * [not-in-plugin] */
HL_API void hl_close(hl_runtime *runtime);

/* Waits until every chain that can be compiled is, or timeout_ms have passed (HL_ERR_TIMEOUT). Returns HL_OK also when
 * it is settled that chains will not be compiled; hl_event_engine and hl_explain tell which. [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_wait_compiled(hl_runtime *runtime, uint32_t timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
