// What a store tells of its slots, and when it tells nothing.
#include "loss_bench.h"

#include "core/map/prefixes.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { NAME_BYTES = 16 };

// --- marks

static void test_prefix__a_listed_node_marks_its_slots(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    unsigned others = loss_slot() == 0 ? 1 : loss_slot() - 1;
    assert_true(loss_prefix_is(bench, A, (struct stamp){0}));
    assert_true(loss_prefix_is(bench, C, (struct stamp){0}));
    assert_false(loss_told_at_tag(bench, J).is_prefix);
    assert_true(loss_told(bench, A, others).is_prefix);
    assert_false(loss_told(bench, C, others).is_prefix);
    assert_true(loss_told(bench, A, SLOTS - 1).is_prefix);
    bench_free(bench);
}

static void test_prefix__a_mark_counts_once_it_is_stored(void **state)
{
    (void)state;
    struct strong_bench *bench = bench_new(3);
    loss_map(bench, LIST, 0);
    assert_false(loss_told_at_tag(bench, A).is_prefix);
    bench_durable(bench, A);
    assert_true(loss_told_at_tag(bench, A).is_prefix);
    bench_free(bench);
}

static void test_prefix__ends_with_the_greatest_stamp(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    loss_put(bench, OTHER, "one");
    struct stamp last = loss_put(bench, KEY, "two");
    assert_true(loss_prefix_is(bench, A, last));
    assert_true(loss_prefix_is(bench, C, last));
    assert_false(stamp_is_zero(last));
    bench_free(bench);
}

// Nothing new is written by a map that lists it for the same slots.
static void test_prefix__a_mark_is_written_when_it_changes(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    loss_map(bench, LIST, 0);
    assert_int_equal(bench->nodes[C]->memory.write_count, 0);
    loss_map(bench, node_bit(A), 0);
    assert_true(bench->nodes[C]->memory.write_count > 0);
    bench_free(bench);
}

static void test_prefix__a_joiner_has_none_before_it_is_promoted(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    loss_put(bench, OTHER, "old");
    loss_map(bench, LIST, node_bit(J));
    bench_run(bench);
    struct stamp live = loss_put(bench, KEY, "live");
    assert_true(bench_holds(bench, J, KEY, "live"));
    assert_true(bench_holds(bench, J, OTHER, "old"));
    assert_false(loss_told_at_tag(bench, J).is_prefix);
    loss_map(bench, ALL, 0);
    assert_false(loss_told_at_tag(bench, J).is_prefix);
    bench_run(bench);
    assert_true(loss_prefix_is(bench, J, live));
    bench_free(bench);
}

// J missed "new", and its next join brings "newest" before "new": at no moment does its store tell
// a prefix that ends with that.
static void test_prefix__a_mark_goes_before_the_next_join_brings_anything(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    loss_map(bench, ALL, 0);
    bench_run(bench);
    struct stamp old = loss_put(bench, OTHER, "old");
    assert_true(loss_prefix_is(bench, J, old));
    // J hears of nothing meanwhile.
    struct replica_set set = bench_set(LIST, 0, 0, A);
    set.target = ALL;
    bench_make_map(bench, LIST, &set);
    bench_tell(bench, A);
    bench_tell(bench, C);
    loss_put(bench, OTHER, "new");
    loss_map(bench, LIST, node_bit(J));
    bench_deliver(bench, A, C);
    bench_deliver(bench, C, A);
    bench_deliver(bench, A, J);
    bench_deliver(bench, J, A);
    bench_put(bench, A, KEY, "newest");
    bench_deliver_kind(bench, A, J, MESSAGE_INV);
    struct memory_store *memory = &bench->nodes[J]->memory;
    assert_true(memory->write_count >= 2);
    while (memory->write_count > 0) {
        assert_true(!loss_told_at_tag(bench, J).is_prefix || loss_prefix_is(bench, J, old));
        memory_store_apply(memory, 1);
    }
    assert_false(loss_told_at_tag(bench, J).is_prefix);
    assert_true(bench_holds(bench, J, KEY, "newest"));
    bench_free(bench);
}

// A process that is started again knows nothing of what it had marked, and marks by the map.
static void test_prefix__a_mark_outlives_the_process_until_a_map_drops_it(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    struct stamp last = loss_put(bench, KEY, "value");
    bench_restart(bench, C);
    assert_true(loss_prefix_is(bench, C, last));
    loss_map(bench, node_bit(A), 0);
    bench_run(bench);
    assert_false(loss_told_at_tag(bench, C).is_prefix);
    assert_true(bench_holds(bench, C, KEY, "value"));
    bench_free(bench);
}

static void test_prefix__a_down_member_keeps_its_mark(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    struct stamp last = loss_put(bench, KEY, "value");
    struct replica_set set = bench_set(LIST, 0, 0, A);
    bench_make_map(bench, node_bit(A), &set);
    bench_tell(bench, C);
    bench_durable(bench, C);
    assert_true(loss_prefix_is(bench, C, last));
    bench_free(bench);
}

static void test_prefix__one_that_is_dropped_while_it_is_down_loses_its_mark(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    loss_put(bench, KEY, "value");
    struct replica_set set = bench_set(node_bit(A), 0, 0, A);
    bench_make_map(bench, node_bit(A), &set);
    bench_tell(bench, C);
    bench_durable(bench, C);
    assert_false(loss_told_at_tag(bench, C).is_prefix);
    bench_free(bench);
}

// --- damage

struct name {
    char bytes[NAME_BYTES];
    size_t length;
};

