// A set of members, by node id 1 to 64: one bit each.
#ifndef BRUSIO_MODEL_NODE_SET_H
#define BRUSIO_MODEL_NODE_SET_H

#include <stdbool.h>
#include <stdint.h>

#define NODES_MAX 64
#define NODE_NONE 0

// A node's id in the map: 1 to NODES_MAX, NODE_NONE for no node.
typedef uint8_t node_id;
typedef uint64_t node_set;

static inline node_set node_bit(node_id id)
{
    return id >= 1 && id <= NODES_MAX ? UINT64_C(1) << (id - 1) : 0;
}

static inline bool node_set_has(node_set set, node_id id)
{
    return (set & node_bit(id)) != 0;
}

static inline unsigned node_set_count(node_set set)
{
    return (unsigned)__builtin_popcountll(set);
}

// The lowest id in the set, NODE_NONE when it is empty.
static inline node_id node_set_first(node_set set)
{
    return set == 0 ? NODE_NONE : (node_id)(__builtin_ctzll(set) + 1);
}

// for (node_id id = node_set_first(set); id != NODE_NONE; id = node_set_after(set, id))
static inline node_id node_set_after(node_set set, node_id id)
{
    node_set passed = id >= NODES_MAX ? ~UINT64_C(0) : (UINT64_C(1) << id) - 1;
    return node_set_first(set & ~passed);
}

// The `index`-th lowest id; `index` below the count.
static inline node_id node_set_nth(node_set set, unsigned index)
{
    for (; index > 0 && set != 0; index--)
        set &= set - 1;
    return node_set_first(set);
}

#endif
