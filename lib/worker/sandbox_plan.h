/* A sandbox as bytes, between sandbox.c (the server) and sandbox_worker.c, landlock.c and seccomp.c (the worker).
 * Defaults are filled in. */
#ifndef HL_WORKER_SANDBOX_PLAN_H
#define HL_WORKER_SANDBOX_PLAN_H

#include "worker/sandbox.h"

#define HL__SANDBOX_MEMORY_BYTES (UINT64_C(1) << 30)
#define HL__SANDBOX_FILES 64

typedef struct hl__sandbox_head {
    uint64_t memory_bytes;
    uint64_t file_bytes;
    uint32_t files;
    uint32_t processes;
    uint32_t cpu_seconds;
    uint32_t network;
    uint32_t require;
    uint32_t read_len;  /* bytes of paths behind this, each with its end mark */
    uint32_t write_len; /* behind those */
} hl__sandbox_head;

/* Paths one after the other, each with its end mark. */
typedef struct hl__paths {
    const char *bytes;
    size_t len;
} hl__paths;

typedef struct hl__landlock_rules {
    hl__paths read;   /* must be there */
    hl__paths beside; /* what lies in the same folders */
    hl__paths write;  /* the same */
    int library_fd;
    bool library_folder;
    bool network;
} hl__landlock_rules;

/* 1: in force; 0: the kernel has no landlock; -1: it failed, with a sentence. */
int hl__landlock_apply(const hl__landlock_rules *rules, uint32_t *abi, char *why, size_t why_len);

/* 1: in force; 0: the kernel has no seccomp, or this build does not know the processor. */
int hl__seccomp_apply(const hl__sandbox_head *sandbox);

#endif
