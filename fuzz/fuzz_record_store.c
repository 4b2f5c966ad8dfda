// Any bytes are a store key or none, and each store key has one form. Tables of any pairs, of any
// bytes, are scanned slot by slot: what is a record is visited in order, all else is damage, and
// what a scan shows, a get gives.
#include "adapter/store_memory.h"
#include "base/check.h"
#include "core/strong/record_store.h"
#include "input.h"

enum { PAIRS_MAX = 32, KEYSPACES = 2, SLOTS_USED = 3 };

static void ignore_done(void *context, uint64_t batch, enum err error)
{
    (void)context;
    (void)batch;
    CHECK(error == ERR_OK);
}

static void try_key(struct slice bytes)
{
    uint32_t keyspace;
    uint16_t slot;
    struct slice key;
    struct store_key again;
    if (!store_key_parse(bytes, &keyspace, &slot, &key))
        return;
    CHECK(slot < SLOTS && key_is_valid(key));
    store_key_make(&again, keyspace, slot, key);
    CHECK(slice_equal(store_key_slice(&again), bytes));
}

static void put_pair(const struct store *store, struct cursor *input)
{
    struct store_key name;
    struct buf value;
    unsigned how = input_below(input, 4);
    uint32_t keyspace = input_below(input, KEYSPACES);
    unsigned slot = input_below(input, SLOTS_USED);
    struct slice key = input_run(input, 12);
    struct slice bytes = input_run(input, 40);
    struct record record = {.stamp = {1, 1}, .value = bytes};
    store_key_make(&name, keyspace, slot, key);
    buf_init(&value, RECORD_OVERHEAD_MAX + 64);
    if (how == 0)
        buf_append_slice(&value, bytes);
    else
        record_encode(&value, &record);
    store->ops->put(store->self, STORE_RECORDS, store_key_slice(&name), buf_slice(&value));
    buf_release(&value);
}

struct seen {
    struct slice keys[PAIRS_MAX]; // of the store: valid while nothing is committed
    struct record records[PAIRS_MAX];
    unsigned count;
};

static bool see(void *context, struct slice key, const struct record *record)
{
    struct seen *seen = context;
    CHECK(seen->count < PAIRS_MAX && key_is_valid(key));
    CHECK(seen->count == 0 || slice_compare(seen->keys[seen->count - 1], key) < 0);
    seen->keys[seen->count] = key;
    seen->records[seen->count++] = *record;
    return true;
}

static void scan_slot(const struct store *store, uint32_t keyspace, uint16_t slot,
                      struct slice from)
{
    static struct seen seen;
    seen.count = 0;
    enum err error = record_store_scan(store, keyspace, slot, from, see, &seen);
    CHECK(error == ERR_OK || error == ERR_CORRUPT);
    for (unsigned i = 0; i < seen.count; i++) {
        struct record record;
        CHECK(slice_compare(seen.keys[i], from) >= 0);
        CHECK(record_store_get(store, keyspace, slot, seen.keys[i], &record) == ERR_OK);
        CHECK(stamp_compare(record.stamp, seen.records[i].stamp) == 0);
        CHECK(slice_equal(record.value, seen.records[i].value));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const struct store_memory_config config = {.done = ignore_done};
    struct cursor input = cursor_of(slice_of(bytes, length));
    struct store_memory *memory = store_memory_new(&config);
    const struct store store = store_memory_port(memory);
    try_key(slice_of(bytes, length));
    for (unsigned i = 0; i < PAIRS_MAX && input_more(&input); i++)
        put_pair(&store, &input);
    (void)store.ops->commit(store.self);
    struct slice from = slice_of(bytes, length < 4 ? length : 4);
    for (uint32_t keyspace = 0; keyspace < KEYSPACES; keyspace++)
        for (uint16_t slot = 0; slot < SLOTS_USED; slot++) {
            scan_slot(&store, keyspace, slot, slice_of(NULL, 0));
            scan_slot(&store, keyspace, slot, from);
        }
    store_memory_close(memory);
    return 0;
}
