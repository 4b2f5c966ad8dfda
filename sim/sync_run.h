// What it costs to bring a node in sync that was away while a few of many records changed: two
// nodes hold the same records, one fails by a drill, some records change, it recovers, and every
// message of the sync is counted.
#ifndef BRUSIO_SIM_SYNC_RUN_H
#define BRUSIO_SIM_SYNC_RUN_H

#include <stdbool.h>
#include <stdint.h>

#define SYNC_RUN_RECORDS_MAX 4000000u

struct sync_run_setting {
    uint64_t seed;
    uint32_t records; // 1 to SYNC_RUN_RECORDS_MAX
    uint32_t changed; // at most `records`
};

struct sync_run_result {
    bool whole;             // it came in sync, and has every record that changed
    uint64_t sessions;      // batches of slots that were reconciled
    uint64_t round_trips;   // over all sessions
    uint64_t control_bytes; // of all sync messages, without the records in them
    uint64_t record_bytes;  // keys and records that came
    uint64_t records_sent;
};

void sync_run(const struct sync_run_setting *setting, struct sync_run_result *out);

#endif
