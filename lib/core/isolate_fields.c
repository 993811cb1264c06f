/* The tables of isolate_fields.h: names, ranges, defaults and words as hookline/isolation.h has them. */
#include "core/isolate_fields.h"

#include <string.h>

#define WORKER_DEADLINE_MS 1000

static const char *const modes[] = {"in_process", "in_worker", NULL};
static const char *const failures[] = {"fail_chain", "skip_plugin", "halt_chain", NULL};
static const char *const fullness[] = {"shed", "wait", "run_inline", NULL};
static const char *const rules[] = {"permanent", "transient", "temporary", NULL};
static const char *const strategies[] = {"one_for_one", "one_for_all", "rest_for_one", NULL};

#define AT(member) #member, .offset = offsetof(hl_isolation, member)

const hl__isolation_field hl__isolation_fields[HL__ISOLATION_FIELDS] = {
    {AT(mode), .kind = HL__FIELD_WORD, .words = modes},
    {AT(deadline_ms), .kind = HL__FIELD_NUMBER, .most = 3600000},
    {AT(on_failure), .kind = HL__FIELD_WORD, .words = failures, .fallback = HL_FAIL_CHAIN},
    {AT(workers), .kind = HL__FIELD_NUMBER, .most = 64, .fallback = 1},
    {AT(queue), .kind = HL__FIELD_NUMBER, .most = 4096, .fallback = 64},
    {AT(when_full), .kind = HL__FIELD_WORD, .words = fullness, .fallback = HL_SHED},
    {AT(restart), .kind = HL__FIELD_WORD, .words = rules, .fallback = HL_PERMANENT},
    {AT(restarts_most), .kind = HL__FIELD_NUMBER, .most = UINT32_MAX, .fallback = 5},
    {AT(period_ms), .kind = HL__FIELD_NUMBER, .most = UINT32_MAX, .fallback = 5000},
    {AT(backoff_ms), .kind = HL__FIELD_NUMBER, .most = UINT32_MAX, .fallback = 10},
    {AT(backoff_most_ms), .kind = HL__FIELD_NUMBER, .most = UINT32_MAX, .fallback = 10000},
    {AT(stable_ms), .kind = HL__FIELD_NUMBER, .most = UINT32_MAX, .fallback = 10000},
    {AT(group), .kind = HL__FIELD_NAME},
    {AT(strategy), .kind = HL__FIELD_WORD, .words = strategies, .fallback = HL_ONE_FOR_ONE},
    {AT(breaker_failures), .kind = HL__FIELD_NUMBER, .most = UINT32_MAX},
    {AT(breaker_open_ms), .kind = HL__FIELD_NUMBER, .most = UINT32_MAX, .fallback = 1000},
    {AT(spin_us), .kind = HL__FIELD_NUMBER, .most = 100, .fallback = 5},
    {AT(no_spin), .kind = HL__FIELD_BOOLEAN},
};

#undef AT
#define AT(member) #member, .offset = offsetof(hl_sandbox, member)

const hl__isolation_field hl__sandbox_fields[HL__SANDBOX_FIELDS] = {
    {AT(memory_bytes), .kind = HL__FIELD_NUMBER64, .most = INT64_MAX, .fallback = UINT64_C(1) << 30},
    {AT(file_bytes), .kind = HL__FIELD_NUMBER64, .most = INT64_MAX},
    {AT(files), .kind = HL__FIELD_NUMBER, .most = UINT32_MAX, .fallback = 64},
    {AT(processes), .kind = HL__FIELD_NUMBER, .most = UINT32_MAX},
    {AT(cpu_seconds), .kind = HL__FIELD_NUMBER, .most = UINT32_MAX},
    {AT(network), .kind = HL__FIELD_BOOLEAN},
    {AT(read), .kind = HL__FIELD_PATHS},
    {AT(write), .kind = HL__FIELD_PATHS},
    {AT(cgroup), .kind = HL__FIELD_PATH},
    {AT(require), .kind = HL__FIELD_BOOLEAN},
};

_Static_assert(sizeof(hl_isolation_mode) == sizeof(uint32_t), "enums are read and written as numbers");

static void fill(char *base, const hl__isolation_field *rows, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t number = (uint32_t)rows[i].fallback;
        size_t size = rows[i].kind == HL__FIELD_NUMBER64 ? sizeof(uint64_t) : sizeof(uint32_t);

        if (!rows[i].fallback || memcmp(base + rows[i].offset, &(uint64_t){0}, size) != 0)
            continue;
        if (rows[i].kind == HL__FIELD_NUMBER64)
            memcpy(base + rows[i].offset, &rows[i].fallback, size);
        else
            memcpy(base + rows[i].offset, &number, size);
    }
}

void hl__isolation_fill(hl_isolation *isolation, hl_sandbox *sandbox)
{
    fill((char *)isolation, hl__isolation_fields, HL__ISOLATION_FIELDS);
    fill((char *)sandbox, hl__sandbox_fields, HL__SANDBOX_FIELDS);
    if (isolation->mode == HL_IN_WORKER && !isolation->deadline_ms)
        isolation->deadline_ms = WORKER_DEADLINE_MS;
}
