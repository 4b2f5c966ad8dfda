// Members that are started again together after a loss of power, and the map that comes next.
#ifndef BRUSIO_TESTS_CORE_MAP_SUSPECT_SCENE_H
#define BRUSIO_TESTS_CORE_MAP_SUSPECT_SCENE_H

#include "core/map/next_map.h"
#include "map_fixture.h"
#include "prefix_teller.h"

enum { A = 1, B = 2, C = 3, D = 4 };

// The incarnation of those that are started again.
#define SCENE_AGAIN 2

#define NODE_SET(a, b) (node_bit(a) | node_bit(b))
#define ABC (NODE_SET(A, B) | node_bit(C))

struct scene {
    struct cluster_map map;
    struct cluster_map next;
    struct wants wants;
    struct prefixes prefixes;
    struct teller teller;
};

// For cmocka: `*state` is a scene of four nodes, of which A, B and C hold every slot and D none.
// The end mends a broken rule, too.
int scene_open(void **state);
int scene_close(void **state);

// Instead of these, nodes that all hold every slot.
void scene_hold_all(struct scene *scene, unsigned nodes);
// A slot is held by others.
void scene_set_list(struct scene *scene, unsigned slot, node_set nodes);

// Asks to be known by its next process.
void scene_start_again(struct scene *scene, node_id id, enum claim claim);
// Does so as a suspect, and tells what scene->teller has.
void scene_tell(struct scene *scene, node_id id);
// The same, with this counter as every slot's greatest.
void scene_tell_counter(struct scene *scene, node_id id, uint64_t counter);
void scene_change(struct scene *scene, enum change_kind kind, node_id node);

// Computes the next map; false when there is none. What there is must be a legal step that leaves
// no list empty.
bool scene_step(struct scene *scene);
// The next map is the newest one now; the wishes are the same.
void scene_go_on(struct scene *scene);

// Of the next map: a slot's replicas, who is listed for it, and who is known by its next process.
const struct replica_set *scene_set(const struct scene *scene, unsigned slot);
node_set scene_listed(const struct scene *scene, unsigned slot);
node_set scene_named(const struct scene *scene);

#endif
