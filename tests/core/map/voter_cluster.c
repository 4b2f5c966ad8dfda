#include "voter_cluster.h"

#include "base/check.h"
#include "core/map/map_step.h"
#include "map_fixture.h"

// Delays in microseconds; chances as "one in".
enum {
    DELAY_CALM_US = 2 * 1000,
    DELAY_FAULTY_US = 40 * 1000,
    SYNC_CALM_US = 3 * 1000,
    SYNC_FAULTY_US = 30 * 1000,
    ACT_EVERY_US = 15 * 1000,
    LOSS = 8,
    REPEAT = 8,
    LATE = 3,
    CUT_LASTS = 6,
    VOTERS_CHANGE = 4,
    LEASE_MS = 150,
    ASK_EVERY_US = 30 * 1000,
    CLOCK_START_US_MAX = 10 * 1000 * 1000,
    BATCHES_HIGH = DISK_BATCHES_MAX / 2
};

static uint64_t below(struct voter_cluster *cluster, uint64_t bound)
{
    return rng_below(&cluster->rng, bound);
}

static uint64_t epoch_of(const struct machine *machine)
{
    return machine->agreement.map.epoch;
}

// What a machine's own clock shows at a time.
static uint64_t clock_at(const struct machine *machine, uint64_t at_us)
{
    int64_t gained = (int64_t)at_us * machine->rate_ppm / 1000000;
    return (uint64_t)((int64_t)(machine->clock_start_us + at_us) + gained);
}

static uint64_t clock_now(const struct voter_cluster *cluster, struct machine *machine)
{
    machine->agreement.lease.now_us = clock_at(machine, cluster->now_us);
    return machine->agreement.lease.now_us;
}

// The time at which a machine's clock will show this, not before it does.
static uint64_t time_of(const struct machine *machine, uint64_t clock_us)
{
    if (clock_us == UINT64_MAX || clock_us < machine->clock_start_us)
        return clock_us == UINT64_MAX ? UINT64_MAX : 0;
    uint64_t at_us = clock_us - machine->clock_start_us;
    at_us = (uint64_t)((int64_t)at_us - (int64_t)at_us * machine->rate_ppm / 1000000);
    while (clock_at(machine, at_us) < clock_us)
        at_us++;
    return at_us;
}

// PEER_SEED is nobody here; MACHINES_MAX for a stranger.
static unsigned machine_of_store(const struct voter_cluster *cluster, uint64_t store_id)
{
    for (unsigned i = 0; i < cluster->machine_count; i++)
        if (cluster->machines[i].identity.store_id == store_id)
            return i;
    return MACHINES_MAX;
}

// Whether the process that `node` names, if it still runs, does not serve in `epoch` any more.
static bool has_released(const struct voter_cluster *cluster, const struct map_node *node,
                         uint64_t epoch, const struct machine *learner, bool learner_released)
{
    unsigned index = machine_of_store(cluster, node->store_id);
    CHECK(index < MACHINES_MAX);
    const struct machine *machine = &cluster->machines[index];
    if (!machine->up || machine->identity.incarnation != node->incarnation)
        return true;
    if (machine == learner)
        return learner_released;
    if (epoch_of(machine) == epoch && machine->agreement.releasing)
        return true;
    struct lease lease = machine->agreement.lease;
    lease.now_us = clock_at(machine, cluster->now_us);
    return !lease_is_held(&lease);
}

static void check_first(struct voter_cluster *cluster, const struct machine *learner,
                        bool learner_released)
{
    const struct cluster_map *next = &learner->agreement.map;
    struct cluster_map base;
    cluster_map_init(&base);
    CHECK(next->epoch < EPOCHS_MAX && next->epoch == cluster->epoch_max + 1);
    enum err error = cluster_map_decode(buf_slice(&cluster->decided[next->epoch - 1]), &base);
    CHECK(error == ERR_OK && map_step_check(&base, next) == ERR_OK);
    node_set restricted = map_step_restricted(&base, next);
    for (unsigned i = 0; i < base.node_count; i++)
        if (node_set_has(restricted, base.nodes[i].id))
            cluster->violated |=
                !has_released(cluster, &base.nodes[i], base.epoch, learner, learner_released);
    cluster_map_release(&base);
}

