#include "prefix_teller.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { WRITER = 1 };

void teller_fill(struct teller *teller, uint64_t counter)
{
    for (unsigned slot = 0; slot < SLOTS; slot++)
        teller->counters[slot] = counter;
}

void teller_row(const struct teller *teller, unsigned slot, struct buf *out)
{
    buf_init(out, 1 << 16);
    for (unsigned i = slot; i < slot + PREFIX_SLOTS; i++) {
        struct stamp greatest = {.counter = teller->counters[i], .id = WRITER};
        if (teller->counters[i] == 0)
            greatest.id = 0;
        prefix_put(out, teller->counters[i] != TELLER_NO_PREFIX ? &greatest : NULL);
    }
}

bool teller_tell(const struct teller *teller, struct prefixes *prefixes, struct effects *effects,
                 const struct cluster_map *map, uint64_t store_id, uint64_t incarnation,
                 uint32_t keyspace, unsigned slot)
{
    struct buf bytes;
    teller_row(teller, slot, &bytes);
    struct message message = {
        .kind = MESSAGE_PREFIX,
        .from_incarnation = incarnation,
        .prefix = {.keyspace = keyspace, .slot = slot, .greatest = buf_slice(&bytes)}};
    bool all = prefixes_on_told(prefixes, effects, map, store_id, &message, 0);
    buf_release(&bytes);
    return all;
}

void teller_tell_all(const struct teller *teller, struct prefixes *prefixes,
                     const struct cluster_map *map, node_id node, uint64_t incarnation)
{
    struct effects effects;
    effects_init(&effects);
    bool all = false;
    prefixes_pull(prefixes, &effects, map, node, incarnation, 0);
    for (unsigned i = 0; i < map->keyspace_count; i++)
        for (unsigned slot = 0; slot < SLOTS; slot += PREFIX_SLOTS) {
            assert_false(all);
            all =
                teller_tell(teller, prefixes, &effects, map, cluster_map_node(map, node)->store_id,
                            incarnation, map->keyspaces[i].keyspace.id, slot);
        }
    assert_true(all);
    effects_release(&effects);
}
