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
    {.kind = REQUEST_CHANGE,
     .change = {.kind = CHANGE_OPTIMISTIC_CREATE,
                .optimistic = {.name = "annotations",
                               .is_family = true,
                               .secret = UINT64_MAX,
                               .rumor_k = OPTIMISTIC_RUMOR_K_MAX,
                               .rumor_ms = OPTIMISTIC_MS_MIN,
                               .anti_entropy_ms = 1000,
                               .audit_ms = 2000,
                               .retention_ms = OPTIMISTIC_MS_MAX,
                               .stability_ms = 3000}}},
};

enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void encode(struct buf *out, const struct request *request)
{
    buf_init(out, VALUE_BYTES_MAX + 4096);
    request_encode(out, request);
    assert_false(out->overflown);
}

static void expect_same_optimistic(const struct optimistic *a, const struct optimistic *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->is_family, b->is_family);
    assert_int_equal(a->is_signed, b->is_signed);
    assert_true(a->secret == b->secret);
    assert_int_equal(a->rumor_k, b->rumor_k);
    assert_true(a->rumor_ms == b->rumor_ms);
    assert_true(a->anti_entropy_ms == b->anti_entropy_ms);
    assert_true(a->audit_ms == b->audit_ms);
    assert_true(a->retention_ms == b->retention_ms);
    assert_true(a->stability_ms == b->stability_ms);
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
    expect_same_optimistic(&a->change.optimistic, &b->change.optimistic);
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
    request = samples[8];
    request.change.optimistic.name[0] = 'A';
    expect_refused(&request, ERR_INVALID);
    request = samples[8];
    request.change.optimistic.rumor_ms = OPTIMISTIC_MS_MIN - 1;
    expect_refused(&request, ERR_INVALID);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
