/* What a process holds, as the kernel tells it. Used by the cases of hookline bench that look for leaks. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static long count_mappings(pid_t pid, const char *with)
{
    char path[64], line[PATH_MAX + 128];
    FILE *maps;
    long count = 0;

    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    maps = fopen(path, "re");
    while (maps && fgets(line, sizeof(line), maps))
        count += strstr(line, with) != NULL;
    if (maps)
        fclose(maps);
    return count;
}

long bench_mappings(pid_t pid)
{
    return count_mappings(pid, "");
}

long bench_file_mappings(pid_t pid)
{
    return count_mappings(pid, "/");
}

long bench_rss_kib(pid_t pid)
{
    char path[64];
    FILE *file;
    long pages = 0;

    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    file = fopen(path, "re");
    if (file && fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}
