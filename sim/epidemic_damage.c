#include "sim/epidemic_damage.h"

#include "base/check.h"
#include "core/epidemic/space_store.h"

#include <inttypes.h>
#include <stdlib.h>

// The search for an operation to take out.
struct search {
    const struct knowledge *known;
    struct rng *rng;
    uint32_t met;
    struct space_key name; // of the one chosen so far
};

// Each is chosen with the same chance, though how many there are is not known before.
static bool meet(void *context, struct slice name, struct slice value)
{
    struct search *search = context;
    struct dot dot;
    uint64_t id_head;
    (void)value;
    if (!space_key_read_operation(name, &dot, &id_head) || !knowledge_has(search->known, dot) ||
        !rng_one_in(search->rng, ++search->met))
        return true;
    memcpy(search->name.bytes, name.bytes, name.length);
    search->name.length = name.length;
    return true;
}

// The entries of its key without that of the operation.
static void forget_entry(const struct store *store, const struct space_key *name, struct dot dot,
                         uint64_t id_head)
{
    struct buf left;
    struct slice value;
    struct space_entry entry;
    enum err error = store->ops->get(store->self, STORE_VERSIONS, space_key_slice(name), &value);
    CHECK(error == ERR_OK);
    buf_init(&left, STORE_VALUE_BYTES_MAX);
    struct cursor in = cursor_of(value);
    while (space_entry_next(&in, &entry))
        if (!dot_equal(entry.dot, dot) || entry.id_head != id_head)
            space_entry_append(&left, &entry);
    if (left.length > 0)
        store->ops->put(store->self, STORE_VERSIONS, space_key_slice(name), buf_slice(&left));
    else
        store->ops->remove(store->self, STORE_VERSIONS, space_key_slice(name));
    buf_release(&left);
}

static void take_out(struct epidemic_world *world, const struct store *store,
                     const struct space_key *name)
{
    struct slice value;
    struct stored stored;
    struct space_key versions;
    enum err error = store->ops->get(store->self, STORE_OPERATIONS, space_key_slice(name), &value);
    CHECK(error == ERR_OK && stored_decode(value, world->space, &stored) == ERR_OK);
    struct sha256 id = operation_id_of(&stored.operation);
    struct slice key = stored.operation.key;
    struct dot dot = stored.operation.dot;
    uint32_t number = epidemic_world_key_of(world, key);
    epidemic_world_trace(world, "lost: %016" PRIx64 ".%" PRIu64 " of key %" PRIu32, dot.origin,
                         dot.sequence, number);
    world->oracle.at_risk[number] = true;
    space_key_versions(&versions, world->space, slot_of_key(key), key);
    store->ops->remove(store->self, STORE_OPERATIONS, space_key_slice(name));
    forget_entry(store, &versions, dot, sha256_head(&id));
}

static void on_done(void *context, uint64_t batch, enum err error)
{
    (void)context;
    (void)batch;
    (void)error;
}

bool epidemic_damage(struct epidemic_world *world, struct epidemic_peer *peer, struct rng *rng)
{
    struct space_key first;
    struct space_key end;
    struct search search = {.known = &peer->known_durable, .rng = rng};
    struct store store = store_sim_open(peer->disk, on_done, NULL);
    space_key_range(&first, &end, world->space);
    enum err error = store.ops->scan(store.self, STORE_OPERATIONS, space_key_slice(&first),
                                     space_key_slice(&end), meet, &search);
    CHECK(error == ERR_OK);
    if (search.met > 0)
        take_out(world, &store, &search.name);
    store.ops->commit(store.self);
    store_sim_crash(peer->disk, UINT64_MAX);
    return search.met > 0;
}
