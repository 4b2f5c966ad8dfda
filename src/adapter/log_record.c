#include "adapter/log_record.h"

#include "base/hash.h"

struct log_head log_head_of(uint64_t seed, uint64_t sequence, struct slice ops)
{
    return (struct log_head){
        .sum = hash64(ops, seed ^ sequence), .sequence = sequence, .length = ops.length};
}

// Whether a record stands at `position`, where a head fits.
static bool read_record(struct slice log, uint64_t seed, size_t position, struct log_record *out)
{
    struct log_head head;
    memcpy(&head, log.bytes + position, sizeof head);
    size_t start = position + sizeof head;
    if (head.sequence == 0 || head.length > log.length - start)
        return false;
    struct slice ops = slice_of(log.bytes + start, (size_t)head.length);
    *out = (struct log_record){.sequence = head.sequence, .ops = ops};
    return hash64(ops, seed ^ head.sequence) == head.sum;
}

bool log_record_find(struct slice log, uint64_t seed, uint64_t sequence, size_t *position,
                     struct log_record *out)
{
    while (log.length - *position >= sizeof(struct log_head)) {
        if (!read_record(log, seed, *position, out)) {
            ++*position;
            continue;
        }
        *position += sizeof(struct log_head) + out->ops.length;
        if (out->sequence >= sequence)
            return true;
    }
    return false;
}
