// An intrusive chained hash table that grows by doubling.
//
// Promise: finding, adding and removing cost O(1) on average; nothing is allocated but the bucket
// array. The caller owns the things; the table only links them. Iteration order depends on hashes
// and history alone, so a simulation that uses seeded hashes is repeatable.
#ifndef BRUSIO_BASE_TABLE_H
#define BRUSIO_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_node {
    struct table_node *next;
    uint64_t hash;
};

struct table {
    struct table_node **buckets;
    size_t bucket_count; // 0 or a power of two
    size_t count;
};

typedef bool table_match(const struct table_node *node, const void *wanted);

void table_init(struct table *table);

// Frees the buckets, not the things in them.
void table_release(struct table *table);

// The node with this hash for which `match` holds, or NULL.
struct table_node *table_find(const struct table *table, uint64_t hash, table_match *match,
                              const void *wanted);

// `node` must be in no table.
void table_add(struct table *table, struct table_node *node, uint64_t hash);

// `node` must be in this table.
void table_remove(struct table *table, struct table_node *node);

// Any first node, or NULL; table_next goes on from a node. Removing a node that was passed is
// allowed, adding one is not.
struct table_node *table_first(const struct table *table);
struct table_node *table_next(const struct table *table, const struct table_node *node);

#endif
