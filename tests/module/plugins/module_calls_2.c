/* Version 2 of the module "calls"; see support/calls_module.h. */
#define CALLS_VERSION "2.0.0"

#include "tests/module/support/calls_module.h"
