#include "sim/epidemic_scene.h"

enum {
    MILLISECOND_US = 1000,
    SECOND_US = 1000000,
    DELETES_DRAWN = 11,
    VALUE_BYTES = 24,
    VALUE_BYTES_LARGE = 90 << 10,
    RETENTION_NEVER_MS = 24 * 3600 * 1000,
    EXPIRY_SKEW_MS = 3000,
    PEERS_SEVERAL = 14,
    PEERS_MANY = 64,
    AUDIT_OF_MANY_MS = 20 * 60 * 1000
};

static const char *const fault_names[EPIDEMIC_FAULT_COUNT] = {
#define X(name, text, weight) text,
    EPIDEMIC_FAULT_TABLE(X)
#undef X
};

static const unsigned fault_weights[EPIDEMIC_FAULT_COUNT] = {
#define X(name, text, weight) weight,
    EPIDEMIC_FAULT_TABLE(X)
#undef X
};

static const char *const scene_names[EPIDEMIC_SCENE_COUNT] = {
#define X(name, text, weight) text,
    EPIDEMIC_SCENE_TABLE(X)
#undef X
};

static const unsigned scene_weights[EPIDEMIC_SCENE_COUNT] = {
#define X(name, text, weight) weight,
    EPIDEMIC_SCENE_TABLE(X)
#undef X
};

const char *epidemic_fault_name(enum epidemic_fault_kind kind)
{
    return (unsigned)kind < EPIDEMIC_FAULT_COUNT ? fault_names[kind] : "none";
}

const char *epidemic_scene_name(enum epidemic_scene_kind kind)
{
    return (unsigned)kind < EPIDEMIC_SCENE_COUNT ? scene_names[kind] : "none";
}

static uint64_t draw_between(struct rng *rng, uint64_t least, uint64_t most)
{
    return least + rng_below(rng, most - least + 1);
}

static enum epidemic_scene_kind draw_kind(struct rng *rng)
{
    uint64_t sum = 0;
    unsigned kind = 0;
    for (unsigned i = 0; i < EPIDEMIC_SCENE_COUNT; i++)
        sum += scene_weights[i];
    uint64_t draw = rng_below(rng, sum);
    while (draw >= scene_weights[kind])
        draw -= scene_weights[kind++];
    return (enum epidemic_scene_kind)kind;
}

// Mostly few: they find most of what many find.
static uint32_t draw_peers(struct rng *rng)
{
    uint64_t most = rng_one_in(rng, 40)  ? EPIDEMIC_SCENE_PEERS_MAX
                    : rng_one_in(rng, 5) ? PEERS_SEVERAL
                                         : 6;
    return (uint32_t)draw_between(rng, 2, most);
}

// --- what all scenes have

static void draw_pace(struct epidemic_scene *scene, struct rng *rng)
{
    static const uint64_t sessions_ms[] = {500, 1000, 2000, 5000};
    static const uint64_t rumors_ms[] = {200, 500, 1000};
    static const uint64_t audits_ms[] = {2000, 5000, 20000, 60000};
    static const uint64_t retentions_ms[] = {2000, 5000, 15000, RETENTION_NEVER_MS};
    struct replica_setting *replica = &scene->world.replica;
    replica->rumor_k = (uint32_t)draw_between(rng, 1, 4);
    replica->rumor_ms = rumors_ms[rng_below(rng, 3)];
    replica->anti_entropy_ms = sessions_ms[rng_below(rng, 4)];
    replica->audit_ms = audits_ms[rng_below(rng, 4)];
    replica->retention_ms = retentions_ms[rng_below(rng, 4)];
    replica->stability_ms = rng_one_in(rng, 2) ? 1000 : 3000;
    replica->expiry_skew_ms = EXPIRY_SKEW_MS;
}

