// Each table is a skip list (Pugh, 1990).
#include "adapter/hot_table.h"

#include "base/check.h"

#include <stdlib.h>

enum { LEVEL_ODDS = 4 };

_Static_assert(STORE_KEY_BYTES_MAX <= UINT16_MAX, "a key's length fits its field");
_Static_assert(STORE_VALUE_BYTES_MAX <= UINT32_MAX, "a value's length fits its field");

void hot_table_init(struct hot_table *hot)
{
    *hot = (struct hot_table){0};
    rng_init(&hot->rng, 0);
}

static uint64_t prefix_of(struct slice key)
{
    uint64_t prefix = 0;
    for (size_t i = 0; i < sizeof prefix; i++)
        prefix = prefix << 8 | (i < key.length ? key.bytes[i] : 0);
    return prefix;
}

static bool is_less(const struct hot_entry *entry, uint64_t prefix, struct slice key)
{
    if (entry->prefix != prefix)
        return entry->prefix < prefix;
    return slice_compare(hot_entry_key(entry), key) < 0;
}

static size_t head_bytes_of(unsigned levels)
{
    return sizeof(struct hot_entry) + levels * sizeof(struct hot_entry *);
}

static size_t weight_of(const struct hot_entry *entry)
{
    return head_bytes_of(entry->levels) + entry->key_length + entry->value_length;
}

static void entry_free(struct hot_entry *entry)
{
    free(entry->value);
    free(entry);
}

// For each level the link to the first entry whose key is not less than `key`.
static void find_links(struct hot_entry **row, struct slice key,
                       struct hot_entry **links[HOT_LEVELS_MAX])
{
    uint64_t prefix = prefix_of(key);
    for (unsigned level = HOT_LEVELS_MAX; level-- > 0;) {
        while (row[level] != NULL && is_less(row[level], prefix, key))
            row = row[level]->next;
        links[level] = &row[level];
    }
}

static struct hot_entry *entry_new(struct hot_table *hot, struct slice key,
                                   struct hot_entry **links[HOT_LEVELS_MAX])
{
    unsigned levels = 1;
    while (levels < HOT_LEVELS_MAX && rng_one_in(&hot->rng, LEVEL_ODDS))
        levels++;
    struct hot_entry *entry = memory_new(head_bytes_of(levels) + key.length);
    *entry = (struct hot_entry){.prefix = prefix_of(key),
                                .key = (uint8_t *)entry + head_bytes_of(levels),
                                .key_length = (uint16_t)key.length,
                                .levels = (uint8_t)levels};
    memcpy(entry->key, key.bytes, key.length);
    for (unsigned level = 0; level < levels; level++) {
        entry->next[level] = *links[level];
        *links[level] = entry;
    }
    hot->bytes += weight_of(entry);
    return entry;
}

static void leave_load(struct hot_table *hot, const struct hot_entry *entry)
{
    struct store_load load = store_load_of(entry->key_length, entry->value_length);
    store_load_part(&hot->load, &load);
}

static void add(struct hot_table *hot, const struct store_op *op, uint64_t sequence)
{
    struct hot_entry **links[HOT_LEVELS_MAX];
    find_links(hot->first[op->table], op->key, links);
    struct hot_entry *entry = *links[0];
    if (entry == NULL || !slice_equal(hot_entry_key(entry), op->key))
        entry = entry_new(hot, op->key, links);
    else
        leave_load(hot, entry);
    CHECK(entry->sequence <= sequence);
    struct store_load load = store_load_of(op->key.length, op->value.length);
    store_load_join(&hot->load, &load);
    hot->bytes += op->value.length;
    hot->bytes -= entry->value_length;
    free(entry->value);
    entry->value = op->value.length > 0 ? memory_copy(op->value.bytes, op->value.length) : NULL;
    entry->value_length = (uint32_t)op->value.length;
    entry->removed = op->removes;
    entry->sequence = sequence;
}

void hot_table_add(struct hot_table *hot, const struct store_batch *batch, uint64_t sequence)
{
    struct store_op op;
    for (size_t position = 0; store_batch_next(batch, &position, &op);)
        add(hot, &op, sequence);
}

const struct hot_entry *hot_table_seek(const struct hot_table *hot, enum store_table table,
                                       struct slice key)
{
    uint64_t prefix = prefix_of(key);
    struct hot_entry *const *row = hot->first[table];
    for (unsigned level = HOT_LEVELS_MAX; level-- > 0;)
        while (row[level] != NULL && is_less(row[level], prefix, key))
            row = row[level]->next;
    return row[0];
}

// One walk along the lowest level, which links anew what stays.
static void drop_from(struct hot_table *hot, struct hot_entry **first, uint64_t sequence)
{
    struct hot_entry **tails[HOT_LEVELS_MAX];
    struct hot_entry *entry = first[0];
    for (unsigned level = 0; level < HOT_LEVELS_MAX; level++)
        tails[level] = &first[level];
    while (entry != NULL) {
        struct hot_entry *next = entry->next[0];
        if (entry->sequence <= sequence) {
            hot->bytes -= weight_of(entry);
            leave_load(hot, entry);
            entry_free(entry);
        } else {
            for (unsigned level = 0; level < entry->levels; level++) {
                *tails[level] = entry;
                tails[level] = &entry->next[level];
            }
        }
        entry = next;
    }
    for (unsigned level = 0; level < HOT_LEVELS_MAX; level++)
        *tails[level] = NULL;
}

void hot_table_drop(struct hot_table *hot, uint64_t sequence)
{
    for (int table = 0; table < STORE_TABLE_COUNT; table++)
        drop_from(hot, hot->first[table], sequence);
}

void hot_table_release(struct hot_table *hot)
{
    hot_table_drop(hot, UINT64_MAX);
    CHECK(hot->bytes == 0 && hot->load.ops == 0 && hot->load.small_bytes == 0);
}
