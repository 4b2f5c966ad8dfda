// An intrusive map of byte strings in byte order.
//
// Promise: finding, adding, and removing cost O(log n) on average whatever the order of keys, going
// on to the next O(1) over a whole walk; nothing is allocated. The caller owns the things and their
// keys; the map only links them. Its shape is drawn from a fixed seed, so a simulation is
// repeatable.
//
// Invariants
//  1. Keys rise strictly from left to right.
//  2. No node has a greater weight than its parent.
#ifndef BRUSIO_BASE_ORDERED_H
#define BRUSIO_BASE_ORDERED_H

#include "base/random.h"
#include "base/slice.h"

struct ordered_node {
    struct ordered_node *parent;
    struct ordered_node *left;
    struct ordered_node *right;
    struct slice key; // borrowed, unchanged while the node is in the map
    uint64_t weight;
};

struct ordered {
    struct ordered_node *root;
    struct rng rng;
    size_t count;
};

// There is nothing to release.
void ordered_init(struct ordered *ordered);

// The node with this key, or NULL.
struct ordered_node *ordered_find(const struct ordered *ordered, struct slice key);

// The first node whose key is not less than `key`, or NULL; an empty `key` is less than any other.
struct ordered_node *ordered_seek(const struct ordered *ordered, struct slice key);

// The node after this one, or NULL.
struct ordered_node *ordered_next(const struct ordered_node *node);

// `node` must be in no map, and `key` not in this one (checked).
void ordered_add(struct ordered *ordered, struct ordered_node *node, struct slice key);

// `node` must be in this map.
void ordered_remove(struct ordered *ordered, struct ordered_node *node);

// Aborts unless the invariants hold; walks the whole map.
void ordered_invariants(const struct ordered *ordered);

#endif