// Mostly as sound as connections are: what is repeated or overtaken ends a session, and then little
// else is met.
static struct net_sim_faults draw_net(struct rng *rng)
{
    static const uint64_t chances[] = {1000, 100, 20, 6};
    static const uint64_t delays_us[] = {2000, 20000, 200000, 1500000};
    struct net_sim_faults net = {.delay = {.us_min = 50,
                                           .us_max = delays_us[rng_below(rng, 4)],
                                           .tail_one_in = 5 + rng_below(rng, 50),
                                           .tail_us_max = 2 * SECOND_US}};
    if (!rng_one_in(rng, 4))
        return net;
    net.lose_one_in = chances[rng_below(rng, 4)];
    net.duplicate_one_in = chances[rng_below(rng, 4)];
    net.reorder = rng_one_in(rng, 2);
    return net;
}

static void draw_common(struct epidemic_scene *scene, struct rng *rng, uint32_t peers)
{
    static const uint64_t gaps_us[] = {300 * MILLISECOND_US, SECOND_US, 3 * SECOND_US,
                                       8 * SECOND_US};
    scene->world = (struct epidemic_world_setting){
        .seed = rng_u64(rng),
        .peers = peers > 0 ? peers : draw_peers(rng),
        .keys = (uint32_t)draw_between(rng, 1, rng_one_in(rng, 3) ? 12 : 3),
        .peers_max = 64,
        .contacts = (uint32_t)draw_between(rng, 1, 4),
        .clocks_drift = rng_one_in(rng, 2),
        .replica = replica_setting_default(),
        .net = draw_net(rng),
        .sync = {.us_min = 50,
                 .us_max = 4000,
                 .tail_one_in = rng_one_in(rng, 3) ? 10 : 0,
                 .tail_us_max = SECOND_US},
    };
    draw_pace(scene, rng);
    scene->duration_us = draw_between(rng, 20 * SECOND_US, 90 * SECOND_US);
    scene->gap_us_max = gaps_us[rng_below(rng, 4)];
    scene->short_us = rng_one_in(rng, 2) ? 500 * MILLISECOND_US : 4 * SECOND_US;
    scene->long_us = draw_between(rng, 2 * SECOND_US, 30 * SECOND_US);
    scene->actions = (uint32_t)draw_between(rng, 20, 200);
    scene->deletes_in_ten = DELETES_DRAWN;
    scene->value_bytes_max = VALUE_BYTES;
}

// --- scenes

// Of one kind, of two, or of about half of all.
static void draw_mixed(struct epidemic_scene *scene, struct rng *rng)
{
    uint64_t draw = rng_below(rng, 4);
    for (unsigned i = 0; i < EPIDEMIC_FAULT_COUNT; i++)
        scene->weights[i] = draw > 1 && rng_one_in(rng, 2) ? fault_weights[i] : 0;
    for (uint64_t i = 0; i <= (draw > 0); i++) {
        uint64_t kind = rng_below(rng, EPIDEMIC_FAULT_COUNT);
        scene->weights[kind] = fault_weights[kind];
    }
    // A copy that was put aside is used sometimes, and a bundle carried.
    scene->weights[EPIDEMIC_FAULT_BACKUP] += scene->weights[EPIDEMIC_FAULT_RESTORE];
    scene->weights[EPIDEMIC_FAULT_EXPORT] += scene->weights[EPIDEMIC_FAULT_IMPORT];
}

static void draw_calm(struct epidemic_scene *scene, struct rng *rng)
{
    (void)rng;
    scene->world.net = (struct net_sim_faults){.delay = scene->world.net.delay};
}

static void draw_roaming(struct epidemic_scene *scene, struct rng *rng)
{
    scene->roaming = true;
    scene->weights[EPIDEMIC_FAULT_SWEEP] = 2;
    scene->weights[EPIDEMIC_FAULT_CRASH] = 2;
    scene->weights[EPIDEMIC_FAULT_KINDS_LOST] = 1;
    scene->weights[EPIDEMIC_FAULT_PRIMARY] = rng_one_in(rng, 3) ? 1 : 0;
    scene->weights[EPIDEMIC_FAULT_LEAVE] = rng_one_in(rng, 3) ? 1 : 0;
    scene->duration_us += 40 * SECOND_US;
}

