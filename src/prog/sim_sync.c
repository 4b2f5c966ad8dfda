#include "sim_sync.h"

#include "base/number.h"
#include "sim/sync_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: brusio-sim sync [--records N] [--changed D] [--seed S]\n"
    "\n"
    "Two nodes hold N records (default 1000000) of 100 bytes; one is away while D of them (default "
    "1000) change,\n"
    "and is brought in sync again. Prints what that cost, one line of JSON: bytes of control for "
    "each record that\n"
    "changed (all but the records themselves), and round trips for each batch of slots.\n"
    "\n"
    "Exit status: 0 it is in sync, 1 it is not, 2 usage.\n";

static bool take(const char *name, const char *text, struct sync_run_setting *out)
{
    uint64_t number;
    if (!number_parse(text, 1, SYNC_RUN_RECORDS_MAX, &number))
        return false;
    if (strcmp(name, "--records") == 0)
        out->records = (uint32_t)number;
    else if (strcmp(name, "--changed") == 0)
        out->changed = (uint32_t)number;
    else if (strcmp(name, "--seed") == 0)
        out->seed = number;
    else
        return false;
    return true;
}

int sim_sync(int count, char **arguments)
{
    struct sync_run_setting setting = {.seed = 1, .records = 1000000, .changed = 1000};
    if (count == 1 && strcmp(arguments[0], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    for (int i = 0; i < count; i += 2)
        if (i + 1 == count || !take(arguments[i], arguments[i + 1], &setting)) {
            fputs("brusio-sim: unusable arguments; see brusio-sim sync --help\n", stderr);
            return 2;
        }
    if (setting.changed > setting.records) {
        fputs("brusio-sim: no more records change than there are\n", stderr);
        return 2;
    }
    struct sync_run_result result;
    sync_run(&setting, &result);
    double changed = setting.changed;
    double sessions = result.sessions > 0 ? (double)result.sessions : 1;
    printf("{\"whole\":%s,\"records\":%" PRIu32 ",\"changed\":%" PRIu32 ",\"sent\":%" PRIu64
           ",\"control_bytes\":%" PRIu64 ",\"record_bytes\":%" PRIu64
           ",\"control_bytes_per_change\":%.1f,\"batches\":%" PRIu64
           ",\"round_trips_per_batch\":%.2f}\n",
           result.whole ? "true" : "false", setting.records, setting.changed, result.records_sent,
           result.control_bytes, result.record_bytes, (double)result.control_bytes / changed,
           result.sessions, (double)result.round_trips / sessions);
    return result.whole ? 0 : 1;
}
