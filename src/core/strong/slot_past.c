#include "core/strong/slot_past.h"

#include "base/check.h"
#include "model/stamp.h"

#include <stdlib.h>

_Static_assert(STAMP_EPOCH_MAX <= UINT32_MAX, "an epoch fits");

void slot_pasts_release(struct slot_pasts *pasts)
{
    for (unsigned i = 0; i < pasts->count; i++)
        free(pasts->of[i]);
    pasts->count = 0;
}

static struct slot_past *find(const struct slot_pasts *pasts, uint32_t keyspace)
{
    for (unsigned i = 0; i < pasts->count; i++)
        if (pasts->of[i]->keyspace == keyspace)
            return pasts->of[i];
    return NULL;
}

static void forget_gone(struct slot_pasts *pasts, const struct cluster_map *map)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < pasts->count; i++) {
        if (cluster_map_keyspace(map, pasts->of[i]->keyspace) != NULL)
            pasts->of[kept++] = pasts->of[i];
        else
            free(pasts->of[i]);
    }
    pasts->count = kept;
}

void slot_pasts_on_map(struct slot_pasts *pasts, const struct cluster_map *map, node_id self)
{
    forget_gone(pasts, map);
    for (unsigned i = 0; i < map->keyspace_count; i++) {
        const struct map_keyspace *keyspace = &map->keyspaces[i];
        struct slot_past *past = find(pasts, keyspace->keyspace.id);
        if (past == NULL) {
            CHECK(pasts->count < KEYSPACES_MAX);
            past = memory_zeroed(1, sizeof *past);
            past->keyspace = keyspace->keyspace.id;
            pasts->of[pasts->count++] = past;
        }
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            const struct replica_set *set = map_keyspace_slot(keyspace, (uint16_t)slot);
            if (!node_set_has(set->in_sync, self))
                past->since[slot] = 0;
            else if (past->since[slot] == 0)
                past->since[slot] = (uint32_t)map->epoch;
        }
    }
}

void slot_pasts_note_delete(struct slot_pasts *pasts, uint32_t keyspace, uint16_t slot,
                            struct stamp stamp)
{
    struct slot_past *past = find(pasts, keyspace);
    if (past != NULL && stamp.counter > past->deleted[slot])
        past->deleted[slot] = stamp.counter;
}

uint64_t slot_pasts_deleted(const struct slot_pasts *pasts, uint32_t keyspace, uint16_t slot)
{
    const struct slot_past *past = find(pasts, keyspace);
    return past != NULL ? past->deleted[slot] : 0;
}

bool slot_pasts_is_quiet(const struct slot_pasts *pasts, uint32_t keyspace, uint16_t slot,
                         uint64_t epoch)
{
    const struct slot_past *past = find(pasts, keyspace);
    return past != NULL && past->since[slot] != 0 && past->since[slot] <= epoch &&
           stamp_epoch((struct stamp){.counter = past->deleted[slot]}) < epoch;
}