static void note_map(struct voter_cluster *cluster, const struct machine *learner,
                     bool learner_released)
{
    uint64_t epoch = epoch_of(learner);
    struct buf bytes;
    buf_init(&bytes, CLUSTER_MAP_BYTES_MAX);
    cluster_map_encode(&bytes, &learner->agreement.map);
    if (epoch <= cluster->epoch_max) {
        cluster->violated |= !slice_equal(buf_slice(&bytes), buf_slice(&cluster->decided[epoch]));
    } else {
        check_first(cluster, learner, learner_released);
        cluster->epoch_max = epoch;
        buf_append_slice(&cluster->decided[epoch], buf_slice(&bytes));
    }
    buf_release(&bytes);
}

static void check_synced(struct machine *machine, const struct message *message)
{
    if (message->kind != MESSAGE_PROMISE && message->kind != MESSAGE_ACCEPTED)
        return;
    bool promise = message->kind == MESSAGE_PROMISE;
    struct ballot ballot = {
        .counter = promise ? message->promise.counter : message->accepted.counter,
        .store_id = promise ? message->promise.store_id : message->accepted.store_id,
        .incarnation = promise ? message->promise.incarnation : message->accepted.incarnation};
    struct store store = small_disk_store(&machine->disk);
    struct acceptor_state state;
    enum err error = voter_store_acceptor(&store, &state);
    CHECK(error == ERR_OK && state.base_epoch == message->epoch);
    CHECK(ballot_compare(&state.promised, &ballot) >= 0);
    CHECK(promise || ballot_compare(&state.accepted, &ballot) >= 0);
}

static void add_packet(struct voter_cluster *cluster, unsigned from, unsigned to,
                       struct slice bytes)
{
    bool late = cluster->faulty && rng_one_in(&cluster->rng, LATE);
    if (cluster->packet_count == PACKETS_MAX)
        return;
    struct packet *packet = &cluster->packets[cluster->packet_count++];
    packet->from = from;
    packet->to = to;
    packet->due_us = cluster->now_us + 1 + below(cluster, late ? DELAY_FAULTY_US : DELAY_CALM_US);
    buf_init(&packet->bytes, CLUSTER_MAP_BYTES_MAX + 1024);
    buf_append_slice(&packet->bytes, bytes);
}

static void send(struct voter_cluster *cluster, unsigned from, const struct effect_send *sent)
{
    struct machine *machine = &cluster->machines[from];
    struct slice bytes = effects_bytes(&machine->effects, sent->message);
    struct message message;
    unsigned to = machine_of_store(cluster, sent->peer);
    enum err error = message_decode(bytes, &message);
    CHECK(error == ERR_OK && to < MACHINES_MAX);
    check_synced(machine, &message);
    bool cut = from != to && (machine->cut >> to & 1) != 0;
    if (cut || (cluster->faulty && from != to && rng_one_in(&cluster->rng, LOSS)))
        return;
    add_packet(cluster, from, to, bytes);
    if (cluster->faulty && rng_one_in(&cluster->rng, REPEAT))
        add_packet(cluster, from, to, bytes);
}

static void plan_sync(struct voter_cluster *cluster, struct machine *machine)
{
    uint64_t longest = cluster->faulty ? SYNC_FAULTY_US : SYNC_CALM_US;
    if (machine->disk.batch_count == 0)
        machine->sync_us = UINT64_MAX;
    else if (machine->disk.batch_count >= BATCHES_HIGH)
        machine->sync_us = cluster->now_us;
    else if (machine->sync_us == UINT64_MAX)
        machine->sync_us = cluster->now_us + below(cluster, longest);
}

// Carries out what a step of this machine asked for.
static void settle(struct voter_cluster *cluster, unsigned index, uint64_t epoch_before,
                   bool released_before)
{
    struct machine *machine = &cluster->machines[index];
    if (epoch_of(machine) != epoch_before)
        note_map(cluster, machine, released_before);
    small_disk_hand_over(&machine->disk, &machine->effects);
    for (size_t i = 0; i < machine->effects.send_count; i++)
        send(cluster, index, &machine->effects.sends[i]);
    uint64_t wake_us = time_of(machine, machine->effects.wake_us);
    if (wake_us < machine->wake_us)
        machine->wake_us = wake_us > cluster->now_us ? wake_us : cluster->now_us;
    effects_clear(&machine->effects);
    plan_sync(cluster, machine);
}

