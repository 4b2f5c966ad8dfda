// Lulls of a storm: all messages arrive, all that is wished is done, and then all must be whole.

#include "storm_parts.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { LULL_ROUNDS_MAX = 60, DRAIN_ROUNDS_MAX = 1000 };

static bool drain(struct storm *storm)
{
    unsigned count = storm->bench->node_count;
    bool moved = false;
    for (unsigned from = 1; from <= count; from++)
        for (unsigned to = 1; to <= count; to++)
            moved |= storm_deliver_all(storm, (node_id)from, (node_id)to);
    for (unsigned id = 1; id <= count; id++)
        moved |= storm_durable(storm, (node_id)id, true);
    return moved;
}

// The replicas that must be whole: live by the newest map, and in sync.
static node_set whole_ones(const struct storm *storm)
{
    return storm_set(storm)->in_sync & cluster_map_live(&storm->bench->map);
}

static bool is_quiet_at(const struct storm *storm, node_id id)
{
    for (unsigned key = 0; key < storm->key_count; key++) {
        const struct flight *flight = bench_flight(storm->bench, id, storm_key(key));
        if (flight != NULL && !flight->kept)
            return false;
    }
    return storm->bench->nodes[id]->strong.pendings.count == 0;
}

static bool is_at_rest(const struct storm *storm)
{
    node_set whole = whole_ones(storm);
    if (whole == 0)
        return true;
    for (node_id id = node_set_first(whole); id != NODE_NONE; id = node_set_after(whole, id))
        if (!is_quiet_at(storm, id))
            return false;
    return storm_set(storm)->joining == 0;
}

static void pass(struct storm *storm)
{
    unsigned rounds = 0;
    for (node_id id = 1; id <= storm->bench->node_count; id++)
        storm_tell(storm, id, storm->bench->map.epoch);
    for (node_id id = 1; id <= storm->bench->node_count; id++)
        storm_tick(storm, id);
    while (drain(storm) && storm->violation == NULL)
        assert_in_range(++rounds, 1, DRAIN_ROUNDS_MAX);
}

// The stamp of what a replica holds; zero for nothing, and for a certificate.
static struct stamp held(const struct storm *storm, node_id id, unsigned key)
{
    struct record record;
    enum err error = bench_stored(storm->bench, id, storm_key(key), &record);
    return error == ERR_OK && !record.dead ? record.stamp : (struct stamp){0};
}

static void compare_replicas(struct storm *storm)
{
    node_set whole = whole_ones(storm);
    node_id first = node_set_first(whole);
    for (node_id id = first; id != NODE_NONE; id = node_set_after(whole, id))
        for (unsigned key = 0; key < storm->key_count; key++) {
            if (stamp_compare(held(storm, id, key), held(storm, first, key)) != 0)
                storm_violate(storm, "replicas differ though all is quiet");
            storm_read_now(storm, id, key);
        }
}

void storm_lull(struct storm *storm, enum storm_calm calm)
{
    static const char *const names[] = {"a lull", "a lull, and all come back", "calm"};
    storm_say(storm, "%s", names[calm]);
    storm_mend(storm, true);
    for (node_id id = 1; calm != STORM_CALM_AS_IS && id <= storm->bench->node_count; id++)
        storm->nodes[id].asleep = false;
    unsigned rounds = 0;
    pass(storm);
    while (storm->violation == NULL && (storm_calm_map(storm, calm) || !is_at_rest(storm))) {
        if (++rounds > LULL_ROUNDS_MAX)
            storm_violate(storm, "what is in flight does not land though all is quiet");
        pass(storm);
    }
    if (storm->violation == NULL)
        compare_replicas(storm);
}