static void set_fast(struct epidemic_scene *scene, struct rng *rng)
{
    struct replica_setting *replica = &scene->world.replica;
    replica->retention_ms = draw_between(rng, 500, 3000);
    replica->audit_ms = draw_between(rng, 500, 3000);
    replica->anti_entropy_ms = draw_between(rng, 300, 1500);
    replica->stability_ms = draw_between(rng, 300, 1500);
}

// What is dropped meanwhile is live at those who come back, and new ones come at the same time.
// Users rest now and then, so that audits find nothing.
static void draw_returns(struct epidemic_scene *scene, struct rng *rng)
{
    set_fast(scene, rng);
    scene->weights[EPIDEMIC_FAULT_ABSENCE] = 6;
    scene->weights[EPIDEMIC_FAULT_OFFLINE] = 2;
    scene->weights[EPIDEMIC_FAULT_LEAVE] = (unsigned)rng_below(rng, 3);
    scene->weights[EPIDEMIC_FAULT_AUDIT] = (unsigned)rng_below(rng, 4);
    scene->weights[EPIDEMIC_FAULT_SWEEP] = 6;
    scene->anew_one_in = rng_below(rng, 3);
    scene->slow_one_in = rng_below(rng, 3);
    scene->weights[EPIDEMIC_FAULT_PRIMARY] = rng_one_in(rng, 4) ? 1 : 0;
    scene->world.net = (struct net_sim_faults){
        .delay = {.us_min = 50, .us_max = rng_one_in(rng, 4) ? 300 * MILLISECOND_US : 20000}};
    scene->gap_us_max = draw_between(rng, SECOND_US, 4 * SECOND_US);
    scene->long_us = draw_between(rng, 6 * SECOND_US, 20 * SECOND_US);
    scene->duration_us = draw_between(rng, 60 * SECOND_US, 120 * SECOND_US);
    scene->actions = (uint32_t)draw_between(rng, 30, 150);
    scene->burst = (uint32_t)draw_between(rng, 2, 12);
    scene->pause_us_max = draw_between(rng, 4 * SECOND_US, 16 * SECOND_US);
    scene->deletes_in_ten = (uint32_t)draw_between(rng, 3, 7);
    scene->world.keys = (uint32_t)draw_between(rng, 1, 6);
}

// Who begins with nothing hears at the same time from those who have dropped what was deleted and
// from those who have it still.
static void draw_meetings(struct epidemic_scene *scene, struct rng *rng)
{
    set_fast(scene, rng);
    scene->meets = true;
    scene->world.peers = (uint32_t)draw_between(rng, 3, 8);
    scene->world.contacts = 4;
    scene->world.keys = (uint32_t)draw_between(rng, 2, 8);
    scene->world.net = (struct net_sim_faults){.delay = {.us_min = 50, .us_max = 10000}};
    scene->world.sync = (struct delay){.us_min = 50, .us_max = 4000};
    scene->world.replica.audit_ms = 60000;
    scene->duration_us = 80 * SECOND_US;
    scene->actions = (uint32_t)draw_between(rng, 1, 20);
}

