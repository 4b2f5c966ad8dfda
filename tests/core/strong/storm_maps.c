// Maps of a storm: how they follow each other, who learns them when, and who serves meanwhile.

#include "storm_parts.h"

#include "base/check.h"
#include "core/map/map_step.h"
#include "core/map/next_slots.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CHANGES_MAX = 2 };

// The map that is to be the next one.
struct draft {
    struct cluster_map *map;
    node_set restarted;
    node_set target;
    node_id target_primary;
    bool shrinks;
    bool spares;
};

static node_set all_nodes(const struct storm *storm)
{
    return (node_bit((node_id)storm->bench->node_count) << 1) - node_bit(1);
}

static struct cluster_map *newest(struct storm *storm)
{
    return storm->maps[storm->bench->map.epoch % STORM_MAPS_KEPT];
}

void storm_forget_map(struct storm *storm, uint64_t epoch)
{
    struct cluster_map *map = storm->maps[epoch % STORM_MAPS_KEPT];
    if (map == NULL)
        return;
    cluster_map_release(map);
    free(map);
    storm->maps[epoch % STORM_MAPS_KEPT] = NULL;
}

void storm_first_map(struct storm *storm)
{
    node_set all = all_nodes(storm);
    // One node may have to join first.
    node_set in_sync = storm_draw(storm, 1, 3) ? all & ~node_bit(storm->victim) : all;
    struct replica_set set = bench_set(in_sync, 0, 0, node_set_first(in_sync));
    bench_make_map(storm->bench, all, &set);
    storm->maps[1] = memory_zeroed(1, sizeof *storm->maps[1]);
    cluster_map_copy(storm->maps[1], &storm->bench->map);
    for (unsigned id = 1; id <= storm->bench->node_count; id++)
        storm_tell(storm, (node_id)id, 1);
}

// --- who serves

// It asks for a lease, and gets one if those who grant may be of its epoch still.
void storm_renew(struct storm *storm, node_id id)
{
    struct storm_node *node = &storm->nodes[id];
    uint64_t epoch = storm_epoch(storm, id);
    node->leased |=
        epoch > 0 && epoch >= node->restricted_epoch && storm->bench->map.epoch <= epoch + 1;
    storm->bench->nodes[id]->agreement.lease.held_until_us = node->leased ? UINT64_MAX : 0;
}

void storm_lapse(struct storm *storm, node_id id)
{
    storm_say(storm, "%u has no lease any more", id);
    storm->nodes[id].leased = false;
    storm->bench->nodes[id]->agreement.lease.held_until_us = 0;
}

void storm_release(struct storm *storm, node_id id)
{
    if (storm->nodes[id].asleep || storm_epoch(storm, id) != storm->bench->map.epoch)
        return;
    storm_say(storm, "%u releases", id);
    storm->bench->nodes[id]->agreement.releasing = true;
}

// Before a map that restricts it is decided: it has released that epoch's base, or its lease is
// over.
static void restrict_node(struct storm *storm, node_id id, uint64_t epoch)
{
    if (storm_draw(storm, 1, 2))
        storm_release(storm, id);
    storm_lapse(storm, id);
    storm->nodes[id].restricted_epoch = epoch;
}

void storm_tell(struct storm *storm, node_id id, uint64_t epoch)
{
    struct bench_node *node = storm->bench->nodes[id];
    if (epoch + STORM_MAPS_KEPT <= storm->bench->map.epoch)
        epoch = storm->bench->map.epoch;
    if (storm->nodes[id].asleep || epoch <= storm_epoch(storm, id))
        return;
    storm_say(storm, "%u learns map %u", id, (unsigned)epoch);
    cluster_map_release(&node->agreement.map);
    cluster_map_copy(&node->agreement.map, storm->maps[epoch % STORM_MAPS_KEPT]);
    node->agreement.releasing = false;
    node->effects.epoch = epoch;
    storm_renew(storm, id);
    strong_on_map(&node->strong, &node->effects, storm->bench->now_us);
    bench_absorb(storm->bench, id);
    storm_look(storm, id);
}

