/* What the installer does for a runtime as it opens, works and closes. lib/libhookline.c calls it; see
 * core/extension.h. */
#ifndef HL_INSTALL_EXTENSION_H
#define HL_INSTALL_EXTENSION_H

#include <hookline/runtime.h>

/* The descriptor's bytes are those that will be mapped. */
hl_status hl__install_check_content(int fd, const char *path, const char *stamp);
void hl__install_opened(hl_runtime *runtime);
void hl__install_closing(hl_runtime *runtime);
void hl__install_tick(hl_runtime *runtime);

#endif