// What an operation covers is not known to who has the operation from a rumor.
static void draw_rumors(struct epidemic_scene *scene, struct rng *rng)
{
    set_fast(scene, rng);
    scene->world.replica.anti_entropy_ms = draw_between(rng, 3000, 15000);
    scene->world.replica.rumor_ms = draw_between(rng, 50, 300);
    scene->world.replica.rumor_k = (uint32_t)draw_between(rng, 1, 3);
    scene->weights[EPIDEMIC_FAULT_OFFLINE] = 8;
    scene->weights[EPIDEMIC_FAULT_ABSENCE] = 2;
    scene->weights[EPIDEMIC_FAULT_AUDIT] = 7;
    scene->weights[EPIDEMIC_FAULT_SWEEP] = 4;
    scene->weights[EPIDEMIC_FAULT_PARTITION] = (unsigned)rng_below(rng, 3);
    scene->weights[EPIDEMIC_FAULT_KINDS_LOST] = (unsigned)rng_below(rng, 3);
    scene->gap_us_max = draw_between(rng, 300 * MILLISECOND_US, 2 * SECOND_US);
    scene->long_us = draw_between(rng, 4 * SECOND_US, 20 * SECOND_US);
    scene->duration_us = draw_between(rng, 60 * SECOND_US, 120 * SECOND_US);
    scene->deletes_in_ten = (uint32_t)draw_between(rng, 3, 6);
    scene->actions += 60;
    scene->burst = (uint32_t)draw_between(rng, 4, 15);
    scene->pause_us_max = draw_between(rng, 4 * SECOND_US, 16 * SECOND_US);
    scene->world.net.delay.us_max = 20000;
}

static void draw_carried(struct epidemic_scene *scene, struct rng *rng)
{
    set_fast(scene, rng);
    scene->weights[EPIDEMIC_FAULT_EXPORT] = 6;
    scene->weights[EPIDEMIC_FAULT_IMPORT] = 6;
    scene->weights[EPIDEMIC_FAULT_ABSENCE] = (unsigned)rng_below(rng, 4);
    scene->weights[EPIDEMIC_FAULT_PARTITION] = (unsigned)rng_below(rng, 4);
    scene->weights[EPIDEMIC_FAULT_OFFLINE] = (unsigned)rng_below(rng, 4);
    scene->weights[EPIDEMIC_FAULT_DESTROY] = (unsigned)rng_below(rng, 2);
    scene->gap_us_max = draw_between(rng, 200 * MILLISECOND_US, SECOND_US);
    scene->weights[EPIDEMIC_FAULT_SWEEP] = (unsigned)rng_below(rng, 4);
    scene->roaming = rng_one_in(rng, 2);
}

static void draw_disks(struct epidemic_scene *scene, struct rng *rng)
{
    scene->weights[EPIDEMIC_FAULT_BACKUP] = 6;
    scene->weights[EPIDEMIC_FAULT_RESTORE] = 4;
    scene->weights[EPIDEMIC_FAULT_CLONE] = 2;
    scene->weights[EPIDEMIC_FAULT_DESTROY] = (unsigned)rng_below(rng, 3);
    scene->weights[EPIDEMIC_FAULT_CRASH] = (unsigned)rng_below(rng, 4);
    scene->weights[EPIDEMIC_FAULT_OFFLINE] = (unsigned)rng_below(rng, 4);
    scene->weights[EPIDEMIC_FAULT_LEAVE] = (unsigned)rng_below(rng, 2);
    if (rng_one_in(rng, 2))
        set_fast(scene, rng);
}

// Each run of a peer writes under another origin: a key has soon had more than a context can name.
// Who is away meanwhile has versions that only headers of long ago cover.
static void draw_origins(struct epidemic_scene *scene, struct rng *rng)
{
    scene->weights[EPIDEMIC_FAULT_CRASH] = 24;
    scene->weights[EPIDEMIC_FAULT_OFFLINE] = 1;
    scene->starts_soon = true;
    scene->world.keys = 1;
    scene->world.peers = (uint32_t)draw_between(rng, 3, 5);
    scene->world.net = (struct net_sim_faults){.delay = {.us_min = 50, .us_max = 5000}};
    scene->world.sync = (struct delay){.us_min = 50, .us_max = 2000};
    scene->world.replica.anti_entropy_ms = draw_between(rng, 300, 1000);
    scene->world.replica.retention_ms = RETENTION_NEVER_MS;
    scene->gap_us_max = 200 * MILLISECOND_US;
    scene->short_us = 60 * MILLISECOND_US;
    scene->long_us = draw_between(rng, 20 * SECOND_US, 40 * SECOND_US);
    scene->duration_us = draw_between(rng, 40 * SECOND_US, 70 * SECOND_US);
    scene->actions = 800;
}

