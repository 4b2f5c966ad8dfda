#include "core/strong/record_store.h"

#include "base/check.h"

void store_key_make(struct store_key *out, uint32_t keyspace, unsigned slot, struct slice key)
{
    CHECK(key.length <= KEY_BYTES_MAX && slot <= SLOTS);
    for (unsigned i = 0; i < 4; i++)
        out->bytes[i] = (uint8_t)(keyspace >> (8 * (3 - i)));
    out->bytes[4] = (uint8_t)(slot >> 8);
    out->bytes[5] = (uint8_t)slot;
    if (key.length > 0)
        memcpy(out->bytes + STORE_KEY_PREFIX_BYTES, key.bytes, key.length);
    out->length = STORE_KEY_PREFIX_BYTES + key.length;
}

bool store_key_parse(struct slice bytes, uint32_t *keyspace, uint16_t *slot, struct slice *key)
{
    struct cursor in = cursor_of(bytes);
    *keyspace = cursor_u32_be(&in);
    *slot = cursor_u16_be(&in);
    *key = cursor_bytes(&in, cursor_left(&in));
    return !in.failed && *slot < SLOTS && key_is_valid(*key);
}

enum err record_store_get(const struct store *store, uint32_t keyspace, uint16_t slot,
                          struct slice key, struct record *out)
{
    struct store_key name;
    struct slice bytes;
    store_key_make(&name, keyspace, slot, key);
    enum err error = store->ops->get(store->self, STORE_RECORDS, store_key_slice(&name), &bytes);
    if (error != ERR_OK)
        return error;
    return record_decode(bytes, out) == ERR_OK ? ERR_OK : ERR_CORRUPT;
}

struct scan {
    record_visit *visit;
    void *context;
    enum err error;
};

static bool visit_pair(void *context, struct slice name, struct slice value)
{
    struct scan *scan = context;
    uint32_t keyspace;
    uint16_t slot;
    struct slice key;
    struct record record;
    if (!store_key_parse(name, &keyspace, &slot, &key) || record_decode(value, &record) != ERR_OK) {
        scan->error = ERR_CORRUPT;
        return true;
    }
    return scan->visit(scan->context, key, &record);
}

enum err record_store_scan(const struct store *store, uint32_t keyspace, uint16_t slot,
                           struct slice from, record_visit *visit, void *context)
{
    struct scan scan = {.visit = visit, .context = context, .error = ERR_OK};
    struct store_key first;
    struct store_key end;
    store_key_make(&first, keyspace, slot, from);
    store_key_make(&end, keyspace, slot + 1u, slice_of(NULL, 0));
    enum err error = store->ops->scan(store->self, STORE_RECORDS, store_key_slice(&first),
                                      store_key_slice(&end), visit_pair, &scan);
    return error != ERR_OK ? error : scan.error;
}
