#include "session_storm.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { KEYS = 5, LONG_BYTES = 70000 };

static unsigned draw(struct session_storm *storm, unsigned bound)
{
    return (unsigned)rng_below(&storm->rng, bound);
}

static bool are_apart(const struct session_storm *storm, unsigned a, unsigned b)
{
    return (storm->side >> a & 1) != (storm->side >> b & 1);
}

// Two that can talk; false when those that were drawn cannot.
static bool draw_pair(struct session_storm *storm, unsigned *from, unsigned *to)
{
    *from = draw(storm, storm->peers);
    *to = (*from + 1 + draw(storm, storm->peers - 1)) % storm->peers;
    return !are_apart(storm, *from, *to);
}

void session_storm_look(struct session_storm *storm, unsigned peer)
{
    struct space *space = session_bench_space(storm->bench, peer);
    session_oracle_see(&storm->oracle, space);
    const char *wrong = session_oracle_judge(&storm->oracle, space, peer);
    if (wrong != NULL)
        fail_msg("seed %llu: %s", (unsigned long long)storm->seed, wrong);
    space_invariants(space);
}

static void write_something(struct session_storm *storm)
{
    static char value[LONG_BYTES];
    unsigned peer = draw(storm, storm->peers);
    char key[8];
    struct space_written written;
    snprintf(key, sizeof key, "k%u", draw(storm, KEYS));
    struct space_write write = {.key = slice_of_text(key), .dead = draw(storm, 3) == 0};
    if (!write.dead) {
        snprintf(value, sizeof value, "%u", draw(storm, 1000000));
        write.value = slice_of(value, draw(storm, 8) == 0 ? sizeof value : strlen(value));
    }
    enum err error = bench_write(storm->bench->spaces, peer, &write, &written);
    assert_true(error == ERR_OK || error == ERR_NOT_FOUND || error == ERR_FULL);
    session_storm_look(storm, peer);
}

static void open_session(struct session_storm *storm)
{
    unsigned from;
    unsigned to;
    if (draw_pair(storm, &from, &to) && session_bench_count(storm->bench, from) < 4)
        session_bench_open(storm->bench, from, to, draw(storm, 6) == 0);
}

// The oldest on its way, or, rarely, any.
static void deliver(struct session_storm *storm)
{
    struct session_bench *bench = storm->bench;
    if (bench->queue_count == 0)
        return;
    size_t chosen = draw(storm, (unsigned)bench->queue_count);
    struct session_packet packet = bench->queue[chosen];
    for (size_t i = 0; i < chosen && draw(storm, 60) != 0; i++)
        if (bench->queue[i].from == packet.from && bench->queue[i].to == packet.to)
            chosen = i;
    if (are_apart(storm, packet.from, packet.to)) {
        session_bench_lose(bench, chosen);
        return;
    }
    session_bench_deliver(bench, chosen, draw(storm, 4) != 0);
    session_storm_look(storm, packet.to);
}

static void cut_link(struct session_storm *storm)
{
    struct session_bench *bench = storm->bench;
    unsigned a = draw(storm, storm->peers);
    unsigned b = draw(storm, storm->peers);
    for (size_t i = bench->queue_count; i-- > 0;)
        if ((bench->queue[i].from == a && bench->queue[i].to == b) ||
            (bench->queue[i].from == b && bench->queue[i].to == a))
            session_bench_lose(bench, i);
}

static void lose_or_repeat(struct session_storm *storm)
{
    struct session_bench *bench = storm->bench;
    if (bench->queue_count == 0)
        return;
    size_t chosen = draw(storm, (unsigned)bench->queue_count);
    if (draw(storm, 2) == 0)
        session_bench_lose(bench, chosen);
    else
        session_bench_repeat(bench, chosen);
}

static void crash(struct session_storm *storm)
{
    unsigned peer = draw(storm, storm->peers);
    session_bench_crash(storm->bench, peer, draw(storm, 4));
    session_oracle_excuse(&storm->oracle, peer);
    session_storm_look(storm, peer);
}

