/* How a module's function is called through the channel (worker/channel.h): what lies in a slot's area, and what the
 * heads say. The server's side is calls.c, the worker's serve_module.c; neither believes the other's lengths.
 *
 *   request   head.function  HL__MODULE_CALL
 *             head.part      bytes of the function's name, at the begin of the area, without an end mark
 *             head.len       of the whole; behind the name the arguments in CBOR: a list, or null
 *   reply     head.verdict   HL_OK: the area's first head.len bytes are the result in CBOR
 *                            else a negative hl_status: they are a sentence in UTF-8, without an end mark
 *             head.flags     HL__MODULE_REFUSED, or 0 */
#ifndef HL_MODULE_WIRE_H
#define HL_MODULE_WIRE_H

#include <hookline/value.h>

#define HL__MODULE_CALL 1u

/* The function was not run, or what it gave cannot be carried: the verdict is HL_ERR_NOT_FOUND (the module has no such
 * function; the sentence names those there are), HL_ERR_INVALID (the request), HL_ERR_LIMIT (the result) or
 * HL_ERR_NO_MEMORY. Without this flag a negative verdict is the function's own. */
#define HL__MODULE_REFUSED (1u << 0)

#define HL__MODULE_FUNCTION_MAX 255  /* bytes of a function's name */
#define HL__MODULE_SENTENCE_MAX 1000 /* bytes of a sentence */

/* Bytes of a slot's area: the largest value and a function's name. Memory is taken as far as a call reaches, and what a
 * large call took is given back after it. */
#define HL__MODULE_AREA_BYTES (HL_VALUE_BYTES_MAX + 4096)

#endif
