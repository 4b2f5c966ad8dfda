#include "adapter/log_replay.h"

// The number of the first record of `log` that counts, or UINT64_MAX.
static uint64_t first_of(struct slice log, uint64_t seed, uint64_t first)
{
    size_t position = 0;
    struct log_record record;
    return log_record_find(log, seed, first, &position, &record) ? record.sequence : UINT64_MAX;
}

enum err log_replay(const struct slice logs[LOG_FILES], uint64_t seed, uint64_t first,
                    log_visit *visit, void *context, bool *out_gap)
{
    uint64_t next = first;
    unsigned elder = first_of(logs[0], seed, first) <= first_of(logs[1], seed, first) ? 0 : 1;
    *out_gap = false;
    for (unsigned i = 0; i < LOG_FILES; i++) {
        struct slice log = logs[(elder + i) % LOG_FILES];
        struct log_record record;
        for (size_t position = 0; log_record_find(log, seed, next, &position, &record);) {
            *out_gap = record.sequence > next;
            enum err error = *out_gap ? ERR_OK : visit(context, &record);
            if (*out_gap || error != ERR_OK)
                return error;
            next++;
        }
    }
    return ERR_OK;
}
