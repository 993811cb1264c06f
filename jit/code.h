/* The compiled chains of one compiler: where they go, and how they get there. Called by client.c. */
#ifndef HL_JIT_CODE_H
#define HL_JIT_CODE_H

#include "core/compiler.h"
#include "jit/arena.h"
#include "jit/object.h"

/* Plugins live in the program and in libraries, which may be far apart: chains go where their plugins are. */
#define HL__ARENAS_MAX 4

typedef struct hl__code_room {
    hl__arena *arenas[HL__ARENAS_MAX];
    size_t arenas_len;
    int perf_map; /* descriptor of /tmp/perf-PID.map; -1: none is wanted */
} hl__code_room;

void hl__code_room_init(hl__code_room *room, bool perf_map);
void hl__code_room_cleanup(hl__code_room *room);

/* The arena from which most of the unit's calls are direct ones. */
hl_status hl__code_arena(hl__code_room *room, const hl__unit *unit, hl__arena **out);

/* Reads an object out of a descriptor that nobody vouches for. *bytes is owned by the caller, also of a failed call. */
hl_status hl__code_read(int fd, uint8_t **bytes, hl__object *out);

/* Places function `symbol` of the object in the arena; hl__arena_sync makes it ready to run. */
hl_status hl__code_place(const hl__object *object, const char *symbol, hl__arena *arena, hl__compiled *out);

/* Tells perf about a chain. */
void hl__code_announce(const hl__code_room *room, const hl__compiled *compiled, const char *label);

void hl__code_release(hl__code *code); /* [any-thread] */

#endif
