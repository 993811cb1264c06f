/* Disassembling by objdump, which every gcc machine has. See disassemble.h. */
#include "disassemble.h"

#include <ctype.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define CODE_FD 3 /* where objdump finds the bytes */

extern char **environ;

struct code {
    unsigned long long address;
    unsigned char *bytes;
    size_t len;
};

/* ---- reading the dump ------------------------------------------------------------------------------------------ */

static int nibble(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return isxdigit((unsigned char)digit) ? tolower((unsigned char)digit) - 'a' + 10 : -1;
}

/* Takes a line that holds nothing but pairs of digits, with or without spaces between them; false for any other. */
static bool take_bytes(struct code *code, const char *line)
{
    size_t len = code->len;

    while (*line) {
        if (*line == ' ') {
            line++;
            continue;
        }
        if (nibble(line[0]) < 0 || nibble(line[1]) < 0)
            return false;
        code->bytes[len++] = (unsigned char)(nibble(line[0]) << 4 | nibble(line[1]));
        line += 2;
    }
    code->len = len;
    return true;
}

static bool read_code(const json_t *lines, struct code *code)
{
    size_t room = 1;
    size_t i;
    json_t *line;

    json_array_foreach (lines, i, line)
        room += json_string_length(line) / 2 + 1;
    *code = (struct code){0, malloc(room), 0};
    if (!code->bytes)
        return false;
    json_array_foreach (lines, i, line) {
        const char *text = json_string_value(line);
        const char *address = text ? strstr(text, "0x") : NULL;

        if (address && !code->address)
            code->address = strtoull(address, NULL, 16);
        else if (text)
            take_bytes(code, text);
    }
    return code->len > 0;
}

/* ---- running objdump ------------------------------------------------------------------------------------------- */

static const char *machine_name(void)
{
    struct utsname system;

    if (uname(&system) != 0)
        return NULL;
    if (strcmp(system.machine, "x86_64") == 0)
        return "i386:x86-64";
    return strcmp(system.machine, "aarch64") == 0 ? "aarch64" : NULL;
}

static int code_file(const struct code *code)
{
    int fd = memfd_create("hookline-code", MFD_CLOEXEC);

    if (fd >= 0 && write(fd, code->bytes, code->len) == (ssize_t)code->len)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool spawn_objdump(const struct code *code, int in, int out, pid_t *pid)
{
    const char *machine = machine_name();
    char adjust[64];
    char path[32];
    posix_spawn_file_actions_t actions;
    bool started;

    if (!machine || posix_spawn_file_actions_init(&actions) != 0)
        return false;
    snprintf(adjust, sizeof(adjust), "--adjust-vma=0x%llx", code->address);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", CODE_FD);
    started =
        posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) == 0 &&
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
        posix_spawn_file_actions_adddup2(&actions, in, CODE_FD) == 0 &&
        posix_spawnp(pid, "objdump", &actions, NULL,
                     (char *[]){"objdump", "-D", "-b", "binary", "-m", (char *)(uintptr_t)machine, adjust, path, NULL},
                     environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return started;
}

/* Keeps the instructions: the lines after the section's title. */
static json_t *read_listing(int fd)
{
    FILE *file = fdopen(fd, "r");
    json_t *lines = json_array();
    char line[512];
    bool inside = false;

    if (!file) {
        close(fd);
        return lines;
    }
    while (fgets(line, sizeof(line), file)) {
        char instruction[sizeof(line) * 2];
        char *end = instruction;

        line[strcspn(line, "\n")] = '\0';
        for (const char *at = line; *at; at++) {
            if (*at == '\t')
                *end++ = ' ';
            *end++ = *at == '\t' ? ' ' : *at;
        }
        *end = '\0';
        if (inside && *line)
            json_array_append_new(lines, tool_text(instruction));
        inside = inside || strstr(line, "<.data>:");
    }
    fclose(file);
    return lines;
}

static json_t *run_objdump(const struct code *code)
{
    int in = code_file(code);
    int ends[2] = {-1, -1};
    json_t *lines = NULL;
    pid_t pid;
    int ended;
    bool started;

    if (in < 0 || pipe2(ends, O_CLOEXEC) != 0)
        goto out;
    started = spawn_objdump(code, in, ends[1], &pid);
    close(ends[1]);
    if (!started) {
        close(ends[0]);
        goto out;
    }
    lines = read_listing(ends[0]);
    if (waitpid(pid, &ended, 0) == pid && WIFEXITED(ended) && WEXITSTATUS(ended) == 0 && json_array_size(lines) > 0)
        goto out;
    json_decref(lines);
    lines = NULL;
out:
    if (in >= 0)
        close(in);
    return lines;
}

json_t *disassemble(const json_t *lines)
{
    struct code code;
    json_t *listing = read_code(lines, &code) ? run_objdump(&code) : NULL;

    free(code.bytes);
    return listing;
}

/* ---- naming the calls ------------------------------------------------------------------------------------------ */

/* The last `mark` in a text: names may hold anything, so that what follows a name is looked for from the end. */
static const char *last_of(const char *text, const char *mark)
{
    const char *last = NULL;

    for (const char *at = strstr(text, mark); at; at = strstr(at + 1, mark))
        last = at;
    return last;
}

/* Reads "0 NAME priority 20 call 0x7f00 self 0x0"; false for lines that are no plugin. */
static bool read_row(const char *line, const char **name, int *name_len, char *address, size_t address_len)
{
    const char *priority = last_of(line, " priority ");
    const char *call = last_of(line, " call 0x");
    const char *space = strchr(line, ' ');

    if (!priority || !call || !space || space >= priority)
        return false;
    *name = space + 1;
    *name_len = (int)(priority - *name);
    snprintf(address, address_len, "%.*s", (int)strcspn(call + 6, " "), call + 6);
    return true;
}

/* The index of the first line from `from` on that names an address; the array's length when none does. */
static size_t find_line(const json_t *listing, size_t from, const char *address)
{
    size_t len = json_array_size(listing);

    while (from < len && !strstr(json_string_value(json_array_get(listing, from)), address))
        from++;
    return from;
}

/* Calls come in the order of the plan, which tells plugins apart that share a function. */
void disassemble_name_calls(json_t *listing, const json_t *plan)
{
    size_t at = 0, found;
    size_t i;
    json_t *row;

    json_array_foreach (plan, i, row) {
        const char *name;
        char address[32];
        int name_len;

        if (!read_row(json_string_value(row), &name, &name_len, address, sizeof(address)))
            continue;
        found = find_line(listing, at, address);
        if (found == json_array_size(listing))
            continue;
        json_array_set_new(listing, found,
                           json_sprintf("%-64s ; %.*s", json_string_value(json_array_get(listing, found)), name_len,
                                        name));
        at = found + 1;
    }
}
