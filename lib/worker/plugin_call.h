/* What the server's stub (isolated.c) and the worker's service (serve_plugin.c) say to each other through a slot's
 * area.
 *
 * Request: the state's bytes at the area's start, `part` of them (flat: the event's state_size; else what the codec
 * wrote); where there is meta, its bytes behind them from hl__plugin_meta_at on, up to `len`. The plugin may work on a
 * flat state where it lies. Reply: the verdict; for HL_NEXT and HL_HALT the state's bytes at the area's start and how
 * many they are. */
#ifndef HL_WORKER_PLUGIN_CALL_H
#define HL_WORKER_PLUGIN_CALL_H

#include <stddef.h>

#define HL__PLUGIN_CALL 1u /* the only function */

/* Flags of a request; a reply has HL__PLUGIN_NO_STATE when the plugin's state is NULL. */
#define HL__PLUGIN_NO_STATE (1u << 0) /* the state is NULL; part is 0 */
#define HL__PLUGIN_META (1u << 1)     /* there is meta; without it the plugin gets NULL */
#define HL__PLUGIN_ENCODED (1u << 2)  /* the state is in its codec's form */

static inline size_t hl__plugin_meta_at(size_t part)
{
    return (part + 63) & ~(size_t)63;
}

#endif
