// The store in memory, and a hot table in front of such a store as the write-ahead log has it,
// against a naive list of pairs: whatever is put, removed, committed, dropped from the hot table
// and read, all three say the same.
#include "adapter/hot_merge.h"
#include "adapter/store_memory.h"
#include "base/check.h"
#include "input.h"

#include <stdlib.h>

enum { PAIRS_MAX = 64, STEPS_MAX = 400, KEY_MAX = 6, VALUE_MAX = 24 };

struct pair {
    enum store_table table;
    uint8_t key[KEY_MAX];
    size_t key_bytes;
    uint8_t value[VALUE_MAX];
    size_t value_bytes;
};

// Pairs in no order.
struct naive {
    struct pair pairs[PAIRS_MAX];
    unsigned count;
};

struct world {
    struct cursor input;
    struct store_memory *memory;
    struct store_memory *base; // beneath the hot table, behind it by some batches
    struct store plain;
    struct store beneath;
    struct hot_table hot;
    struct store_batch batch; // open
    struct store_batch queue; // what the base lacks, one batch behind the other
    uint64_t sequence;
    uint64_t reported;
    struct naive committed;
    struct naive open; // with the open batch
};

static void on_done(void *context, uint64_t batch, enum err error)
{
    struct world *world = context;
    CHECK(error == ERR_OK && batch > world->reported);
    world->reported = batch;
}

static void ignore_done(void *context, uint64_t batch, enum err error)
{
    (void)context;
    (void)batch;
    CHECK(error == ERR_OK);
}

static struct slice key_of(const struct pair *pair)
{
    return slice_of(pair->key, pair->key_bytes);
}

static struct pair *naive_find(struct naive *naive, enum store_table table, struct slice key)
{
    for (unsigned i = 0; i < naive->count; i++)
        if (naive->pairs[i].table == table && slice_equal(key_of(&naive->pairs[i]), key))
            return &naive->pairs[i];
    return NULL;
}

static bool naive_put(struct naive *naive, enum store_table table, struct slice key,
                      struct slice value)
{
    struct pair *pair = naive_find(naive, table, key);
    if (pair == NULL && naive->count == PAIRS_MAX)
        return false;
    if (pair == NULL)
        pair = &naive->pairs[naive->count++];
    *pair = (struct pair){.table = table, .key_bytes = key.length, .value_bytes = value.length};
    memcpy(pair->key, key.bytes, key.length);
    if (value.length > 0)
        memcpy(pair->value, value.bytes, value.length);
    return true;
}

static void naive_remove(struct naive *naive, enum store_table table, struct slice key)
{
    struct pair *pair = naive_find(naive, table, key);
    if (pair != NULL)
        *pair = naive->pairs[--naive->count];
}

static enum store_table any_table(struct world *world)
{
    return (enum store_table)input_below(&world->input, STORE_TABLE_COUNT);
}

// Keys of few different bytes, so that many are equal or prefixes of each other.
static struct slice any_key(struct world *world, uint8_t bytes[KEY_MAX], unsigned least)
{
    static const uint8_t alphabet[] = {0, 'a', 'b', 255};
    unsigned length = least + input_below(&world->input, KEY_MAX + 1 - least);
    unsigned drawn = cursor_u16_be(&world->input);
    for (unsigned i = 0; i < length; i++)
        bytes[i] = alphabet[drawn >> (2 * i) & 3];
    return slice_of(bytes, length);
}

// --- writing

static void put(struct world *world)
{
    uint8_t bytes[KEY_MAX];
    enum store_table table = any_table(world);
    struct slice key = any_key(world, bytes, 1);
    struct slice value = input_run(&world->input, VALUE_MAX);
    if (!naive_put(&world->open, table, key, value))
        return;
    world->plain.ops->put(world->plain.self, table, key, value);
    store_batch_put(&world->batch, table, key, value);
}

static void take_out(struct world *world)
{
    uint8_t bytes[KEY_MAX];
    enum store_table table = any_table(world);
    struct slice key = any_key(world, bytes, 1);
    naive_remove(&world->open, table, key);
    world->plain.ops->remove(world->plain.self, table, key);
    store_batch_remove(&world->batch, table, key);
}

static void commit(struct world *world)
{
    struct store_op op;
    CHECK(world->plain.ops->commit(world->plain.self) == ++world->sequence);
    hot_table_add(&world->hot, &world->batch, world->sequence);
    for (size_t at = 0; store_batch_next(&world->batch, &at, &op);) {
        if (op.removes)
            store_batch_remove(&world->queue, op.table, op.key);
        else
            store_batch_put(&world->queue, op.table, op.key, op.value);
    }
    store_batch_clear(&world->batch);
    world->committed = world->open;
    if (input_below(&world->input, 2) == 1) {
        store_memory_poll(world->memory);
        CHECK(world->reported == world->sequence);
    }
}

