/* How the plugins of a version that is to become active are isolated: what the package asks for, unless the operator
 * said otherwise. A library whose plugins all run in workers is never mapped by a server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/isolate.h"
#include "install/activation.h"
#include "install/report.h"

#define MIB (1024.0 * 1024.0)

char *hl__activation_isolation(const hl__activation *a, const hl__app_library *library, const char *plugin)
{
    const char *kept = hl__app_isolation(library, plugin);
    hl_plugin_info info;
    char *copy;

    if (hl_plugin_get(a->runtime, plugin, &info) == HL_OK && hl__isolation_by_operator(info.isolation))
        kept = info.isolation;
    copy = strdup(kept);
    hl_plugin_info_cleanup(&info);
    return copy;
}

/* ---- in words ---- */

static void describe_worker(const hl_isolation *isolation, char *out, size_t out_len)
{
    static const char *const failures[] = {[HL_FAIL_CHAIN] = "the chain fails",
                                           [HL_SKIP_PLUGIN] = "it is skipped",
                                           [HL_HALT_CHAIN] = "the chain is halted"};
    char workers[32] = "a worker";

    if (isolation->workers > 1)
        snprintf(workers, sizeof(workers), "%u workers", isolation->workers);
    snprintf(out, out_len, "runs in %s, %.4g MiB, %s, deadline %u ms; on failure %s", workers,
             (double)isolation->sandbox->memory_bytes / MIB, isolation->sandbox->network ? "network" : "no network",
             isolation->deadline_ms, failures[isolation->on_failure]);
}

static hl_status tell(const hl__activation *a, const char *plugin, const char *json)
{
    bool by_operator = hl__isolation_by_operator(json);
    hl_isolation *isolation = NULL;
    hl_status status = hl__isolation_read(json, &isolation);
    char text[200] = "";

    if (status != HL_OK)
        return status;
    if (isolation->mode == HL_IN_WORKER)
        describe_worker(isolation, text, sizeof(text));
    else if (isolation->deadline_ms)
        snprintf(text, sizeof(text), "has a deadline of %u ms", isolation->deadline_ms);
    else
        snprintf(text, sizeof(text), "runs in the server");
    free(isolation);
    return hl__report_note(a->course->report, "%s %s%s", plugin, text, by_operator ? ", as the operator said" : "");
}

/* ---- deciding ---- */

static hl_status look_at(const hl__activation *a, hl__candidate *row, const hl_plugin_spec *spec)
{
    char *isolation = hl__activation_isolation(a, row->library, spec->name);
    hl_status status = isolation ? HL_OK : hl__fail_memory(a->course->action);

    if (status == HL_OK && hl__isolation_in_worker(isolation))
        status = hl__check_carried_event(a->runtime, a->course->action, spec->event);
    else
        row->mapped = true;
    if (status == HL_OK && isolation[0])
        status = tell(a, spec->name, isolation);
    free(isolation);
    return status;
}

hl_status hl__activation_isolate(hl__activation *a, hl__candidate *row)
{
    const hl_library_info *info = hl__library_info(row->file);
    hl_status status = HL_OK;

    for (size_t i = 0; status == HL_OK && i < info->specs_len; i++)
        status = look_at(a, row, &info->specs[i]);
    return status;
}
