/* Numbers given on the command line. */
#ifndef HL_TOOLS_NUMBERS_H
#define HL_TOOLS_NUMBERS_H

#include "tool.h"

/* The number given with an option that takes one from 1 to `most`; `otherwise` when the option is not there. TOOL_DONE,
 * or TOOL_USAGE with the mistake told. */
int option_number(struct context *context, enum tool_option option, unsigned long otherwise, unsigned long most,
                  unsigned long *out);

#endif
