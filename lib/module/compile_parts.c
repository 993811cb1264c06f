/* What a compiler outside of the system's folders is made of, for the sandbox to let it read: for /opt/gcc/bin/cc that
 * is its file, /opt/gcc/bin, and the folders beside it in which compilers keep their programs, headers and libraries.
 * Never all of /opt/gcc: for a wrapper script in somebody's home that would be all of it. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "module/compile.h"

#define ACTION HL__COMPILE_ACTION

/* What is not there is no part. What does not fit is left out; the compiler says then what it misses. */
static hl_status add(hl__compile_tools *tools, const char *folder, const char *name)
{
    char *path = NULL;

    if (tools->parts_len == HL__COMPILE_PARTS_MAX)
        return HL_OK;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return hl__fail_memory(ACTION);
    if (access(path, F_OK) == 0)
        tools->parts[tools->parts_len++] = path;
    else
        free(path);
    return HL_OK;
}

static hl_status add_known(hl__compile_tools *tools, const char *folder)
{
    static const char *const names[] = {"lib", "lib32", "lib64", "libexec", "include"};
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < sizeof(names) / sizeof(names[0]); i++)
        status = add(tools, folder, names[i]);
    return status;
}

/* "x86_64-conda-linux-gnu": the assembler, linker and C library that belong to the compiler. */
static hl_status add_targets(hl__compile_tools *tools, const char *folder)
{
    DIR *entries = opendir(*folder ? folder : "/");
    struct dirent *entry;
    hl_status status = HL_OK;

    while (status == HL_OK && entries && (entry = readdir(entries))) {
        if (strstr(entry->d_name, "-linux-"))
            status = add(tools, folder, entry->d_name);
    }
    if (entries)
        closedir(entries);
    return status;
}

/* Cuts the last name off a path and gives it. */
static const char *cut_name(char *path)
{
    char *slash = strrchr(path, '/');

    *slash = '\0';
    return slash + 1;
}

/* Beside a compiler that lies in no "bin" its parts lie in its own folder, which is nobody's but theirs only under
 * those names. */
static hl_status find(hl__compile_tools *tools, char *program)
{
    const char *name = cut_name(program);
    char *slash = strrchr(program, '/');
    hl_status status = add(tools, program, name);

    if (slash && strcmp(slash, "/bin") == 0) {
        *slash = '\0';
        if (status == HL_OK)
            status = add(tools, program, "bin");
    }
    if (status == HL_OK)
        status = add_known(tools, program);
    return status == HL_OK ? add_targets(tools, program) : status;
}

hl_status hl__compile_parts_find(hl__compile_tools *tools)
{
    char *program = realpath(tools->compiler, NULL);
    hl_status status;

    if (!program)
        return hl__fail_errno(HL_ERR_SYSTEM, errno, ACTION, "HOOKLINE_CC", "The compiler %s cannot be found",
                              tools->compiler);
    status = find(tools, program);
    free(program);
    return status;
}
