/* A state with a pointer, the codec that carries it to workers, and the typed event that both sides declare with it. */
#ifndef HL_TEST_CODEC_NOTE_H
#define HL_TEST_CODEC_NOTE_H

#include <stdlib.h>
#include <string.h>

#include <hookline/typed.h>

typedef struct note {
    int32_t pid;
    char *text; /* malloc'ed */
} note;

static inline int64_t note_encode(const void *state, void *bytes, size_t room)
{
    const note *from = (const note *)state;
    size_t len = strlen(from->text);

    if (sizeof(from->pid) + len <= room) {
        memcpy(bytes, &from->pid, sizeof(from->pid));
        memcpy((char *)bytes + sizeof(from->pid), from->text, len);
    }
    return (int64_t)(sizeof(from->pid) + len);
}

/* Takes bytes from a process that nobody trusts. */
static inline void *note_decode(void *state, const void *bytes, size_t len)
{
    note *to = (note *)state;
    char *text;

    if (len < sizeof(to->pid) || memchr((const char *)bytes + sizeof(to->pid), '\0', len - sizeof(to->pid)))
        return NULL;
    text = strndup((const char *)bytes + sizeof(to->pid), len - sizeof(to->pid));
    if (text && !to)
        to = (note *)calloc(1, sizeof(*to));
    if (!text || !to) {
        free(text);
        return NULL;
    }
    free(to->text);
    to->text = text;
    memcpy(&to->pid, bytes, sizeof(to->pid));
    return to;
}

static inline void note_release(void *state)
{
    free(((note *)state)->text);
    free(state);
}

static const hl_codec note_codec = {sizeof(hl_codec), note_encode, note_decode, note_release};

HL_TYPED_EVENT_CODEC(note, "note", note, &note_codec, HL_FIELD(note, int32_t, pid), HL_FIELD(note, char *, text))

#endif
