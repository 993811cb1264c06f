/* Version 2 of the module "subject"; see support/stress_module.h. */
#define STRESS_MODULE "subject"
#define STRESS_VERSION "2.0.0"

#include "tests/stress/support/stress_module.h"
