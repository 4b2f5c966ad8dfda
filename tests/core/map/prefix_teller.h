// A suspect's answers to whoever asks for the greatest stamp of each slot.
#ifndef BRUSIO_TESTS_CORE_MAP_PREFIX_TELLER_H
#define BRUSIO_TESTS_CORE_MAP_PREFIX_TELLER_H

#include "core/map/prefixes.h"

// Instead of a counter: no prefix of the slot.
#define TELLER_NO_PREFIX UINT64_MAX

// For each slot the counter of its greatest stamp.
struct teller {
    uint64_t counters[SLOTS];
};

void teller_fill(struct teller *teller, uint64_t counter);

// The bytes of the answer about the row of slots that begins with `slot`; to be released.
void teller_row(const struct teller *teller, unsigned slot, struct buf *out);

// This process of a member gives one answer; what prefixes_on_told gives.
bool teller_tell(const struct teller *teller, struct prefixes *prefixes, struct effects *effects,
                 const struct cluster_map *map, uint64_t store_id, uint64_t incarnation,
                 uint32_t keyspace, unsigned slot);

// It is asked, and tells everything, the same of each keyspace.
void teller_tell_all(const struct teller *teller, struct prefixes *prefixes,
                     const struct cluster_map *map, node_id node, uint64_t incarnation);

#endif
