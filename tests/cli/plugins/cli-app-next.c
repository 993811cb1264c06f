/* The same library in a newer version, which adds more. */
#define CLI_APP_ADDS 10
#include "tests/cli/plugins/cli-app.c"
