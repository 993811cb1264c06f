/* All that a module needs: code that is called by key, in a worker process. A module includes this header and links
 * nothing; it can be compiled at run time (hookline/modules.h).
 *
 *     static hl_status add(void *self, const hl_value *args, hl_answer *answer)
 *     {
 *         int64_t a, b;
 *         if (!hl_value_as_int(hl_value_at(args, 0), &a) || !hl_value_as_int(hl_value_at(args, 1), &b))
 *             return hl_answer_fail(answer, HL_ERR_INVALID, "add takes two integers");
 *         return hl_answer_give(answer, hl_value_int(a + b));
 *     }
 *     static const hl_module_function functions[] = {{"add", add, "the sum of two integers"}};
 *     HL_MODULE("math", "1.0.0", functions)
 */
#ifndef HOOKLINE_MODULE_H
#define HOOKLINE_MODULE_H

#include <hookline/deadline.h>
#include <hookline/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a function leaves its result. */
typedef struct hl_answer hl_answer;

/* The result, which is owned from now on; NULL fails with HL_ERR_NO_MEMORY, a part of another value with
 * HL_ERR_INVALID. Returns what the function should return. [plugin] */
HL_API hl_status hl_answer_give(hl_answer *answer, hl_value *result);
/* A failure with a sentence for people (printf-style). The caller gets HL_ERR_PLUGIN with the sentence, and the name of
 * `status` as field of the error. Returns `status`. [plugin] */
HL_API hl_status hl_answer_fail(hl_answer *answer, hl_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* args is a list, or null for none. HL_OK without a result gives null; another status without hl_answer_fail gives a
 * sentence that names it. One call at a time in a worker. [plugin] */
typedef hl_status hl_module_fn(void *self, const hl_value *args, hl_answer *answer);

typedef struct hl_module_function {
    const char *name;
    hl_module_fn *call;
    const char *doc; /* a line for people; may be NULL */
} hl_module_function;

/* What a module exports as `hookline_module`. Read from the file before any code runs, so it must be constant data. */
typedef struct hl_module_entry {
    uint32_t size; /* sizeof(hl_module_entry) */
    uint32_t abi;  /* HL_ABI */
    const char *name;
    const char *version;
    const hl_module_function *functions;
    size_t functions_len;
    int (*load)(void **self);   /* once as the worker starts; not 0 refuses it; may be NULL */
    void (*unload)(void *self); /* once before the worker ends by itself; may be NULL */
    /* Takes over *self of an older version in the same process, as its newer code arrives; not 0, or NULL here: the
     * state begins anew with load. The older code stays mapped. */
    int (*upgrade)(void **self, const char *from_version);
} hl_module_entry;

#ifdef __cplusplus
#define HL__MODULE_EXTERN_C extern "C"
#else
#define HL__MODULE_EXTERN_C extern
#endif

#define HL_MODULE(module_name, module_version, functions_array)                                                        \
    HL_MODULE_HOOKS(module_name, module_version, functions_array, NULL, NULL, NULL)

#define HL_MODULE_HOOKS(module_name, module_version, functions_array, load_fn, unload_fn, upgrade_fn)                  \
    HL__MODULE_EXTERN_C HL_API const hl_module_entry hookline_module;                                                  \
    const hl_module_entry hookline_module = {sizeof(hl_module_entry),                                                  \
                                             HL_ABI,                                                                   \
                                             (module_name),                                                            \
                                             (module_version),                                                         \
                                             (functions_array),                                                        \
                                             sizeof(functions_array) / sizeof((functions_array)[0]),                   \
                                             (load_fn),                                                                \
                                             (unload_fn),                                                              \
                                             (upgrade_fn)};

#ifdef __cplusplus
}
#endif
#endif
