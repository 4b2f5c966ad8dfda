// Targets and primaries are the same problem twice, a `layer` each: of the nodes that are allowed
// in a slot (all members; the slot's targets), choose so many (the replicas; one), preferring those
// that were there, so that every node is chosen equally often. A layer is solved in two steps:
//
//  1. Sweep. Slots whose old choice still has the right size keep it. The others are filled or
//     thinned in slot order, each walking the ring clockwise from its place and taking nodes that
//     have room. Each slot by itself is then as cheap as can be, so the whole is, but for balance.
//  2. Balance. While some node is over its quota, move choices from node to node along the cheapest
//     path to one that is under it. Paths are over nodes, at most 65 of them, not over slots: an
//     edge from u to v stands for all slots that have u and could have v instead, counted by what
//     the change costs. Starting from a cheapest choice and taking only cheapest paths keeps the
//     choice cheapest (successive shortest paths: Ahuja, Magnanti and Orlin 1993, section 9.7).
//
// A path exists as long as anybody is over quota. Targets: who is in more slots than another is in
// a slot without the other. Primaries: giving each target 1/r of a slot is a balanced fractional
// choice, because targets are balanced, so there is a balanced whole one.
#include "core/map/placement.h"

#include "base/check.h"
#include "base/hash.h"

// Few points keep runs of equal slots long; balance does not rest on them.
#define RING_POINTS_PER_NODE 4
#define RING_POINTS_MAX (NODES_MAX * RING_POINTS_PER_NODE)
#define RING_SEED UINT64_C(0x62727573696f)

// A node on a path that stands for "quotas": u -> HUB raises u's quota by one, HUB -> v lowers v's.
#define HUB NODE_NONE
#define VERTICES_MAX (NODES_MAX + 1)

// What it costs to choose a node in a slot: 2 for what the layer must spare most, 1 for what it
// spares next. Of targets: a new replica; a target that is not the slot's primary of before, so
// that it can remain so. Of primaries: another one than before; one that held no replica before.
#define RANK_FIRST 0
#define RANK_TARGET 1
#define RANK_PRIMARY 2
#define RANK_NEW 3

// The kind of a move from one node to another: how much greater the rank is, and RANK_NEW.
#define MOVE_KINDS (2 * RANK_NEW + 1)

// A cost that comes first weighs this much more than the one after it; hops come last, so that of
// paths that cost the same the shortest wins.
#define COST_SCALE 256
#define FAR INT32_MAX

_Static_assert(COST_SCALE > 2 * VERTICES_MAX,
               "the lesser costs of two paths never outweigh a greater one");

struct ring_point {
    uint16_t slot;
    node_id node;
};

struct ring {
    unsigned count;
    struct ring_point points[RING_POINTS_MAX]; // ascending by slot, then node
};

struct choice {
    node_set allowed;
    node_set chosen;
    node_set first; // the primary before, if allowed
    node_set held;  // the replicas before, if allowed; has `first`
};

struct layer_task {
    const struct placement *before; // may be NULL
    struct placement *out;
    node_set members;
    bool of_primaries; // else of targets
    unsigned wanted;   // nodes to choose in each slot
};

struct layer {
    struct layer_task task;
    int32_t quota_min;
    int32_t quota_max;                // at most one more
    int32_t load[VERTICES_MAX];       // by node id: slots in which it is chosen
    int32_t quota[VERTICES_MAX];      // sums up to SLOTS * wanted
    int32_t open_slots[VERTICES_MAX]; // slots still to be swept in which the node could be chosen
    uint16_t movable[VERTICES_MAX][VERTICES_MAX][MOVE_KINDS]; // slots that allow this move
};

// A cheapest way from a node over its quota to one under it, from its end to its beginning.
struct path {
    unsigned count; // of vertices, at least 2
    node_id vertices[VERTICES_MAX];
};

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static uint16_t ring_slot(node_id node, unsigned point)
{
    uint8_t name[2] = {node, (uint8_t)point};
    return (uint16_t)(hash64(slice_of(name, sizeof name), RING_SEED) % SLOTS);
}

static bool ring_point_before(struct ring_point a, struct ring_point b)
{
    return a.slot != b.slot ? a.slot < b.slot : a.node < b.node;
}

