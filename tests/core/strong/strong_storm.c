#include "storm_parts.h"

#include "base/check.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

// --- looking

const char *storm_key(unsigned key)
{
    static const char *const keys[STORM_KEYS_MAX] = {BENCH_TAG "k", BENCH_TAG "l"};
    return keys[key];
}

uint16_t storm_slot(void)
{
    return slot_of_key(slice_of_text(BENCH_TAG));
}

const struct replica_set *storm_set(const struct storm *storm)
{
    return map_keyspace_slot(&storm->bench->map.keyspaces[0], storm_slot());
}

uint64_t storm_epoch(const struct storm *storm, node_id id)
{
    return storm->bench->nodes[id]->agreement.map.epoch;
}

bool storm_draw(struct storm *storm, unsigned of, unsigned in)
{
    return rng_below(&storm->rng, in) < of;
}

node_set storm_awake(const struct storm *storm)
{
    node_set awake = 0;
    for (node_id id = 1; id <= storm->bench->node_count; id++)
        awake |= storm->nodes[id].asleep ? 0 : node_bit(id);
    return awake;
}

node_id storm_draw_awake(struct storm *storm)
{
    node_set awake = storm_awake(storm);
    unsigned count = node_set_count(awake);
    return count > 0 ? node_set_nth(awake, (unsigned)rng_below(&storm->rng, count)) : NODE_NONE;
}

void storm_violate(struct storm *storm, const char *what)
{
    if (storm->violation == NULL)
        storm_say(storm, "WRONG: %s", what);
    if (storm->violation == NULL)
        storm->violation = what;
}

void storm_say(struct storm *storm, const char *format, ...)
{
    va_list arguments;
    if (storm->trace == NULL)
        return;
    va_start(arguments, format);
    vfprintf(storm->trace, format, arguments);
    va_end(arguments);
    fputc('\n', storm->trace);
}

static void note_records(struct storm *storm, node_id id)
{
    for (unsigned key = 0; key < storm->key_count; key++) {
        const struct flight *flight = bench_flight(storm->bench, id, storm_key(key));
        if (flight != NULL && !flight->kept)
            key_history_ordered(&storm->histories[key], flight->record.stamp,
                                flight->record.operation.low, flight->record.dead);
    }
}

void storm_look(struct storm *storm, node_id id)
{
    storm_note_batch(storm, id);
    note_records(storm, id);
    storm_take_answers(storm);
    for (unsigned key = 0; key < storm->key_count; key++)
        if (storm->histories[key].violation != NULL)
            storm_violate(storm, storm->histories[key].violation);
}

// --- steps

static void move(struct storm *storm, enum storm_step step, node_id id)
{
    switch (step) {
    case STORM_DELIVER:
        storm_deliver(storm);
        break;
    case STORM_LOSE:
        storm_lose(storm);
        break;
    case STORM_CUT:
        storm_cut(storm);
        break;
    case STORM_MEND:
        storm_mend(storm, false);
        break;
    case STORM_DURABLE:
        storm_durable(storm, id, false);
        break;
    case STORM_TICK:
        storm_tick(storm, id);
        break;
    case STORM_CRASH:
        if (!storm->nodes[id].asleep)
            storm_crash(storm, id);
        break;
    case STORM_START:
        storm->nodes[id].asleep = false;
        break;
    default:
        break;
    }
}

// Mostly the newest map, or one between.
static void tell(struct storm *storm, node_id id)
{
    uint64_t epoch = storm_epoch(storm, id);
    uint64_t newest = storm->bench->map.epoch;
    if (id == storm->victim && storm_draw(storm, storm->scene.deaf_in_ten, 10))
        return;
    if (epoch < newest)
        storm_tell(storm, id,
                   storm_draw(storm, 3, 4) ? newest
                                           : epoch + 1 + rng_below(&storm->rng, newest - epoch));
}

