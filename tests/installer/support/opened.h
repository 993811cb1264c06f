/* For tests of one app in one server: a runtime on the case's store, and a handle of the event "e". */
#ifndef HL_TEST_INSTALLER_OPENED_H
#define HL_TEST_INSTALLER_OPENED_H

#include "tests/installer/support/app.h"

extern hl_runtime *runtime;
extern hl_event *event;

/* Setup and teardown of a case. */
int begin(void **state);
int end(void **state);
/* As after a restart of the server. */
void reopen(void);
void install(const char *location);

#endif