static void ring_init(struct ring *ring, node_set members)
{
    ring->count = 0;
    for (node_id id = node_set_first(members); id != NODE_NONE; id = node_set_after(members, id)) {
        for (unsigned i = 0; i < RING_POINTS_PER_NODE; i++) {
            struct ring_point point = {.slot = ring_slot(id, i), .node = id};
            unsigned place = ring->count++;
            for (; place > 0 && ring_point_before(point, ring->points[place - 1]); place--)
                ring->points[place] = ring->points[place - 1];
            ring->points[place] = point;
        }
    }
}

// Writes each member once, in the order met clockwise from the point `start`; returns how many.
static unsigned ring_walk(const struct ring *ring, unsigned start, node_id order[NODES_MAX])
{
    node_set met = 0;
    unsigned count = 0;
    for (unsigned i = 0; i < ring->count; i++) {
        node_id id = ring->points[(start + i) % ring->count].node;
        if (!node_set_has(met, id))
            order[count++] = id;
        met |= node_bit(id);
    }
    return count;
}

static struct choice layer_choice(const struct layer *layer, unsigned slot)
{
    const struct placement *before = layer->task.before;
    const struct placement *out = layer->task.out;
    struct choice choice = {.allowed = layer->task.members, .chosen = out->target[slot]};
    if (layer->task.of_primaries) {
        choice.allowed = out->target[slot];
        choice.chosen = node_bit(out->primary[slot]);
    }
    if (before != NULL) {
        choice.held = before->target[slot] & choice.allowed;
        choice.first = node_bit(before->primary[slot]) & choice.held;
    }
    return choice;
}

// What the layer had chosen in the slot before, as far as it still can.
static node_set layer_kept(const struct layer *layer, struct choice choice)
{
    return layer->task.of_primaries ? choice.first : choice.held;
}

static unsigned layer_rank(const struct layer *layer, struct choice choice, node_id id)
{
    if (node_set_has(choice.first, id))
        return RANK_FIRST;
    if (node_set_has(choice.held, id))
        return layer->task.of_primaries ? RANK_PRIMARY : RANK_TARGET;
    return RANK_NEW;
}

static unsigned layer_kind(const struct layer *layer, struct choice choice, node_id from,
                           node_id to)
{
    return RANK_NEW + layer_rank(layer, choice, to) - layer_rank(layer, choice, from);
}

static void layer_choose(struct layer *layer, unsigned slot, node_set chosen)
{
    if (layer->task.of_primaries)
        layer->task.out->primary[slot] = node_set_first(chosen);
    else
        layer->task.out->target[slot] = chosen;
}

static void add_to_all(int32_t *counts, node_set nodes, int32_t amount)
{
    for (node_id id = node_set_first(nodes); id != NODE_NONE; id = node_set_after(nodes, id))
        counts[id] += amount;
}

// The nodes among which the sweep has still to choose in a slot.
static node_set layer_candidates(const struct layer *layer, struct choice choice)
{
    node_set kept = layer_kept(layer, choice);
    unsigned count = node_set_count(kept);
    if (count == layer->task.wanted)
        return 0;
    return count > layer->task.wanted ? kept : choice.allowed & ~kept;
}

// Who had most gets the quotas that are one greater, so that quotas alone move little.
static void layer_share_out(struct layer *layer)
{
    int32_t members = (int32_t)node_set_count(layer->task.members);
    int32_t total = SLOTS * (int32_t)layer->task.wanted;
    int32_t greater = total % members;
    layer->quota_min = total / members;
    layer->quota_max = layer->quota_min + (greater > 0);
    add_to_all(layer->quota, layer->task.members, layer->quota_min);
    for (node_set left = layer->task.members; greater > 0; greater--) {
        node_id most = node_set_first(left);
        for (node_id id = most; id != NODE_NONE; id = node_set_after(left, id)) {
            if (layer->load[id] > layer->load[most])
                most = id;
        }
        layer->quota[most]++;
        left &= ~node_bit(most);
    }
}

