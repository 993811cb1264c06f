/* What libhookline adds to runtimes is known here by pointer only. Set by libhookline's constructor; asked by hl_open,
 * hl_close, and before code of installed apps is loaded. */
#include "core/extension.h"

static const hl__extension *current; /* atomic */

void hl__extension_set(const hl__extension *extension)
{
    __atomic_store_n(&current, extension, __ATOMIC_RELEASE);
}

const hl__extension *hl__extension_get(void)
{
    return __atomic_load_n(&current, __ATOMIC_ACQUIRE);
}

void **hl__extension_slot(hl_runtime *runtime, hl__extension_room room)
{
    return &runtime->extension_slots[room];
}
