#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "map_fixture.h"
#include "prefix_teller.h"

enum { A = 1, B = 2, C = 3, FIRST = 0, SECOND = 1, NOW = 2, ROWS = SLOTS / PREFIX_SLOTS };

#define START_US UINT64_C(5000000)
#define AGAIN_US UINT64_C(300000)

struct bench {
    struct cluster_map map;
    struct prefixes prefixes;
    struct effects effects;
    struct teller teller;
};

// Three nodes and two keyspaces; nobody was asked.
static int open_bench(void **state)
{
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    fixture_map(&bench.map, 3, 3);
    struct replica_set set = fixture_settled(fixture_nodes(3));
    bench.map.next_keyspace_id = 4;
    fixture_add_keyspace(&bench.map, &set);
    bench.map.next_keyspace_id = 9;
    fixture_add_keyspace(&bench.map, &set);
    effects_init(&bench.effects);
    teller_fill(&bench.teller, 10);
    *state = &bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    prefixes_release(&bench->prefixes);
    effects_release(&bench->effects);
    cluster_map_release(&bench->map);
    return 0;
}

static uint32_t keyspace_of(const struct bench *bench, unsigned index)
{
    return bench->map.keyspaces[index].keyspace.id;
}

static void pull(struct bench *bench, node_id node, uint64_t incarnation, uint64_t now_us)
{
    prefixes_pull(&bench->prefixes, &bench->effects, &bench->map, node, incarnation, now_us);
}

// Whether just this question was sent since the last look, to this process.
static bool asked(struct bench *bench, node_id node, uint64_t incarnation, unsigned keyspace,
                  unsigned slot)
{
    struct message message;
    bool one = bench->effects.send_count == 1;
    bool is_right = false;
    if (one) {
        const struct effect_send *sent = &bench->effects.sends[0];
        assert_int_equal(message_decode(effects_bytes(&bench->effects, sent->message), &message),
                         ERR_OK);
        is_right = sent->peer == FIXTURE_STORE_ID(node) && message.kind == MESSAGE_PREFIX_WANT &&
                   message.to_incarnation == incarnation &&
                   message.prefix_want.keyspace == keyspace_of(bench, keyspace) &&
                   message.prefix_want.slot == slot;
    }
    effects_clear(&bench->effects);
    return is_right;
}

static bool tell(struct bench *bench, node_id node, unsigned keyspace, unsigned slot)
{
    return teller_tell(&bench->teller, &bench->prefixes, &bench->effects, &bench->map,
                       FIXTURE_STORE_ID(node), NOW, keyspace_of(bench, keyspace), slot);
}

static void tell_all(struct bench *bench, node_id node, uint64_t counter)
{
    teller_fill(&bench->teller, counter);
    teller_tell_all(&bench->teller, &bench->prefixes, &bench->map, node, NOW);
}

static node_set longest(const struct bench *bench, unsigned keyspace, unsigned slot)
{
    return prefixes_longest(&bench->prefixes, keyspace_of(bench, keyspace), slot);
}

static bool knows_nothing(const struct bench *bench)
{
    bool nothing = bench->prefixes.told == 0;
    for (unsigned keyspace = FIRST; keyspace <= SECOND; keyspace++)
        for (unsigned slot = 0; slot < SLOTS; slot++)
            nothing &= longest(bench, keyspace, slot) == 0;
    return nothing;
}

// --- asking

static void test_prefixes__asks_for_all_in_rows(void **state)
{
    struct bench *bench = *state;
    pull(bench, B, NOW, START_US);
    for (unsigned row = 0; row < 2 * ROWS; row++) {
        unsigned keyspace = row / ROWS;
        unsigned slot = row % ROWS * PREFIX_SLOTS;
        assert_true(asked(bench, B, NOW, keyspace, slot));
        assert_false(prefixes_has_told(&bench->prefixes, B, NOW));
        assert_int_equal(tell(bench, B, keyspace, slot), row == 2 * ROWS - 1);
    }
    assert_int_equal(bench->effects.send_count, 0);
    assert_true(prefixes_has_told(&bench->prefixes, B, NOW));
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        assert_int_equal(longest(bench, FIRST, slot), node_bit(B));
        assert_int_equal(longest(bench, SECOND, slot), node_bit(B));
    }
}

