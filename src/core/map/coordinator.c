#include "core/map/coordinator.h"

#include "base/hash.h"
#include "core/map/map_step.h"
#include "core/map/next_map.h"
#include "core/map/suspects.h"

enum {
    TRY_AGAIN_US = 5 * 1000,
    LOOK_AGAIN_US = 500 * 1000, // for what could not be fulfilled, and is wished again
    HEARD_AGE_MAX_US = 700 * 1000,
    SURE_AFTER_US = 300 * 1000, // longer than a member is silent
    REPORT_AGE_MAX_US = 1000 * 1000,
    BACK_AGE_MAX_US = 450 * 1000,      // who asked for a lease this recently is back
    STAND_IN_US = 400 * 1000,          // each voter waits this much longer than the one before it
    HOLD_US = 500 * 1000,              // down for this long after a second fall, then doubling
    FALL_MEMORY_US = 60 * 1000 * 1000, // falls before this are forgotten
    FALLS_MAX = 6
};

void coordinator_init(struct coordinator *coordinator, uint64_t repair_delay_ms)
{
    memset(coordinator, 0, sizeof *coordinator);
    coordinator->look = true;
    coordinator->repair_delay_us = repair_delay_ms * 1000;
}

void coordinator_release(struct coordinator *coordinator)
{
    prefixes_release(&coordinator->prefixes);
}

// A member that falls again and again, as over a link that comes and goes, stays down longer each
// time.
static void note_fall(struct coordinator *coordinator, node_id id, uint64_t now_us)
{
    if (now_us >= coordinator->held_until_us[id] + FALL_MEMORY_US)
        coordinator->falls[id] = 0;
    unsigned falls = coordinator->falls[id];
    coordinator->held_until_us[id] = falls == 0 ? now_us : now_us + ((uint64_t)HOLD_US << falls);
    coordinator->falls[id] += falls < FALLS_MAX;
}

// What was reported, or happened, to another process or in another state says nothing of this one.
static void see_member(struct coordinator *coordinator, const struct map_node *node)
{
    struct member_seen *seen = &coordinator->seen[node->id];
    bool same_store = seen->store_id == node->store_id;
    if (!same_store || seen->incarnation != node->incarnation || seen->state != node->state)
        for (unsigned voter = 1; voter <= NODES_MAX; voter++)
            coordinator->lapsed[voter] &= ~node_bit(node->id);
    if (!same_store) {
        coordinator->falls[node->id] = 0;
        coordinator->held_until_us[node->id] = 0;
        coordinator->lapsed[node->id] = 0;
    }
    *seen = (struct member_seen){.store_id = node->store_id,
                                 .incarnation = node->incarnation,
                                 .state = node->state,
                                 .heard_incarnation = same_store ? seen->heard_incarnation : 0,
                                 .restarted_us = same_store ? seen->restarted_us : 0};
}

void coordinator_on_map(struct coordinator *coordinator, const struct cluster_map *map,
                        uint64_t now_us)
{
    node_set down = cluster_map_in_state(map, NODE_DOWN);
    wants_clear(&coordinator->wants);
    coordinator->wants_hash = 0;
    prefixes_on_map(&coordinator->prefixes, map);
    coordinator->look = true;
    coordinator->due_us = 0;
    for (unsigned i = 0; i < map->node_count; i++)
        see_member(coordinator, &map->nodes[i]);
    for (node_id id = 1; id <= NODES_MAX; id++) {
        bool is_down = node_set_has(down, id);
        if (is_down && coordinator->down_us[id] == 0) {
            coordinator->down_us[id] = now_us;
            note_fall(coordinator, id, now_us);
        } else if (!is_down) {
            coordinator->down_us[id] = 0;
        }
    }
}

void coordinator_on_heard(struct coordinator *coordinator, node_id member, uint64_t now_us)
{
    coordinator->heard_us[member] = now_us;
    coordinator->look |= node_set_has(coordinator->spared, member);
}

