// Each table is a skip list (Pugh, 1990).
#include "adapter/store_memory.h"

#include "adapter/store_batch.h"
#include "base/check.h"
#include "base/random.h"

#include <stdlib.h>

// A level is reached with one chance in four by what reached the level below: 4^16 pairs need no
// more levels.
enum { LEVELS_MAX = 16, LEVEL_ODDS = 4 };

struct pair {
    uint8_t *value; // owned
    size_t value_length;
    uint8_t *key; // inside this allocation, after the links
    size_t key_length;
    unsigned levels;
    struct pair *next[]; // one for each level
};

struct skip_list {
    struct pair *first[LEVELS_MAX];
};

struct store_memory {
    struct store_memory_config config;
    struct skip_list tables[STORE_TABLE_COUNT];
    struct rng rng;
    uint64_t used_bytes;
    struct store_batch open_batch;
    uint64_t committed;
    uint64_t applied; // the last batch that ended well
    uint64_t reported;
    bool full;
    bool visiting;
};

static struct slice key_of(const struct pair *pair)
{
    return slice_of(pair->key, pair->key_length);
}

// For each level the link to the first pair whose key is not less than `key`; returns that pair, or
// NULL.
static struct pair *seek(struct skip_list *list, struct slice key, struct pair **links[LEVELS_MAX])
{
    struct pair **row = list->first; // the links of the list's head, then of the last pair passed
    for (unsigned level = LEVELS_MAX; level-- > 0;) {
        while (row[level] != NULL && slice_compare(key_of(row[level]), key) < 0)
            row = row[level]->next;
        links[level] = &row[level];
    }
    return *links[0];
}

static struct pair *pair_new(struct rng *rng, struct slice key)
{
    unsigned levels = 1;
    while (levels < LEVELS_MAX && rng_one_in(rng, LEVEL_ODDS))
        levels++;
    size_t head_bytes = sizeof(struct pair) + levels * sizeof(struct pair *);
    struct pair *pair = memory_new(head_bytes + key.length);
    *pair = (struct pair){
        .key = (uint8_t *)pair + head_bytes, .key_length = key.length, .levels = levels};
    memcpy(pair->key, key.bytes, key.length);
    return pair;
}

static void pair_free(struct pair *pair)
{
    free(pair->value);
    free(pair);
}

static void apply_put(struct store_memory *store, const struct store_op *op)
{
    struct pair **links[LEVELS_MAX];
    struct pair *pair = seek(&store->tables[op->table], op->key, links);
    if (pair == NULL || !slice_equal(key_of(pair), op->key)) {
        pair = pair_new(&store->rng, op->key);
        for (unsigned level = 0; level < pair->levels; level++) {
            pair->next[level] = *links[level];
            *links[level] = pair;
        }
        store->used_bytes += op->key.length;
    }
    store->used_bytes += op->value.length;
    store->used_bytes -= pair->value_length;
    free(pair->value);
    pair->value = memory_copy(op->value.bytes, op->value.length);
    pair->value_length = op->value.length;
}

static void apply_remove(struct store_memory *store, const struct store_op *op)
{
    struct pair **links[LEVELS_MAX];
    struct pair *pair = seek(&store->tables[op->table], op->key, links);
    if (pair == NULL || !slice_equal(key_of(pair), op->key))
        return;
    for (unsigned level = 0; level < pair->levels; level++)
        *links[level] = pair->next[level];
    store->used_bytes -= pair->key_length + pair->value_length;
    pair_free(pair);
}

static bool fits(const struct store_memory *store, const struct store_batch *batch)
{
    uint64_t used = store->used_bytes;
    struct store_op op;
    for (size_t position = 0; store_batch_next(batch, &position, &op);)
        used += op.removes ? 0 : op.key.length + op.value.length;
    return used <= store->config.size_bytes_max;
}

static void apply(struct store_memory *store, const struct store_batch *batch)
{
    struct store_op op;
    for (size_t position = 0; store_batch_next(batch, &position, &op);) {
        if (op.removes)
            apply_remove(store, &op);
        else
            apply_put(store, &op);
    }
}

static void put(void *self, enum store_table table, struct slice key, struct slice value)
{
    struct store_memory *store = self;
    CHECK(!store->visiting);
    store_batch_put(&store->open_batch, table, key, value);
}

