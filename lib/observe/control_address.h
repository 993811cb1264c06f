/* Addresses of control sockets, for both ends. A socket's path may be at most 107 bytes long, a store's path more: the
 * address therefore goes through the open folder's entry in /proc/self/fd. */
#ifndef HL_OBSERVE_CONTROL_ADDRESS_H
#define HL_OBSERVE_CONTROL_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>

/* Fills in the address of `name` (at most 64 bytes) in the open folder `directory`. */
void hl__control_address(int directory, const char *name, struct sockaddr_un *out);

/* A non-blocking connection to a control socket, or -1 with errno: ECONNREFUSED when nobody listens on it, ESRCH when
 * the listener was inherited by a fork and its process is gone, EAGAIN when too many wait there already. */
int hl__control_connect(int directory, const char *name);

#endif