static void step(struct storm *storm, enum storm_step step)
{
    node_id id = (node_id)(1 + rng_below(&storm->rng, storm->bench->node_count));
    switch (step) {
    case STORM_READ:
        storm_call(storm, REQUEST_READ, false);
        break;
    case STORM_PUT:
        storm_call(storm, REQUEST_PUT, false);
        break;
    case STORM_DELETE:
        storm_call(storm, REQUEST_DELETE, false);
        break;
    case STORM_SWAP:
        storm_call(storm, storm_draw(storm, 1, 4) ? REQUEST_DELETE : REQUEST_PUT, true);
        break;
    case STORM_AGAIN:
        storm_call_again(storm);
        break;
    case STORM_TELL:
        tell(storm, id);
        break;
    case STORM_WISH:
        storm_wish(storm, id);
        break;
    case STORM_MAP:
        do
            storm_random_map(storm);
        while (storm_draw(storm, storm->scene.burst_in_ten, 10));
        break;
    case STORM_RELEASE:
        storm_release(storm, id);
        break;
    case STORM_LAPSE:
        storm_lapse(storm, id);
        break;
    default:
        move(storm, step, id);
        break;
    }
}

static enum storm_step draw_step(struct storm *storm)
{
    const uint16_t *weights = storm->scene.steps;
    unsigned sum = 0;
    for (unsigned i = 0; i < STORM_STEP_COUNT; i++)
        sum += weights[i];
    uint64_t draw = rng_below(&storm->rng, sum);
    unsigned kind = 0;
    while (draw >= weights[kind])
        draw -= weights[kind++];
    return (enum storm_step)kind;
}

static enum storm_calm draw_calm(struct storm *storm, unsigned round)
{
    if (round == storm->scene.rounds)
        return STORM_CALM_WHOLE;
    return storm_draw(storm, 1, 4) ? STORM_CALM_AS_IS : STORM_CALM_BACK;
}

void storm_run(struct storm *storm)
{
    const struct storm_scene *scene = &storm->scene;
    for (unsigned round = 1; round <= scene->rounds && storm->violation == NULL; round++) {
        if (scene->opening != STORM_CHANGE_NOTHING)
            storm_map_about(storm, scene->opening);
        uint64_t steps = scene->steps_most / 4 + rng_below(&storm->rng, 3 * scene->steps_most / 4);
        for (uint64_t i = 0; i < steps && storm->violation == NULL; i++)
            step(storm, draw_step(storm));
        if (storm->violation == NULL)
            storm_lull(storm, draw_calm(storm, round));
    }
}

struct storm *storm_new(uint64_t seed, bool late_wishes, FILE *trace)
{
    struct storm *storm = memory_zeroed(1, sizeof *storm);
    rng_init(&storm->rng, seed);
    storm_draw_scene(&storm->scene, &storm->rng, seed);
    storm->bench = bench_new(storm_draw(storm, 1, 4) ? 4 : 3);
    storm->victim = (node_id)(1 + rng_below(&storm->rng, storm->bench->node_count));
    storm->key_count = 1 + (unsigned)rng_below(&storm->rng, STORM_KEYS_MAX);
    storm->late_wishes = late_wishes;
    storm->heard_in_ten = 1 + (unsigned)rng_below(&storm->rng, 9);
    storm->wants = memory_zeroed(1, sizeof *storm->wants);
    storm->slots = memory_zeroed(SLOTS, sizeof *storm->slots);
    storm->trace = trace;
    storm_say(storm, "seed %u: %s", (unsigned)seed, storm->scene.name);
    for (unsigned key = 0; key < storm->key_count; key++)
        key_history_init(&storm->histories[key]);
    storm_first_map(storm);
    return storm;
}

void storm_free(struct storm *storm)
{
    for (unsigned i = 0; i < STORM_MAPS_KEPT; i++)
        storm_forget_map(storm, i);
    bench_free(storm->bench);
    free(storm->slots);
    free(storm->wants);
    free(storm);
}
