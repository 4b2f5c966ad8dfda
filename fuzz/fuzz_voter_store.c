// Voter stores whose values are any bytes, some under a right checksum: reading gives a value, or
// an error and nothing; what was read is written as the same bytes. A node's identity starts from
// them, or is refused.
#include "adapter/store_memory.h"
#include "base/check.h"
#include "base/hash.h"
#include "core/map/voter_store.h"
#include "host/identity.h"
#include "input.h"

enum { FORMAT = 1, VALUE_MAX = 1 << 16 };

static void ignore_done(void *context, uint64_t batch, enum err error)
{
    (void)context;
    (void)batch;
    CHECK(error == ERR_OK);
}

static void put_value(const struct store *store, const char *name, struct cursor *input)
{
    struct buf value;
    unsigned how = input_below(input, 3);
    struct slice body = cursor_counted(input);
    if (input->failed || how == 0)
        return;
    buf_init(&value, VALUE_MAX);
    if (how == 1) {
        buf_append_u8(&value, FORMAT);
        buf_append_u64_be(&value, hash64(body, FORMAT));
    }
    buf_append_slice(&value, body);
    if (!value.overflown)
        store->ops->put(store->self, STORE_META, slice_of_text(name), buf_slice(&value));
    buf_release(&value);
}

// What was read is written as it stands there.
static void check_written(const struct store *store, const char *name, struct effects *effects)
{
    struct slice value;
    CHECK(store->ops->get(store->self, STORE_META, slice_of_text(name), &value) == ERR_OK);
    CHECK(effects->write_count == 1);
    CHECK(slice_equal(effects_bytes(effects, effects->writes[0].key), slice_of_text(name)));
    CHECK(slice_equal(effects_bytes(effects, effects->writes[0].value), value));
    effects_clear(effects);
}

static void read_all(const struct store *store, struct effects *effects)
{
    static struct cluster_map map;
    struct identity identity;
    struct acceptor_state acceptor;
    cluster_map_init(&map);
    if (voter_store_identity(store, &identity) == ERR_OK) {
        voter_store_put_identity(effects, &identity);
        check_written(store, "identity", effects);
    }
    if (voter_store_map(store, &map) == ERR_OK) {
        voter_store_put_map(effects, &map);
        check_written(store, "map", effects);
    }
    CHECK(map.epoch > 0 || map.node_count == 0);
    cluster_map_release(&map);
    if (voter_store_acceptor(store, &acceptor) == ERR_OK) {
        voter_store_put_acceptor(effects, &acceptor);
        check_written(store, "acceptor", effects);
    }
}

static void begin_identity(const struct store *data, const struct store *voter, bool init,
                           struct effects *effects)
{
    const struct node_config config = {.init = init,
                                       .peer_address = "127.0.0.1:1",
                                       .http_address = "127.0.0.1:2",
                                       .replication_factor = 1,
                                       .seed = 7};
    struct identity identity;
    struct errmsg detail;
    if (identity_begin(&config, data, voter, effects, &identity, &detail) == ERR_OK)
        CHECK(effects->tokens[EFFECT_VOTER] > 0);
    else
        CHECK(effects_empty(effects) && detail.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const struct store_memory_config config = {.done = ignore_done};
    struct cursor input = cursor_of(slice_of(bytes, length));
    struct store_memory *stores[2] = {store_memory_new(&config), store_memory_new(&config)};
    const struct store data = store_memory_port(stores[0]);
    const struct store voter = store_memory_port(stores[1]);
    struct effects effects;
    bool init = input_below(&input, 2) == 1;
    effects_init(&effects);
    put_value(&voter, "identity", &input);
    put_value(&voter, "map", &input);
    put_value(&voter, "acceptor", &input);
    put_value(&data, "owner", &input);
    (void)voter.ops->commit(voter.self);
    (void)data.ops->commit(data.self);
    read_all(&voter, &effects);
    begin_identity(&data, &voter, init, &effects);
    effects_release(&effects);
    store_memory_close(stores[0]);
    store_memory_close(stores[1]);
    return 0;
}
