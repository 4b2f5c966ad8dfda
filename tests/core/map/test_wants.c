#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/random.h"
#include "core/map/wants.h"

#define WANTS_BYTES_MAX (16u << 20)
#define ROUNDS 200

static struct wants wants;
static struct wants decoded;
static struct want_promote promote;

static int clear(void **state)
{
    (void)state;
    wants_clear(&wants);
    wants_clear(&decoded);
    promote = (struct want_promote){.keyspace = 1, .node = 2, .incarnation = 3, .join_epoch = 4};
    return 0;
}

static struct slot_set slots_of(unsigned slot)
{
    struct slot_set slots;
    slot_set_clear(&slots);
    slot_set_add(&slots, slot);
    return slots;
}

static void add_promote(uint64_t join_epoch, unsigned slot)
{
    promote.join_epoch = join_epoch;
    promote.slots = slots_of(slot);
    wants_add_promote(&wants, &promote);
}

static void fill(struct rng *rng)
{
    wants.bump = rng_one_in(rng, 2);
    for (uint64_t i = rng_below(rng, 4); i > 0; i--) {
        struct want_admit admit = {.store_id = 1 + rng_below(rng, 9), .incarnation = i};
        snprintf(admit.peer_address, sizeof admit.peer_address, "host:%u", (unsigned)i);
        wants_add_admit(&wants, &admit);
    }
    for (uint64_t i = rng_below(rng, 4); i > 0; i--) {
        struct change change = {.kind = CHANGE_KEYSPACE_CREATE,
                                .strategy = STRATEGY_CONSISTENT,
                                .replication_factor = (uint8_t)i,
                                .min_in_sync = 1};
        snprintf(change.name, sizeof change.name, "space-%u", (unsigned)rng_below(rng, 9));
        wants_add_change(&wants, &change);
    }
    for (uint64_t i = rng_below(rng, 4); i > 0; i--) {
        struct slot_set slots = slots_of((unsigned)rng_below(rng, SLOTS));
        wants_add_shrink(&wants, (uint32_t)rng_below(rng, 3), &slots);
    }
    for (uint64_t i = rng_below(rng, 4); i > 0; i--)
        add_promote(rng_below(rng, 3), (unsigned)rng_below(rng, SLOTS));
    if (rng_one_in(rng, 2))
        wants.stopping = rng_u64(rng) & rng_u64(rng);
    for (uint64_t i = rng_below(rng, 4); i > 0; i--)
        wants_add_stuck(&wants, (node_id)(1 + rng_below(rng, NODES_MAX)), rng_u64(rng));
}

static void assert_equal(const struct wants *a, const struct wants *b)
{
    assert_int_equal(a->bump, b->bump);
    assert_true(a->stopping == b->stopping);
    assert_memory_equal(a->stuck_by, b->stuck_by, sizeof a->stuck_by);
    assert_int_equal(a->admit_count, b->admit_count);
    assert_int_equal(a->change_count, b->change_count);
    assert_int_equal(a->shrink_count, b->shrink_count);
    assert_int_equal(a->promote_count, b->promote_count);
    for (unsigned i = 0; i < a->admit_count; i++) {
        assert_int_equal(a->admits[i].store_id, b->admits[i].store_id);
        assert_int_equal(a->admits[i].incarnation, b->admits[i].incarnation);
        assert_string_equal(a->admits[i].peer_address, b->admits[i].peer_address);
        assert_string_equal(a->admits[i].http_address, b->admits[i].http_address);
    }
    for (unsigned i = 0; i < a->change_count; i++) {
        assert_int_equal(a->changes[i].kind, b->changes[i].kind);
        assert_string_equal(a->changes[i].name, b->changes[i].name);
        assert_int_equal(a->changes[i].replication_factor, b->changes[i].replication_factor);
    }
    for (unsigned i = 0; i < a->shrink_count; i++) {
        assert_int_equal(a->shrinks[i].keyspace, b->shrinks[i].keyspace);
        assert_memory_equal(&a->shrinks[i].slots, &b->shrinks[i].slots, sizeof(struct slot_set));
    }
    for (unsigned i = 0; i < a->promote_count; i++) {
        assert_int_equal(a->promotes[i].keyspace, b->promotes[i].keyspace);
        assert_int_equal(a->promotes[i].node, b->promotes[i].node);
        assert_int_equal(a->promotes[i].incarnation, b->promotes[i].incarnation);
        assert_int_equal(a->promotes[i].join_epoch, b->promotes[i].join_epoch);
        assert_memory_equal(&a->promotes[i].slots, &b->promotes[i].slots, sizeof(struct slot_set));
    }
}

