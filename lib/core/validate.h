/* Rules for what comes in from outside: names, priorities, struct sizes, flags. Each refusal names the field and the
 * rule. */
#ifndef HL_CORE_VALIDATE_H
#define HL_CORE_VALIDATE_H

#include <hookline/event.h>
#include <hookline/registry.h>

#include "core/shared.h"

#define HL__NAME_MAX 255
#define HL__EXTRA_MAX 65536
#define HL__DEPENDS_MAX 255

/* A plugin, event or extension name: 1..255 bytes of UTF-8 without control characters. */
HL__SHARED hl_status hl__check_name(const char *action, const char *field, const char *name);

/* Only bits of `known` may be set. */
HL__SHARED hl_status hl__check_flags(const char *action, unsigned flags, unsigned known);

/* Copies a struct that begins with its size into one of this library's version. `to` holds the defaults; `from` may be
 * older (shorter, at least `least` bytes) or newer (longer, when what is beyond is zero). */
HL__SHARED hl_status hl__copy_struct(const char *action, const char *field, void *to, size_t to_size, const void *from,
                                     size_t least);

/* A whole plugin spec: copies it to *out by hl__copy_struct and checks every field but dependencies' existence.
 * out->size is 0 when there was nothing to be copied; after other failures *out is what was refused. */
HL__SHARED hl_status hl__check_spec(const char *action, const hl_plugin_spec *spec, hl_plugin_spec *out);

/* A contract's own shape. */
hl_status hl__check_contract(const char *action, const hl_contract *contract);

#endif
