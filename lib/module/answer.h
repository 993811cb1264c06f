/* The questions of the control protocol that are about modules; see hookline/control.h. libhookline.c hands them to
 * core. */
#ifndef HL_MODULE_ANSWER_H
#define HL_MODULE_ANSWER_H

#include "core/extension.h"

extern const hl__question hl__module_questions[];

#endif
