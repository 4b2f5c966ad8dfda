// A peer's disk: another one, and copies of it.
#include "sim/epidemic_peer.h"

#include "base/check.h"
#include "sim/epidemic_checks.h"
#include "sim/epidemic_world.h"

void epidemic_peer_change_disk(struct epidemic_peer *peer, struct store_sim *disk, bool own)
{
    struct epidemic_world *world = peer->world;
    CHECK(peer->core == NULL);
    store_sim_free(peer->disk);
    peer->disk =
        disk != NULL ? disk : store_sim_new(world->timeline, rng_u64(&world->rng), &world->sync);
    if (!own)
        peer->store_id = epidemic_peer_store_id(peer->index, ++peer->disks);
    epidemic_checks_on_disk_lost(world, peer);
}

struct copying {
    struct store to;
    enum store_table table;
};

static bool on_pair(void *context, struct slice key, struct slice value)
{
    struct copying *copying = context;
    copying->to.ops->put(copying->to.self, copying->table, key, value);
    return true;
}

static void on_copied(void *context, uint64_t batch, enum err error)
{
    (void)context;
    (void)batch;
    (void)error;
}

struct store_sim *epidemic_peer_copy_disk(const struct epidemic_peer *peer)
{
    struct epidemic_world *world = peer->world;
    struct store_sim *copy = store_sim_new(world->timeline, rng_u64(&world->rng), &world->sync);
    struct copying copying = {.to = store_sim_open(copy, on_copied, NULL)};
    CHECK(peer->core != NULL);
    for (int table = 0; table < STORE_TABLE_COUNT; table++) {
        copying.table = (enum store_table)table;
        enum err error = peer->store.ops->scan(peer->store.self, copying.table, slice_of(NULL, 0),
                                               slice_of(NULL, 0), on_pair, &copying);
        CHECK(error == ERR_OK);
    }
    copying.to.ops->commit(copying.to.self);
    store_sim_crash(copy, UINT64_MAX);
    return copy;
}
