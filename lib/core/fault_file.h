/* The file in which a process notes the faults that it dies of: mapped, so that writing to it is all that the handler
 * does, and what is written outlives the process. Its owner holds a lock on it, which goes with the process. */
#ifndef HL_CORE_FAULT_FILE_H
#define HL_CORE_FAULT_FILE_H

#include <hookline/runtime.h>

#define HL__FAULT_FOLDER "faults" /* below the store's */
#define HL__FAULT_NAME 256        /* bytes of a name with its end mark */
#define HL__FAULT_VERSION 64
#define HL__FAULT_ROWS 4 /* a forked child may die as well, and threads at the same time */
#define HL__FAULT_CANDIDATES 16

typedef enum hl__fault_state { HL__FAULT_FREE = 0, HL__FAULT_BEGUN = 1, HL__FAULT_WHOLE = 2 } hl__fault_state;

typedef struct hl__fault_row {
    uint32_t state; /* atomic */
    int32_t signal;
    int32_t pid;
    int32_t tid;
    uint64_t address;
    uint64_t generation;
    int64_t at_ns; /* since 1970 */
    uint32_t candidates_len;
    char plugin[HL__FAULT_NAME]; /* "" when it is one of the candidates, or none */
    char version[HL__FAULT_VERSION];
    char event[HL__FAULT_NAME];                            /* "" outside of every dispatch */
    char candidates[HL__FAULT_CANDIDATES][HL__FAULT_NAME]; /* the chain's plugins, as far as they fit */
} hl__fault_row;

typedef struct hl__fault_file {
    char magic[8];
    uint32_t format;
    uint32_t rows_len;
    hl__fault_row rows[HL__FAULT_ROWS];
} hl__fault_file;

#define HL__FAULT_MAGIC "HLFAULT"
#define HL__FAULT_FORMAT 1u

/* A file of this process. */
typedef struct hl__fault_map {
    hl__fault_file *file; /* NULL: there is none */
    int fd;
    char *path;
} hl__fault_map;

/* Makes a file in DIRECTORY/faults. HL_ERR_SYSTEM, HL_ERR_NO_MEMORY. */
hl_status hl__fault_map_open(const char *directory, hl__fault_map *out);
void hl__fault_map_close(hl__fault_map *map); /* removes the file */

/* Walks the files whose processes have died: content, checked and copied, and the file's name. A file for which the
 * callback returns true is removed. */
typedef bool hl__fault_visit_fn(void *user, const char *name, const hl__fault_file *file);
void hl__fault_files_walk(const char *directory, hl__fault_visit_fn *visit, void *user);

#endif