static void test_prefixes__asks_again_after_a_while(void **state)
{
    struct bench *bench = *state;
    pull(bench, A, NOW, START_US);
    assert_true(bench->effects.wake_us <= START_US + AGAIN_US);
    assert_true(asked(bench, A, NOW, FIRST, 0));
    pull(bench, A, NOW, START_US + AGAIN_US - 1);
    assert_int_equal(bench->effects.send_count, 0);
    pull(bench, A, NOW, START_US + AGAIN_US);
    assert_true(asked(bench, A, NOW, FIRST, 0));
    pull(bench, A, NOW, START_US + 2 * AGAIN_US - 1);
    assert_int_equal(bench->effects.send_count, 0);
    // Where it is, not from the beginning.
    tell(bench, A, FIRST, 0);
    assert_true(asked(bench, A, NOW, FIRST, PREFIX_SLOTS));
    pull(bench, A, NOW, START_US + 3 * AGAIN_US);
    assert_true(asked(bench, A, NOW, FIRST, PREFIX_SLOTS));
}

static void test_prefixes__asks_nobody_who_has_told_all(void **state)
{
    struct bench *bench = *state;
    tell_all(bench, A, 10);
    pull(bench, A, NOW, START_US + 100 * AGAIN_US);
    assert_int_equal(bench->effects.send_count, 0);
}

static void test_prefixes__ask_each_on_its_own(void **state)
{
    struct bench *bench = *state;
    pull(bench, A, NOW, START_US);
    assert_true(asked(bench, A, NOW, FIRST, 0));
    tell(bench, A, FIRST, 0);
    assert_true(asked(bench, A, NOW, FIRST, PREFIX_SLOTS));
    pull(bench, B, NOW, START_US);
    assert_true(asked(bench, B, NOW, FIRST, 0));
    tell(bench, A, FIRST, PREFIX_SLOTS);
    assert_true(asked(bench, A, NOW, FIRST, 2 * PREFIX_SLOTS));
}

static void test_prefixes__have_nothing_to_ask_without_a_keyspace(void **state)
{
    struct bench *bench = *state;
    struct cluster_map map;
    cluster_map_init(&map);
    fixture_map(&map, 3, 3);
    prefixes_pull(&bench->prefixes, &bench->effects, &map, A, NOW, START_US);
    assert_int_equal(bench->effects.send_count, 0);
    prefixes_on_map(&bench->prefixes, &map);
    assert_false(prefixes_has_told(&bench->prefixes, A, NOW));
    cluster_map_release(&map);
}

// --- answers that count for nothing

static void test_prefixes__ignore_who_was_not_asked(void **state)
{
    struct bench *bench = *state;
    assert_false(tell(bench, A, FIRST, 0));
    pull(bench, A, NOW, START_US);
    assert_true(asked(bench, A, NOW, FIRST, 0));
    assert_false(tell(bench, B, FIRST, 0));
    for (uint64_t peer = 0; peer < 2; peer++)
        teller_tell(&bench->teller, &bench->prefixes, &bench->effects, &bench->map, peer,
                    peer == 0 ? 0 : NOW, keyspace_of(bench, FIRST), 0);
    // Of a process before it, and one after it.
    for (uint64_t incarnation = NOW - 1; incarnation <= NOW + 1; incarnation += 2)
        assert_false(teller_tell(&bench->teller, &bench->prefixes, &bench->effects, &bench->map,
                                 FIXTURE_STORE_ID(A), incarnation, keyspace_of(bench, FIRST), 0));
    assert_int_equal(bench->effects.send_count, 0);
    assert_true(knows_nothing(bench));
}

static void test_prefixes__ignore_another_row_or_keyspace(void **state)
{
    struct bench *bench = *state;
    pull(bench, A, NOW, START_US);
    assert_true(asked(bench, A, NOW, FIRST, 0));
    assert_false(tell(bench, A, FIRST, PREFIX_SLOTS));
    assert_false(tell(bench, A, SECOND, 0));
    assert_false(teller_tell(&bench->teller, &bench->prefixes, &bench->effects, &bench->map,
                             FIXTURE_STORE_ID(A), NOW, 7777, 0));
    assert_true(knows_nothing(bench));
    // The same answer twice: the second one is about a row that is done with.
    tell(bench, A, FIRST, 0);
    assert_true(asked(bench, A, NOW, FIRST, PREFIX_SLOTS));
    teller_fill(&bench->teller, 99);
    tell(bench, A, FIRST, 0);
    assert_int_equal(bench->effects.send_count, 0);
    assert_int_equal(longest(bench, FIRST, PREFIX_SLOTS), 0);
    teller_fill(&bench->teller, 50);
    pull(bench, B, NOW, START_US);
    tell(bench, B, FIRST, 0);
    assert_int_equal(longest(bench, FIRST, 0), node_bit(B));
}

