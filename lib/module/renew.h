/* The workers of a key: new ones in the place of those there are, and their end. Under the key's gate; called by
 * load.c. */
#ifndef HL_MODULE_RENEW_H
#define HL_MODULE_RENEW_H

#include "module/loaded.h"

/* Starts workers for what was found, and publishes them in the place of `before` (may be NULL). *out has a reference.
 * Fails as hl_module_load: then `before` goes on. Either way what is left of the document is for the caller to clean
 * up. */
hl_status hl__renew(hl__module_room *room, const hl_key *key, hl__key_found *found, hl__loaded *before,
                    uint64_t deadline_ns, hl__loaded **out);
/* Ends the workers of what is no longer published; running calls may end by deadline_ns, at most within 500 ms. Keeps
 * the thread's error. */
void hl__renew_end(hl__loaded *loaded, uint64_t deadline_ns);

#endif
