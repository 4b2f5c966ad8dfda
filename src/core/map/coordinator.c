#include "core/map/coordinator.h"

#include "core/map/map_step.h"
#include "core/map/next_map.h"

enum { TRY_AGAIN_US = 5 * 1000, HEARD_AGE_MAX_US = 700 * 1000 };

void coordinator_init(struct coordinator *coordinator)
{
    memset(coordinator, 0, sizeof *coordinator);
    coordinator->look = true;
}

void coordinator_on_map(struct coordinator *coordinator)
{
    wants_clear(&coordinator->wants);
    coordinator->look = true;
}

void coordinator_on_heard(struct coordinator *coordinator, node_id member, uint64_t now_us)
{
    coordinator->heard_us[member] = now_us;
    coordinator->look |= node_set_has(coordinator->spared, member);
}

// Members that were not heard for long, and those whose release did not come: asking all others to
// release would stop them for nothing.
static node_set out_of_hearing(struct coordinator *coordinator, struct agreement *agreement,
                               uint64_t now_us)
{
    node_set others = cluster_map_members(&agreement->map) & ~node_bit(agreement_self(agreement));
    node_set missed = agreement_take_missed(agreement);
    node_set spared = 0;
    for (node_id id = node_set_first(others); id != NODE_NONE; id = node_set_after(others, id)) {
        uint64_t heard_us = coordinator->heard_us[id];
        if (node_set_has(missed, id))
            coordinator->heard_us[id] = heard_us = 0;
        if (heard_us == 0 || now_us >= heard_us + HEARD_AGE_MAX_US)
            spared |= node_bit(id);
    }
    return spared;
}

void coordinator_on_wants(struct coordinator *coordinator, struct slice bytes)
{
    enum err error = wants_decode(bytes, &coordinator->wants);
    coordinator->look |= error == ERR_OK;
}

node_id coordinator_rank(const struct cluster_map *map, unsigned attempt)
{
    node_set down = 0;
    for (unsigned i = 0; i < map->node_count; i++)
        if (map->nodes[i].state == NODE_DOWN)
            down |= node_bit(map->nodes[i].id);
    node_set ready = map->voters & ~down;
    node_set ranked = ready != 0 ? ready : map->voters;
    return ranked == 0 ? NODE_NONE : node_set_nth(ranked, attempt % node_set_count(ranked));
}

static void look_for_next(struct coordinator *coordinator, struct agreement *agreement,
                          struct effects *effects, uint64_t now_us)
{
    struct cluster_map next;
    cluster_map_init(&next);
    coordinator->look = false;
    coordinator->spared = out_of_hearing(coordinator, agreement, now_us);
    coordinator->wants.spared = coordinator->spared;
    if (!next_map_compute(&agreement->map, &coordinator->wants, &next))
        return;
    agreement_propose(agreement, effects, now_us, &next);
    cluster_map_release(&next);
    // If it comes to nothing, the wishes are still here.
    coordinator->look = true;
}

void coordinator_tick(struct coordinator *coordinator, struct agreement *agreement,
                      struct effects *effects, uint64_t now_us)
{
    if (!coordinator->look || !agreement_is_voter(agreement))
        return;
    bool leads = coordinator_rank(&agreement->map, 0) == agreement_self(agreement);
    if (!leads && wants_empty(&coordinator->wants))
        return;
    if (agreement_can_propose(agreement, now_us))
        look_for_next(coordinator, agreement, effects, now_us);
    else
        effects_wake(effects, now_us + TRY_AGAIN_US);
}
