/* Fork against the dynamic linker: it does not free its own locks in a forked child, which could then load nothing any
 * more. So whatever asks it for something stands between these, and fork waits. dlopen, dlclose, dlsym, dladdr, dlinfo
 * and dl_iterate_phdr all take such a lock. */
#ifndef HL_CORE_LINKING_H
#define HL_CORE_LINKING_H

#include <stdbool.h>

/* May be nested, and a constructor may fork inside. */
void hl__linking_begin(void);
void hl__linking_end(void);

/* For handlers of fork whose own lock may be wanted by a constructor: this one comes first. */
void hl__linking_before_fork(void);
void hl__linking_after_fork(bool in_child);

#endif
