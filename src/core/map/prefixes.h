// What suspects have, slot by slot: members that are started again after a loss of power, and may
// lack the end of what they had reported.
//
// When all that are listed for a slot are suspects, nobody surely has everything. Each store lost
// only the end of what it had reported, so that each has a prefix of that, and the one that reaches
// farthest is the most that there is. A coordinator asks each suspect for the greatest stamp of
// each slot, and the next map lists who has the greatest, alone: a union of prefixes would bring
// back what one of them has deleted. (Records that were lost on the way and sent again stand behind
// younger ones: of these a store may lack some before its greatest, of the last moments too.)
//
// Promise: prefixes_longest is whose prefix reaches farthest, of those that the map lists for the
// slot and that told; several when none reaches farther than another.
//
// Invariants
//  1. What is here was told by the sources that are here, each by one process. A map that names
//     one of them, or another process of one, makes all begin anew.
//  2. Whoever is longest in a slot is listed there.
//  3. Memory is bounded by keyspaces and slots, whatever is told, and taken only while somebody
//     is suspect.
//
// It does not decide who is admitted (suspects.h), nor read stores (core/strong/prefix.c).
#ifndef BRUSIO_CORE_MAP_PREFIXES_H
#define BRUSIO_CORE_MAP_PREFIXES_H

#include "core/effect/effects.h"
#include "model/cluster_map.h"

// Slots in one answer.
#define PREFIX_SLOTS 128u

// Of whom everything is asked, from the first slot of the first keyspace on.
struct prefix_source {
    uint64_t store_id; // 0: nobody
    uint64_t incarnation;
    unsigned keyspace; // the next one to be told, by its index in the map
    unsigned slot;
    uint64_t asked_us;
};

struct prefix_table {
    uint32_t keyspace;
    struct stamp greatest[SLOTS];
    node_set longest[SLOTS]; // who has it; 0: nobody has a prefix
};

struct prefixes {
    struct prefix_source sources[NODES_MAX + 1]; // by node
    node_set told;                               // everything
    struct prefix_table *tables;                 // owned, one for each keyspace of the map
    unsigned table_count;
};

// All zeros is empty; to be ended by prefixes_release, after which it is empty again.
void prefixes_release(struct prefixes *prefixes);

void prefixes_on_map(struct prefixes *prefixes, const struct cluster_map *map);

// Asks this process of a member for what it has, unless it was asked a moment ago or has told all.
void prefixes_pull(struct prefixes *prefixes, struct effects *effects,
                   const struct cluster_map *map, node_id node, uint64_t incarnation,
                   uint64_t now_us);

// Takes an answer, and asks on. True when now all is told. What was not asked for, or is no answer,
// is ignored.
bool prefixes_on_told(struct prefixes *prefixes, struct effects *effects,
                      const struct cluster_map *map, uint64_t peer, const struct message *message,
                      uint64_t now_us);

// Whether this process has told everything.
bool prefixes_has_told(const struct prefixes *prefixes, node_id node, uint64_t incarnation);

// 0: nobody that told has a prefix of the slot.
node_set prefixes_longest(const struct prefixes *prefixes, uint32_t keyspace, unsigned slot);

// One slot of an answer: no prefix (`greatest` NULL), or the greatest stamp in it, zero when
// nothing was ever stored.
void prefix_put(struct buf *out, const struct stamp *greatest);

#endif