static void tell_bytes(struct bench *bench, struct slice bytes)
{
    struct message message = {
        .kind = MESSAGE_PREFIX,
        .from_incarnation = NOW,
        .prefix = {.keyspace = keyspace_of(bench, FIRST), .slot = 0, .greatest = bytes}};
    assert_false(prefixes_on_told(&bench->prefixes, &bench->effects, &bench->map,
                                  FIXTURE_STORE_ID(A), &message, START_US));
    assert_int_equal(bench->effects.send_count, 0);
}

static void test_prefixes__take_nothing_of_bad_bytes(void **state)
{
    struct bench *bench = *state;
    struct buf row;
    pull(bench, A, NOW, START_US);
    assert_true(asked(bench, A, NOW, FIRST, 0));
    teller_row(&bench->teller, 0, &row);
    for (size_t length = 0; length < row.length; length++)
        tell_bytes(bench, slice_of(row.bytes, length));
    // The last slot's flag is neither yes nor no; all before it is fine.
    size_t entry = row.length / PREFIX_SLOTS;
    row.bytes[row.length - entry] = 2;
    tell_bytes(bench, buf_slice(&row));
    row.bytes[row.length - entry] = 1;
    buf_append_u8(&row, 0);
    tell_bytes(bench, buf_slice(&row));
    buf_release(&row);
    bench->teller.counters[PREFIX_SLOTS - 1] = TELLER_NO_PREFIX;
    teller_row(&bench->teller, 0, &row);
    row.bytes[row.length - 1] = 2;
    tell_bytes(bench, buf_slice(&row));
    assert_true(knows_nothing(bench));
    buf_release(&row);
    tell(bench, A, FIRST, 0);
    assert_int_equal(longest(bench, FIRST, PREFIX_SLOTS - 2), node_bit(A));
    assert_int_equal(longest(bench, FIRST, PREFIX_SLOTS - 1), 0);
}

// --- who has the longest

static void test_prefixes__the_greatest_stamp_is_the_longest(void **state)
{
    struct bench *bench = *state;
    tell_all(bench, B, 20);
    tell_all(bench, A, 10);
    assert_int_equal(longest(bench, FIRST, 0), node_bit(B));
    tell_all(bench, C, 30);
    assert_int_equal(longest(bench, FIRST, 0), node_bit(C));
    assert_int_equal(longest(bench, SECOND, SLOTS - 1), node_bit(C));
}

static void test_prefixes__those_with_the_same_stamp_all_have_it(void **state)
{
    struct bench *bench = *state;
    tell_all(bench, A, 10);
    tell_all(bench, B, 20);
    tell_all(bench, C, 20);
    assert_int_equal(longest(bench, FIRST, 5), node_bit(B) | node_bit(C));
}

// Nothing was ever stored: that is a prefix too, and the shortest one. Who has none counts not.
static void test_prefixes__an_empty_prefix_is_one(void **state)
{
    struct bench *bench = *state;
    tell_all(bench, A, TELLER_NO_PREFIX);
    assert_int_equal(longest(bench, FIRST, 5), 0);
    tell_all(bench, B, 0);
    assert_int_equal(longest(bench, FIRST, 5), node_bit(B));
    tell_all(bench, C, 1);
    assert_int_equal(longest(bench, FIRST, 5), node_bit(C));
}

static void test_prefixes__each_slot_is_looked_at_alone(void **state)
{
    struct bench *bench = *state;
    tell_all(bench, A, 10);
    teller_fill(&bench->teller, 5);
    bench->teller.counters[PREFIX_SLOTS - 1] = 11;
    bench->teller.counters[PREFIX_SLOTS] = 10;
    bench->teller.counters[SLOTS - 1] = TELLER_NO_PREFIX;
    teller_tell_all(&bench->teller, &bench->prefixes, &bench->map, B, NOW);
    assert_int_equal(longest(bench, SECOND, PREFIX_SLOTS - 2), node_bit(A));
    assert_int_equal(longest(bench, SECOND, PREFIX_SLOTS - 1), node_bit(B));
    assert_int_equal(longest(bench, SECOND, PREFIX_SLOTS), node_bit(A) | node_bit(B));
    assert_int_equal(longest(bench, SECOND, PREFIX_SLOTS + 1), node_bit(A));
    assert_int_equal(longest(bench, SECOND, SLOTS - 1), node_bit(A));
    assert_int_equal(prefixes_longest(&bench->prefixes, 7777, 0), 0);
}

// --- maps and processes

static void test_prefixes__another_map_that_names_none_of_them_changes_nothing(void **state)
{
    struct bench *bench = *state;
    tell_all(bench, A, 10);
    bench->map.epoch++;
    bench->map.nodes[A - 1].state = NODE_DOWN;
    bench->map.nodes[B - 1].incarnation = NOW;
    prefixes_on_map(&bench->prefixes, &bench->map);
    assert_true(prefixes_has_told(&bench->prefixes, A, NOW));
    assert_int_equal(longest(bench, FIRST, 0), node_bit(A));
}

