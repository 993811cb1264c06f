/* Another module than "subject"; see support/stress_module.h. */
#define STRESS_MODULE "rival"
#define STRESS_VERSION "1.0.0"

#include "tests/stress/support/stress_module.h"