static void remove_key(void *self, enum store_table table, struct slice key)
{
    struct store_memory *store = self;
    CHECK(!store->visiting);
    store_batch_remove(&store->open_batch, table, key);
}

static uint64_t commit(void *self)
{
    struct store_memory *store = self;
    CHECK(!store->visiting);
    store->committed++;
    store->full = store->full || !fits(store, &store->open_batch);
    if (!store->full) {
        apply(store, &store->open_batch);
        store->applied = store->committed;
    }
    store_batch_clear(&store->open_batch);
    if (store->config.notify != NULL)
        store->config.notify(store->config.context);
    return store->committed;
}

static enum err get(void *self, enum store_table table, struct slice key, struct slice *out)
{
    struct store_memory *store = self;
    struct pair **links[LEVELS_MAX];
    CHECK(!store->visiting);
    CHECK(table < STORE_TABLE_COUNT);
    CHECK(key.length >= 1 && key.length <= STORE_KEY_BYTES_MAX);
    struct pair *pair = seek(&store->tables[table], key, links);
    *out = slice_of(NULL, 0);
    if (pair == NULL || !slice_equal(key_of(pair), key))
        return ERR_NOT_FOUND;
    *out = slice_of(pair->value, pair->value_length);
    return ERR_OK;
}

static enum err scan(void *self, enum store_table table, struct slice first, struct slice end,
                     store_visit *visit, void *context)
{
    struct store_memory *store = self;
    struct pair **links[LEVELS_MAX];
    CHECK(!store->visiting);
    CHECK(table < STORE_TABLE_COUNT);
    struct pair *pair = seek(&store->tables[table], first, links);
    store->visiting = true;
    while (pair != NULL && (end.length == 0 || slice_compare(key_of(pair), end) < 0) &&
           visit(context, key_of(pair), slice_of(pair->value, pair->value_length)))
        pair = pair->next[0];
    store->visiting = false;
    return ERR_OK;
}

static enum store_room room(void *self)
{
    const struct store_memory *store = self;
    const struct store_load *waiting = &store->open_batch.load;
    uint64_t limit = store->config.size_bytes_max;
    uint64_t taken = store->used_bytes + waiting->small_bytes + waiting->large_bytes;
    uint64_t left = taken < limit ? limit - taken : 0;
    uint64_t reserve = limit / STORE_RESERVE_SHARE;
    if (store->full || left < reserve / STORE_RESERVE_NONE_SHARE)
        return STORE_ROOM_NONE;
    return left < reserve ? STORE_ROOM_LOW : STORE_ROOM_PLENTY;
}

static const struct store_ops ops = {
    .put = put, .remove = remove_key, .commit = commit, .get = get, .scan = scan, .room = room};

struct store_memory *store_memory_new(const struct store_memory_config *config)
{
    CHECK(config->done != NULL);
    struct store_memory *store = memory_zeroed(1, sizeof *store);
    store->config = *config;
    if (store->config.size_bytes_max == 0)
        store->config.size_bytes_max = STORE_MEMORY_SIZE_BYTES_DEFAULT;
    rng_init(&store->rng, 0);
    store_batch_init(&store->open_batch);
    return store;
}

struct store store_memory_port(struct store_memory *store)
{
    return (struct store){.ops = &ops, .self = store};
}

void store_memory_poll(struct store_memory *store)
{
    CHECK(!store->visiting);
    uint64_t reported = store->reported;
    uint64_t applied = store->applied;
    uint64_t committed = store->committed;
    store->reported = committed; // what `done` commits is for the next poll
    if (applied > reported)
        store->config.done(store->config.context, applied, ERR_OK);
    if (committed > applied && committed > reported)
        store->config.done(store->config.context, committed, ERR_FULL);
}

void store_memory_close(struct store_memory *store)
{
    if (store == NULL)
        return;
    for (int i = 0; i < STORE_TABLE_COUNT; i++) {
        struct pair *next;
        for (struct pair *pair = store->tables[i].first[0]; pair != NULL; pair = next) {
            next = pair->next[0];
            pair_free(pair);
        }
    }
    store_batch_release(&store->open_batch);
    free(store);
}
