// A stranger's plugin library in C++: adds a hundred.
#include <hookline/plugin.h>

static hl_reply hundred(void *, void *state, const void *)
{
    *static_cast<int *>(state) += 100;
    return hl_next(state);
}

static const hl_plugin_spec plugins[] = {HL_PLUGIN_INIT("hundred", "sum", hundred)};
HL_PLUGIN_LIBRARY("stranger-cxx", "1.0.0", plugins)
