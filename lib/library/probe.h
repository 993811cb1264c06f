/* Trying a library in a throw-away process: what it is told and what it answers. Shared by probe.c (the server's side)
 * and probe_main.c (the program hookline-probe).
 *
 * The program is called with the library's path and the server's process number. Descriptor 3 is the file that was
 * read, so that the program can see whether the path still names it; answers go to descriptor 4, one byte and then
 * text. */
#ifndef HL_LIBRARY_PROBE_H
#define HL_LIBRARY_PROBE_H

#include <hookline/status.h>

#define HL__PROBE_FILE 3
#define HL__PROBE_ANSWER 4
#define HL__PROBE_CPU_SECONDS 5
#define HL__PROBE_SECONDS 15 /* in all: a library that waits; long enough for a disk that is behind */

/* First bytes of an answer. LOADED comes first when all goes well, then DONE or one of the refusals. */
#define HL__PROBE_LOADED 'L'     /* constructors have run */
#define HL__PROBE_DONE 'D'       /* destructors have run too */
#define HL__PROBE_REFUSED 'R'    /* the dynamic linker refused; its text follows */
#define HL__PROBE_UNRESOLVED 'U' /* the same for a symbol that this program lacks; the server may have it */
#define HL__PROBE_ENTRY 'E'      /* loaded, but its entry is not what the file promised; text follows */
#define HL__PROBE_REPLACED 'X'   /* the path names another file by now */

/* Tries the library at `path`, of which `fd` is the opened file. HL_ERR_PROBE with the reason. [any-thread] */
hl_status hl__probe_run(const char *path, int fd);

#endif
