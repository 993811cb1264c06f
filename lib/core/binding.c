/* Tying plugin names to code. */
#include "core/binding.h"

#include <stdlib.h>
#include <string.h>

static hl__binding *alloc(const char *name, const char *library_path, const char *library_stamp)
{
    size_t name_len = strlen(name) + 1;
    size_t path_len = strlen(library_path) + 1;
    size_t stamp_len = strlen(library_stamp) + 1;
    hl__binding *binding = calloc(1, sizeof(*binding) + name_len + path_len + stamp_len);
    char *text;

    if (!binding)
        return NULL;
    text = (char *)(binding + 1);
    binding->refs = 1;
    binding->name = memcpy(text, name, name_len);
    binding->library_path = memcpy(text + name_len, library_path, path_len);
    binding->library_stamp = memcpy(text + name_len + path_len, library_stamp, stamp_len);
    if (hl__binding_isolate(binding, ""))
        return binding;
    free(binding);
    return NULL;
}

bool hl__binding_isolate(hl__binding *binding, const char *isolation)
{
    char *copy = strdup(isolation);

    if (!copy)
        return false;
    free(binding->isolation);
    binding->isolation = copy;
    hl__watch_isolate(&binding->watch, copy);
    return true;
}

hl__binding *hl__binding_new(const hl_plugin_spec *spec, const hl__loader_ops *loader, hl__library *library,
                             const char *library_path, const char *library_stamp)
{
    hl__binding *binding = alloc(spec->name, library_path, library_stamp);

    if (!binding)
        return NULL;
    if (spec->contract) {
        binding->contract = hl__event_def_new("", 0, spec->contract);
        if (!binding->contract) {
            hl__binding_discard(binding);
            return NULL;
        }
    }
    binding->call = spec->call;
    binding->self = spec->self;
    binding->health = spec->health;
    binding->on_dependency_error = spec->on_dependency_error;
    binding->on_status = spec->on_status;
    binding->release = spec->release;
    binding->loader = loader;
    binding->library = library ? loader->ref(library) : NULL;
    hl__watch_init(&binding->watch, binding);
    return binding;
}

hl__binding *hl__binding_copy(const hl__binding *binding)
{
    hl_plugin_spec spec = {.size = sizeof(spec),
                           .name = binding->name,
                           .call = binding->call,
                           .self = binding->self,
                           .health = binding->health,
                           .on_dependency_error = binding->on_dependency_error,
                           .on_status = binding->on_status,
                           .release = binding->release,
                           .contract = binding->contract ? binding->contract->contract : NULL};

    return hl__binding_new(&spec, binding->loader, binding->library, binding->library_path, binding->library_stamp);
}

hl__binding *hl__binding_broken(const char *name, const char *library_path, const char *library_stamp,
                                const char *reason)
{
    hl__binding *binding = alloc(name, library_path, library_stamp);

    if (binding)
        binding->reason = strdup(reason);
    return binding;
}

hl__binding *hl__binding_ref(hl__binding *binding)
{
    __atomic_add_fetch(&binding->refs, 1, __ATOMIC_RELAXED);
    return binding;
}

static void destroy(hl__binding *binding, bool release)
{
    if (release && binding->release)
        binding->release(binding->self);
    if (binding->library && binding->loader->unref(binding->library) && binding->unmapped)
        binding->unmapped(binding->unmapped_user, binding->library_path);
    hl__event_def_unref(binding->contract);
    hl__event_def_unref(binding->def);
    free(binding->isolation);
    free(binding->reason);
    free(binding);
}

void hl__binding_unref(hl__binding *binding)
{
    if (binding && __atomic_sub_fetch(&binding->refs, 1, __ATOMIC_ACQ_REL) == 0)
        destroy(binding, true);
}

void hl__binding_discard(hl__binding *binding)
{
    if (binding)
        destroy(binding, binding->owns_self);
}

bool hl__binding_is_for(const hl__binding *binding, const hl__record *record)
{
    return strcmp(binding->library_path, record->library) == 0 &&
           strcmp(binding->library_stamp, record->library_stamp) == 0 &&
           strcmp(binding->isolation, record->isolation) == 0;
}

bool hl__binding_same_code(const hl__binding *a, const hl__binding *b)
{
    uint64_t a_hash = a->contract ? a->contract->contract_hash : 0;
    uint64_t b_hash = b->contract ? b->contract->contract_hash : 0;

    return a->call == b->call && a->self == b->self && a->health == b->health &&
           a->on_dependency_error == b->on_dependency_error && a->on_status == b->on_status &&
           a->release == b->release && a->library == b->library && a_hash == b_hash;
}

bool hl__binding_same(const hl__binding *a, const hl__binding *b)
{
    return hl__binding_same_code(a, b) && strcmp(a->library_path, b->library_path) == 0 &&
           strcmp(a->library_stamp, b->library_stamp) == 0 && strcmp(a->isolation, b->isolation) == 0;
}