// --- wishes

void storm_wish(struct storm *storm, node_id id)
{
    const struct bench_node *node = storm->bench->nodes[id];
    struct wants *wants = storm->wants;
    if (storm->nodes[id].asleep)
        return;
    wants_clear(wants);
    strong_wants(&node->strong, wants);
    struct storm_wish wish = {.epoch = node->agreement.map.epoch,
                              .node = id,
                              .incarnation = node->incarnation,
                              .promotes = wants->promote_count > 0,
                              .shrinks = wants->shrink_count > 0};
    if (wish.promotes)
        wish.join_epoch = wants->promotes[0].join_epoch;
    if ((!wish.promotes && !wish.shrinks) || storm->wish_count == STORM_WISHES_MAX)
        return;
    storm_say(storm, "%u wishes:%s%s", id, wish.promotes ? " a promotion" : "",
              wish.shrinks ? " a shrink" : "");
    storm->wishes[storm->wish_count++] = wish;
}

static void add_wish(struct wants *wants, const struct storm_wish *wish)
{
    struct slot_set slots;
    slot_set_clear(&slots);
    slot_set_add(&slots, storm_slot());
    struct want_promote promote = {.keyspace = BENCH_KEYSPACE,
                                   .node = wish->node,
                                   .incarnation = wish->incarnation,
                                   .join_epoch = wish->join_epoch,
                                   .slots = slots};
    if (wish->promotes)
        wants_add_promote(wants, &promote);
    if (wish->shrinks)
        wants_add_shrink(wants, BENCH_KEYSPACE, &slots);
}

// What a node tells of the newest map is about the joins of that map: so of two joins of one node
// the coordinator hears of the later one only.
static void look_at_join_id(struct storm *storm, const struct storm_wish *wish)
{
    const struct replica_set *set = storm_set(storm);
    if (!storm->late_wishes && wish->promotes && node_set_has(set->joining, wish->node) &&
        wish->join_epoch != set->join_epoch)
        storm_violate(storm, "a wish names another join than the map that it was told for");
}

// Whoever decides forgets all wishes with each map, and takes none of another epoch.
static void gather_wishes(struct storm *storm, bool all)
{
    unsigned kept = 0;
    wants_clear(storm->wants);
    for (unsigned i = 0; i < storm->wish_count; i++) {
        const struct storm_wish *wish = &storm->wishes[i];
        if (!storm->late_wishes && wish->epoch != storm->bench->map.epoch)
            continue;
        look_at_join_id(storm, wish);
        if (all || storm_draw(storm, storm->heard_in_ten, 10))
            add_wish(storm->wants, wish);
        else if (storm->late_wishes)
            storm->wishes[kept++] = *wish;
    }
    storm->wish_count = kept;
}

// --- the next map

static struct draft begin(struct storm *storm)
{
    struct draft draft = {.map = memory_zeroed(1, sizeof *draft.map)};
    const struct replica_set *set = storm_set(storm);
    cluster_map_copy(draft.map, newest(storm));
    draft.map->epoch++;
    draft.target = set->target;
    draft.target_primary = set->target_primary;
    return draft;
}

static void say_map(struct storm *storm, const struct draft *draft, node_set restricted)
{
    const struct replica_set *set = storm_set(storm);
    storm_say(storm,
              "map %u: live %x, in sync %x, joining %x since %u, target %x, primary %u; "
              "restricts %x",
              (unsigned)draft->map->epoch, (unsigned)cluster_map_live(draft->map),
              (unsigned)set->in_sync, (unsigned)set->joining, (unsigned)set->join_epoch,
              (unsigned)set->target, set->primary, (unsigned)restricted);
}

