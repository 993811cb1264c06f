/* The one way to fail: set the thread's error and return its status. */
#ifndef HL_CORE_ERROR_H
#define HL_CORE_ERROR_H

#include <stdarg.h>

#include <hookline/status.h>

#include "core/shared.h"

/* Sets hl_last_error of this thread and returns `status`. `field` and `action` are copied; the message is cut at 1
 * KiB. */
HL__SHARED hl_status hl__fail(hl_status status, const char *action, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* hl__fail with the operating system's reason for `error_number` after the message. */
HL__SHARED hl_status hl__fail_errno(hl_status status, int error_number, const char *action, const char *field,
                                    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Fails with HL_ERR_NO_MEMORY. */
HL__SHARED hl_status hl__fail_memory(const char *action);

/* Puts `action` in the place of the last error's action: the caller's verb is what the user asked for. */
HL__SHARED hl_status hl__fail_as(const char *action);

/* A copy of the thread's error that survives further failures; the strings are in the struct. */
typedef struct hl__error_copy {
    hl_status status;
    char action[64];
    char field[128];
    char message[1024];
} hl__error_copy;

HL__SHARED void hl__error_save(hl__error_copy *out);
HL__SHARED hl_status hl__error_restore(const hl__error_copy *copy);

#endif