static void draw_large(struct epidemic_scene *scene, struct rng *rng)
{
    scene->value_bytes_max = VALUE_BYTES_LARGE;
    scene->world.keys = (uint32_t)draw_between(rng, 6, 20);
    scene->world.peers = (uint32_t)draw_between(rng, 2, 4);
    scene->actions = (uint32_t)draw_between(rng, 20, 60);
    scene->weights[EPIDEMIC_FAULT_OFFLINE] = 4;
    scene->weights[EPIDEMIC_FAULT_KINDS_LOST] = 3;
    scene->weights[EPIDEMIC_FAULT_CRASH] = 1;
    scene->world.replica.rumor_k = 1;
    if (rng_one_in(rng, 2))
        scene->world.bytes_per_s = draw_between(rng, 50000, 1000000);
}

static void draw_damaged(struct epidemic_scene *scene, struct rng *rng)
{
    scene->weights[EPIDEMIC_FAULT_DAMAGE] = 4;
    scene->weights[EPIDEMIC_FAULT_AUDIT] = (unsigned)rng_below(rng, 3);
    scene->weights[EPIDEMIC_FAULT_OFFLINE] = (unsigned)rng_below(rng, 4);
    scene->weights[EPIDEMIC_FAULT_CRASH] = (unsigned)rng_below(rng, 4);
    scene->weights[EPIDEMIC_FAULT_LEAVE] = (unsigned)rng_below(rng, 2);
}

static void (*const draws[EPIDEMIC_SCENE_COUNT])(struct epidemic_scene *, struct rng *) = {
    [EPIDEMIC_SCENE_MIXED] = draw_mixed,       [EPIDEMIC_SCENE_CALM] = draw_calm,
    [EPIDEMIC_SCENE_ROAMING] = draw_roaming,   [EPIDEMIC_SCENE_RETURNS] = draw_returns,
    [EPIDEMIC_SCENE_RUMORS] = draw_rumors,     [EPIDEMIC_SCENE_CARRIED] = draw_carried,
    [EPIDEMIC_SCENE_DISKS] = draw_disks,       [EPIDEMIC_SCENE_ORIGINS] = draw_origins,
    [EPIDEMIC_SCENE_MEETINGS] = draw_meetings, [EPIDEMIC_SCENE_LARGE] = draw_large,
    [EPIDEMIC_SCENE_DAMAGED] = draw_damaged,
};

// More peers exchange more, and thousands are about how far things spread, not about each of them.
static void settle_pace(struct epidemic_world_setting *world)
{
    struct replica_setting *replica = &world->replica;
    uint64_t least_ms = world->peers > PEERS_MANY      ? 8000
                        : world->peers > PEERS_SEVERAL ? 2000
                                                       : 300;
    if (replica->anti_entropy_ms < least_ms)
        replica->anti_entropy_ms = least_ms;
    if (world->peers > PEERS_MANY) {
        replica->audit_ms = AUDIT_OF_MANY_MS;
        replica->stability_ms = 3000;
    }
}

void epidemic_scene_draw(struct epidemic_scene *scene, uint64_t seed, uint32_t peers)
{
    struct rng rng;
    rng_init(&rng, seed);
    *scene = (struct epidemic_scene){.kind = draw_kind(&rng)};
    draw_common(scene, &rng, peers);
    draws[scene->kind](scene, &rng);
    if (peers > 0)
        scene->world.peers = peers;
    settle_pace(&scene->world);
    if (rng_one_in(&rng, 3))
        scene->world.unreachable_in_ten = (uint32_t)draw_between(&rng, 1, 9);
}