// Keeps what can stay, empties slots that are to be thinned, and counts.
static void layer_keep(struct layer *layer)
{
    for (unsigned slot = 0; slot < SLOTS; slot++)
        add_to_all(layer->load, layer_kept(layer, layer_choice(layer, slot)), 1);
    layer_share_out(layer);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        struct choice choice = layer_choice(layer, slot);
        node_set kept = layer_kept(layer, choice);
        node_set candidates = layer_candidates(layer, choice);
        bool thinned = (candidates & kept) != 0;
        if (thinned)
            add_to_all(layer->load, kept, -1);
        layer_choose(layer, slot, thinned ? 0 : kept);
        add_to_all(layer->open_slots, candidates, 1);
    }
}

// Who is taken in which round: first those that must not miss one more slot if they are to fill
// their quota (from scratch this alone makes quotas exact), then those with room, then anybody.
#define SWEEP_ROUNDS 3

static bool layer_admits(const struct layer *layer, node_id id, unsigned round)
{
    int32_t room = layer->quota[id] - layer->load[id];
    if (round == 0)
        return room > 0 && room >= layer->open_slots[id];
    return room > 0 || round == 2;
}

// Takes up to `missing` of `candidates` in the order of the ring; returns those taken.
static node_set layer_take(struct layer *layer, node_set candidates, unsigned missing,
                           const node_id *order, unsigned count)
{
    node_set taken = 0;
    for (unsigned round = 0; round < SWEEP_ROUNDS; round++) {
        for (unsigned i = 0; i < count && missing > 0; i++) {
            node_id id = order[i];
            if (!node_set_has(candidates & ~taken, id) || !layer_admits(layer, id, round))
                continue;
            taken |= node_bit(id);
            layer->load[id]++;
            missing--;
        }
    }
    return taken;
}

static void layer_fill(struct layer *layer, unsigned slot, const node_id *order, unsigned count)
{
    struct choice choice = layer_choice(layer, slot);
    node_set candidates = layer_candidates(layer, choice);
    if (candidates == 0)
        return;
    node_set by_rank[] = {choice.first, choice.held, choice.allowed};
    node_set chosen = choice.chosen;
    for (unsigned i = 0; i < sizeof by_rank / sizeof by_rank[0]; i++) {
        unsigned missing = layer->task.wanted - node_set_count(chosen);
        node_set offered = candidates & by_rank[i] & ~chosen;
        if (missing > 0 && offered != 0)
            chosen |= layer_take(layer, offered, missing, order, count);
    }
    CHECK(node_set_count(chosen) == layer->task.wanted);
    layer_choose(layer, slot, chosen);
    add_to_all(layer->open_slots, candidates, -1);
}

static void layer_sweep(struct layer *layer, const struct ring *ring)
{
    node_id order[NODES_MAX];
    unsigned next = 0;
    unsigned count = ring_walk(ring, next, order);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        unsigned passed = next;
        while (next < ring->count && ring->points[next].slot < slot)
            next++;
        if (next != passed)
            count = ring_walk(ring, next, order);
        layer_fill(layer, slot, order, count);
    }
}

static bool choice_equal(struct choice a, struct choice b)
{
    return a.allowed == b.allowed && a.chosen == b.chosen && a.first == b.first && a.held == b.held;
}

// How many slots from `slot` on are alike, at least 1, not past the last one.
static unsigned layer_run(const struct layer *layer, unsigned slot)
{
    struct choice choice = layer_choice(layer, slot);
    unsigned end = slot + 1;
    while (end < SLOTS && choice_equal(choice, layer_choice(layer, end)))
        end++;
    return end - slot;
}

// Counts `slots` more (or fewer) slots that allow what `choice` allows.
static void layer_count(struct layer *layer, struct choice choice, int32_t slots)
{
    node_set others = choice.allowed & ~choice.chosen;
    for (node_id from = node_set_first(choice.chosen); from != NODE_NONE;
         from = node_set_after(choice.chosen, from)) {
        for (node_id to = node_set_first(others); to != NODE_NONE;
             to = node_set_after(others, to)) {
            uint16_t *movable = &layer->movable[from][to][layer_kind(layer, choice, from, to)];
            *movable = (uint16_t)(*movable + slots);
        }
    }
}