void coordinator_on_restarted(struct coordinator *coordinator, node_id member, uint64_t incarnation,
                              uint64_t now_us)
{
    struct member_seen *seen = &coordinator->seen[member];
    if (incarnation <= seen->heard_incarnation)
        return;
    seen->heard_incarnation = incarnation;
    seen->restarted_us = now_us;
}

void coordinator_on_lapsed(struct coordinator *coordinator, node_id voter, node_set lapsed,
                           uint64_t now_us)
{
    coordinator->lapsed[voter] = lapsed;
    coordinator->reported_us[voter] = now_us;
}

// From when on who is heard was not lost together with the suspects that ask to be named: what was
// on its way when power was lost is read before, and so is the first word of who is back.
static uint64_t sure_from_us(struct coordinator *coordinator, const struct cluster_map *map,
                             uint64_t now_us)
{
    const struct wants *wants = &coordinator->wants;
    uint64_t from_us = 0;
    for (unsigned i = 0; i < wants->admit_count; i++) {
        node_id id = suspects_who_asks(map, &wants->admits[i]);
        if (id == NODE_NONE)
            continue;
        coordinator_on_restarted(coordinator, id, wants->admits[i].incarnation, now_us);
        uint64_t sure_us = coordinator->seen[id].restarted_us + SURE_AFTER_US;
        from_us = sure_us > from_us ? sure_us : from_us;
    }
    return from_us;
}

// Members that were not heard for long, and those whose release did not come: asking all others to
// release would stop them for nothing.
static node_set out_of_hearing(struct coordinator *coordinator, struct agreement *agreement,
                               uint64_t now_us)
{
    node_set others = cluster_map_members(&agreement->map) & ~node_bit(agreement_self(agreement));
    node_set missed = agreement_take_missed(agreement);
    uint64_t sure_us = sure_from_us(coordinator, &agreement->map, now_us);
    node_set spared = 0;
    for (node_id id = node_set_first(others); id != NODE_NONE; id = node_set_after(others, id)) {
        uint64_t heard_us = coordinator->heard_us[id];
        if (node_set_has(missed, id))
            coordinator->heard_us[id] = heard_us = 0;
        if (heard_us == 0 || now_us >= heard_us + HEARD_AGE_MAX_US || heard_us < sure_us ||
            coordinator->seen[id].heard_incarnation > coordinator->seen[id].incarnation)
            spared |= node_bit(id);
    }
    // This node too, before a map names its process.
    if (!agreement_is_named(agreement))
        spared |= node_bit(agreement_self(agreement));
    return spared;
}

void coordinator_on_wants(struct coordinator *coordinator, struct slice bytes)
{
    struct buf gathered;
    enum err error = wants_decode(bytes, &coordinator->wants);
    buf_init(&gathered, MESSAGE_BYTES_MAX);
    wants_encode(&gathered, &coordinator->wants);
    uint64_t hash = hash64(buf_slice(&gathered), 0);
    buf_release(&gathered);
    coordinator->look |= error == ERR_OK && hash != coordinator->wants_hash;
    coordinator->told_again |= error == ERR_OK;
    coordinator->wants_hash = hash;
}

// --- who may lack what it had reported

// Asks those for what they have whom the next map could not name without it.
static void ask_suspects(struct coordinator *coordinator, const struct agreement *agreement,
                         struct effects *effects, uint64_t now_us)
{
    const struct cluster_map *map = &agreement->map;
    const struct wants *wants = &coordinator->wants;
    node_set suspects = suspects_of(map, wants);
    if (suspects == 0)
        return;
    suspects &= ~suspects_admissible(map, wants, suspects_holders(map, wants, coordinator->spared));
    for (unsigned i = 0; i < wants->admit_count; i++) {
        node_id id = suspects_who_asks(map, &wants->admits[i]);
        if (id != NODE_NONE && node_set_has(suspects, id))
            prefixes_pull(&coordinator->prefixes, effects, map, id, wants->admits[i].incarnation,
                          now_us);
    }
}