static void test_wants__come_back(void **state)
{
    (void)state;
    struct rng rng;
    struct buf bytes;
    rng_init(&rng, 1);
    buf_init(&bytes, WANTS_BYTES_MAX);
    for (unsigned round = 0; round < ROUNDS; round++) {
        wants_clear(&wants);
        wants_clear(&decoded);
        buf_clear(&bytes);
        fill(&rng);
        wants_encode(&bytes, &wants);
        assert_int_equal(bytes.length == 0, wants_empty(&wants));
        assert_int_equal(wants_decode(buf_slice(&bytes), &decoded), ERR_OK);
        assert_equal(&wants, &decoded);
        // Told twice is told once.
        assert_int_equal(wants_decode(buf_slice(&bytes), &decoded), ERR_OK);
        assert_equal(&wants, &decoded);
    }
    buf_release(&bytes);
}

// Each says something by itself, and more is added to what is there.
static void test_wants__stop_and_stuck_unite(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, WANTS_BYTES_MAX);
    assert_true(wants_empty(&wants));
    wants.stopping = node_bit(NODES_MAX);
    assert_false(wants_empty(&wants));
    wants_encode(&bytes, &wants);
    wants_clear(&wants);
    wants_add_stuck(&wants, 2, 0);
    assert_true(wants_empty(&wants));
    wants_add_stuck(&wants, 2, node_bit(1) | node_bit(NODES_MAX));
    wants_add_stuck(&wants, 3, node_bit(1));
    wants_add_stuck(&wants, 3, node_bit(1));
    assert_false(wants_empty(&wants));
    wants_encode(&bytes, &wants);
    decoded.stopping = node_bit(1);
    decoded.stuck_by[1] = node_bit(7);
    assert_int_equal(wants_decode(buf_slice(&bytes), &decoded), ERR_OK);
    assert_true(decoded.stopping == (node_bit(1) | node_bit(NODES_MAX)));
    assert_int_equal(decoded.stuck_by[1], node_bit(2) | node_bit(3) | node_bit(7));
    assert_int_equal(decoded.stuck_by[NODES_MAX], node_bit(2));
    wants_clear(&decoded);
    assert_true(wants_empty(&decoded));
    assert_int_equal(decoded.stuck_by[1], 0);
    buf_release(&bytes);
}

// What a coordinator judges itself is not for others.
static void test_wants__fate_is_not_told(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, WANTS_BYTES_MAX);
    wants.fate = (struct wants_fate){.down = 1, .up = 2, .repair = 4};
    wants_encode(&bytes, &wants);
    assert_int_equal(bytes.length, 0);
    buf_release(&bytes);
}

static void test_wants__cut_bytes_are_refused_or_whole_wishes(void **state)
{
    (void)state;
    struct rng rng;
    struct buf bytes;
    struct buf again;
    rng_init(&rng, 2);
    buf_init(&bytes, WANTS_BYTES_MAX);
    buf_init(&again, WANTS_BYTES_MAX);
    for (unsigned round = 0; round < 10; round++)
        fill(&rng);
    wants_encode(&bytes, &wants);
    for (size_t length = 0; length < bytes.length; length++) {
        wants_clear(&decoded);
        buf_clear(&again);
        enum err error = wants_decode(slice_of(bytes.bytes, length), &decoded);
        wants_encode(&again, &decoded);
        assert_in_range(again.length, 0, length);
        assert_memory_equal(again.bytes, bytes.bytes, again.length);
        assert_int_equal(error == ERR_OK, again.length == length);
    }
    buf_release(&bytes);
    buf_release(&again);
}