static void start(struct voter_cluster *cluster, unsigned index)
{
    struct machine *machine = &cluster->machines[index];
    struct store store = small_disk_store(&machine->disk);
    struct acceptor_state acceptor;
    struct cluster_map map;
    effects_init(&machine->effects);
    cluster_map_init(&map);
    machine->identity.incarnation++;
    voter_store_put_identity(&machine->effects, &machine->identity);
    small_disk_apply(&machine->disk, &machine->effects);
    effects_clear(&machine->effects);
    enum err error = voter_store_map(&store, &map);
    CHECK(error == ERR_OK || error == ERR_NOT_FOUND);
    error = voter_store_acceptor(&store, &acceptor);
    CHECK(error == ERR_OK || error == ERR_NOT_FOUND);
    agreement_init(&machine->agreement, &machine->identity, &map,
                   error == ERR_OK ? &acceptor : NULL, rng_u64(&cluster->rng),
                   clock_at(machine, cluster->now_us));
    machine->effects.epoch = epoch_of(machine);
    machine->effects.incarnation = machine->identity.incarnation;
    machine->wake_us = cluster->now_us;
    machine->sync_us = UINT64_MAX;
    machine->up = true;
}

static void crash(struct voter_cluster *cluster, unsigned index)
{
    struct machine *machine = &cluster->machines[index];
    small_disk_crash(&machine->disk, (unsigned)below(cluster, machine->disk.batch_count + 1));
    agreement_release(&machine->agreement);
    effects_release(&machine->effects);
    machine->up = false;
    machine->wake_us = UINT64_MAX;
    machine->sync_us = UINT64_MAX;
}

static void deliver(struct voter_cluster *cluster, unsigned index, unsigned from,
                    struct slice bytes)
{
    struct machine *machine = &cluster->machines[index];
    uint64_t peer = cluster->machines[from].identity.store_id;
    uint64_t epoch = epoch_of(machine);
    bool released = machine->agreement.releasing;
    uint64_t now_us = clock_now(cluster, machine);
    struct message message;
    enum err error = message_decode(bytes, &message);
    CHECK(error == ERR_OK);
    if (message.epoch > epoch)
        agreement_ask_map(&machine->agreement, &machine->effects, now_us, peer);
    else if (message.epoch < epoch && message.kind != MESSAGE_MAP &&
             message.kind != MESSAGE_MAP_WANT)
        agreement_send_map(&machine->agreement, &machine->effects, peer);
    if (message.kind != MESSAGE_PING)
        agreement_on_message(&machine->agreement, &machine->effects, now_us, peer, &message);
    settle(cluster, index, epoch, released);
}

static void deliver_packet(struct voter_cluster *cluster, unsigned at)
{
    struct packet packet = cluster->packets[at];
    cluster->packets[at] = cluster->packets[--cluster->packet_count];
    if (cluster->machines[packet.to].up)
        deliver(cluster, packet.to, packet.from, buf_slice(&packet.bytes));
    buf_release(&packet.bytes);
}

static void sync_some(struct voter_cluster *cluster, unsigned index)
{
    struct machine *machine = &cluster->machines[index];
    uint64_t token = 0;
    for (uint64_t left = 1 + below(cluster, 4); left > 0 && machine->disk.batch_count > 0; left--)
        token = small_disk_sync(&machine->disk);
    machine->sync_us = UINT64_MAX;
    clock_now(cluster, machine);
    agreement_on_synced(&machine->agreement, &machine->effects, token);
    settle(cluster, index, epoch_of(machine), machine->agreement.releasing);
}

static void tick(struct voter_cluster *cluster, unsigned index)
{
    struct machine *machine = &cluster->machines[index];
    uint64_t now_us = clock_now(cluster, machine);
    machine->wake_us = UINT64_MAX;
    agreement_tick(&machine->agreement, &machine->effects, now_us);
    CHECK(machine->effects.wake_us > now_us);
    if (now_us >= machine->asked_us + ASK_EVERY_US) {
        agreement_ask_leases(&machine->agreement, &machine->effects, now_us);
        machine->asked_us = now_us;
    }
    effects_wake(&machine->effects, machine->asked_us + ASK_EVERY_US);
    settle(cluster, index, epoch_of(machine), machine->agreement.releasing);
}

static void admit_restarted(struct voter_cluster *cluster, struct cluster_map *map)
{
    for (unsigned i = 0; i < map->node_count; i++) {
        unsigned index = machine_of_store(cluster, map->nodes[i].store_id);
        map->nodes[i].incarnation = cluster->machines[index].identity.incarnation;
    }
}

static void choose_voters(struct voter_cluster *cluster, struct cluster_map *map)
{
    map->voters = 0;
    unsigned wanted = 1 + 2 * (unsigned)below(cluster, (map->node_count + 1u) / 2);
    while (node_set_count(map->voters) < wanted)
        map->voters |= node_bit((node_id)(1 + below(cluster, map->node_count)));
}

