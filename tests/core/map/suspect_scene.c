#include "suspect_scene.h"

#include "base/rule.h"
#include "core/map/map_step.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { VOTERS = 3, KEYSPACE = 4 };

static void hold_all(struct scene *scene, unsigned nodes, node_set holders)
{
    struct replica_set set = fixture_settled(holders);
    fixture_map(&scene->map, nodes, VOTERS);
    scene->map.next_keyspace_id = KEYSPACE;
    fixture_add_keyspace(&scene->map, &set);
}

void scene_hold_all(struct scene *scene, unsigned nodes)
{
    cluster_map_release(&scene->map);
    hold_all(scene, nodes, fixture_nodes(nodes));
}

int scene_open(void **state)
{
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    hold_all(&scene, D, ABC);
    wants_clear(&scene.wants);
    scene.wants.prefixes = &scene.prefixes;
    *state = &scene;
    return 0;
}

int scene_close(void **state)
{
    struct scene *scene = *state;
    prefixes_release(&scene->prefixes);
    cluster_map_release(&scene->map);
    cluster_map_release(&scene->next);
#ifdef BRUSIO_MUTANTS
    rule_broken = RULE_COUNT;
#endif
    return 0;
}

void scene_start_again(struct scene *scene, node_id id, enum claim claim)
{
    struct want_admit admit = {
        .store_id = FIXTURE_STORE_ID(id), .incarnation = SCENE_AGAIN, .claim = claim};
    assert_true(address_copy(admit.peer_address, slice_of_text("peer:1")));
    assert_true(address_copy(admit.http_address, slice_of_text("http:1")));
    wants_add_admit(&scene->wants, &admit);
}

void scene_tell(struct scene *scene, node_id id)
{
    scene_start_again(scene, id, CLAIM_SUSPECT);
    teller_tell_all(&scene->teller, &scene->prefixes, &scene->map, id, SCENE_AGAIN);
}

void scene_tell_counter(struct scene *scene, node_id id, uint64_t counter)
{
    teller_fill(&scene->teller, counter);
    scene_tell(scene, id);
}

void scene_change(struct scene *scene, enum change_kind kind, node_id node)
{
    wants_add_change(&scene->wants, &(struct change){.kind = kind, .node = node});
}

bool scene_step(struct scene *scene)
{
    cluster_map_release(&scene->next);
    if (!next_map_compute(&scene->map, &scene->wants, &scene->next))
        return false;
    assert_int_equal(map_step_check(&scene->map, &scene->next), ERR_OK);
    for (unsigned i = 0; i < scene->next.keyspace_count; i++)
        for (unsigned slot = 0; slot < SLOTS; slot++)
            assert_true(map_keyspace_slot(&scene->next.keyspaces[i], (uint16_t)slot)->in_sync != 0);
    return true;
}

const struct replica_set *scene_set(const struct scene *scene, unsigned slot)
{
    return map_keyspace_slot(&scene->next.keyspaces[0], (uint16_t)slot);
}

node_set scene_listed(const struct scene *scene, unsigned slot)
{
    return scene_set(scene, slot)->in_sync;
}

node_set scene_named(const struct scene *scene)
{
    node_set nodes = 0;
    for (unsigned i = 0; i < scene->next.node_count; i++)
        if (scene->next.nodes[i].incarnation == SCENE_AGAIN)
            nodes |= node_bit(scene->next.nodes[i].id);
    return nodes;
}

void scene_go_on(struct scene *scene)
{
    cluster_map_release(&scene->map);
    scene->map = scene->next;
    cluster_map_init(&scene->next);
    prefixes_on_map(&scene->prefixes, &scene->map);
}

void scene_set_list(struct scene *scene, unsigned slot, node_set nodes)
{
    struct replica_set set = fixture_settled(nodes);
    fixture_set_slot(&scene->map, 0, slot, &set);
}
