/* See cgroups.h. */
#include "tests/worker/support/cgroups.h"

#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/support.h"

static bool find_tree(const char *controller, char *path, size_t path_len)
{
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    struct mntent *mount;
    bool found = false;

    while (mounts && !found && (mount = getmntent(mounts))) {
        found = strcmp(mount->mnt_type, "cgroup") == 0 && hasmntopt(mount, controller);
        if (found)
            snprintf(path, path_len, "%s", mount->mnt_dir);
    }
    if (mounts)
        endmntent(mounts);
    return found;
}

bool cgroup_make(const char *controller, char folder[256])
{
    static unsigned made;
    char tree[200];

    if (!find_tree(controller, tree, sizeof(tree)))
        return false;
    snprintf(folder, 256, "%s/hookline-test-%d-%u", tree, (int)getpid(), made++);
    return mkdir(folder, 0755) == 0;
}

bool cgroup_write(const char *folder, const char *file, const char *text)
{
    char path[300];
    bool written;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, file);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return written;
}

void cgroup_remove(const char *folder)
{
    eventually(rmdir(folder) == 0);
}
