/* What a target demands, also where libFuzzer is its driver; see fuzz.h. */
#include <stdlib.h>

#include "tests/fuzz/support/fuzz.h"

void fuzz_require(bool holds)
{
    if (!holds)
        abort();
}
