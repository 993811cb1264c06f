/* Preloaded into a child of g6_wait_free_readers: counts what the calling thread allocates and frees. */
#include <stddef.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void __libc_free(void *memory);

static __thread unsigned long count __attribute__((tls_model("initial-exec")));

#define SEEN __attribute__((visibility("default")))

SEEN unsigned long contract_allocations(void)
{
    return count;
}

SEEN void *malloc(size_t size)
{
    count++;
    return __libc_malloc(size);
}

SEEN void *calloc(size_t number, size_t size)
{
    count++;
    return __libc_calloc(number, size);
}

SEEN void *realloc(void *memory, size_t size)
{
    count++;
    return __libc_realloc(memory, size);
}

SEEN void free(void *memory)
{
    count++;
    __libc_free(memory);
}