// The slots' policy says what comes of it, by the wishes that were gathered.
static void decide(struct storm *storm, struct draft *draft)
{
    struct map_keyspace *keyspace = &draft->map->keyspaces[0];
    struct replica_set *slots = storm->slots;
    map_keyspace_expand(keyspace, slots);
    slots[storm_slot()].target = draft->target;
    slots[storm_slot()].target_primary = draft->target_primary;
    if (draft->shrinks)
        add_wish(storm->wants, &(struct storm_wish){.shrinks = true});
    struct slots_step step = {.map = draft->map,
                              .wants = storm->wants,
                              .was_live = cluster_map_live(newest(storm)),
                              .holders = cluster_map_live(draft->map),
                              .spared = draft->spares ? all_nodes(storm) : 0,
                              .restarted = draft->restarted,
                              .moves_left = BENCH_NODES_MAX};
    next_slots_compute(&step, BENCH_KEYSPACE, slots);
    map_keyspace_intern(keyspace, slots);
    uint64_t epoch = draft->map->epoch;
    assert_int_equal(map_step_check(newest(storm), draft->map), ERR_OK);
    node_set restricted = map_step_restricted(newest(storm), draft->map);
    for (node_id id = node_set_first(restricted); id != NODE_NONE;
         id = node_set_after(restricted, id))
        restrict_node(storm, id, epoch);
    storm_forget_map(storm, epoch);
    storm->maps[epoch % STORM_MAPS_KEPT] = draft->map;
    cluster_map_release(&storm->bench->map);
    cluster_map_copy(&storm->bench->map, draft->map);
    say_map(storm, draft, restricted);
}

// Whether its process is the one that the map names.
static bool is_named(const struct storm *storm, const struct map_node *node)
{
    return storm->bench->nodes[node->id]->incarnation == node->incarnation;
}

// It runs, and the map names it.
static bool is_back(const struct storm *storm, const struct map_node *node)
{
    return is_named(storm, node) && !storm->nodes[node->id].asleep;
}

static void admit(struct storm *storm, struct draft *draft, struct map_node *node)
{
    if (storm->nodes[node->id].asleep || is_named(storm, node))
        return;
    node->incarnation = storm->bench->nodes[node->id]->incarnation;
    draft->restarted |= node_bit(node->id);
    if (node->state == NODE_DOWN)
        node->state = NODE_UP;
}

static void draw_target(struct storm *storm, struct draft *draft)
{
    node_set all = all_nodes(storm);
    if (storm->scene.victim) {
        draft->target = all & ~(draft->target & node_bit(storm->victim));
        return;
    }
    draft->target = 0;
    for (node_id id = 1; id <= storm->bench->node_count; id++)
        if (!storm_draw(storm, 1, 4))
            draft->target |= node_bit(id);
    if (draft->target == 0)
        draft->target =
            node_bit(node_set_nth(all, (unsigned)rng_below(&storm->rng, storm->bench->node_count)));
}

static void shuffle(struct storm *storm, struct draft *draft)
{
    // One of them alone, or most.
    bool alone = storm_draw(storm, 1, 2);
    node_id stays = (node_id)(1 + rng_below(&storm->rng, storm->bench->node_count));
    for (unsigned i = 0; i < draft->map->node_count; i++) {
        struct map_node *node = &draft->map->nodes[i];
        bool up = node->id == stays || (!alone && storm_draw(storm, 3, 4));
        admit(storm, draft, node);
        if (node->state != NODE_FAILED)
            node->state = is_back(storm, node) && up ? NODE_UP : NODE_DOWN;
    }
    draft->spares = true;
    draft->target_primary = (node_id)(1 + rng_below(&storm->rng, storm->bench->node_count));
}

