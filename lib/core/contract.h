/* Comparing event contracts. Used for plugins of the host program and for those read from library files. */
#ifndef HL_CORE_CONTRACT_H
#define HL_CORE_CONTRACT_H

#include <hookline/event.h>

/* HL_OK when a plugin built for `plugin` fits an event declared with `event`: they say the same in everything that
 * hl_contract_hash covers, or one of them is NULL. Else HL_ERR_CONTRACT with every difference in the message. */
hl_status hl__contract_compare(const hl_contract *event, const hl_contract *plugin, const char *event_name,
                               const char *plugin_name);

#endif
