/* Folders and files of the tests of packages. */
#include "tests/packages/support/place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

int place_begin(void **state)
{
    char name[] = "packages-XXXXXX";
    char here[160];

    (void)state;
    if (!mkdtemp(name) || !getcwd(here, sizeof(here)))
        return -1;
    snprintf(folder, sizeof(folder), "%s/%s", here, name);
    return 0;
}

int place_end(void **state)
{
    char command[640];

    (void)state;
    snprintf(command, sizeof(command), "chmod -R u+w '%s'; rm -rf '%s'", folder, folder);
    return system(command);
}

const char *place_path(const char *format, ...)
{
    static char paths[16][1024];
    static unsigned next;
    char *path = paths[next++ % 16];
    int used = snprintf(path, sizeof(paths[0]), "%s/", folder);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(path + used, sizeof(paths[0]) - (size_t)used, format, arguments);
    va_end(arguments);
    return path;
}

static void make_folders(const char *path)
{
    char part[1024];

    snprintf(part, sizeof(part), "%s", path);
    for (char *slash = strchr(part + strlen(folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(part, 0755);
        *slash = '/';
    }
}

void place_write(const char *path, const void *bytes, size_t len)
{
    FILE *file;

    make_folders(path);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

int place_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        fail_msg("%s cannot be opened", path);
    return fd;
}

void place_run(const char *format, ...)
{
    char command[4096];
    int used = snprintf(command, sizeof(command), "cd '%s' && { ", folder);
    va_list arguments;

    va_start(arguments, format);
    used += vsnprintf(command + used, sizeof(command) - (size_t)used, format, arguments);
    va_end(arguments);
    snprintf(command + used, sizeof(command) - (size_t)used, "; }");
    if (system(command) != 0)
        fail_msg("this failed: %s", command);
}

const char *place_tree(const char *path)
{
    static char trees[4][64 * 1024];
    static unsigned next;
    char *tree = trees[next++ % 4];
    char command[1200];
    size_t len;
    FILE *pipe;

    snprintf(
        command, sizeof(command),
        "cd '%s' && find . -printf '%%y %%m %%s %%p\\n' | sort -k4 && find . -type f | sort | xargs -r -d '\\n' cksum",
        path);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    len = fread(tree, 1, sizeof(trees[0]) - 1, pipe);
    tree[len] = '\0';
    assert_int_equal(pclose(pipe), 0);
    return tree;
}
