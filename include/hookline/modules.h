/* Modules: code that is called by key. A module is a shared object with functions on values (hookline/module.h),
 * compiled from C source at run time or brought as a file; a key is 128 bits under which it is registered, durably, for
 * every process on the store. Calling runs it in a supervised, sandboxed worker process. In libhookline. */
#ifndef HOOKLINE_MODULES_H
#define HOOKLINE_MODULES_H

#include <hookline/isolation.h>
#include <hookline/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- keys ----------------------------------------------------------------------------------------------------- */

/* 128 bits (MK-01..MK-09). Text and bytes have functions of their own, so that no text is ever taken for bytes
 * (X-101). */
typedef struct hl_key {
    uint8_t bytes[16];
} hl_key;
#define HL_KEY_TEXT 37 /* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" and its end mark */

/* A random one, UUID version 4. HL_ERR_SYSTEM: the random generator has nothing to give. [any-thread] */
HL_API HL_MUST_USE hl_status hl_key_new(hl_key *out);
/* Between text and key: exactly the form above, in any letter case (HL_ERR_INVALID otherwise); written in small
 * letters. NULL is no text of a key. [any-thread] */
HL_API HL_MUST_USE hl_status hl_key_parse(const char *text, hl_key *out);
HL_API void hl_key_format(const hl_key *key, char out[HL_KEY_TEXT]);
HL_API bool hl_key_is_text(const char *text);

/* ---- code ----------------------------------------------------------------------------------------------------- */

/* The code of a module, as it lies in the store's folder. A function that fills one empties it first; on failure all
 * but `diagnostics` may be NULL. Texts are owned: hl_module_code_cleanup. */
typedef struct hl_module_code {
    size_t size;   /* sizeof(hl_module_code) */
    char *name;    /* what the module calls itself: keys are registered to it */
    char *version; /* "" when it names none */
    char *path;    /* of the file; NULL when nothing was kept */
    char sha256[65];
    char *diagnostics; /* what the compiler said, at most 64 KiB; "" */
} hl_module_code;

#define HL_MODULE_CODE_INIT                                                                                            \
    {                                                                                                                  \
        sizeof(hl_module_code), NULL, NULL, NULL, "", NULL                                                             \
    }

/* Frees the texts; NULL is a no-op. [any-thread] */
HL_API void hl_module_code_cleanup(hl_module_code *code);

typedef struct hl_module_source {
    size_t size;
    const char *text; /* C source */
    size_t len;
    const char *name;    /* NULL, or the name that the module must have; compiles of one name run one after the other */
    uint32_t timeout_ms; /* 0: 60,000 (MC-01) */
    const hl_key *key;   /* NULL, or a key to be registered with it (M1-01) */
    bool do_not_keep;    /* only look whether it compiles: nothing is stored */
} hl_module_source;

#define HL_MODULE_SOURCE_INIT(source_text, source_len)                                                                 \
    {                                                                                                                  \
        sizeof(hl_module_source), (source_text), (source_len), NULL, 0, NULL, false                                    \
    }

/* Compiles with the system's C compiler ($HOOKLINE_CC, cc, gcc, clang: the first there is) in a sandboxed process with
 * limits on time, memory, output and processes, then keeps the code as the module's newest. The source is one file,
 * which may include the system's headers and Hookline's, and nothing else. Keys of the module use the code from their
 * next call on. Registry and calls go on meanwhile. out (may be NULL)->diagnostics is set on failure too.
 * HL_ERR_COMPILE (it does not compile), HL_ERR_UNSUPPORTED (no compiler, or no headers here), HL_ERR_TIMEOUT,
 * HL_ERR_LIMIT, and as hl_module_load_file.
 * [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_module_compile(hl_runtime *runtime, const hl_module_source *source,
                                               hl_module_code *out);
/* The same from a file; source->text and len are ignored, source may be NULL. HL_ERR_NOT_FOUND, HL_ERR_LIMIT.
 * [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_module_compile_file(hl_runtime *runtime, const char *path,
                                                    const hl_module_source *source, hl_module_code *out);

/* Takes a shared object into the store as its module's newest code. It is read and checked, not loaded:
 * HL_ERR_NOT_FOUND, HL_ERR_NOT_ELF, HL_ERR_TRUNCATED, HL_ERR_ARCHITECTURE, HL_ERR_NO_ENTRY (no hookline_module),
 * HL_ERR_ABI, HL_ERR_INVALID (name), HL_ERR_STORE_FULL. out may be NULL. load_memory: the module must have this name
 * (MC-04). [any-thread] */
