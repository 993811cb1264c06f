/* hookline-worker: runs one plugin for one server, in a sandbox, and ends with it. Started by start.c only. */
#include "worker/serve_plugin.h"

int main(int argc, char **argv)
{
    return hl__worker_main(argc, argv, &hl__plugin_service);
}