// Puts `to` in the place of `from` in `amount` slots where that is a move of this kind; there are
// as many. Begins at a run near a point of `to` on the ring and takes whole runs, to split at most
// one.
static void layer_move(struct layer *layer, node_id from, node_id to, unsigned kind, int32_t amount)
{
    unsigned start = ring_slot(to, 0);
    if (start > 0 && choice_equal(layer_choice(layer, start - 1), layer_choice(layer, start)))
        start += layer_run(layer, start);
    layer->load[from] -= amount;
    layer->load[to] += amount;
    unsigned length = 1;
    for (unsigned passed = 0; amount > 0; passed += length) {
        CHECK(passed < SLOTS);
        unsigned slot = (start + passed) % SLOTS;
        struct choice choice = layer_choice(layer, slot);
        length = 1;
        if (!node_set_has(choice.chosen, from) ||
            !node_set_has(choice.allowed & ~choice.chosen, to) ||
            layer_kind(layer, choice, from, to) != kind)
            continue;
        length = layer_run(layer, slot);
        int32_t taken = smaller((int32_t)length, amount);
        layer_count(layer, choice, -taken);
        choice.chosen = (choice.chosen & ~node_bit(from)) | node_bit(to);
        layer_count(layer, choice, taken);
        for (unsigned i = 0; i < (unsigned)taken; i++)
            layer_choose(layer, slot + i, choice.chosen);
        amount -= taken;
    }
}

// The cheapest kind of move that some slot allows, MOVE_KINDS when none does.
static unsigned layer_cheapest_kind(const struct layer *layer, node_id from, node_id to)
{
    unsigned kind = 0;
    while (kind < MOVE_KINDS && layer->movable[from][to][kind] == 0)
        kind++;
    return kind;
}

// How often a hop can be taken at its cost.
static int32_t layer_hop_room(const struct layer *layer, node_id from, node_id to)
{
    if (from == HUB)
        return layer->quota[to] - layer->quota_min;
    if (to == HUB)
        return layer->quota_max - layer->quota[from];
    unsigned kind = layer_cheapest_kind(layer, from, to);
    return kind < MOVE_KINDS ? layer->movable[from][to][kind] : 0;
}

static int32_t layer_hop_cost(const struct layer *layer, node_id from, node_id to)
{
    if (from == HUB || to == HUB)
        return layer_hop_room(layer, from, to) > 0 ? 1 : FAR;
    unsigned kind = layer_cheapest_kind(layer, from, to);
    if (kind == MOVE_KINDS)
        return FAR;
    // Ranks are 0, 1, 2 or 3 = 2 + 1, so their differences can be taken apart again.
    int32_t ranks = (int32_t)kind - RANK_NEW;
    int32_t most = ranks / 2;
    int32_t next = ranks % 2;
    return (most * COST_SCALE + next) * COST_SCALE + 1;
}

// What is known of the cheapest paths from nodes that are over their quotas, by node id.
struct reach {
    int32_t distance[VERTICES_MAX]; // FAR: not reached
    node_id previous[VERTICES_MAX]; // itself where paths begin
};

// True when going on from `from` made some distance less.
static bool layer_relax(const struct layer *layer, node_id from, struct reach *reach)
{
    bool changed = false;
    node_set left = layer->task.members & ~node_bit(from);
    node_id to = from == HUB ? node_set_first(left) : HUB;
    do {
        int32_t cost = layer_hop_cost(layer, from, to);
        if (cost != FAR && reach->distance[from] + cost < reach->distance[to]) {
            reach->distance[to] = reach->distance[from] + cost;
            reach->previous[to] = from;
            changed = true;
        }
        to = node_set_after(left, to);
    } while (to != NODE_NONE);
    return changed;
}

// Bellman and Ford over the hub and the members, from all nodes over their quotas at once: there
// are hops of negative cost, but no cycles of negative cost.
static void layer_reach(const struct layer *layer, struct reach *reach)
{
    for (unsigned id = 0; id < VERTICES_MAX; id++) {
        reach->distance[id] = layer->load[id] > layer->quota[id] ? 0 : FAR;
        reach->previous[id] = (node_id)id;
    }
    bool changed = true;
    for (unsigned round = 0; changed; round++) {
        CHECK(round <= VERTICES_MAX);
        changed = false;
        for (unsigned id = 0; id < VERTICES_MAX; id++) {
            if (reach->distance[id] != FAR && layer_relax(layer, (node_id)id, reach))
                changed = true;
        }
    }
}

