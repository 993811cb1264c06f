/* What a worker may do: resource limits, no privileges, landlock, seccomp, a cgroup. The server makes a plan of a
 * hl_sandbox and gives it to the worker as bytes; the worker applies it to itself in two steps, both before it loads
 * any code of the plugin. */
#ifndef HL_WORKER_SANDBOX_H
#define HL_WORKER_SANDBOX_H

#include <hookline/isolation.h>

#include "core/shared.h"

/* ---- the server's side (sandbox.c) ---- */

/* The plan: one malloc'ed block. sandbox NULL: the defaults. Paths are looked for: HL_ERR_INVALID
 * ("isolation.sandbox.read[1]"), HL_ERR_UNSUPPORTED where `require` asks for what the kernel does not have,
 * HL_ERR_NO_MEMORY. */
HL__SHARED hl_status hl__sandbox_plan(const hl_sandbox *sandbox, void **plan, size_t *len);
/* Moves a process that has just been started into a cgroup of its own below sandbox->cgroup; *folder (malloc'ed; NULL:
 * none) is removed with hl__sandbox_cgroup_remove when it has ended. Where that does not work: HL_ERR_UNSUPPORTED with
 * `require`, else HL_OK without a folder. */
hl_status hl__sandbox_cgroup_add(const hl_sandbox *sandbox, int32_t pid, char **folder);
void hl__sandbox_cgroup_remove(char *folder);
/* The bits below of such a folder; NULL: none. */
uint32_t hl__sandbox_cgroup_reached(const char *folder);
/* Words for what is in force and what is lacking here, from what the worker reported (bits below), and
 * hl__sandbox_cgroup_reached. */
void hl__sandbox_describe(const hl_sandbox *sandbox, uint32_t reached, uint32_t landlock_abi, char *in_force,
                          size_t in_force_len, char *lacking, size_t lacking_len);

#define HL__SANDBOX_RLIMITS (1u << 0)
#define HL__SANDBOX_NO_NEW_PRIVS (1u << 1)
#define HL__SANDBOX_LANDLOCK (1u << 2)
#define HL__SANDBOX_SECCOMP (1u << 3)
#define HL__SANDBOX_CGROUP (1u << 4)        /* which counts its processes */
#define HL__SANDBOX_CGROUP_MEMORY (1u << 5) /* and the memory of all of them */
#define HL__SANDBOX_COUNTED (1u << 6)       /* the kernel counts its processes without a cgroup */

/* ---- the worker's side (sandbox_worker.c, seccomp.c, landlock.c); links libc only -------------------------------- */

typedef struct hl__sandbox_given {
    const void *plan;
    size_t plan_len;
    size_t shared_bytes; /* memory that the server shares; not counted */
    bool count;          /* its processes are to be counted for it alone, without a cgroup */
    int library_fd;      /* may be read, wherever it lies */
    bool library_folder; /* so may what lies beside it */
    const char *beside;  /* and what lies beside these: paths, each with its end mark */
    size_t beside_len;
} hl__sandbox_given;

/* Resource limits, no privileges, landlock. False with a sentence in `why`. */
bool hl__sandbox_begin(const hl__sandbox_given *given, uint32_t *reached, uint32_t *landlock_abi, char *why,
                       size_t why_len);
/* After it: seccomp. */
void hl__sandbox_close(const hl__sandbox_given *given, uint32_t *reached);

/* ---- what the kernel has; both sides ---- */

/* 0: it has no landlock. */
uint32_t hl__landlock_abi(void);
bool hl__seccomp_known(void);

#endif