void coordinator_on_prefix(struct coordinator *coordinator, const struct agreement *agreement,
                           struct effects *effects, uint64_t peer, const struct message *message,
                           uint64_t now_us)
{
    coordinator->look |=
        prefixes_on_told(&coordinator->prefixes, effects, &agreement->map, peer, message, now_us);
}

// --- who is silent, who is back

// What this voter sees itself, or another one has reported lately: whom it has not heard.
static node_set lapsed_at(const struct coordinator *coordinator, const struct agreement *agreement,
                          node_id voter, uint64_t now_us)
{
    uint64_t reported_us = coordinator->reported_us[voter];
    if (voter == agreement_self(agreement))
        return grants_lapsed(&agreement->grants, &agreement->map, now_us);
    bool fresh = reported_us != 0 && now_us < reported_us + REPORT_AGE_MAX_US;
    return fresh ? coordinator->lapsed[voter] : 0;
}

// The members whose leases have lapsed at a majority of voters.
static node_set lapsed_at_most(const struct coordinator *coordinator,
                               const struct agreement *agreement, uint64_t now_us)
{
    node_set voters = agreement->map.voters;
    unsigned votes[NODES_MAX + 1] = {0};
    node_set silent = 0;
    for (node_id voter = node_set_first(voters); voter != NODE_NONE;
         voter = node_set_after(voters, voter)) {
        node_set lapsed = lapsed_at(coordinator, agreement, voter, now_us);
        for (node_id id = node_set_first(lapsed); id != NODE_NONE; id = node_set_after(lapsed, id))
            if (2 * ++votes[id] > node_set_count(voters))
                silent |= node_bit(id);
    }
    return silent;
}

static bool is_back(const struct coordinator *coordinator, const struct agreement *agreement,
                    node_id id, uint64_t now_us)
{
    uint64_t asked_us = agreement->grants.heard_us[id];
    return asked_us != 0 && now_us < asked_us + BACK_AGE_MAX_US &&
           now_us >= coordinator->held_until_us[id];
}

static struct wants_fate fate_of_members(const struct coordinator *coordinator,
                                         const struct agreement *agreement, uint64_t now_us)
{
    struct wants_fate fate = {0};
    node_set silent = lapsed_at_most(coordinator, agreement, now_us);
    for (unsigned i = 0; i < agreement->map.node_count; i++) {
        const struct map_node *node = &agreement->map.nodes[i];
        node_set bit = node_bit(node->id);
        if (node->state == NODE_UP)
            fate.down |= silent & bit;
        else if (node->state == NODE_DOWN && (silent & bit) == 0 &&
                 is_back(coordinator, agreement, node->id, now_us))
            fate.up |= bit;
        else if (node->state == NODE_DOWN && !node->replaced &&
                 now_us >= coordinator->down_us[node->id] + coordinator->repair_delay_us)
            fate.repair |= bit;
    }
    return fate;
}

void coordinator_watch(struct coordinator *coordinator, const struct agreement *agreement,
                       uint64_t now_us)
{
    struct wants_fate fate = {0};
    if (agreement_is_voter(agreement))
        fate = fate_of_members(coordinator, agreement, now_us);
    bool any = (fate.down | fate.up | fate.repair) != 0;
    bool same = fate.down == coordinator->due.down && fate.up == coordinator->due.up &&
                fate.repair == coordinator->due.repair;
    coordinator->due = fate;
    if (!any)
        coordinator->due_us = 0;
    else if (coordinator->due_us == 0)
        coordinator->due_us = now_us;
    coordinator->look |= any && !same;
}

// --- proposing

node_id coordinator_rank(const struct cluster_map *map, unsigned attempt)
{
    node_set ready = map->voters & ~cluster_map_in_state(map, NODE_DOWN);
    node_set ranked = ready != 0 ? ready : map->voters;
    return ranked == 0 ? NODE_NONE : node_set_nth(ranked, attempt % node_set_count(ranked));
}

