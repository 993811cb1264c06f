/* Checking what an installation is asked to do. Called by hl_install, and by whatever keeps a request for later. */
#ifndef HL_INSTALL_SPEC_H
#define HL_INSTALL_SPEC_H

#include <hookline/install.h>

/* Copies a spec of any size that fits and checks each field alone: HL_ERR_INVALID, HL_ERR_VERSION, HL_ERR_STRUCT_SIZE,
 * HL_ERR_FLAGS. The strings of *out are the caller's. */
hl_status hl__install_spec_check(const char *action, const hl_install_spec *spec, hl_install_spec *out);

/* Whether it comes from the local disk. */
bool hl__install_spec_is_local(const hl_install_spec *spec);
/* Whether location is "owner/repository". */
bool hl__install_spec_is_github(const hl_install_spec *spec);

#endif