static struct slice mark_name(struct name *name)
{
    name->length = (size_t)snprintf(name->bytes, sizeof name->bytes, "prefix:%c%c%c%c", 0, 0, 0,
                                    (int)BENCH_KEYSPACE);
    return slice_of(name->bytes, name->length);
}

static void set_mark(struct strong_bench *bench, node_id id, const void *bytes, size_t length)
{
    struct name name;
    struct memory_store *memory = &bench->nodes[id]->memory;
    memory_store_queue(memory, STORE_META, bytes == NULL, mark_name(&name),
                       slice_of(bytes, length));
    memory_store_apply(memory, SIZE_MAX);
}

static void test_prefix__a_damaged_mark_tells_none(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    struct name name;
    struct slice kept;
    struct slot_set all;
    struct buf bytes;
    loss_put(bench, KEY, "value");
    assert_int_equal(bench->nodes[A]->reader.ops->get(bench->nodes[A]->reader.self, STORE_META,
                                                      mark_name(&name), &kept),
                     ERR_OK);
    memset(&all, 0xff, sizeof all);
    buf_init(&bytes, 1 << 16);
    slot_set_encode(&bytes, &all);
    set_mark(bench, A, bytes.bytes, bytes.length);
    assert_true(loss_told_at_tag(bench, A).is_prefix);
    set_mark(bench, A, bytes.bytes, bytes.length - 1);
    assert_false(loss_told_at_tag(bench, A).is_prefix);
    buf_append_u8(&bytes, 0);
    set_mark(bench, A, bytes.bytes, bytes.length);
    assert_false(loss_told_at_tag(bench, A).is_prefix);
    set_mark(bench, A, "", 0);
    assert_false(loss_told_at_tag(bench, A).is_prefix);
    set_mark(bench, A, NULL, 0);
    assert_false(loss_told_at_tag(bench, A).is_prefix);
    assert_true(bench_holds(bench, A, KEY, "value"));
    buf_release(&bytes);
    bench_free(bench);
}

static void test_prefix__a_damaged_record_tells_none(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    struct store_key name;
    loss_put(bench, KEY, "value");
    store_key_make(&name, BENCH_KEYSPACE, loss_slot(), slice_of_text(OTHER));
    memory_store_queue(&bench->nodes[A]->memory, STORE_RECORDS, false, store_key_slice(&name),
                       slice_of_text("no record"));
    memory_store_apply(&bench->nodes[A]->memory, SIZE_MAX);
    unsigned others = loss_slot() == 0 ? 1 : loss_slot() - 1;
    assert_false(loss_told_at_tag(bench, A).is_prefix);
    assert_true(loss_told(bench, A, others).is_prefix);
    bench_free(bench);
}

// --- questions

static void ask(struct strong_bench *bench, uint64_t keyspace, uint64_t slot)
{
    struct bench_node *node = bench->nodes[A];
    struct message_prefix_want want = {.keyspace = keyspace, .slot = slot};
    strong_tell_prefix(&node->strong, &node->effects, BENCH_STORE_ID(C), &want);
    bench_absorb(bench, A);
}

static void test_prefix__bad_questions_are_ignored(void **state)
{
    (void)state;
    struct strong_bench *bench = loss_bench_new();
    const uint64_t slots[] = {1,         PREFIX_SLOTS - 1,     PREFIX_SLOTS + 1,
                              SLOTS,     SLOTS + PREFIX_SLOTS, (UINT64_C(1) << 32),
                              UINT64_MAX};
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++)
        ask(bench, BENCH_KEYSPACE, slots[i]);
    ask(bench, (UINT64_C(1) << 32) + BENCH_KEYSPACE, 0);
    ask(bench, UINT64_MAX, 0);
    assert_int_equal(bench_count(bench, A, C, MESSAGE_KIND_COUNT), 0);
    // The last row is fine, and so is a keyspace that nobody knows: there is nothing of it.
    ask(bench, BENCH_KEYSPACE, SLOTS - PREFIX_SLOTS);
    ask(bench, BENCH_KEYSPACE + 1, 0);
    assert_int_equal(bench_count(bench, A, C, MESSAGE_PREFIX), 2);
    bench_drop(bench_take(bench, A, C, MESSAGE_PREFIX));
    struct bench_message *answer = bench_take(bench, A, C, MESSAGE_PREFIX);
    struct message message;
    assert_int_equal(message_decode(buf_slice(&answer->bytes), &message), ERR_OK);
    assert_int_equal(message.prefix.keyspace, BENCH_KEYSPACE + 1);
    assert_int_equal(message.prefix.greatest.length, PREFIX_SLOTS);
    for (unsigned i = 0; i < PREFIX_SLOTS; i++)
        assert_int_equal(message.prefix.greatest.bytes[i], 0);
    bench_drop(answer);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix__a_listed_node_marks_its_slots),
        cmocka_unit_test(test_prefix__a_mark_counts_once_it_is_stored),
        cmocka_unit_test(test_prefix__ends_with_the_greatest_stamp),
        cmocka_unit_test(test_prefix__a_mark_is_written_when_it_changes),
        cmocka_unit_test(test_prefix__a_joiner_has_none_before_it_is_promoted),
        cmocka_unit_test(test_prefix__a_mark_goes_before_the_next_join_brings_anything),
        cmocka_unit_test(test_prefix__a_mark_outlives_the_process_until_a_map_drops_it),
        cmocka_unit_test(test_prefix__a_down_member_keeps_its_mark),
        cmocka_unit_test(test_prefix__one_that_is_dropped_while_it_is_down_loses_its_mark),
        cmocka_unit_test(test_prefix__a_damaged_mark_tells_none),
        cmocka_unit_test(test_prefix__a_damaged_record_tells_none),
        cmocka_unit_test(test_prefix__bad_questions_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
