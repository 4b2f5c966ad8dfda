// What operation_decode must not take: bytes that no operation_encode would write.
#include "operation_sample.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { BYTES_MAX = 4096 };

// What an encoder without scruples writes: any field can be made wrong.
struct raw {
    uint8_t form;
    uint8_t flags;
    struct dot dot;
    uint64_t counter;
    uint32_t entry_count;
    struct dot entries[2];
    size_t key_bytes;
    bool has_put_fields;
    uint64_t value_bytes; // what the header says
    size_t value_carried;
};

// Zeros for keys and values.
static const uint8_t zeros[BYTES_MAX];

static const struct raw raw_put = {
    .form = OPERATION_PUT,
    .dot = {.origin = 9, .sequence = 5},
    .counter = 1,
    .entry_count = 2,
    .entries = {{3, 1}, {9, 4}},
    .key_bytes = 1,
    .has_put_fields = true,
    .value_bytes = 6,
    .value_carried = 6,
};

static const struct raw raw_delete = {
    .form = OPERATION_DELETE,
    .flags = 1,
    .dot = {.origin = 9, .sequence = 5},
    .counter = 1,
    .key_bytes = 1,
};

static void raw_write(const struct raw *raw, struct buf *out)
{
    struct buf block;
    buf_init(&block, BYTES_MAX);
    buf_append_u8(&block, raw->form);
    buf_append_u8(&block, raw->flags);
    buf_append_u64_be(&block, raw->dot.origin);
    buf_append_varint(&block, raw->dot.sequence);
    buf_append_varint(&block, raw->counter);
    buf_append_varint(&block, raw->entry_count);
    for (uint32_t i = 0; i < raw->entry_count; i++) {
        buf_append_u64_be(&block, raw->entries[i].origin);
        buf_append_varint(&block, raw->entries[i].sequence);
    }
    buf_append_counted(&block, slice_of(zeros, raw->key_bytes));
    if (raw->has_put_fields) {
        buf_append(&block, zeros, SHA256_BYTES);
        buf_append_varint(&block, raw->value_bytes);
        buf_append_varint(&block, 0);
    }
    if ((raw->flags & 2) != 0)
        buf_append(&block, zeros, SIGNING_KEY_BYTES + SIGNATURE_BYTES);
    buf_append(&block, zeros, raw->value_carried);
    buf_append_counted(out, buf_slice(&block));
    assert_false(block.overflown || out->overflown);
    buf_release(&block);
}

static bool raw_is_taken(const struct raw *raw)
{
    struct buf bytes;
    buf_init(&bytes, BYTES_MAX);
    raw_write(raw, &bytes);
    bool taken = sample_is_taken(buf_slice(&bytes));
    buf_release(&bytes);
    return taken;
}

static void test_operation_refusals__what_breaks_an_invariant(void **state)
{
    (void)state;
    const struct raw good[] = {raw_put, raw_delete};
    for (unsigned i = 0; i < 2; i++) {
        struct raw raw = good[i];
        assert_true(raw_is_taken(&raw));
        raw.dot.origin = 0;
        assert_false(raw_is_taken(&raw));
        raw = good[i];
        raw.entry_count = 0;
        assert_true(raw_is_taken(&raw));
        raw.dot.sequence = 0;
        assert_false(raw_is_taken(&raw));
        raw.dot.sequence = UINT64_MAX >> 1;
        assert_true(raw_is_taken(&raw));
        raw.dot.sequence++;
        assert_false(raw_is_taken(&raw));
        raw = good[i];
        raw.counter = 0;
        assert_false(raw_is_taken(&raw));
        raw.counter = OPERATION_COUNTER_MAX;
        assert_true(raw_is_taken(&raw));
        raw.counter++;
        assert_false(raw_is_taken(&raw));
        raw = good[i];
        raw.entry_count = 1;
        raw.entries[0] = raw.dot;
        assert_false(raw_is_taken(&raw));
        raw.entries[0].sequence = UINT64_MAX;
        assert_false(raw_is_taken(&raw));
        raw = good[i];
        raw.key_bytes = 0;
        assert_false(raw_is_taken(&raw));
        raw.key_bytes = KEY_BYTES_MAX;
        assert_true(raw_is_taken(&raw));
        raw.key_bytes++;
        assert_false(raw_is_taken(&raw));
    }
}

static void test_operation_refusals__a_bad_context(void **state)
{
    (void)state;
    struct raw raw = raw_put;
    raw.entries[0].origin = 10;
    assert_false(raw_is_taken(&raw));
    raw.entries[0].origin = 9;
    assert_false(raw_is_taken(&raw));
    raw.entries[0].origin = 0;
    assert_false(raw_is_taken(&raw));
    raw = raw_put;
    raw.entries[0].sequence = 0;
    assert_false(raw_is_taken(&raw));
}

static void test_operation_refusals__a_value_of_another_length(void **state)
{
    (void)state;
    struct raw raw = raw_put;
    raw.value_bytes = 5;
    assert_false(raw_is_taken(&raw));
    raw.value_bytes = 7;
    assert_false(raw_is_taken(&raw));
    raw = raw_put;
    raw.value_bytes = raw.value_carried = 0;
    assert_true(raw_is_taken(&raw));
    raw.form = OPERATION_BARE;
    raw.value_bytes = VALUE_BYTES_MAX;
    assert_true(raw_is_taken(&raw));
    raw.value_carried = 1;
    assert_false(raw_is_taken(&raw));
    raw.value_carried = 0;
    raw.value_bytes = VALUE_BYTES_MAX + 1u;
    assert_false(raw_is_taken(&raw));
    raw.value_bytes = UINT64_C(1) << 32; // 0 in 32 bits
    assert_false(raw_is_taken(&raw));
}

static void test_operation_refusals__forms_that_do_not_suit(void **state)
{
    (void)state;
    for (unsigned form = 0; form < 256; form++) {
        struct raw raw = raw_put;
        raw.form = (uint8_t)form;
        assert_int_equal(raw_is_taken(&raw), form == OPERATION_PUT);
        raw.value_carried = 0;
        assert_int_equal(raw_is_taken(&raw), form == OPERATION_BARE);
        raw = raw_delete;
        raw.form = (uint8_t)form;
        assert_int_equal(raw_is_taken(&raw), form == OPERATION_DELETE);
    }
    struct raw raw = raw_delete;
    raw.value_carried = 1;
    assert_false(raw_is_taken(&raw));
    raw = raw_delete;
    raw.has_put_fields = true;
    assert_false(raw_is_taken(&raw));
    raw = raw_put;
    raw.has_put_fields = false;
    assert_false(raw_is_taken(&raw));
}

static void test_operation_refusals__unknown_flags(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        struct raw raw = raw_put;
        raw.flags = (uint8_t)flags;
        assert_int_equal(raw_is_taken(&raw), flags == 0 || flags == 2);
        raw = raw_delete;
        raw.flags = (uint8_t)flags;
        assert_int_equal(raw_is_taken(&raw), flags == 1 || flags == 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operation_refusals__what_breaks_an_invariant),
        cmocka_unit_test(test_operation_refusals__a_bad_context),
        cmocka_unit_test(test_operation_refusals__a_value_of_another_length),
        cmocka_unit_test(test_operation_refusals__forms_that_do_not_suit),
        cmocka_unit_test(test_operation_refusals__unknown_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
