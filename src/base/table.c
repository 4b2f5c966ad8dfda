#include "base/table.h"

#include "base/check.h"

#include <stdlib.h>

enum { BUCKETS_FIRST = 16 };

void table_init(struct table *table)
{
    *table = (struct table){0};
}

void table_release(struct table *table)
{
    free(table->buckets);
    table_init(table);
}

static struct table_node **bucket_of(const struct table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

struct table_node *table_find(const struct table *table, uint64_t hash, table_match *match,
                              const void *wanted)
{
    if (table->bucket_count == 0)
        return NULL;
    struct table_node *node = *bucket_of(table, hash);
    while (node != NULL && (node->hash != hash || !match(node, wanted)))
        node = node->next;
    return node;
}

static void grow(struct table *table)
{
    struct table old = *table;
    table->bucket_count = old.bucket_count > 0 ? old.bucket_count * 2 : BUCKETS_FIRST;
    table->buckets = memory_zeroed(table->bucket_count, sizeof(struct table_node *));
    for (size_t i = 0; i < old.bucket_count; i++) {
        struct table_node *next;
        for (struct table_node *node = old.buckets[i]; node != NULL; node = next) {
            next = node->next;
            struct table_node **bucket = bucket_of(table, node->hash);
            node->next = *bucket;
            *bucket = node;
        }
    }
    free(old.buckets);
}

void table_add(struct table *table, struct table_node *node, uint64_t hash)
{
    if (table->count >= table->bucket_count)
        grow(table);
    struct table_node **bucket = bucket_of(table, hash);
    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
    table->count++;
}

void table_remove(struct table *table, struct table_node *node)
{
    CHECK(table->count > 0);
    struct table_node **link = bucket_of(table, node->hash);
    while (*link != node) {
        CHECK(*link != NULL);
        link = &(*link)->next;
    }
    *link = node->next;
    node->next = NULL;
    table->count--;
}

static struct table_node *first_from(const struct table *table, size_t bucket)
{
    for (; bucket < table->bucket_count; bucket++)
        if (table->buckets[bucket] != NULL)
            return table->buckets[bucket];
    return NULL;
}

struct table_node *table_first(const struct table *table)
{
    return first_from(table, 0);
}

struct table_node *table_next(const struct table *table, const struct table_node *node)
{
    if (node->next != NULL)
        return node->next;
    return first_from(table, (size_t)(node->hash & (table->bucket_count - 1)) + 1);
}
