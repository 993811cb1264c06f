/* Telling subscribers of this process what happened to an app. */
#ifndef HL_INSTALL_NOTICES_H
#define HL_INSTALL_NOTICES_H

#include "core/runtime.h"

/* The reason is "APP VERSION". */
void hl__notify_app(hl_runtime *runtime, hl_notice_kind kind, const char *app, const char *version);

#endif
