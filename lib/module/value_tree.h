/* The tree behind hl_value, for the files of lib/module that make and walk it. Those that the module's worker links
 * (value.c, value_join.c, value_ask.c, value_encode.c, value_decode.c, value_gather.c, utf8.c, and core/error.c) need
 * nothing but libc and libcbor. */
#ifndef HL_MODULE_VALUE_TREE_H
#define HL_MODULE_VALUE_TREE_H

#include <hookline/value.h>

struct hl_value {
    hl_value_kind kind;
    uint32_t height;  /* lists and maps in each other from here down, itself counted */
    hl_value *parent; /* NULL: the root */
    char *key;        /* in a map */
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct {
            char *at; /* has an end mark */
            size_t len;
        } bytes; /* and texts */
        struct {
            hl_value **items;
            uint32_t len, room;
            void *by_key; /* maps: a tree of tsearch over the items */
        } many;
    };
};

/* A value without content; NULL without memory. */
hl_value *hl__value_new(hl_value_kind kind);
/* Text or bytes that take over `at`, which has room for an end mark behind `len`; freed on failure too. */
hl_value *hl__value_take(hl_value_kind kind, char *at, size_t len);
bool hl__value_is_many(const hl_value *value); /* list or map */
/* The order of a map's tree: two items by their keys. */
int hl__value_compare_keys(const void *a, const void *b);

/* The CBOR form's length: HL_ERR_LIMIT when it is beyond HL_VALUE_BYTES_MAX, or there are more than
 * HL_VALUE_ITEMS_MAX. */
HL_MUST_USE hl_status hl__value_measure(const hl_value *value, size_t *len);
/* Writes as many bytes as were measured. */
void hl__value_write(const hl_value *value, void *bytes, size_t len);

/* hl_value_decode, which gives up what takes longer than until this time of CLOCK_MONOTONIC: HL_ERR_TIMEOUT. 0:
 * never. */
HL_MUST_USE hl_status hl__value_decode_until(const void *bytes, size_t len, uint64_t until_ns, hl_value **out);

/* Whether the bytes are UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
bool hl__is_utf8(const char *text, size_t len);

#endif