static void restore(struct session_storm *storm)
{
    unsigned peer = draw(storm, storm->peers);
    struct bench_replica *it = &storm->bench->spaces->replicas[peer];
    if (!storm->has_old[peer] || draw(storm, 2) == 0) {
        space_disk_copy(&storm->old[peer], &it->disk);
        storm->has_old[peer] = true;
        return;
    }
    session_bench_restore(storm->bench, peer, &storm->old[peer]);
    session_oracle_excuse(&storm->oracle, peer);
    session_storm_look(storm, peer);
}

// The primary, 0, says what is stable, and that what was once is the horizon.
static void publish(struct session_storm *storm)
{
    const struct space *space = session_bench_space(storm->bench, 0);
    const struct knowledge *horizon = NULL;
    if (storm->horizon_count > 0)
        horizon = &storm->horizons[draw(storm, 2) == 0 ? storm->newest
                                                       : draw(storm, storm->horizon_count)];
    if (horizon != NULL && !knowledge_contains(&space->known, horizon))
        horizon = NULL;
    bench_publish(storm->bench->spaces, 0, horizon);
    session_bench_sync(storm->bench, 0);
    unsigned at = storm->horizon_count < STORM_HORIZONS_MAX ? storm->horizon_count++
                                                            : draw(storm, STORM_HORIZONS_MAX);
    knowledge_copy(&storm->horizons[at], &space->stable);
    storm->newest = at;
    session_storm_look(storm, 0);
}

static void tell(struct session_storm *storm)
{
    unsigned to = draw(storm, storm->peers);
    if (to != 0 && !are_apart(storm, 0, to))
        bench_tell(storm->bench->spaces, 0, to);
    session_storm_look(storm, to);
}

static void sweep(struct session_storm *storm)
{
    unsigned peer = draw(storm, storm->peers);
    space_sweep(session_bench_space(storm->bench, peer), bench_effects(storm->bench->spaces, peer),
                64);
    session_bench_step(storm->bench, peer);
    session_storm_look(storm, peer);
}

static void squeeze(struct session_storm *storm)
{
    unsigned peer = draw(storm, storm->peers);
    if (draw(storm, 2) == 0)
        session_bench_space(storm->bench, peer)->room_low = draw(storm, 3) == 0;
    else
        storm->bench->peers[peer].world.allowance_bytes = draw(storm, 3) == 0 ? 0 : 1 << 30;
}

// One operation that the other lacks, by itself.
static void spread_rumor(struct session_storm *storm)
{
    struct space_bench *spaces = storm->bench->spaces;
    struct bench_parcels parcels = {0};
    unsigned from;
    unsigned to;
    if (!draw_pair(storm, &from, &to))
        return;
    bench_pack(spaces, from, &bench_space(spaces, to)->known, &parcels);
    if (parcels.count > 0) {
        const struct bench_parcel *parcel = &parcels.list[draw(storm, parcels.count)];
        if (parcel->form != OPERATION_BARE)
            bench_deliver(spaces, to, parcel, SPACE_FROM_RUMOR);
    }
    bench_parcels_release(&parcels);
    session_storm_look(storm, to);
}

static void wait_long(struct session_storm *storm)
{
    session_bench_wait(storm->bench, SESSION_IDLE_US);
}

static void sync_one(struct session_storm *storm)
{
    session_bench_sync(storm->bench, draw(storm, storm->peers));
}

static void split_or_join(struct session_storm *storm)
{
    storm->side = draw(storm, 2) == 0 ? 0 : draw(storm, 1u << storm->peers);
}

typedef void action(struct session_storm *storm);
static action *const actions[] = {
    deliver, write_something, open_session, sync_one,     publish,
    tell,    sweep,           cut_link,     crash,        lose_or_repeat,
    squeeze, restore,         wait_long,    spread_rumor, split_or_join};

enum { ACTIONS = sizeof actions / sizeof actions[0] };

