/* Statuses and the error of the current thread.
 *
 * Every function that can fail returns hl_status; ignoring it does not compile under -Werror=unused-result.
 * After a failure hl_last_error() says which action failed, over which field, and what to do about it. */
#ifndef HOOKLINE_STATUS_H
#define HOOKLINE_STATUS_H

#include <hookline/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hl_status_value {
#define HL_STATUS(name, value, sentence, seeds) name = value,
#include <hookline/status.def>
#undef HL_STATUS
};

typedef int32_t hl_status;

/* What went wrong last on this thread. The strings belong to the thread and live until its next failing call. */
typedef struct hl_error {
    hl_status status;
    const char *action;  /* the call that failed, such as "register" */
    const char *field;   /* the argument or record field at fault, "" when none is */
    const char *message; /* one or two sentences: what is wrong, and the remedy */
} hl_error;

/* The last failure of this thread; status HL_OK and empty strings when there was none.
 * A successful call leaves it as it is. Borrowed. Never NULL. No lock, no allocation. [any-thread] */
HL_API const hl_error *hl_last_error(void);

/* "HL_ERR_CYCLE" for HL_ERR_CYCLE, "HL_UNKNOWN" for a value that is no status. Static. [any-thread] */
HL_API const char *hl_status_name(hl_status status);

/* One sentence for the status, for people. Static. [any-thread] */
HL_API const char *hl_status_text(hl_status status);

#ifdef __cplusplus
}
#endif
#endif
