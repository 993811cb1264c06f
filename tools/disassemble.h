/* Machine code as instructions, for dump --stage asm. */
#ifndef HL_TOOLS_DISASSEMBLE_H
#define HL_TOOLS_DISASSEMBLE_H

#include "tool.h"

/* What objdump makes of the lines of a code dump (address, length, bytes in hexadecimal), as a new array of lines; NULL
 * when there is no objdump, or nothing to show it. */
json_t *disassemble(const json_t *lines);

/* Writes the plugin's name behind each instruction that holds the address of its call, going by the lines of a plan
 * dump of the same chain. */
void disassemble_name_calls(json_t *listing, const json_t *plan);

#endif
