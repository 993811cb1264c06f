// The same server in C++.
#include <cstdio>
#include <hookline/hookline.h>

static hl_reply one(void *, void *state, const void *)
{
    *static_cast<int *>(state) += 1;
    return hl_next(state);
}

static bool run(hl_runtime *runtime, const char *library)
{
    hl_plugin_spec spec = HL_PLUGIN_INIT("one", "sum", one);
    const unsigned flags = HL_START | HL_WAIT_COMPILED;
    hl_event *sum;
    int total = 0;

    if (hl_event_open(runtime, "sum", &sum) || hl_register(runtime, &spec, flags) ||
        hl_register_library(runtime, library, flags))
        return false;
    hl_call(sum, &total, nullptr);
    std::printf("total %d engine %s\n", total, hl_event_engine(sum) == HL_ENGINE_REFERENCE ? "reference" : "compiled");
    return true;
}

int main(int argc, char **argv)
{
    hl_runtime *runtime = nullptr;
    const bool ok = argc == 2 && hl_open(nullptr, &runtime) == HL_OK && run(runtime, argv[1]);

    if (!ok)
        std::fprintf(stderr, "%s: %s\n", hl_last_error()->action, hl_last_error()->message);
    hl_close(runtime);
    return ok ? 0 : 1;
}
