/* Version 1 of the module "calls"; see support/calls_module.h. */
#define CALLS_VERSION "1.0.0"

#include "tests/module/support/calls_module.h"
