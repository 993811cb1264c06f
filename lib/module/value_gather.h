/* What a value is put together from while its CBOR comes: the lists and maps that are not complete, the pieces of a
 * text, and the limits. Filled by the decoder's calls (value_decode.c), linked by the module's worker too. */
#ifndef HL_MODULE_VALUE_GATHER_H
#define HL_MODULE_VALUE_GATHER_H

#include "module/value_tree.h"

#define HL__DECODE_ACTION "value_decode"
#define HL__UNTIL_BREAK UINT64_MAX

/* A list or map that is not complete. */
typedef struct hl__frame {
    hl_value *into;
    uint64_t left; /* items to come; in a map, keys and values */
    char *key;     /* of the value to come */
} hl__frame;

/* A text or bytes of indefinite length, which come in pieces. */
typedef struct hl__pieces {
    hl_value_kind kind; /* 0: there is none */
    char *at;
    size_t len, room;
} hl__pieces;

typedef struct hl__gathering {
    hl__frame frames[HL_VALUE_DEPTH_MAX];
    size_t depth;
    hl__pieces pieces;
    hl_value *root;
    size_t items;
    size_t at;   /* of the item at hand, for messages */
    size_t left; /* bytes from there to the end */
    hl_status status;
} hl__gathering;

/* What comes, in its order. Once something was refused, all that follows is dropped. */
void hl__gather_refuse(hl__gathering *to, const char *why);
void hl__gather_plain(hl__gathering *to, hl_value *value); /* NULL: there was no memory for it */
void hl__gather_string(hl__gathering *to, hl_value_kind kind, const void *bytes, size_t len);
void hl__gather_pieces(hl__gathering *to, hl_value_kind kind); /* what follows, until a break */
/* A list or map, of which so many items come, keys counted; or HL__UNTIL_BREAK. */
void hl__gather_many(hl__gathering *to, hl_value *many, uint64_t items);
void hl__gather_break(hl__gathering *to);

bool hl__gather_is_complete(const hl__gathering *to);
/* The value, if all `len` bytes made one; else everything is freed. */
hl_status hl__gather_finish(hl__gathering *to, size_t len, hl_value **out);

#endif
