/* Values: what modules take and give. Null, bool, int, float, text, bytes, list and map, as a tree that is owned by its
 * root. Values travel as CBOR (RFC 8949); the command writes them as JSON. In libhookline, and in the worker that runs
 * a module, so that a module needs nothing but this header. */
#ifndef HOOKLINE_VALUE_H
#define HOOKLINE_VALUE_H

#include <hookline/abi.h>
#include <hookline/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hl_value hl_value;

typedef enum hl_value_kind {
    HL_VALUE_NULL = 1,
    HL_VALUE_BOOL,
    HL_VALUE_INT,   /* int64_t */
    HL_VALUE_FLOAT, /* double */
    HL_VALUE_TEXT,  /* UTF-8 */
    HL_VALUE_BYTES,
    HL_VALUE_LIST,
    HL_VALUE_MAP /* keys are texts, each once; in the order in which they were set */
} hl_value_kind;

/* Limits of one tree. The depth is kept as values are joined; bytes and number when a tree is encoded, and all three
 * while one is decoded, before memory is taken for what the bytes claim; depth and number also before JSON is read. */
#define HL_VALUE_DEPTH_MAX 64                 /* lists and maps in each other */
#define HL_VALUE_BYTES_MAX ((size_t)16 << 20) /* of its CBOR form */
#define HL_VALUE_ITEMS_MAX ((size_t)1 << 20)  /* values, the keys of maps not counted */

/* Makers: NULL without memory, or when a text is not UTF-8. Texts and bytes are copied. A tree belongs to one thread at
 * a time; trees that nobody changes may be read by several. [any-thread] */
HL_API hl_value *hl_value_null(void);
HL_API hl_value *hl_value_bool(bool value);
HL_API hl_value *hl_value_int(int64_t value);
HL_API hl_value *hl_value_float(double value);
HL_API hl_value *hl_value_text(const char *text);
HL_API hl_value *hl_value_text_n(const char *text, size_t len);
HL_API hl_value *hl_value_bytes(const void *bytes, size_t len);
HL_API hl_value *hl_value_list(void);
HL_API hl_value *hl_value_map(void);

/* Put a value into a list or a map, which owns it from now on, also on failure (it is freed then); item NULL is a
 * failure, so that makers can be nested. An item that is in a tree already is refused and stays there. A key that is
 * there is replaced, in its place. HL_ERR_INVALID, HL_ERR_LIMIT (depth, number), HL_ERR_NO_MEMORY. [any-thread] */
HL_API HL_MUST_USE hl_status hl_value_append(hl_value *list, hl_value *item);
HL_API HL_MUST_USE hl_status hl_value_set(hl_value *map, const char *key, hl_value *item);

/* Frees a tree, given by its root; NULL is a no-op. [any-thread] */
HL_API void hl_value_free(hl_value *value);
/* A tree of its own, also of a part of one: NULL without memory. A copy of NULL is null. [any-thread] */
HL_API hl_value *hl_value_copy(const hl_value *value);
/* Whether both say the same: int and float differ, NaN and NaN do not, the order of a map does not count.
 * [any-thread] */
HL_API bool hl_value_equal(const hl_value *a, const hl_value *b);

/* Questions. Of another kind, or NULL: false, 0, NULL. What is returned is borrowed. [any-thread] */
HL_API hl_value_kind hl_value_kind_of(const hl_value *value); /* NULL counts as null */
HL_API bool hl_value_as_bool(const hl_value *value, bool *out);
HL_API bool hl_value_as_int(const hl_value *value, int64_t *out);
HL_API bool hl_value_as_number(const hl_value *value, double *out);      /* int or float */
HL_API const char *hl_value_as_text(const hl_value *value, size_t *len); /* len may be NULL; has an end mark */
HL_API const void *hl_value_as_bytes(const hl_value *value, size_t *len);
HL_API size_t hl_value_len(const hl_value *value); /* items of a list or map, bytes of a text or bytes */
HL_API const hl_value *hl_value_at(const hl_value *list_or_map, size_t index);
HL_API const char *hl_value_key_at(const hl_value *map, size_t index);
HL_API const hl_value *hl_value_get(const hl_value *map, const char *key);

/* CBOR. encode gives malloc'ed bytes: HL_ERR_LIMIT, HL_ERR_NO_MEMORY. decode takes one whole item and nothing behind
 * it; indefinite lengths are accepted, as are half and single floats; tags, undefined, other simple values, keys that
 * are no texts, come twice or have a zero byte in them, integers beyond int64_t, and texts that are not UTF-8 are
 * HL_ERR_INVALID; HL_ERR_LIMIT for depth, size and number. On failure *bytes and *out are NULL. [any-thread] */
HL_API HL_MUST_USE hl_status hl_value_encode(const hl_value *value, void **bytes, size_t *len);
HL_API HL_MUST_USE hl_status hl_value_decode(const void *bytes, size_t len, hl_value **out);

/* JSON. Bytes are written as {"$bytes": BASE64} and read back from it; floats that JSON does not have, and maps that
 * would be read back as bytes, are HL_ERR_INVALID. A text to read may have twice HL_VALUE_BYTES_MAX bytes, and say a
 * value within the limits of depth and number: HL_ERR_LIMIT, before memory is taken for it. to_json gives a malloc'ed
 * text. Not in workers.
 * [any-thread] */
HL_API HL_MUST_USE hl_status hl_value_from_json(const char *json, hl_value **out);
HL_API HL_MUST_USE hl_status hl_value_to_json(const hl_value *value, char **json);

#ifdef __cplusplus
}
#endif
#endif
