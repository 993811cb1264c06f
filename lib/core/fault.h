/* Fault records (HL_OPEN_RECORD_FAULTS): a signal handler that writes down which plugin this process dies in, and
 * nothing else. It then hands the signal on. The file lies in the store's folder, where the next opener reads it
 * (fault_read.c). */
#ifndef HL_CORE_FAULT_H
#define HL_CORE_FAULT_H

#include "core/fault_file.h"
#include "core/thread.h"

typedef struct hl__faults hl__faults;

/* Begins to record for a runtime that asks for it. A failure costs the records, nothing else, and is logged. */
void hl__faults_open(hl_runtime *runtime);
/* This process has not crashed: its file goes. The last one puts back the handlers that were there before. */
void hl__faults_close(hl_runtime *runtime);

/* An alternate stack for a thread that dispatches and has none, so that it can tell of a stack that ran over; and its
 * end, on the thread itself. No-ops while nothing records. */
void hl__fault_stack_give(hl__thread_row *row);
void hl__fault_stack_drop(hl__thread_row *row);

#endif