// The victim is taken down, or up again; now and then others vote.
static void change_besieged(struct voter_cluster *cluster, struct cluster_map *map)
{
    struct map_node *node = &map->nodes[cluster->victim];
    if (rng_one_in(&cluster->rng, VOTERS_CHANGE))
        choose_voters(cluster, map);
    else
        node->state = node->state == NODE_UP ? NODE_DOWN : NODE_UP;
}

// Some legal step; in bad times one that may fail nodes or change the voters.
static void change(struct voter_cluster *cluster, struct cluster_map *map)
{
    map->epoch++;
    map->next_keyspace_id += (uint32_t)below(cluster, 1000);
    if (!cluster->faulty || rng_one_in(&cluster->rng, 2))
        admit_restarted(cluster, map);
    if (!cluster->faulty)
        return;
    if (cluster->besieges) {
        change_besieged(cluster, map);
        return;
    }
    struct map_node *node = &map->nodes[below(cluster, map->node_count)];
    static const enum node_state states[] = {NODE_UP, NODE_DOWN, NODE_FAILED};
    if (!rng_one_in(&cluster->rng, 3))
        node->state = states[below(cluster, 3)];
    if (rng_one_in(&cluster->rng, 6))
        choose_voters(cluster, map);
}

static void propose(struct voter_cluster *cluster, unsigned index)
{
    struct machine *machine = &cluster->machines[index];
    uint64_t now_us = clock_now(cluster, machine);
    if (!agreement_can_propose(&machine->agreement, now_us))
        return;
    node_set insisted = rng_one_in(&cluster->rng, 2) ? ~UINT64_C(0) : 0;
    struct cluster_map next;
    cluster_map_init(&next);
    cluster_map_copy(&next, &machine->agreement.map);
    change(cluster, &next);
    agreement_propose(&machine->agreement, &machine->effects, now_us, &next, insisted, 0);
    cluster_map_release(&next);
    settle(cluster, index, epoch_of(machine), machine->agreement.releasing);
}

static void ping(struct voter_cluster *cluster, unsigned index)
{
    struct machine *machine = &cluster->machines[index];
    struct message message = {.kind = MESSAGE_PING};
    for (unsigned i = 0; i < cluster->machine_count; i++)
        if (i != index)
            effects_send(&machine->effects, cluster->machines[i].identity.store_id, 0, &message);
    settle(cluster, index, epoch_of(machine), machine->agreement.releasing);
}

static void set_link(struct voter_cluster *cluster, unsigned other, bool cut)
{
    unsigned there = 1u << other;
    unsigned back = 1u << cluster->victim;
    struct machine *victim = &cluster->machines[cluster->victim];
    victim->cut = cut ? victim->cut | there : victim->cut & ~there;
    cluster->machines[other].cut =
        cut ? cluster->machines[other].cut | back : cluster->machines[other].cut & ~back;
}

// Something happens to the victim, or to another machine.
static void act_besieged(struct voter_cluster *cluster, unsigned index)
{
    uint64_t dice = below(cluster, 20);
    if (dice < 10 && index != cluster->victim)
        propose(cluster, index);
    else if (dice < 13)
        ping(cluster, index);
    else if (dice == 13 && index != cluster->victim)
        crash(cluster, index);
    else if (dice == 14)
        for (unsigned i = 0; i < cluster->machine_count; i++)
            set_link(cluster, i, i != cluster->victim);
    else if (index != cluster->victim)
        set_link(cluster, index, rng_one_in(&cluster->rng, 2));
}

void voter_cluster_besiege(struct voter_cluster *cluster, unsigned victim)
{
    cluster->besieges = true;
    cluster->victim = victim;
}

static void act(struct voter_cluster *cluster)
{
    unsigned index = (unsigned)below(cluster, cluster->machine_count);
    struct machine *machine = &cluster->machines[index];
    cluster->act_us = cluster->now_us + 1 + below(cluster, ACT_EVERY_US);
    if (!machine->up) {
        if (rng_one_in(&cluster->rng, 3))
            start(cluster, index);
        return;
    }
    if (cluster->faulty && cluster->besieges) {
        act_besieged(cluster, index);
        return;
    }
    uint64_t dice = below(cluster, 12);
    if (dice < 6)
        propose(cluster, index);
    else if (dice < 9)
        ping(cluster, index);
    else if (dice == 9 && cluster->faulty && rng_one_in(&cluster->rng, 2))
        crash(cluster, index);
    else if (dice == 10 && cluster->faulty)
        machine->cut = (unsigned)rng_u64(&cluster->rng) & (unsigned)rng_u64(&cluster->rng);
    else if (!cluster->faulty || rng_one_in(&cluster->rng, CUT_LASTS))
        machine->cut = 0;
}

