/* The running servers of a store and a change of their code, in two phases: each loads and keeps the new libraries
 * before the commit, so that after it nothing can go wrong any more. By the control sockets; see hookline/control.h. */
#ifndef HL_INSTALL_SERVERS_H
#define HL_INSTALL_SERVERS_H

#include "install/app.h"
#include "observe/prepared.h"

/* Asks every other server on the store to load the libraries and to keep them for a minute, and carries over state (see
 * hl_plugin_entry.save). *servers_len gets their number. HL_ERR_SERVER with the process and its reason when one
 * cannot, or has ended in the meantime; one that is silent is left out. */
hl_status hl__servers_prepare(hl_runtime *runtime, const hl__prepared *rows, size_t len, size_t *servers_len);
/* Lets go of what was prepared; without effect on what the commit has bound meanwhile. */
void hl__servers_release(hl_runtime *runtime, const hl__prepared *rows, size_t len);
/* How many other servers the store has at the moment: those that answer within a second. */
size_t hl__servers_len(hl_runtime *runtime);
/* Waits until no server has the libraries of these paths mapped. False after timeout_ms. */
bool hl__servers_unloaded(hl_runtime *runtime, const char *const *paths, size_t len, uint32_t timeout_ms);

#endif
