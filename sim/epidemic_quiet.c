#include "sim/epidemic_quiet.h"

#include "base/check.h"

#include <math.h>
#include <stdio.h>

enum {
    SECOND_US = 1000000,
    LOOK_US = 100000,
    // Until peers know each other; and how long a write may take to be cold.
    WARM_UP_US = 600 * SECOND_US,
    COLD_US_MAX = 300 * SECOND_US,
    CONTACTS = 16,
    PEERS_KNOWN_MAX = 1000,
    VALUE_BYTES = 100
};

static void set_up(struct epidemic_world *world, const struct epidemic_quiet_setting *setting)
{
    struct epidemic_world_setting quiet = {
        .seed = setting->seed,
        .peers = setting->peers,
        .keys = 1,
        .peers_max = PEERS_KNOWN_MAX,
        .contacts = CONTACTS,
        .replica = replica_setting_default(),
        .net = {.delay = {.us_min = 200, .us_max = 5000}},
        .sync = {.us_min = 200, .us_max = 2000},
    };
    epidemic_world_init(world, &quiet);
    world->load.expire_in_ten = 0;
    epidemic_world_start_all(world);
}

static void run_for(struct epidemic_world *world, uint64_t us)
{
    timeline_run_until(world->timeline, epidemic_world_now_us(world) + us);
}

static void sum_counts(const struct epidemic_world *world, struct epidemic_counts *out)
{
    *out = world->counts;
    for (uint32_t i = 0; i < world->peer_count; i++)
        epidemic_world_add_counts(out, &world->peers[i].core->counts);
}

static uint32_t count_without(const struct epidemic_world *world, struct dot dot)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->peer_count; i++) {
        const struct replica *replica = epidemic_peer_replica(&world->peers[i]);
        count += !knowledge_has(&replica->space.known, dot);
    }
    return count;
}

static bool anybody_tells(const struct epidemic_world *world)
{
    for (uint32_t i = 0; i < world->peer_count; i++)
        if (rumor_count(&epidemic_peer_replica(&world->peers[i])->rumor) > 0)
            return true;
    return false;
}

static uint64_t rounds_of(const struct epidemic_world *world, uint64_t us)
{
    uint64_t round_us = world->replica.rumor_ms * 1000;
    return (us + round_us - 1) / round_us;
}

// Follows the write until it is cold.
static void follow(struct epidemic_world *world, struct dot dot, struct epidemic_quiet_result *out)
{
    uint64_t begin_us = epidemic_world_now_us(world);
    uint64_t passed_us = 0;
    do {
        run_for(world, LOOK_US);
        passed_us = epidemic_world_now_us(world) - begin_us;
        if (out->rounds == 0 && count_without(world, dot) == 0)
            out->rounds = rounds_of(world, passed_us);
    } while (passed_us < COLD_US_MAX && world->violation == NULL &&
             (anybody_tells(world) || passed_us < SECOND_US));
    out->cold_rounds = rounds_of(world, passed_us);
    out->residue = count_without(world, dot);
}

static void measure(struct epidemic_world *world, struct epidemic_quiet_result *out)
{
    struct epidemic_counts idle[2];
    struct epidemic_counts busy[2];
    struct epidemic_peer *writer = &world->peers[rng_below(&world->rng, world->peer_count)];
    run_for(world, WARM_UP_US);
    sum_counts(world, &busy[0]);
    epidemic_load_put(world, writer, 0, VALUE_BYTES);
    CHECK(world->oracle.count == 1);
    follow(world, world->oracle.list[0]->dot, out);
    sum_counts(world, &busy[1]);
    out->payloads = busy[1].payloads - busy[0].payloads;
    out->payload_bytes = busy[1].payload_bytes - busy[0].payload_bytes;
    out->control_bytes = busy[1].control_bytes - busy[0].control_bytes;
    sum_counts(world, &idle[0]);
    run_for(world, out->cold_rounds * world->replica.rumor_ms * 1000);
    sum_counts(world, &idle[1]);
    out->idle_bytes = idle[1].control_bytes - idle[0].control_bytes;
}

static void judge(const struct epidemic_world *world, struct epidemic_quiet_result *out)
{
    double peers = world->peer_count;
    const char *wrong = NULL;
    out->rounds_max = (uint64_t)(log2(peers) + log(peers) + 4);
    if (world->violation != NULL)
        wrong = world->violation;
    else if (out->residue > 0)
        wrong = "not everybody has it when nobody tells of it any more";
    else if (out->rounds == 0 || out->rounds > out->rounds_max)
        wrong = "it took too many rounds";
    else if ((double)out->payloads > EPIDEMIC_QUIET_PAYLOADS_MAX * peers)
        wrong = "it was sent too often";
    out->passed = wrong == NULL;
    if (wrong != NULL)
        snprintf(out->violation, sizeof out->violation, "%s", wrong);
}

void epidemic_quiet_run(const struct epidemic_quiet_setting *setting,
                        struct epidemic_quiet_result *out)
{
    struct epidemic_world world;
    *out = (struct epidemic_quiet_result){0};
    set_up(&world, setting);
    measure(&world, out);
    judge(&world, out);
    epidemic_world_release(&world);
}