// Carries out the event that is due next, unless it comes after `until_us`.
static bool step(struct voter_cluster *cluster, uint64_t until_us)
{
    enum { SYNC, WAKE, PACKET, ACT } kind = ACT;
    uint64_t due_us = cluster->act_us;
    unsigned which = 0;
    for (unsigned i = 0; i < cluster->packet_count; i++) {
        if (cluster->packets[i].due_us < due_us) {
            due_us = cluster->packets[i].due_us;
            kind = PACKET;
            which = i;
        }
    }
    for (unsigned i = 0; i < cluster->machine_count; i++) {
        struct machine *machine = &cluster->machines[i];
        if (machine->wake_us < due_us) {
            due_us = machine->wake_us;
            kind = WAKE;
            which = i;
        }
        if (machine->sync_us <= due_us && machine->sync_us != UINT64_MAX) {
            due_us = machine->sync_us;
            kind = SYNC;
            which = i;
        }
    }
    if (due_us > until_us)
        return false;
    CHECK(due_us >= cluster->now_us);
    cluster->now_us = due_us;
    if (kind == PACKET)
        deliver_packet(cluster, which);
    else if (kind == WAKE)
        tick(cluster, which);
    else if (kind == SYNC)
        sync_some(cluster, which);
    else
        act(cluster);
    return true;
}

void voter_cluster_run(struct voter_cluster *cluster, uint64_t until_us)
{
    while (step(cluster, until_us))
        continue;
    cluster->now_us = until_us;
}

void voter_cluster_calm(struct voter_cluster *cluster)
{
    cluster->faulty = false;
    for (unsigned i = 0; i < cluster->machine_count; i++) {
        cluster->machines[i].cut = 0;
        if (!cluster->machines[i].up)
            start(cluster, i);
    }
}

bool voter_cluster_knows(const struct voter_cluster *cluster, uint64_t epoch)
{
    for (unsigned i = 0; i < cluster->machine_count; i++)
        if (!cluster->machines[i].up || epoch_of(&cluster->machines[i]) < epoch)
            return false;
    return true;
}

static void write_first_map(struct machine *machine, const struct cluster_map *map)
{
    struct effects effects;
    effects_init(&effects);
    voter_store_put_map(&effects, map);
    small_disk_apply(&machine->disk, &effects);
    effects_release(&effects);
}

void voter_cluster_init(struct voter_cluster *cluster, unsigned machines, unsigned voters,
                        uint64_t seed)
{
    struct cluster_map map;
    memset(cluster, 0, sizeof *cluster);
    rng_init(&cluster->rng, seed);
    cluster_map_init(&map);
    fixture_map(&map, machines, voters);
    map.epoch = 1;
    map.lease_ms = LEASE_MS;
    for (unsigned i = 0; i < EPOCHS_MAX; i++)
        buf_init(&cluster->decided[i], CLUSTER_MAP_BYTES_MAX);
    cluster_map_encode(&cluster->decided[1], &map);
    cluster->epoch_max = 1;
    cluster->machine_count = machines;
    cluster->now_us = 1;
    cluster->act_us = 1;
    for (unsigned i = 0; i < machines; i++) {
        struct machine *machine = &cluster->machines[i];
        small_disk_init(&machine->disk);
        machine->clock_start_us = below(cluster, CLOCK_START_US_MAX);
        machine->rate_ppm =
            (int)below(cluster, 2 * LEASE_DRIFT_PPM_MAX + 1) - (int)LEASE_DRIFT_PPM_MAX;
        machine->identity = (struct identity){.store_id = map.nodes[i].store_id};
        if (i < voters)
            machine->identity.cluster = map.cluster;
        if (i < voters)
            write_first_map(machine, &map);
        start(cluster, i);
    }
    cluster_map_release(&map);
}

void voter_cluster_release(struct voter_cluster *cluster)
{
    for (unsigned i = 0; i < cluster->machine_count; i++) {
        if (cluster->machines[i].up)
            crash(cluster, i);
        small_disk_release(&cluster->machines[i].disk);
    }
    for (unsigned i = 0; i < cluster->packet_count; i++)
        buf_release(&cluster->packets[i].bytes);
    for (unsigned i = 0; i < EPOCHS_MAX; i++)
        buf_release(&cluster->decided[i]);
}