// The base gets all that was committed; the hot table needs it no more.
static void settle(struct world *world)
{
    struct store_op op;
    for (size_t at = 0; store_batch_next(&world->queue, &at, &op);) {
        if (op.removes)
            world->beneath.ops->remove(world->beneath.self, op.table, op.key);
        else
            world->beneath.ops->put(world->beneath.self, op.table, op.key, op.value);
    }
    (void)world->beneath.ops->commit(world->beneath.self);
    store_memory_poll(world->base);
    store_batch_clear(&world->queue);
    hot_table_drop(&world->hot, world->sequence);
    for (unsigned table = 0; table < STORE_TABLE_COUNT; table++)
        CHECK(hot_table_seek(&world->hot, (enum store_table)table, slice_of(NULL, 0)) == NULL);
}

// --- reading

static void get(struct world *world)
{
    uint8_t bytes[KEY_MAX];
    struct slice found;
    enum store_table table = any_table(world);
    struct slice key = any_key(world, bytes, 1);
    const struct pair *pair = naive_find(&world->committed, table, key);
    enum err error = world->plain.ops->get(world->plain.self, table, key, &found);
    CHECK(error == (pair != NULL ? ERR_OK : ERR_NOT_FOUND));
    CHECK(pair == NULL || slice_equal(found, slice_of(pair->value, pair->value_bytes)));
}

struct visits {
    struct naive *expected;
    enum store_table table;
    unsigned count;
    unsigned stop_after;
    uint8_t last[KEY_MAX];
    size_t last_bytes;
};

static bool visit(void *context, struct slice key, struct slice value)
{
    struct visits *visits = context;
    const struct pair *pair = naive_find(visits->expected, visits->table, key);
    CHECK(pair != NULL && slice_equal(value, slice_of(pair->value, pair->value_bytes)));
    CHECK(visits->count == 0 || slice_compare(slice_of(visits->last, visits->last_bytes), key) < 0);
    memcpy(visits->last, key.bytes, key.length);
    visits->last_bytes = key.length;
    visits->count++;
    return visits->count < visits->stop_after;
}

static unsigned naive_count(const struct naive *naive, const struct hot_range *range)
{
    unsigned count = 0;
    for (unsigned i = 0; i < naive->count; i++) {
        const struct pair *pair = &naive->pairs[i];
        count += pair->table == range->table && slice_compare(key_of(pair), range->first) >= 0 &&
                 (range->end.length == 0 || slice_compare(key_of(pair), range->end) < 0);
    }
    return count;
}

static void scan(struct world *world)
{
    uint8_t first[KEY_MAX];
    uint8_t end[KEY_MAX];
    struct hot_range range = {.table = any_table(world)};
    range.first = any_key(world, first, 0);
    range.end = any_key(world, end, 0);
    unsigned stop_after = 1 + cursor_u8(&world->input);
    unsigned expected = naive_count(&world->committed, &range);
    expected = expected < stop_after ? expected : stop_after;
    struct visits plain = {
        .expected = &world->committed, .table = range.table, .stop_after = stop_after};
    struct visits merged = plain;
    CHECK(world->plain.ops->scan(world->plain.self, range.table, range.first, range.end, visit,
                                 &plain) == ERR_OK);
    CHECK(hot_merge_scan(&world->hot, &world->beneath, &range, visit, &merged) == ERR_OK);
    CHECK(plain.count == expected && merged.count == expected);
}

// --- all of it

static void begin(struct world *world)
{
    const struct store_memory_config plain = {.done = on_done, .context = world};
    const struct store_memory_config base = {.done = ignore_done};
    world->memory = store_memory_new(&plain);
    world->base = store_memory_new(&base);
    world->plain = store_memory_port(world->memory);
    world->beneath = store_memory_port(world->base);
    hot_table_init(&world->hot);
    store_batch_init(&world->batch);
    store_batch_init(&world->queue);
}

static void end(struct world *world)
{
    store_memory_close(world->memory);
    store_memory_close(world->base);
    hot_table_release(&world->hot);
    store_batch_release(&world->batch);
    store_batch_release(&world->queue);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static void (*const steps[])(struct world *) = {put, put, take_out, commit, settle, get, scan};
    static struct world world;
    memset(&world, 0, sizeof world);
    world.input = cursor_of(slice_of(bytes, length));
    begin(&world);
    for (unsigned i = 0; i < STEPS_MAX && input_more(&world.input); i++)
        steps[input_below(&world.input, sizeof steps / sizeof steps[0])](&world);
    commit(&world);
    scan(&world);
    end(&world);
    return 0;
}
