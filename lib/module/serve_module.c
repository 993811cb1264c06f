/* Runs a module's functions in its worker: finds the function, decodes its arguments, calls it, encodes what it gives.
 * Linked into hookline-module only. The requests come from the server; the module is what is not trusted. */
#include "module/serve_module.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "module/serve_answer.h"
#include "module/value_tree.h"

/* The module, which is one to a process. */
static struct {
    const hl_module_entry *entry; /* NULL: none is loaded */
    void *self;
} module;

/* ---- loading ----------------------------------------------------------------------------------------------------- */

static int refuse(char *why, size_t why_len, int status, const char *format, ...) __attribute__((format(printf, 4, 5)));

static int refuse(char *why, size_t why_len, int status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, why_len, format, arguments);
    va_end(arguments);
    return status;
}

/* The file was read before: an entry that is another one now was changed by the module's own constructors. */
static int check_entry(const hl_module_entry *entry, const char *name, char *why, size_t why_len)
{
    if (!entry)
        return refuse(why, why_len, HL_ERR_NO_ENTRY, "The module exports no hookline_module.");
    if (entry->abi != HL_ABI || entry->size < sizeof(*entry))
        return refuse(why, why_len, HL_ERR_ABI, "The module is built for another Hookline; build it again.");
    if (!entry->name || strcmp(entry->name, name) != 0 || !entry->functions)
        return refuse(why, why_len, HL_ERR_LIBRARY, "The module's entry changes as it is loaded; make it constant.");
    return HL_OK;
}

static int load_anew(const hl_module_entry *entry, char *why, size_t why_len)
{
    int refused;

    module.entry = NULL;
    module.self = NULL;
    refused = entry->load ? entry->load(&module.self) : 0;
    if (refused)
        return refuse(why, why_len, HL_ERR_PLUGIN, "The module's load function refused: it returned %d.", refused);
    module.entry = entry;
    return HL_OK;
}

static void unload(void)
{
    if (module.entry && module.entry->unload)
        module.entry->unload(module.self);
    module.entry = NULL;
}

/* Offers the state of the older code to the newer. */
static bool take_over(const hl_module_entry *entry)
{
    void *self = module.self;

    if (!module.entry || !entry->upgrade)
        return false;
    if (entry->upgrade(&self, module.entry->version ? module.entry->version : "") != 0)
        return false;
    module.self = self;
    module.entry = entry;
    return true;
}

static int load(void *library, const char *name, bool *kept, char *why, size_t why_len)
{
    const hl_module_entry *entry = dlsym(library, "hookline_module");
    int status = check_entry(entry, name, why, why_len);

    if (status != HL_OK)
        return status;
    *kept = take_over(entry);
    if (*kept)
        return HL_OK;
    unload();
    return load_anew(entry, why, why_len);
}

/* ---- replying ---------------------------------------------------------------------------------------------------- */

static void reply_sentence(const hl__served *served, hl__reply_head *reply, hl_status status, const char *sentence)
{
    size_t len = strnlen(sentence, HL__MODULE_SENTENCE_MAX);

    if (len > served->area_bytes)
        len = 0;
    memcpy(served->area, sentence, len);
    reply->verdict = status;
    reply->len = (uint32_t)len;
}

