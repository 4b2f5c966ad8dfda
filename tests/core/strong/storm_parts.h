// What the files of the storm share and nobody else needs.
#ifndef BRUSIO_TESTS_CORE_STRONG_STORM_PARTS_H
#define BRUSIO_TESTS_CORE_STRONG_STORM_PARTS_H

#include "strong_storm.h"

// How far a lull goes.
enum storm_calm {
    STORM_CALM_AS_IS, // who is down stays down
    STORM_CALM_BACK,  // all come back
    STORM_CALM_WHOLE  // and all hold the slot in the end
};

const char *storm_key(unsigned key);
uint16_t storm_slot(void);                                      // of all keys
const struct replica_set *storm_set(const struct storm *storm); // by the newest map
uint64_t storm_epoch(const struct storm *storm, node_id id);    // of the node's map
bool storm_draw(struct storm *storm, unsigned of, unsigned in); // true `of` times `in` `in`
node_id storm_draw_awake(struct storm *storm);                  // NODE_NONE when none is
node_set storm_awake(const struct storm *storm);

// The first violation stands.
void storm_violate(struct storm *storm, const char *what);

__attribute__((format(printf, 2, 3))) void storm_say(struct storm *storm, const char *format, ...);

// After each step of a node: takes note of batches and records, and of answers.
void storm_look(struct storm *storm, node_id id);

// --- storm_scene.c

void storm_draw_scene(struct storm_scene *scene, struct rng *rng, uint64_t seed);

// --- storm_maps.c

// The first map, which all learn.
void storm_first_map(struct storm *storm);
// Decides the next one: one that the seed draws, one about this change, or the one that the lull
// needs, if any.
void storm_random_map(struct storm *storm);
void storm_map_about(struct storm *storm, enum storm_change kind);
bool storm_calm_map(struct storm *storm, enum storm_calm calm);
// The node learns the map of this epoch, or the newest one if that is long past.
void storm_tell(struct storm *storm, node_id id, uint64_t epoch);
void storm_forget_map(struct storm *storm, uint64_t epoch);
void storm_wish(struct storm *storm, node_id id);
void storm_release(struct storm *storm, node_id id);
void storm_lapse(struct storm *storm, node_id id);
// Asks for a lease.
void storm_renew(struct storm *storm, node_id id);

// --- storm_moves.c

// Each gives whether there was something to do.
bool storm_deliver(struct storm *storm);
bool storm_deliver_all(struct storm *storm, node_id from, node_id to);
void storm_lose(struct storm *storm);
void storm_cut(struct storm *storm);
void storm_mend(struct storm *storm, bool all);
// Some of the node's batches, or all, are durable and reported.
bool storm_durable(struct storm *storm, node_id id, bool all);
void storm_tick(struct storm *storm, node_id id);
void storm_crash(struct storm *storm, node_id id);
void storm_note_batch(struct storm *storm, node_id id);

// --- storm_lull.c

// Until all that is in flight has landed; then replicas are compared and read.
void storm_lull(struct storm *storm, enum storm_calm calm);

// --- storm_clients.c

void storm_call(struct storm *storm, enum request_kind kind, bool conditional);
void storm_call_again(struct storm *storm);
// A read at this node, that must be answered at once.
void storm_read_now(struct storm *storm, node_id id, unsigned key);
// Takes the answers that came.
void storm_take_answers(struct storm *storm);

#endif