// The cheapest to reach of the nodes that are under their quotas.
static node_id layer_nearest(const struct layer *layer, const struct reach *reach)
{
    node_id nearest = NODE_NONE;
    for (node_id id = 1; id <= NODES_MAX; id++) {
        if (layer->load[id] < layer->quota[id] &&
            (nearest == NODE_NONE || reach->distance[id] < reach->distance[nearest]))
            nearest = id;
    }
    CHECK(nearest != NODE_NONE && reach->distance[nearest] != FAR);
    return nearest;
}

static bool layer_balanced(const struct layer *layer)
{
    for (node_id id = 1; id <= NODES_MAX; id++) {
        if (layer->load[id] != layer->quota[id])
            return false;
    }
    return true;
}

// Some node must be over its quota (then another is under it).
static void layer_find_path(const struct layer *layer, struct path *path)
{
    struct reach reach;
    layer_reach(layer, &reach);
    path->count = 0;
    node_id id = layer_nearest(layer, &reach);
    path->vertices[path->count++] = id;
    while (reach.previous[id] != id) {
        CHECK(path->count < VERTICES_MAX);
        id = reach.previous[id];
        path->vertices[path->count++] = id;
    }
}

// Takes the path as often as its ends need and its hops allow. Moving along one hop takes no slot
// from another hop of the same path: a slot that has u and not v still does after the move of
// another pair.
static void layer_take_path(struct layer *layer, const struct path *path)
{
    node_id last = path->vertices[0];
    node_id first = path->vertices[path->count - 1];
    int32_t amount =
        smaller(layer->load[first] - layer->quota[first], layer->quota[last] - layer->load[last]);
    unsigned kinds[VERTICES_MAX];
    for (unsigned i = path->count - 1; i > 0; i--) {
        node_id from = path->vertices[i];
        node_id to = path->vertices[i - 1];
        amount = smaller(amount, layer_hop_room(layer, from, to));
        kinds[i] = layer_cheapest_kind(layer, from, to);
    }
    CHECK(amount > 0);
    for (unsigned i = path->count - 1; i > 0; i--) {
        node_id from = path->vertices[i];
        node_id to = path->vertices[i - 1];
        if (from == HUB)
            layer->quota[to] -= amount;
        else if (to == HUB)
            layer->quota[from] += amount;
        else
            layer_move(layer, from, to, kinds[i], amount);
    }
}

static void layer_balance(struct layer *layer)
{
    for (unsigned slot = 0, length = 0; slot < SLOTS; slot += length) {
        length = layer_run(layer, slot);
        layer_count(layer, layer_choice(layer, slot), (int32_t)length);
    }
    // Each path takes at least one choice from a node that has too many.
    for (unsigned taken = 0; !layer_balanced(layer); taken++) {
        CHECK(taken < SLOTS * NODES_MAX);
        struct path path;
        layer_find_path(layer, &path);
        layer_take_path(layer, &path);
    }
}

static void layer_solve(const struct layer_task *task, const struct ring *ring)
{
    struct layer layer = {.task = *task};
    layer_keep(&layer);
    layer_sweep(&layer, ring);
    layer_balance(&layer);
}

void placement_compute(enum strategy strategy, uint8_t replication_factor, node_set members,
                       const struct placement *before, struct placement *out)
{
    CHECK(replication_factor >= 1 || strategy == STRATEGY_FULL);
    CHECK(before != out);
    memset(out, 0, sizeof *out);
    if (members == 0)
        return;
    unsigned count = node_set_count(members);
    bool everywhere = strategy == STRATEGY_FULL || replication_factor > count;
    struct ring ring;
    ring_init(&ring, members);
    struct layer_task task = {.before = before,
                              .out = out,
                              .members = members,
                              .wanted = everywhere ? count : replication_factor};
    layer_solve(&task, &ring);
    task.of_primaries = true;
    task.wanted = 1;
    layer_solve(&task, &ring);
}
