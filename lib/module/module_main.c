/* The program hookline-module: a worker that runs a module. The server starts it; see worker/start.h. */
#include "module/serve_module.h"

int main(int argc, char **argv)
{
    return hl__worker_main(argc, argv, &hl__module_service);
}
