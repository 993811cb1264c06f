/* Frames in and out of a non-blocking socket, with deadlines. Used by control.c and control_client.c. */
#include "observe/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define HEAD_LEN sizeof(((hl__frame *)0)->head)
#define FIRST_ROOM ((size_t)16 * 1024)

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t hl__deadline_in(uint32_t ms)
{
    return now_ns() + (uint64_t)ms * 1000000u;
}

int hl__deadline_ms(uint64_t deadline_ns)
{
    uint64_t now = now_ns();

    return now >= deadline_ns ? 0 : (int)((deadline_ns - now + 999999u) / 1000000u);
}

static bool head_done(hl__frame *frame, size_t max)
{
    const unsigned char *head = frame->head;

    frame->len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    return frame->len > 0 && frame->len <= max;
}

/* Room grows with what really arrives, so that a lying head costs no memory. */
static bool make_room(hl__frame *frame)
{
    size_t have = frame->got - HEAD_LEN;
    size_t room = frame->room ? frame->room * 2 : FIRST_ROOM;
    char *text;

    if (have < frame->room)
        return true;
    if (room > frame->len)
        room = frame->len;
    text = realloc(frame->text, room + 1);
    if (!text)
        return false;
    frame->text = text;
    frame->room = room;
    return true;
}

/* One recv; *more says whether another may bring something. */
static hl__frame_state read_some(hl__frame *frame, int fd, size_t max, bool *more)
{
    bool in_head = frame->got < HEAD_LEN;
    void *to = in_head ? (void *)(frame->head + frame->got) : NULL;
    size_t room = HEAD_LEN - frame->got;
    ssize_t n;

    *more = false;
    if (!in_head) {
        if (!make_room(frame))
            return HL__FRAME_BROKEN;
        to = frame->text + (frame->got - HEAD_LEN);
        room = frame->room - (frame->got - HEAD_LEN);
    }
    n = recv(fd, to, room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return HL__FRAME_MORE;
    if (n <= 0)
        return HL__FRAME_BROKEN;
    frame->got += (size_t)n;
    *more = true;
    if (in_head && frame->got == HEAD_LEN && !head_done(frame, max))
        return HL__FRAME_BROKEN;
    return frame->got > HEAD_LEN && frame->got == HEAD_LEN + frame->len ? HL__FRAME_WHOLE : HL__FRAME_MORE;
}

hl__frame_state hl__frame_read(hl__frame *frame, int fd, size_t max)
{
    hl__frame_state state;
    bool more = true;

    do
        state = read_some(frame, fd, max, &more);
    while (state == HL__FRAME_MORE && more);
    if (state == HL__FRAME_WHOLE)
        frame->text[frame->len] = '\0';
    return state;
}

hl__frame_state hl__frame_wait(hl__frame *frame, int fd, size_t max, uint64_t deadline_ns)
{
    struct pollfd wait = {fd, POLLIN, 0};
    hl__frame_state state = hl__frame_read(frame, fd, max);

    while (state == HL__FRAME_MORE) {
        if (poll(&wait, 1, hl__deadline_ms(deadline_ns)) == 0)
            return HL__FRAME_BROKEN;
        state = hl__frame_read(frame, fd, max);
    }
    return state;
}

void hl__frame_cleanup(hl__frame *frame)
{
    free(frame->text);
    memset(frame, 0, sizeof(*frame));
}

static bool send_all(int fd, const void *bytes, size_t len, int flags, uint64_t deadline_ns)
{
    struct pollfd wait = {fd, POLLOUT, 0};
    const char *at = bytes;
    ssize_t n;

    while (len > 0) {
        n = send(fd, at, len, flags | MSG_NOSIGNAL);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (poll(&wait, 1, hl__deadline_ms(deadline_ns)) == 0)
            return false;
    }
    return true;
}

bool hl__frame_send(int fd, const char *text, size_t len, uint64_t deadline_ns)
{
    unsigned char head[HEAD_LEN] = {(unsigned char)(len >> 24), (unsigned char)(len >> 16), (unsigned char)(len >> 8),
                                    (unsigned char)len};

    return send_all(fd, head, sizeof(head), MSG_MORE, deadline_ns) && send_all(fd, text, len, 0, deadline_ns);
}
