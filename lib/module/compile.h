/* Compiling a module's source: the working folder, the tools, the run. Used by compile.c; hl__compile_sweep by
 * code_sweep.c too. */
#ifndef HL_MODULE_COMPILE_H
#define HL_MODULE_COMPILE_H

#include "module/code_place.h"

#define HL__COMPILE_ACTION "compile module"
#define HL__COMPILE_RESULT "module.so" /* in the working folder */

/* ---- the working folder (compile_folder.c): locked by whoever works in it, deleted by whoever finds it unlocked -- */

typedef struct hl__compile_folder {
    char *path;
    int parent; /* open */
    int folder; /* open and locked */
} hl__compile_folder;

#define HL__COMPILE_FOLDER_INIT                                                                                        \
    {                                                                                                                  \
        NULL, -1, -1                                                                                                   \
    }

/* Makes one with the source in it, as `file`. */
hl_status hl__compile_folder_make(const hl__code_place *place, const char *file, const char *source, size_t len,
                                  hl__compile_folder *out);
/* Reads what the compiler made: HL_ERR_COMPILE (nothing, or no regular file), HL_ERR_LIMIT. */
hl_status hl__compile_folder_result(const hl__compile_folder *folder, void **bytes, size_t *len);
void hl__compile_folder_remove(hl__compile_folder *folder); /* keeps the thread's error */
void hl__compile_sweep(const hl__code_place *place);

/* ---- the tools (compile_tools.c) ---- */

#define HL__COMPILE_PARTS_MAX 16

typedef struct hl__compile_tools {
    char *compiler;                     /* absolute path */
    char *headers;                      /* the folder that holds hookline/module.h */
    char *sandbox;                      /* the program hookline-sandbox */
    char *parts[HL__COMPILE_PARTS_MAX]; /* what the compiler is made of: its file, and folders beside it */
    size_t parts_len;
} hl__compile_tools;

/* HL_ERR_UNSUPPORTED: there is no compiler, or Hookline's headers are not installed. */
hl_status hl__compile_tools_find(hl__compile_tools *out);
void hl__compile_tools_cleanup(hl__compile_tools *tools);

/* Fills tools->parts for tools->compiler (compile_parts.c). */
hl_status hl__compile_parts_find(hl__compile_tools *tools);

/* ---- the run (compile_run.c) ---- */

typedef struct hl__compile_run {
    const hl__compile_tools *tools;
    const char *folder; /* absolute path of the working folder */
    const char *file;   /* the source's name in it */
    uint64_t deadline_ns;
} hl__compile_run;

/* Runs the compiler until it has ended. No process of it is left afterwards. *diagnostics (malloc'ed) is what it said,
 * whatever the outcome, and NULL only without memory. HL_ERR_COMPILE, HL_ERR_TIMEOUT, HL_ERR_LIMIT, HL_ERR_STORE_FULL,
 * HL_ERR_UNSUPPORTED, HL_ERR_SYSTEM. */
hl_status hl__compile_do(const hl__compile_run *run, char **diagnostics);

#endif
