#include "sim/epidemic_run.h"

#include "base/check.h"
#include "sim/epidemic_checks.h"

enum {
    SECOND_US = 1000000,
    LOOK_US = 500000,
    BURST_GAP_US_MAX = 600000,
    SETTLING_US = 200 * SECOND_US,
    SESSIONS_TO_SETTLE = 60
};

struct run {
    struct epidemic_world world;
    struct epidemic_scene scene;
    struct epidemic_faults faults;
};

static void run_for(struct epidemic_world *world, uint64_t us)
{
    timeline_run_until(world->timeline, epidemic_world_now_us(world) + us);
}

// The quiet time: everybody is there, and has so many sessions.
static bool settle(struct epidemic_world *world, bool (*settled)(const struct epidemic_world *))
{
    uint64_t sessions_us = SESSIONS_TO_SETTLE * world->replica.anti_entropy_ms * 1000;
    uint64_t end_us = epidemic_world_now_us(world) + SETTLING_US + sessions_us;
    while (epidemic_world_now_us(world) < end_us && world->violation == NULL) {
        if (settled(world))
            return true;
        run_for(world, LOOK_US);
    }
    return settled(world);
}

static void run_phases(struct run *run, struct epidemic_run_result *out)
{
    struct epidemic_world *world = &run->world;
    epidemic_world_start_all(world);
    run_for(world, 2 * SECOND_US);
    epidemic_load_start(world, run->scene.actions);
    epidemic_faults_start(&run->faults);
    run_for(world, run->scene.duration_us);
    epidemic_load_stop(world);
    epidemic_faults_stop(&run->faults);
    uint64_t quiet_us = epidemic_world_now_us(world);
    if (settle(world, epidemic_checks_converged))
        out->settling_us = epidemic_world_now_us(world) - quiet_us;
    epidemic_checks_end(world);
    if (!settle(world, epidemic_checks_stable))
        epidemic_world_violation(world, "what is known does not become stable everywhere");
}

static void set_up(const struct epidemic_run_setting *setting, struct run *run)
{
    epidemic_scene_draw(&run->scene, setting->seed, setting->peers);
    run->scene.world.tracing = setting->trace;
    epidemic_world_init(&run->world, &run->scene.world);
    epidemic_faults_init(&run->faults, &run->world, &run->scene);
    struct epidemic_load *load = &run->world.load;
    load->gap_us_max = 2 * run->scene.duration_us / run->scene.actions;
    load->burst = run->scene.burst;
    load->pause_us_max = run->scene.pause_us_max;
    if (load->burst > 0)
        load->gap_us_max = BURST_GAP_US_MAX;
    load->value_bytes_max = run->scene.value_bytes_max;
    if (run->scene.deletes_in_ten <= 10)
        load->deletes_in_ten = run->scene.deletes_in_ten;
}

static void report(const struct run *run, struct epidemic_run_result *out)
{
    const struct epidemic_world *world = &run->world;
    out->passed = world->violation == NULL;
    if (!out->passed)
        memcpy(out->violation, world->violation_text, sizeof out->violation);
    out->scene = run->scene.kind;
    out->peers = world->peer_count;
    out->virtual_us = epidemic_world_now_us(world);
    out->operations = world->oracle.count;
    out->reads = world->load.reads_done;
    out->looks = world->looks;
    out->removals = world->removals;
    out->crashes = world->crashes;
    out->messages = net_sim_count(world->net, NET_SIM_DELIVERED);
    out->events = timeline_steps(world->timeline);
    out->trace_hash = world->trace_hash;
    out->counts = world->counts;
    for (uint32_t i = 0; i < world->peer_count; i++)
        if (world->peers[i].core != NULL)
            epidemic_world_add_counts(&out->counts, &world->peers[i].core->counts);
    memcpy(out->faults, run->faults.counts, sizeof out->faults);
    for (uint32_t i = 0; i < world->peer_count; i++)
        out->faults[EPIDEMIC_FAULT_UNREACHABLE] += world->peers[i].unreachable;
}

void epidemic_run(const struct epidemic_run_setting *setting, struct epidemic_run_result *out)
{
    struct run run;
    *out = (struct epidemic_run_result){0};
    set_up(setting, &run);
    run_phases(&run, out);
    report(&run, out);
    epidemic_faults_release(&run.faults);
    epidemic_world_release(&run.world);
}

void epidemic_run_add(struct epidemic_run_result *to, const struct epidemic_run_result *from)
{
    to->peers += from->peers;
    to->virtual_us += from->virtual_us;
    to->operations += from->operations;
    to->reads += from->reads;
    to->looks += from->looks;
    to->removals += from->removals;
    to->crashes += from->crashes;
    to->messages += from->messages;
    to->events += from->events;
    if (from->settling_us > to->settling_us)
        to->settling_us = from->settling_us;
    epidemic_world_add_counts(&to->counts, &from->counts);
    for (unsigned i = 0; i < EPIDEMIC_FAULT_COUNT; i++)
        to->faults[i] += from->faults[i];
}
