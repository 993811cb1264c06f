/* Sandboxes on the server's side: plans for workers, and words for what they reached. Called by pools and by
 * start.c. */
#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/error.h"
#include "worker/sandbox_plan.h"

#define ACTION "isolate"

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

static hl_status check_path(const char *list, size_t index, const char *path)
{
    char field[48];
    int fd;

    snprintf(field, sizeof(field), "isolation.sandbox.%s[%zu]", list, index);
    if (path[0] != '/')
        return hl__fail(HL_ERR_INVALID, ACTION, field, "\"%s\" is not an absolute path.", path);
    fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return hl__fail_errno(HL_ERR_INVALID, errno, ACTION, field, "%s is not there; make it, or leave it out", path);
    close(fd);
    return HL_OK;
}

static hl_status measure(const char *list, const char *const *paths, size_t *len)
{
    hl_status status = HL_OK;

    *len = 0;
    for (size_t i = 0; status == HL_OK && paths && paths[i]; i++) {
        status = check_path(list, i, paths[i]);
        *len += strlen(paths[i]) + 1;
    }
    return status;
}

static char *put(char *at, const char *const *paths)
{
    for (; paths && *paths; paths++)
        at = stpcpy(at, *paths) + 1;
    return at;
}

/* For a server that runs as root a worker has to take a user of its own. */
static bool can_count(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3];

    memset(has, 0, sizeof(has));
    return geteuid() != 0 || (syscall(SYS_capget, &header, has) == 0 && (has[0].effective & (1u << CAP_SETUID)));
}

/* What could be in force here at best. */
static hl_status check_required(const hl_sandbox *sandbox)
{
    uint32_t abi = hl__landlock_abi();
    uint32_t reached = HL__SANDBOX_RLIMITS | HL__SANDBOX_NO_NEW_PRIVS | (abi ? HL__SANDBOX_LANDLOCK : 0) |
                       (hl__seccomp_known() ? HL__SANDBOX_SECCOMP : 0) |
                       (sandbox->cgroup ? HL__SANDBOX_CGROUP | HL__SANDBOX_CGROUP_MEMORY : 0) |
                       (can_count() ? HL__SANDBOX_COUNTED : 0);
    char in_force[128];
    char lacking[256];

    if (!sandbox->require)
        return HL_OK;
    hl__sandbox_describe(sandbox, reached, abi, in_force, sizeof(in_force), lacking, sizeof(lacking));
    if (!lacking[0])
        return HL_OK;
    return hl__fail(HL_ERR_UNSUPPORTED, ACTION, "isolation.sandbox.require",
                    "This system cannot keep to all of the sandbox: %s.", lacking);
}

static hl__sandbox_head head_of(const hl_sandbox *sandbox, size_t read_len, size_t write_len)
{
    return (hl__sandbox_head){
        .memory_bytes = sandbox->memory_bytes ? sandbox->memory_bytes : HL__SANDBOX_MEMORY_BYTES,
        .file_bytes = sandbox->file_bytes,
        .files = sandbox->files ? sandbox->files : HL__SANDBOX_FILES,
        .processes = sandbox->processes,
        .cpu_seconds = sandbox->cpu_seconds,
        .network = sandbox->network,
        .require = sandbox->require,
        .read_len = (uint32_t)read_len,
        .write_len = (uint32_t)write_len,
    };
}

hl_status hl__sandbox_plan(const hl_sandbox *sandbox, void **plan, size_t *len)
{
    static const hl_sandbox defaults = {.size = sizeof(hl_sandbox)};
    size_t read_len = 0;
    size_t write_len = 0;
    hl__sandbox_head head;
    char *bytes;
    hl_status status;

    if (!sandbox)
        sandbox = &defaults;
    status = check_required(sandbox);
    if (status == HL_OK)
        status = measure("read", sandbox->read, &read_len);
    if (status == HL_OK)
        status = measure("write", sandbox->write, &write_len);
    if (status != HL_OK)
        return status;
    head = head_of(sandbox, read_len, write_len);
    bytes = (char *)malloc(sizeof(head) + read_len + write_len);
    if (!bytes)
        return hl__fail_memory(ACTION);
    memcpy(bytes, &head, sizeof(head));
    put(put(bytes + sizeof(head), sandbox->read), sandbox->write);
    *plan = bytes;
    *len = sizeof(head) + read_len + write_len;
    return HL_OK;
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

static void add_word(char *out, size_t out_len, const char *between, const char *word)
{
    size_t len = strlen(out);

    snprintf(out + len, out_len - len, "%s%s", len ? between : "", word);
}

void hl__sandbox_describe(const hl_sandbox *sandbox, uint32_t reached, uint32_t landlock_abi, char *in_force,
                          size_t in_force_len, char *lacking, size_t lacking_len)
{
    char landlock[24];

    in_force[0] = lacking[0] = '\0';
    snprintf(landlock, sizeof(landlock), "landlock-%u", landlock_abi);
    if (reached & HL__SANDBOX_RLIMITS)
        add_word(in_force, in_force_len, " ", "rlimits");
    if (reached & HL__SANDBOX_SECCOMP)
        add_word(in_force, in_force_len, " ", "seccomp");
    else
        add_word(lacking, lacking_len, ", ", "no seccomp");
    if (reached & HL__SANDBOX_LANDLOCK)
        add_word(in_force, in_force_len, " ", landlock);
    else
        add_word(lacking, lacking_len, ", ", "no landlock: files are not limited to the paths listed");
    if (reached & HL__SANDBOX_CGROUP)
        add_word(in_force, in_force_len, " ", "cgroup");
    else if (sandbox && sandbox->cgroup)
        add_word(lacking, lacking_len, ", ", "no cgroup");
    if ((reached & HL__SANDBOX_CGROUP) && !(reached & HL__SANDBOX_CGROUP_MEMORY))
        add_word(lacking, lacking_len, ", ", "no limit of the cgroup's memory");
    if (sandbox && sandbox->processes && !(reached & (HL__SANDBOX_CGROUP | HL__SANDBOX_COUNTED)))
        add_word(lacking, lacking_len, ", ", "no count of root's processes without a cgroup");
}
