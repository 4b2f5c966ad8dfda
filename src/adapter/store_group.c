#include "adapter/store_group.h"

#include "base/check.h"

#include <stdlib.h>

// Memory for more operations than the latter is given back after use.
enum { CAPACITY_FIRST = 256, CAPACITY_KEPT_MAX = 1 << 17 };

void store_group_init(struct store_group *group)
{
    *group = (struct store_group){0};
}

void store_group_release(struct store_group *group)
{
    free(group->ops);
    store_group_init(group);
}

void store_group_clear(struct store_group *group)
{
    if (group->capacity > CAPACITY_KEPT_MAX)
        store_group_release(group);
    group->count = 0;
}

static uint64_t prefix_of(struct slice key)
{
    uint64_t prefix = 0;
    for (size_t i = 0; i < sizeof prefix; i++)
        prefix = prefix << 8 | (i < key.length ? key.bytes[i] : 0);
    return prefix;
}

void store_group_add(struct store_group *group, const struct store_batch *batch)
{
    struct store_op op;
    for (size_t position = 0; store_batch_next(batch, &position, &op);) {
        if (group->count == group->capacity) {
            group->capacity = group->capacity > 0 ? group->capacity * 2 : CAPACITY_FIRST;
            group->ops = memory_resize(group->ops, group->capacity * sizeof *group->ops);
        }
        CHECK(group->count < UINT32_MAX);
        group->ops[group->count] =
            (struct store_group_op){.prefix = prefix_of(op.key),
                                    .key = op.key.bytes,
                                    .sequence = (uint32_t)group->count,
                                    .value_length = (uint32_t)op.value.length,
                                    .key_length = (uint16_t)op.key.length,
                                    .table = (uint8_t)op.table,
                                    .removes = op.removes};
        group->count++;
    }
}

static int compare_keys(const struct store_group_op *a, const struct store_group_op *b)
{
    if (a->table != b->table)
        return a->table < b->table ? -1 : 1;
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    return slice_compare(slice_of(a->key, a->key_length), slice_of(b->key, b->key_length));
}

static int compare_ops(const void *a, const void *b)
{
    const struct store_group_op *left = a;
    const struct store_group_op *right = b;
    int order = compare_keys(left, right);
    if (order != 0)
        return order;
    return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

void store_group_settle(struct store_group *group)
{
    if (group->count == 0)
        return;
    qsort(group->ops, group->count, sizeof *group->ops, compare_ops);
    size_t kept = 0;
    for (size_t i = 0; i < group->count; i++) {
        bool replaced =
            i + 1 < group->count && compare_keys(&group->ops[i], &group->ops[i + 1]) == 0;
        if (!replaced)
            group->ops[kept++] = group->ops[i];
    }
    group->count = kept;
}
