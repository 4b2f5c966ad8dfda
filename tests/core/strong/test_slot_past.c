#include "core/strong/slot_past.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { SELF = 1, OTHER = 2, KEYSPACE = 7, SLOT = 5 };

// A map of this epoch in which these nodes have the slot, and all others, in sync.
static void tell(struct slot_pasts *pasts, uint64_t epoch, node_set in_sync, node_id self)
{
    struct replica_set set = {.in_sync = in_sync, .target = in_sync};
    uint16_t set_of_slot[SLOTS] = {0};
    struct cluster_map map = {.epoch = epoch, .keyspace_count = 1};
    map.keyspaces[0] =
        (struct map_keyspace){.keyspace = {.id = KEYSPACE}, .sets = &set, .set_count = 1};
    map.keyspaces[0].set_of_slot = set_of_slot;
    slot_pasts_on_map(pasts, &map, self);
}

static void test_slot_past__knows_from_when_it_was_in_sync(void **state)
{
    (void)state;
    struct slot_pasts pasts = {0};
    assert_false(slot_pasts_is_quiet(&pasts, KEYSPACE, SLOT, 9));
    tell(&pasts, 3, node_bit(OTHER), SELF);
    assert_false(slot_pasts_is_quiet(&pasts, KEYSPACE, SLOT, 9));
    tell(&pasts, 4, node_bit(SELF) | node_bit(OTHER), SELF);
    tell(&pasts, 5, node_bit(SELF), SELF);
    assert_false(slot_pasts_is_quiet(&pasts, KEYSPACE, SLOT, 3));
    assert_true(slot_pasts_is_quiet(&pasts, KEYSPACE, SLOT, 4));
    assert_true(slot_pasts_is_quiet(&pasts, KEYSPACE, SLOT, 5));
    // Away for an epoch: what happened in it is unknown.
    tell(&pasts, 6, node_bit(SELF), NODE_NONE);
    tell(&pasts, 7, node_bit(SELF), SELF);
    assert_false(slot_pasts_is_quiet(&pasts, KEYSPACE, SLOT, 6));
    assert_true(slot_pasts_is_quiet(&pasts, KEYSPACE, SLOT, 7));
    slot_pasts_release(&pasts);
}

static void test_slot_past__remembers_deletes(void **state)
{
    (void)state;
    struct slot_pasts pasts = {0};
    tell(&pasts, 4, node_bit(SELF), SELF);
    assert_int_equal(slot_pasts_deleted(&pasts, KEYSPACE, SLOT), 0);
    slot_pasts_note_delete(&pasts, KEYSPACE, SLOT, stamp_make(6, 3, SELF));
    slot_pasts_note_delete(&pasts, KEYSPACE, SLOT, stamp_make(5, 8, SELF));
    slot_pasts_note_delete(&pasts, KEYSPACE + 1, SLOT, stamp_make(9, 1, SELF));
    assert_int_equal(slot_pasts_deleted(&pasts, KEYSPACE, SLOT), stamp_make(6, 3, SELF).counter);
    assert_false(slot_pasts_is_quiet(&pasts, KEYSPACE, SLOT, 4));
    assert_false(slot_pasts_is_quiet(&pasts, KEYSPACE, SLOT, 6));
    assert_true(slot_pasts_is_quiet(&pasts, KEYSPACE, SLOT, 7));
    assert_true(slot_pasts_is_quiet(&pasts, KEYSPACE, SLOT + 1, 4));
    slot_pasts_release(&pasts);
}

static void test_slot_past__forgets_keyspaces_that_are_gone(void **state)
{
    (void)state;
    struct slot_pasts pasts = {0};
    struct cluster_map map = {.epoch = 5};
    tell(&pasts, 4, node_bit(SELF), SELF);
    slot_pasts_on_map(&pasts, &map, SELF);
    assert_int_equal(pasts.count, 0);
    assert_false(slot_pasts_is_quiet(&pasts, KEYSPACE, SLOT, 9));
    slot_pasts_release(&pasts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slot_past__knows_from_when_it_was_in_sync),
        cmocka_unit_test(test_slot_past__remembers_deletes),
        cmocka_unit_test(test_slot_past__forgets_keyspaces_that_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
