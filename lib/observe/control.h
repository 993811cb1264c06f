/* The control socket: answers the hookline command's questions about this process. Core's control thread owns it.
 *
 * A runtime on an LMDB store listens on DIR/control/PID-N.sock (0600, folder 0700). Each connection carries one
 * question and one answer, as frames (frame.h) of JSON, and gets a thread of its own for that time: at most
 * HL__CONTROL_THREADS at once, the others wait in the backlog. Answers are made with public calls only (answers.h). */
#ifndef HL_OBSERVE_CONTROL_H
#define HL_OBSERVE_CONTROL_H

#include <hookline/runtime.h>

#define HL__CONTROL_THREADS 4

typedef struct hl__control hl__control;

/* Begins to listen in `directory`/control, after sweeping away sockets that nobody listens on any more. A failure is no
 * reason to refuse a runtime: the process then cannot be asked. HL_ERR_SYSTEM, HL_ERR_NO_MEMORY. */
hl_status hl__control_open(hl_runtime *runtime, const char *directory, hl__control **out);

/* Readable when hl__control_service has something to do. Stays the same until closed. */
int hl__control_fd(hl__control *control);

/* Takes waiting connections. Never waits. */
void hl__control_service(hl__control *control);

/* Removes the socket, cuts off open connections and waits for their threads. These may be inside public calls on the
 * runtime: call this while such calls still come back, and hold no lock that they take. NULL is a no-op. */
void hl__control_close(hl__control *control);

#endif