// Each seed has its own mix.
static void weigh(struct session_storm *storm)
{
    static const unsigned usual[ACTIONS] = {60, 12, 10, 4, 4, 4, 4, 2, 1, 1, 1, 1, 1, 8, 1};
    for (unsigned i = 0; i < ACTIONS; i++) {
        unsigned share = draw(storm, 4);
        storm->weights[i] = i == 0 ? usual[i] : usual[i] * share;
    }
}

static void act(struct session_storm *storm)
{
    unsigned total = 0;
    for (unsigned i = 0; i < ACTIONS; i++)
        total += storm->weights[i];
    unsigned left = draw(storm, total);
    unsigned chosen = 0;
    while (left >= storm->weights[chosen])
        left -= storm->weights[chosen++];
    actions[chosen](storm);
}

static bool all_equal(struct session_storm *storm)
{
    for (unsigned i = 1; i < storm->peers; i++)
        if (!bench_equal(storm->bench->spaces, 0, i))
            return false;
    return true;
}

void session_storm_calm(struct session_storm *storm)
{
    struct session_bench *bench = storm->bench;
    session_bench_lose_all(bench);
    for (unsigned i = 0; i < storm->peers; i++) {
        session_bench_space(bench, i)->room_low = false;
        bench->peers[i].world.allowance_bytes = 1 << 30;
    }
    session_bench_wait(bench, SESSION_IDLE_US);
    session_bench_lose_all(bench);
    for (unsigned i = 0; i < storm->peers; i++)
        assert_int_equal(session_bench_count(bench, i), 0);
}

void session_storm_converge(struct session_storm *storm, unsigned most)
{
    for (unsigned round = 0; round < most && !all_equal(storm); round++) {
        unsigned from = draw(storm, storm->peers);
        unsigned to = (from + 1 + draw(storm, storm->peers - 1)) % storm->peers;
        session_bench_exchange(storm->bench, from, to, false);
        session_storm_look(storm, from);
        session_storm_look(storm, to);
    }
    if (!all_equal(storm))
        fail_msg("seed %llu: not equal", (unsigned long long)storm->seed);
    for (unsigned i = 0; i < storm->peers; i++) {
        session_storm_look(storm, i);
        bench_check(storm->bench->spaces, i);
    }
}

// Everybody knows most of what there is; then some are away.
static void part(struct session_storm *storm)
{
    storm->side = 0;
    for (unsigned i = 1; i < storm->peers; i++)
        session_bench_open(storm->bench, i - 1, i, false);
    session_bench_run(storm->bench);
    for (unsigned i = 0; i < storm->peers; i++)
        session_storm_look(storm, i);
    storm->side = draw(storm, 1u << storm->peers);
}

// Who was away is behind those who were with the primary.
static void meet_again(struct session_storm *storm)
{
    publish(storm);
    for (unsigned i = 0; i < storm->peers; i++) {
        if (i > 0 && !are_apart(storm, 0, i))
            bench_tell(storm->bench->spaces, 0, i);
        session_storm_look(storm, i);
    }
    storm->side = 0;
}

void session_storm_begin(struct session_storm *storm, uint64_t seed, unsigned peers)
{
    *storm = (struct session_storm){.seed = seed};
    rng_init(&storm->rng, seed);
    storm->peers = peers > 0 ? peers : 2 + draw(storm, STORM_PEERS_MAX - 1);
    storm->bench = session_bench_new(storm->peers, NULL);
    session_oracle_init(&storm->oracle);
    for (unsigned i = 0; i < storm->peers; i++)
        space_disk_init(&storm->old[i]);
    weigh(storm);
}

void session_storm_run(struct session_storm *storm, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        if (i == steps / 4)
            part(storm);
        else if (i == steps / 2)
            meet_again(storm);
        act(storm);
    }
}

void session_storm_end(struct session_storm *storm)
{
    for (unsigned i = 0; i < STORM_HORIZONS_MAX; i++)
        knowledge_release(&storm->horizons[i]);
    for (unsigned i = 0; i < storm->peers; i++)
        space_disk_release(&storm->old[i]);
    session_oracle_release(&storm->oracle);
    session_bench_free(storm->bench);
}