HL_API HL_MUST_USE hl_status hl_module_load_file(hl_runtime *runtime, const char *path, hl_module_code *out);
HL_API HL_MUST_USE hl_status hl_module_load_memory(hl_runtime *runtime, const char *name, const void *bytes, size_t len,
                                                   hl_module_code *out);

/* Removes a module's code from the store. HL_ERR_NOT_FOUND; HL_ERR_DEPENDENTS naming the keys that are registered to it
 * (MC-06). [any-thread] */
HL_API HL_MUST_USE hl_status hl_module_purge(hl_runtime *runtime, const char *name);

/* ---- the registry --------------------------------------------------------------------------------------------- */

typedef struct hl_module_spec {
    size_t size;
    hl_key key;
    const char *module;            /* the name of a module whose code is in the store */
    const hl_isolation *isolation; /* NULL: one worker with the defaults, HL_TEMPORARY; mode is HL_IN_WORKER */
} hl_module_spec;

#define HL_MODULE_SPEC_INIT(spec_key, module_name)                                                                     \
    {                                                                                                                  \
        sizeof(hl_module_spec), (spec_key), (module_name), NULL                                                        \
    }

/* Registers a key, or changes what is registered under it; where it is loaded, its next call runs the new module, or
 * the same in workers as the new isolation has them (MR-01, X-102). Durable when it returns. Other processes find a new
 * key at once and see a changed one soon. many: all or none, also for those who look up meanwhile (MR-03); at most
 * 100,000. HL_ERR_NOT_FOUND: no such module. HL_ERR_INVALID: module, isolation.FIELD. [any-thread] */
HL_API HL_MUST_USE hl_status hl_module_register(hl_runtime *runtime, const hl_module_spec *spec);
HL_API HL_MUST_USE hl_status hl_module_register_many(hl_runtime *runtime, const hl_module_spec *specs, size_t len);
/* hl_module_load_file for a name that ends in ".so", else hl_module_compile_file, then registers the key to it; all or
 * nothing (MR-02). out may be NULL. [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_module_register_file(hl_runtime *runtime, const hl_key *key, const char *path,
                                                     hl_module_code *out);
/* Removes the key, if it is there. Its worker goes on until it is released (MR-06). [any-thread] */
HL_API HL_MUST_USE hl_status hl_module_unregister(hl_runtime *runtime, const hl_key *key);

#define HL_MODULE_NAME_MAX 256 /* with its end mark */
/* The name of the module under a key. A key that this process knows is found lock-free, also while others register;
 * before a key is said to be unknown the store is asked: HL_ERR_NOT_FOUND (MR-04, MR-05). [any-thread] */
HL_API HL_MUST_USE hl_status hl_module_lookup(hl_runtime *runtime, const hl_key *key, char name[HL_MODULE_NAME_MAX]);
HL_API bool hl_module_is_registered(hl_runtime *runtime, const hl_key *key);

typedef struct hl_module_info {
    size_t size;
    hl_key key;
    const char *module;
    const char *version; /* of the newest code; "" when it is gone */
    const char *path;
    const char *sha256;
    bool available; /* the code's file is on this machine */
    bool loaded;
    int32_t pid;
    uint64_t calls; /* since it was loaded */
    uint32_t holders;
} hl_module_info;
/* Walks the registered keys, in their order; borrowed; false ends the walk (MR-07, ML-06). [any-thread] */
HL_API HL_MUST_USE hl_status hl_modules(hl_runtime *runtime, bool (*callback)(const hl_module_info *, void *user),
                                        void *user);