static void refuse_call(const hl__served *served, hl__reply_head *reply, hl_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void refuse_call(const hl__served *served, hl__reply_head *reply, hl_status status, const char *format, ...)
{
    char sentence[HL__MODULE_SENTENCE_MAX + 1];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    hl__answer_clean(sentence);
    reply->flags = HL__MODULE_REFUSED;
    reply_sentence(served, reply, status, sentence);
}

static void reply_result(const hl__served *served, hl__reply_head *reply, const hl_value *result)
{
    size_t len;
    hl_status status = hl__value_measure(result, &len);

    if (status == HL_OK && len > served->area_bytes)
        refuse_call(served, reply, HL_ERR_LIMIT, "The result has %zu bytes; a reply may have %zu.", len,
                    served->area_bytes);
    else if (status != HL_OK)
        refuse_call(served, reply, status, "The result cannot be carried: %s", hl_last_error()->message);
    else {
        hl__value_write(result, served->area, len);
        reply->verdict = HL_OK;
        reply->len = (uint32_t)len;
    }
}

static void reply_answer(const hl__served *served, hl__reply_head *reply, const char *function, hl_status returned,
                         hl_answer *answer)
{
    if (!answer->failed && returned == HL_OK) {
        reply_result(served, reply, answer->result);
        return;
    }
    if (!answer->failed)
        hl_answer_fail(answer, returned, "Function \"%s\" returned %s (%d) without saying more.", function,
                       hl_status_name(returned), returned);
    reply_sentence(served, reply, answer->status, answer->sentence);
}

/* ---- calling ----------------------------------------------------------------------------------------------------- */

static const hl_module_function *find_function(const char *name)
{
    for (size_t i = 0; i < module.entry->functions_len; i++) {
        if (module.entry->functions[i].name && strcmp(module.entry->functions[i].name, name) == 0)
            return &module.entry->functions[i];
    }
    return NULL;
}

/* "add, subtract": as many as fit. */
static void list_functions(char *out, size_t out_len)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < module.entry->functions_len && len < out_len; i++) {
        int wrote = snprintf(out + len, out_len - len, "%s%s", i ? ", " : "", module.entry->functions[i].name);

        len += wrote > 0 ? (size_t)wrote : 0;
    }
}

static void refuse_function(const hl__served *served, hl__reply_head *reply, const char *name)
{
    char list[600];

    list_functions(list, sizeof(list));
    refuse_call(served, reply, HL_ERR_NOT_FOUND, "Module %s has no function \"%s\"; it has %s.", module.entry->name,
                name, list);
}

static void call(const hl__served *served, hl__reply_head *reply, const hl_module_function *function,
                 const hl_value *args)
{
    hl_answer answer = {.args = args};
    hl_status returned = function->call(module.self, hl_value_kind_of(args) == HL_VALUE_NULL ? NULL : args, &answer);

    reply_answer(served, reply, function->name, returned, &answer);
    hl_value_free(answer.result);
}

static void call_with_bytes(const hl__served *served, hl__reply_head *reply, const hl_module_function *function)
{
    const char *bytes = (const char *)served->area + served->head.part;
    hl_value *args = NULL;
    hl_status status = hl_value_decode(bytes, served->head.len - served->head.part, &args);
    hl_value_kind kind = hl_value_kind_of(args);

    if (status != HL_OK)
        refuse_call(served, reply, status, "The arguments cannot be read: %s", hl_last_error()->message);
    else if (kind != HL_VALUE_NULL && kind != HL_VALUE_LIST)
        refuse_call(served, reply, HL_ERR_INVALID, "The arguments are no list; give a list, or null for none.");
    else
        call(served, reply, function, args);
    hl_value_free(args);
}

static bool is_request(const hl__served *served)
{
    return served->head.function == HL__MODULE_CALL && served->head.len <= served->area_bytes &&
           served->head.part <= served->head.len && served->head.part <= HL__MODULE_FUNCTION_MAX;
}

static void serve(const hl__served *served, hl__reply_head *reply)
{
    char name[HL__MODULE_FUNCTION_MAX + 1] = "";
    const hl_module_function *function;

    if (!is_request(served)) {
        refuse_call(served, reply, HL_ERR_INVALID, "The request is none that this worker knows.");
        return;
    }
    memcpy(name, served->area, served->head.part);
    function = find_function(name);
    if (function && function->call)
        call_with_bytes(served, reply, function);
    else
        refuse_function(served, reply, name);
}

const hl__service hl__module_service = {HL__WORKER_MODULE, load, serve, unload};
