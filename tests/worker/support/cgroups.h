/* Folders of controllers for tests that need one. */
#ifndef HL_TEST_WORKER_CGROUPS_H
#define HL_TEST_WORKER_CGROUPS_H

#include <stdbool.h>

/* Makes a folder of its own below a tree of cgroup version 1 with this controller; false: there is none, or this user
 * may not. cgroup_remove fails the test where something is left in it. */
bool cgroup_make(const char *controller, char folder[256]);
bool cgroup_write(const char *folder, const char *file, const char *text);
void cgroup_remove(const char *folder);

#endif