/* Walks the functions of the module under a key (M1-03): name and doc ("" when it has none), as they were read from the
 * file when it came; nothing is run. [any-thread] */
HL_API HL_MUST_USE hl_status hl_module_functions(hl_runtime *runtime, const hl_key *key,
                                                 bool (*callback)(const char *name, const char *doc, void *user),
                                                 void *user);

/* ---- workers and calls ---------------------------------------------------------------------------------------- */

/* Starts the key's workers and waits until one is ready, at most 10 s; loading again is success, and concurrent callers
 * get the same worker (ML-01). Keys do not wait for each other. A worker that dies is not started again, unless
 * the registered isolation says so; when no more will come, the key is no longer loaded. HL_ERR_NOT_FOUND,
 * HL_ERR_PLUGIN (load said no, or it crashed), HL_ERR_CHECKSUM, HL_ERR_TIMEOUT. [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_module_load(hl_runtime *runtime, const hl_key *key);
/* Ends the workers and has new ones in their place: the state begins anew (ML-02). The new ones are ready before the
 * others end, so calls go on, and a reload that fails changes nothing. What is not loaded is loaded. [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_module_reload(hl_runtime *runtime, const hl_key *key);
/* Ends the workers; the registration stays: HL_ERR_NOT_LOADED. Calls that are running end with their result, or after
 * 500 ms with HL_ERR_NOT_LOADED (ML-03, MG-07). [not-in-plugin] */
HL_API HL_MUST_USE hl_status hl_module_release(hl_runtime *runtime, const hl_key *key);
/* Whether the key has workers in this process, and the process id of the first that is ready: HL_ERR_NOT_LOADED when
 * none is at the moment. Lock-free. [any-thread] */
HL_API bool hl_module_is_loaded(hl_runtime *runtime, const hl_key *key);
HL_API HL_MUST_USE hl_status hl_module_worker_pid(hl_runtime *runtime, const hl_key *key, int32_t *pid);

/* Calls a function of a loaded module. args: a list, or NULL for none; borrowed. *result is owned by the caller, and
 * NULL on failure. timeout_ms 0: 5,000 (MX-01); it counts from the call on until the result has been read, and ends the
 * worker that is over it. A newer registration or newer code is taken first; when it cannot be had, the call fails as
 * hl_module_load does. HL_ERR_NOT_LOADED (not loaded, released meanwhile), HL_ERR_NOT_FOUND (function, naming those
 * there are), HL_ERR_TIMEOUT, HL_ERR_PLUGIN (it failed: its own sentence; it died: the signal), HL_ERR_LIMIT (value too
 * large or deep, queue full), HL_ERR_INVALID. [any-thread] */
HL_API HL_MUST_USE hl_status hl_module_execute(hl_runtime *runtime, const hl_key *key, const char *function,
                                               const hl_value *args, uint32_t timeout_ms, hl_value **result);
/* Loads where needed, calls, keeps it loaded (MX-02). Fails as hl_module_load and hl_module_execute. [any-thread] */
HL_API HL_MUST_USE hl_status hl_module_run(hl_runtime *runtime, const hl_key *key, const char *function,
                                           const hl_value *args, uint32_t timeout_ms, hl_value **result);
/* Loads where needed, calls, and releases when nobody else holds it: other callers of this function, and hl_module_load
 * or hl_module_run until a release (MX-03, X-104). [any-thread] */
HL_API HL_MUST_USE hl_status hl_module_run_and_release(hl_runtime *runtime, const hl_key *key, const char *function,
                                                       const hl_value *args, uint32_t timeout_ms, hl_value **result);

#ifdef __cplusplus
}
#endif
#endif