static void change(struct storm *storm, struct draft *draft, enum storm_change kind)
{
    unsigned count = storm->bench->node_count;
    node_id id = (node_id)(1 + rng_below(&storm->rng, count));
    if (storm->scene.victim && kind != STORM_CHANGE_PRIMARY && !storm_draw(storm, 1, 5))
        id = storm->victim;
    struct map_node *node = &draft->map->nodes[id - 1];
    if (kind == STORM_CHANGE_DOWN && node->state == NODE_UP) {
        node->state = NODE_DOWN;
        draft->spares = true;
    } else if (kind == STORM_CHANGE_UP && node->state == NODE_DOWN && is_back(storm, node)) {
        node->state = NODE_UP;
    } else if (kind == STORM_CHANGE_FAIL) {
        node->state = NODE_FAILED;
    } else if (kind == STORM_CHANGE_RECOVER && node->state == NODE_FAILED) {
        node->state = NODE_UP;
    } else if (kind == STORM_CHANGE_ADMIT) {
        admit(storm, draft, node);
    } else if (kind == STORM_CHANGE_TARGET) {
        draw_target(storm, draft);
    } else if (kind == STORM_CHANGE_PRIMARY) {
        draft->target_primary = id;
    } else if (kind == STORM_CHANGE_SHRINK) {
        draft->shrinks = true;
    } else if (kind == STORM_CHANGE_SHUFFLE) {
        shuffle(storm, draft);
    }
}

static enum storm_change draw_change(struct storm *storm)
{
    const uint16_t *weights = storm->scene.changes;
    unsigned sum = 0;
    for (unsigned i = 0; i < STORM_CHANGE_COUNT; i++)
        sum += weights[i];
    uint64_t draw = rng_below(&storm->rng, sum);
    unsigned kind = 0;
    while (draw >= weights[kind])
        draw -= weights[kind++];
    return (enum storm_change)kind;
}

static void decide_and_tell(struct storm *storm, struct draft *draft)
{
    gather_wishes(storm, false);
    decide(storm, draft);
    for (node_id id = 1; id <= storm->bench->node_count; id++)
        if (storm_draw(storm, storm->scene.prompt_in_ten, 10) &&
            (id != storm->victim || !storm_draw(storm, storm->scene.deaf_in_ten, 10)))
            storm_tell(storm, id, storm->bench->map.epoch);
}

void storm_random_map(struct storm *storm)
{
    struct draft draft = begin(storm);
    unsigned changes = 1 + (unsigned)rng_below(&storm->rng, CHANGES_MAX);
    for (unsigned i = 0; i < changes; i++)
        change(storm, &draft, draw_change(storm));
    decide_and_tell(storm, &draft);
}

void storm_map_about(struct storm *storm, enum storm_change kind)
{
    struct draft draft = begin(storm);
    change(storm, &draft, kind);
    decide_and_tell(storm, &draft);
}

// What a lull changes of one node: the dead are taken down, the living are admitted.
static bool calm_node(struct storm *storm, struct draft *draft, struct map_node *node,
                      enum storm_calm calm)
{
    bool asleep = storm->nodes[node->id].asleep;
    enum node_state before = node->state;
    uint64_t incarnation = node->incarnation;
    if (asleep && node->state == NODE_UP)
        node->state = NODE_DOWN;
    admit(storm, draft, node);
    if (calm != STORM_CALM_AS_IS && !asleep)
        node->state = NODE_UP;
    return node->state != before || node->incarnation != incarnation;
}

bool storm_calm_map(struct storm *storm, enum storm_calm calm)
{
    struct draft draft = begin(storm);
    bool needed = false;
    storm->wish_count = 0;
    for (node_id id = 1; id <= storm->bench->node_count; id++) {
        storm_wish(storm, id);
        needed |= calm_node(storm, &draft, &draft.map->nodes[id - 1], calm);
        needed |= storm->bench->nodes[id]->agreement.releasing &&
                  storm_epoch(storm, id) == storm->bench->map.epoch;
    }
    needed |=
        storm->wish_count > 0 || (calm == STORM_CALM_WHOLE && draft.target != all_nodes(storm));
    if (calm == STORM_CALM_WHOLE)
        draft.target = all_nodes(storm);
    if (needed) {
        gather_wishes(storm, true);
        decide(storm, &draft);
        return true;
    }
    cluster_map_release(draft.map);
    free(draft.map);
    return false;
}