static void test_wants__the_newest_process_is_admitted(void **state)
{
    (void)state;
    struct want_admit admit = {.store_id = 7, .incarnation = 5, .peer_address = "old:1"};
    wants_add_admit(&wants, &admit);
    admit = (struct want_admit){.store_id = 7, .incarnation = 6, .peer_address = "new:1"};
    wants_add_admit(&wants, &admit);
    admit = (struct want_admit){.store_id = 7, .incarnation = 5, .peer_address = "old:1"};
    wants_add_admit(&wants, &admit);
    assert_int_equal(wants.admit_count, 1);
    assert_int_equal(wants.admits[0].incarnation, 6);
    assert_string_equal(wants.admits[0].peer_address, "new:1");
}

static void test_wants__slots_of_one_wish_unite(void **state)
{
    (void)state;
    struct slot_set first = slots_of(3);
    struct slot_set second = slots_of(9);
    wants_add_shrink(&wants, 1, &first);
    wants_add_shrink(&wants, 2, &first);
    wants_add_shrink(&wants, 1, &second);
    assert_int_equal(wants.shrink_count, 2);
    assert_int_equal(slot_set_count(&wants.shrinks[0].slots), 2);
    assert_int_equal(slot_set_count(&wants.shrinks[1].slots), 1);

    add_promote(4, 3);
    add_promote(4, 9);
    add_promote(5, 9);
    promote.incarnation++;
    add_promote(5, 9);
    assert_int_equal(wants.promote_count, 3);
    assert_int_equal(slot_set_count(&wants.promotes[0].slots), 2);
}

static void test_wants__past_a_maximum_nothing_is_added(void **state)
{
    (void)state;
    struct slot_set slots = slots_of(1);
    for (unsigned i = 0; i < 2 * WANT_PROMOTES_MAX; i++) {
        struct want_admit admit = {.store_id = 1 + i, .incarnation = 1};
        struct change change = {.kind = CHANGE_MIN_IN_SYNC, .keyspace = i, .min_in_sync = 1};
        wants_add_admit(&wants, &admit);
        wants_add_change(&wants, &change);
        wants_add_shrink(&wants, i, &slots);
        add_promote(i, 1);
    }
    assert_int_equal(wants.admit_count, WANT_ADMITS_MAX);
    assert_int_equal(wants.change_count, WANT_CHANGES_MAX);
    assert_int_equal(wants.shrink_count, KEYSPACES_MAX);
    assert_int_equal(wants.promote_count, WANT_PROMOTES_MAX);
    // What is there still merges.
    wants_add_admit(&wants, &(struct want_admit){.store_id = 1, .incarnation = 9});
    assert_int_equal(wants.admits[0].incarnation, 9);
    add_promote(0, 7);
    assert_int_equal(slot_set_count(&wants.promotes[0].slots), 2);
}

static void test_wants__refuse_what_no_encoder_wrote(void **state)
{
    (void)state;
    const uint8_t unknown_kind[] = {5};
    const uint8_t bad_change[] = {2, 1, 0};
    struct buf bytes;
    buf_init(&bytes, WANTS_BYTES_MAX);
    assert_int_equal(wants_decode(slice_of(unknown_kind, sizeof unknown_kind), &wants),
                     ERR_INVALID);
    assert_int_equal(wants_decode(slice_of(bad_change, sizeof bad_change), &wants), ERR_INVALID);
    assert_true(wants_empty(&wants));
    // Whoever has no store is nobody.
    wants_add_admit(&wants, &(struct want_admit){.store_id = 0, .incarnation = 1});
    wants_encode(&bytes, &wants);
    assert_int_equal(wants_decode(buf_slice(&bytes), &decoded), ERR_OK);
    assert_true(wants_empty(&decoded));
    buf_release(&bytes);
}

#define TEST(name) cmocka_unit_test_setup(test_wants__##name, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(come_back),
        TEST(stop_and_stuck_unite),
        TEST(fate_is_not_told),
        TEST(cut_bytes_are_refused_or_whole_wishes),
        TEST(the_newest_process_is_admitted),
        TEST(slots_of_one_wish_unite),
        TEST(past_a_maximum_nothing_is_added),
        TEST(refuse_what_no_encoder_wrote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
