#include "base/check.h"
#include "model/request.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

static const struct request samples[] = {
    {.kind = REQUEST_READ,
     .keyspace = UINT32_MAX,
     .key = {(const uint8_t *)"a\0b", 3},
     .consistency = CONSISTENCY_LOCAL},
    {.kind = REQUEST_PUT,
     .key = {(const uint8_t *)"key", 3},
     .value = {(const uint8_t *)"value", 5},
     .condition = CONDITION_STAMP,
     .expected = {7, 8},
     .operation = {9, 10},
     .first_epoch = UINT64_MAX},
    {.kind = REQUEST_DELETE, .key = {(const uint8_t *)"key", 3}, .condition = CONDITION_PRESENT},
    {.kind = REQUEST_LIST,
     .prefix = {(const uint8_t *)"k", 1},
     .cursor = {SLOTS - 1, {(const uint8_t *)"key", 3}},
     .limit = LIST_LIMIT_MAX},
    {.kind = REQUEST_CHANGE, .change = {.kind = CHANGE_FAIL, .node = 2}},
    {.kind = REQUEST_CHANGE,
     .change = {.kind = CHANGE_KEYSPACE_CREATE,
                .name = "users",
                .strategy = STRATEGY_CONSISTENT,
                .replication_factor = NODES_MAX,
                .min_in_sync = 2}},
    {.kind = REQUEST_CHANGE,
     .change = {.kind = CHANGE_STRATEGY, .keyspace = 70000, .strategy = STRATEGY_CONSISTENT}},
    {.kind = REQUEST_CHANGE, .change = {.kind = CHANGE_REMOVE, .node = NODES_MAX}},
};

enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void encode(struct buf *out, const struct request *request)
{
    buf_init(out, VALUE_BYTES_MAX + 4096);
    request_encode(out, request);
    assert_false(out->overflown);
}

static void expect_same(const struct request *a, const struct request *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->keyspace, b->keyspace);
    assert_true(slice_equal(a->key, b->key));
    assert_true(slice_equal(a->value, b->value));
    assert_int_equal(a->condition, b->condition);
    assert_int_equal(stamp_compare(a->expected, b->expected), 0);
    assert_int_equal(a->consistency, b->consistency);
    assert_int_equal(a->operation.high, b->operation.high);
    assert_int_equal(a->operation.low, b->operation.low);
    assert_true(a->first_epoch == b->first_epoch);
    assert_true(slice_equal(a->prefix, b->prefix));
    assert_int_equal(a->cursor.slot, b->cursor.slot);
    assert_true(slice_equal(a->cursor.key, b->cursor.key));
    assert_int_equal(a->limit, b->limit);
    assert_int_equal(a->change.kind, b->change.kind);
    assert_int_equal(a->change.node, b->change.node);
    assert_int_equal(a->change.keyspace, b->change.keyspace);
    assert_string_equal(a->change.name, b->change.name);
    assert_int_equal(a->change.strategy, b->change.strategy);
    assert_int_equal(a->change.replication_factor, b->change.replication_factor);
    assert_int_equal(a->change.min_in_sync, b->change.min_in_sync);
}

static void test_request__comes_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct buf bytes;
        struct request back;
        assert_int_equal(request_check(&samples[i]), ERR_OK);
        encode(&bytes, &samples[i]);
        assert_int_equal(request_decode(buf_slice(&bytes), &back), ERR_OK);
        expect_same(&samples[i], &back);
        buf_release(&bytes);
    }
}

static void test_request__refuses_cuts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct buf bytes;
        struct request back;
        encode(&bytes, &samples[i]);
        size_t shortest = bytes.length - samples[i].value.length; // a value runs to the end
        for (size_t length = 0; length < shortest; length++)
            assert_int_equal(request_decode(slice_of(bytes.bytes, length), &back), ERR_INVALID);
        buf_release(&bytes);
    }
}

static void expect_refused(const struct request *request, enum err expected)
{
    struct buf bytes;
    struct request back;
    assert_int_equal(request_check(request), expected);
    encode(&bytes, request);
    assert_int_equal(request_decode(buf_slice(&bytes), &back), ERR_INVALID);
    buf_release(&bytes);
}

static void test_request__bounds_keys_and_values(void **state)
{
    (void)state;
    struct request request = samples[1];
    uint8_t *bytes = memory_zeroed(VALUE_BYTES_MAX + 1, 1);
    request.key = slice_of(bytes, 0);
    expect_refused(&request, ERR_INVALID);
    request.key = slice_of(bytes, KEY_BYTES_MAX + 1);
    expect_refused(&request, ERR_INVALID);
    request.key = slice_of(bytes, KEY_BYTES_MAX);
    request.value = slice_of(bytes, VALUE_BYTES_MAX);
    assert_int_equal(request_check(&request), ERR_OK);
    request.value = slice_of(bytes, VALUE_BYTES_MAX + 1);
    expect_refused(&request, ERR_TOO_LARGE);
    free(bytes);
}

static void test_request__bounds_lists(void **state)
{
    (void)state;
    uint8_t bytes[KEY_BYTES_MAX + 1] = {0};
    struct request request = samples[3];
    request.limit = 0;
    expect_refused(&request, ERR_INVALID);
    request.limit = LIST_LIMIT_MAX + 1;
    expect_refused(&request, ERR_INVALID);
    request = samples[3];
    request.prefix = slice_of(bytes, sizeof bytes);
    expect_refused(&request, ERR_INVALID);
    request = samples[3];
    request.cursor.slot = SLOTS;
    expect_refused(&request, ERR_INVALID);
    request = samples[3];
    request.cursor.key = slice_of(bytes, sizeof bytes);
    expect_refused(&request, ERR_INVALID);
}

