/* hookline-probe: loads one plugin library and unloads it again, so that a server does not have to be the first to run
 * its constructors. Started by probe.c only. The library's load function is not called: what it does is meant for the
 * server.
 *
 * RTLD_LAZY, though the server maps with RTLD_NOW: the server may offer functions that this program lacks. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hookline/plugin.h>

#include "core/child.h"
#include "library/probe.h"

static void answer(char kind, const char *text)
{
    char line[512];
    int len = snprintf(line, sizeof(line), "%c%s", kind, text);

    if (len >= (int)sizeof(line))
        len = sizeof(line) - 1;
    if (write(HL__PROBE_ANSWER, line, (size_t)len) < 0)
        _exit(2);
}

static bool path_names_file(const char *path)
{
    struct stat by_path;
    struct stat by_fd;

    return stat(path, &by_path) == 0 && fstat(HL__PROBE_FILE, &by_fd) == 0 && by_path.st_dev == by_fd.st_dev &&
           by_path.st_ino == by_fd.st_ino;
}

static void answer_refusal(const char *text)
{
    answer(strstr(text, "undefined symbol") ? HL__PROBE_UNRESOLVED : HL__PROBE_REFUSED, text);
}

static bool check_entry(void *handle)
{
    const hl_plugin_entry *entry = (const hl_plugin_entry *)dlsym(handle, "hookline_plugin");

    if (!entry)
        answer(HL__PROBE_ENTRY, "hookline_plugin is gone");
    else if (entry->abi != HL_ABI)
        answer(HL__PROBE_ENTRY, "hookline_plugin has another ABI number than in the file");
    return entry && entry->abi == HL_ABI;
}

static void try(const char *path)
{
    void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);

    if (!handle) {
        answer_refusal(dlerror());
        return;
    }
    answer(HL__PROBE_LOADED, "");
    if (!check_entry(handle))
        return;
    dlclose(handle);
    answer(path_names_file(path) ? HL__PROBE_DONE : HL__PROBE_REPLACED, "");
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "hookline-probe is started by Hookline to try a plugin library; it is of no use alone.\n");
        return 2;
    }
    hl__child_begin((pid_t)strtol(argv[2], NULL, 10), HL__PROBE_CPU_SECONDS);
    if (path_names_file(argv[1]))
        try(argv[1]);
    else
        answer(HL__PROBE_REPLACED, "");
    /* What the library left for exit to do was tried by dlclose as far as it matters. */
    _exit(0);
}