static void test_prefixes__a_map_that_names_one_begins_anew(void **state)
{
    struct bench *bench = *state;
    tell_all(bench, A, 10);
    tell_all(bench, B, 10);
    bench->map.nodes[A - 1].incarnation = NOW;
    prefixes_on_map(&bench->prefixes, &bench->map);
    assert_true(knows_nothing(bench));
    assert_false(prefixes_has_told(&bench->prefixes, B, NOW));
    pull(bench, B, NOW, START_US);
    assert_true(asked(bench, B, NOW, FIRST, 0));
}

static void test_prefixes__a_map_that_removes_one_begins_anew(void **state)
{
    struct bench *bench = *state;
    tell_all(bench, A, 10);
    tell_all(bench, C, 20);
    bench->map.node_count--;
    prefixes_on_map(&bench->prefixes, &bench->map);
    assert_true(knows_nothing(bench));
    // Its answers do no harm.
    assert_false(tell(bench, C, FIRST, 0));
    assert_true(knows_nothing(bench));
}

static void test_prefixes__another_store_under_an_id_begins_anew(void **state)
{
    struct bench *bench = *state;
    tell_all(bench, C, 20);
    bench->map.nodes[C - 1].store_id = 999;
    prefixes_on_map(&bench->prefixes, &bench->map);
    assert_true(knows_nothing(bench));
    pull(bench, C, NOW, START_US);
    assert_false(tell(bench, C, FIRST, 0));
    assert_int_equal(longest(bench, FIRST, 0), 0);
}

static void test_prefixes__a_map_with_another_keyspace_begins_anew(void **state)
{
    struct bench *bench = *state;
    struct replica_set set = fixture_settled(fixture_nodes(3));
    tell_all(bench, A, 10);
    fixture_add_keyspace(&bench->map, &set);
    prefixes_on_map(&bench->prefixes, &bench->map);
    assert_true(knows_nothing(bench));
    assert_false(prefixes_has_told(&bench->prefixes, A, NOW));
    tell_all(bench, A, 10);
    assert_int_equal(longest(bench, 2, SLOTS - 1), node_bit(A));
}

static void test_prefixes__another_process_of_one_begins_anew(void **state)
{
    struct bench *bench = *state;
    tell_all(bench, A, 10);
    tell_all(bench, B, 20);
    assert_true(prefixes_has_told(&bench->prefixes, B, NOW));
    assert_false(prefixes_has_told(&bench->prefixes, B, NOW + 1));
    assert_false(prefixes_has_told(&bench->prefixes, C, NOW));
    pull(bench, B, NOW + 1, START_US);
    assert_true(asked(bench, B, NOW + 1, FIRST, 0));
    assert_true(knows_nothing(bench));
    assert_false(prefixes_has_told(&bench->prefixes, A, NOW));
    // What the process before it says now is nothing.
    assert_false(tell(bench, B, FIRST, 0));
    assert_int_equal(longest(bench, FIRST, 0), 0);
}

static void test_prefixes__are_usable_after_a_release(void **state)
{
    struct bench *bench = *state;
    tell_all(bench, A, 10);
    prefixes_release(&bench->prefixes);
    assert_true(knows_nothing(bench));
    assert_false(prefixes_has_told(&bench->prefixes, A, NOW));
    assert_false(tell(bench, A, FIRST, 0));
    prefixes_release(&bench->prefixes);
    tell_all(bench, A, 10);
    assert_int_equal(longest(bench, FIRST, 0), node_bit(A));
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_prefixes__##name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asks_for_all_in_rows),
        TEST(asks_again_after_a_while),
        TEST(asks_nobody_who_has_told_all),
        TEST(ask_each_on_its_own),
        TEST(have_nothing_to_ask_without_a_keyspace),
        TEST(ignore_who_was_not_asked),
        TEST(ignore_another_row_or_keyspace),
        TEST(take_nothing_of_bad_bytes),
        TEST(the_greatest_stamp_is_the_longest),
        TEST(those_with_the_same_stamp_all_have_it),
        TEST(an_empty_prefix_is_one),
        TEST(each_slot_is_looked_at_alone),
        TEST(another_map_that_names_none_of_them_changes_nothing),
        TEST(a_map_that_names_one_begins_anew),
        TEST(a_map_that_removes_one_begins_anew),
        TEST(another_store_under_an_id_begins_anew),
        TEST(a_map_with_another_keyspace_begins_anew),
        TEST(another_process_of_one_begins_anew),
        TEST(are_usable_after_a_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
