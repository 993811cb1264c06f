/* The site over the lines of a file, each of which is a request's path: the same events without a network. */
#ifndef INPUT_H
#define INPUT_H

#include "ending.h"
#include "site.h"

/* Runs over the file, and prints what came of it as one line of JSON. With `repeat` it begins again until it is time to
 * end, and says when the first pass is done. Returns an exit status. */
int input_run(struct site *site, const char *path, bool repeat, const struct ending *ending);

#endif