// How many voters come before this one (all others before one that is down): the first acts at
// once, each next one when it was left undone for longer.
static unsigned voters_before(const struct agreement *agreement, uint64_t now_us)
{
    const struct cluster_map *map = &agreement->map;
    node_id self = agreement_self(agreement);
    node_set away = grants_lapsed(&agreement->grants, map, now_us) & ~node_bit(self);
    away |= cluster_map_in_state(map, NODE_DOWN);
    node_set ahead = node_set_has(away, self) ? ~node_bit(self) : node_bit(self) - 1;
    return node_set_count(map->voters & ~away & ahead);
}

// Whether others could go on somewhere if this member were taken down.
static bool others_go_on(const struct cluster_map *map, node_id id)
{
    node_set others = cluster_map_live(map) & ~node_bit(id);
    for (unsigned i = 0; i < map->keyspace_count; i++)
        for (unsigned j = 0; j < map->keyspaces[i].set_count; j++) {
            const struct replica_set *set = &map->keyspaces[i].sets[j];
            bool named = node_set_has(set->in_sync | set->joining, id);
            if (named && (set->in_sync & others) != 0)
                return true;
        }
    return false;
}

// One member that does not acknowledge: the one that most others report, and of equals the highest,
// so that of two that report each other one stays.
static node_set most_stuck(const struct cluster_map *map, const struct wants *wants)
{
    node_id chosen = NODE_NONE;
    unsigned most = 0;
    for (unsigned i = 0; i < map->node_count; i++) {
        node_id id = map->nodes[i].id;
        unsigned reporters = node_set_count(wants->stuck_by[id]);
        if (map->nodes[i].state != NODE_UP || reporters == 0 || reporters < most ||
            !others_go_on(map, id))
            continue;
        most = reporters;
        chosen = id;
    }
    return node_bit(chosen);
}

static void look_for_next(struct coordinator *coordinator, struct agreement *agreement,
                          struct effects *effects, uint64_t now_us)
{
    struct cluster_map next;
    struct wants *wants = &coordinator->wants;
    cluster_map_init(&next);
    coordinator->look = false;
    coordinator->told_again = false;
    coordinator->looked_us = now_us;
    coordinator->spared = out_of_hearing(coordinator, agreement, now_us);
    wants->spared = coordinator->spared;
    wants->fate = coordinator->due;
    wants->fate.down |= wants->stopping | most_stuck(&agreement->map, wants);
    wants->fate.up &= ~wants->fate.down;
    wants->prefixes = &coordinator->prefixes;
    if (!next_map_compute(&agreement->map, wants, &next))
        return;
    agreement_propose(agreement, effects, now_us, &next, wants->fate.down, wants->spared);
    cluster_map_release(&next);
    // If it comes to nothing, the wishes are still here.
    coordinator->look = true;
}

void coordinator_tick(struct coordinator *coordinator, struct agreement *agreement,
                      struct effects *effects, uint64_t now_us)
{
    bool again = coordinator->told_again && now_us >= coordinator->looked_us + LOOK_AGAIN_US;
    if ((!coordinator->look && !again) || !agreement_is_voter(agreement))
        return;
    ask_suspects(coordinator, agreement, effects, now_us);
    unsigned before = voters_before(agreement, now_us);
    bool asked = !wants_empty(&coordinator->wants);
    uint64_t stand_in_us = coordinator->due_us + before * (uint64_t)STAND_IN_US;
    if (before > 0 && !asked && (coordinator->due_us == 0 || now_us < stand_in_us)) {
        if (coordinator->due_us != 0)
            effects_wake(effects, stand_in_us);
        return;
    }
    if (agreement_can_propose(agreement, now_us))
        look_for_next(coordinator, agreement, effects, now_us);
    else
        effects_wake(effects, now_us + TRY_AGAIN_US);
}
