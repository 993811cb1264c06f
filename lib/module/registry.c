/* The registry of keys. */
#include "module/code.h"

void hl__registry_moved(hl_runtime *runtime)
{
    (void)runtime;
}
