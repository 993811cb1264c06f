/* The service of the program hookline-module: the one module that it runs. */
#ifndef HL_MODULE_SERVE_MODULE_H
#define HL_MODULE_SERVE_MODULE_H

#include "worker/start.h"

extern const hl__service hl__module_service;

#endif