static void test_request__refuses_unknown_kinds(void **state)
{
    (void)state;
    struct request request = samples[1];
    request.condition = CONDITION_COUNT;
    expect_refused(&request, ERR_INVALID);
    request = samples[1];
    request.consistency = CONSISTENCY_COUNT;
    expect_refused(&request, ERR_INVALID);
    request = samples[1];
    request.kind = REQUEST_KIND_COUNT;
    expect_refused(&request, ERR_INVALID);
    request = samples[4];
    request.change.kind = CHANGE_NONE;
    expect_refused(&request, ERR_INVALID);
    request.change.kind = CHANGE_KIND_COUNT;
    expect_refused(&request, ERR_INVALID);
}

static void test_request__refuses_bad_changes(void **state)
{
    (void)state;
    struct request request = samples[5];
    request.change.name[0] = 'U';
    expect_refused(&request, ERR_INVALID);
    request = samples[5];
    request.change.strategy = STRATEGY_COUNT;
    expect_refused(&request, ERR_INVALID);
    request = samples[5];
    request.change.replication_factor = 0;
    expect_refused(&request, ERR_INVALID);
    request.change.replication_factor = NODES_MAX + 1;
    expect_refused(&request, ERR_INVALID);
    request = samples[5];
    request.change.min_in_sync = 0;
    expect_refused(&request, ERR_INVALID);
    request.change.kind = CHANGE_MIN_IN_SYNC;
    expect_refused(&request, ERR_INVALID);
}

static void fill_entries(struct buf *out)
{
    const struct list_entry first = {slice_of_text("a"), {1, 2}, 3};
    const struct list_entry second = {slice_of_text("b"), {4, 5}, 0};
    buf_init(out, 1000);
    list_entry_append(out, &first);
    list_entry_append(out, &second);
}

static void test_list_entry__is_taken_one_by_one(void **state)
{
    (void)state;
    struct buf bytes;
    struct list_entry entry;
    fill_entries(&bytes);
    struct cursor in = cursor_of(buf_slice(&bytes));
    assert_true(list_entry_next(&in, &entry));
    assert_true(slice_equal(entry.key, slice_of_text("a")));
    assert_int_equal(entry.stamp.counter, 1);
    assert_int_equal(entry.value_bytes, 3);
    assert_true(list_entry_next(&in, &entry));
    assert_true(slice_equal(entry.key, slice_of_text("b")));
    assert_false(list_entry_next(&in, &entry));
    assert_false(in.failed);

    in = cursor_of(slice_of(bytes.bytes, bytes.length - 1));
    assert_true(list_entry_next(&in, &entry));
    assert_false(list_entry_next(&in, &entry));
    assert_true(in.failed);

    in = cursor_of(slice_of("\0\1\1\1", 4)); // a key that cannot be
    assert_false(list_entry_next(&in, &entry));
    assert_true(in.failed);
    buf_release(&bytes);
}

static void test_reply__comes_back(void **state)
{
    (void)state;
    struct buf entries, bytes;
    struct reply back;
    fill_entries(&entries);
    const struct reply reply = {.error = ERR_MISMATCH,
                                .existed = true,
                                .stamp = {1, 2},
                                .value = slice_of_text("value"),
                                .awaited = UINT64_MAX,
                                .entries = buf_slice(&entries),
                                .cursor = {5, slice_of_text("key")}};
    buf_init(&bytes, 1000);
    reply_encode(&bytes, &reply);
    assert_int_equal(reply_decode(buf_slice(&bytes), &back), ERR_OK);
    assert_int_equal(back.error, ERR_MISMATCH);
    assert_true(back.existed);
    assert_int_equal(stamp_compare(back.stamp, reply.stamp), 0);
    assert_true(slice_equal(back.value, reply.value));
    assert_int_equal(back.awaited, UINT64_MAX);
    assert_true(slice_equal(back.entries, reply.entries));
    assert_int_equal(back.cursor.slot, 5);
    assert_true(slice_equal(back.cursor.key, slice_of_text("key")));
    for (size_t length = 0; length < bytes.length - reply.value.length; length++)
        assert_int_equal(reply_decode(slice_of(bytes.bytes, length), &back), ERR_INVALID);
    buf_release(&entries);
    buf_release(&bytes);
}

static void expect_reply_refused(const struct reply *reply)
{
    struct buf bytes;
    struct reply back;
    buf_init(&bytes, VALUE_BYTES_MAX + 4096);
    reply_encode(&bytes, reply);
    assert_false(bytes.overflown);
    assert_int_equal(reply_decode(buf_slice(&bytes), &back), ERR_INVALID);
    buf_release(&bytes);
}

static void test_reply__refuses_what_no_node_says(void **state)
{
    (void)state;
    uint8_t *bytes = memory_zeroed(VALUE_BYTES_MAX + 1, 1);
    expect_reply_refused(&(struct reply){.error = ERR_COUNT});
    expect_reply_refused(&(struct reply){.value = slice_of(bytes, VALUE_BYTES_MAX + 1)});
    expect_reply_refused(&(struct reply){.cursor = {SLOTS + 1, slice_of(NULL, 0)}});
    expect_reply_refused(&(struct reply){.cursor = {0, slice_of(bytes, KEY_BYTES_MAX + 1)}});
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request__comes_back),
        cmocka_unit_test(test_request__refuses_cuts),
        cmocka_unit_test(test_request__bounds_keys_and_values),
        cmocka_unit_test(test_request__bounds_lists),
        cmocka_unit_test(test_request__refuses_unknown_kinds),
        cmocka_unit_test(test_request__refuses_bad_changes),
        cmocka_unit_test(test_list_entry__is_taken_one_by_one),
        cmocka_unit_test(test_reply__comes_back),
        cmocka_unit_test(test_reply__refuses_what_no_node_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
