/* Framing of the control protocol: four bytes of length, most significant first, then that many bytes of JSON.
 * Used by both ends. All sockets are non-blocking. Deadlines are CLOCK_MONOTONIC nanoseconds. */
#ifndef HL_OBSERVE_FRAME_H
#define HL_OBSERVE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HL__FRAME_REQUEST_MAX ((size_t)64 * 1024)
#define HL__FRAME_ANSWER_MAX ((size_t)16 * 1024 * 1024)

typedef enum hl__frame_state { HL__FRAME_MORE, HL__FRAME_WHOLE, HL__FRAME_BROKEN } hl__frame_state;

/* A frame on its way in. Zero it to begin; `text` is owned, ends with a zero byte, and is complete when WHOLE. */
typedef struct hl__frame {
    unsigned char head[4];
    size_t got; /* bytes so far, head included */
    size_t len; /* of text, known once the head is here */
    size_t room;
    char *text;
} hl__frame;

/* Reads what has arrived. BROKEN: end of file, an error, or a length of 0 or above `max`. */
hl__frame_state hl__frame_read(hl__frame *frame, int fd, size_t max);
/* Reads until WHOLE, BROKEN or the deadline, which counts as BROKEN. */
hl__frame_state hl__frame_wait(hl__frame *frame, int fd, size_t max, uint64_t deadline_ns);
void hl__frame_cleanup(hl__frame *frame);

/* Sends a whole frame before the deadline; false when the other side would not take it. */
bool hl__frame_send(int fd, const char *text, size_t len, uint64_t deadline_ns);

/* Milliseconds left until the deadline, for poll: rounded up, 0 when it has passed. */
int hl__deadline_ms(uint64_t deadline_ns);
/* A deadline `ms` from now, on CLOCK_MONOTONIC. */
uint64_t hl__deadline_in(uint32_t ms);

#endif
