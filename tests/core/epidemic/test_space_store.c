// The layout in the store: what is written is read, in the order that ranges rest on; what was not
// written is no key and no value.

#include "core/epidemic/space_store.h"
#include "operation_sample.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define SPACE UINT64_C(0x0102030405060708)

static void test_space_store__orders_operations_by_origin_and_number(void **state)
{
    (void)state;
    static const struct dot dots[] = {{1, 1}, {1, 2}, {1, 255}, {1, 256}, {2, 1}, {1u << 31, 1}};
    struct space_key before = {.length = 0};
    for (unsigned i = 0; i < sizeof dots / sizeof dots[0]; i++)
        for (uint64_t head = 0; head < 2; head++) {
            struct space_key key;
            struct dot dot;
            uint64_t read;
            space_key_operation(&key, SPACE, dots[i], head);
            assert_true(slice_compare(space_key_slice(&before), space_key_slice(&key)) < 0);
            assert_true(space_key_read_operation(space_key_slice(&key), &dot, &read));
            assert_true(dot_equal(dot, dots[i]) && read == head);
            before = key;
        }
}

static void test_space_store__keeps_the_keys_of_a_slot_together(void **state)
{
    (void)state;
    struct space_key first;
    struct space_key key;
    struct space_key after;
    struct space_key end;
    uint16_t slot;
    struct slice read;
    uint8_t longest[KEY_BYTES_MAX];
    memset(longest, 0xff, sizeof longest);
    space_key_versions(&first, SPACE, 258, slice_of(NULL, 0));
    space_key_versions(&key, SPACE, 258, slice_of(longest, sizeof longest));
    space_key_versions(&end, SPACE, 259, slice_of(NULL, 0));
    after = key;
    space_key_step(&after);
    assert_true(slice_compare(space_key_slice(&first), space_key_slice(&key)) < 0);
    assert_true(slice_compare(space_key_slice(&key), space_key_slice(&after)) < 0);
    assert_true(slice_compare(space_key_slice(&after), space_key_slice(&end)) < 0);
    assert_true(space_key_read_versions(space_key_slice(&key), &slot, &read));
    assert_true(slot == 258 && slice_equal(read, slice_of(longest, sizeof longest)));
    assert_false(space_key_read_versions(space_key_slice(&first), &slot, &read));
    space_key_versions(&end, SPACE, SLOTS, slice_of_text("k"));
    assert_false(space_key_read_versions(space_key_slice(&end), &slot, &read));
}

static void test_space_store__has_a_range_for_each_space(void **state)
{
    (void)state;
    struct space_key first;
    struct space_key end;
    struct space_key key;
    space_key_range(&first, &end, SPACE);
    space_key_versions(&key, SPACE, SLOTS - 1, slice_of_text("\xff\xff\xff"));
    assert_true(slice_compare(space_key_slice(&first), space_key_slice(&key)) < 0);
    assert_true(slice_compare(space_key_slice(&key), space_key_slice(&end)) < 0);
    space_key_record(&key, SPACE + 1, RECORD_STATE, 0, 0);
    assert_true(slice_compare(space_key_slice(&key), space_key_slice(&end)) > 0);
    space_key_range(&first, &end, UINT64_MAX);
    assert_int_equal(end.length, 0);
}

static void test_space_store__names_records_by_kind(void **state)
{
    (void)state;
    static const enum record_kind kinds[] = {RECORD_STRAYS,  RECORD_STATE, RECORD_DIGEST,
                                             RECORD_HORIZON, RECORD_KNOWN, RECORD_STABLE};
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct space_key key;
        enum record_kind kind;
        uint64_t origin;
        uint16_t slot;
        space_key_record(&key, SPACE, kinds[i], 77, 99);
        assert_true(space_key_read_record(space_key_slice(&key), &kind, &origin, &slot));
        assert_int_equal(kind, kinds[i]);
        assert_int_equal(slot, kind == RECORD_DIGEST ? 99 : 0);
        assert_int_equal(origin, kind == RECORD_DIGEST || kind == RECORD_STATE ? 0 : 77);
        for (size_t length = 0; length < key.length; length++)
            assert_false(space_key_read_record(slice_of(key.bytes, length), &kind, &origin, &slot));
        space_key_step(&key);
        assert_false(space_key_read_record(space_key_slice(&key), &kind, &origin, &slot));
    }
}

static enum version_state state_of(enum sample sample)
{
    return sample_form(sample) == OPERATION_DELETE ? VERSION_CERTIFICATE : VERSION_LIVE;
}

static void test_space_store__reads_the_operations_that_it_wrote(void **state)
{
    (void)state;
    struct buf bytes;
    struct stored stored;
    buf_init(&bytes, 1 + OPERATION_BYTES_MAX);
    for (unsigned sample = 0; sample < SAMPLE_COUNT; sample++) {
        struct operation operation = sample_of((enum sample)sample);
        struct sha256 id = operation_id_of(&operation);
        for (unsigned i = 0; i < VERSION_STATE_COUNT; i++) {
            enum version_state as = (enum version_state)i;
            if (operation.dead != (as == VERSION_CERTIFICATE))
                continue;
            buf_clear(&bytes);
            stored_encode(&bytes, &operation, as);
            assert_int_equal(stored_decode(buf_slice(&bytes), SAMPLE_SPACE, &stored), ERR_OK);
            struct sha256 read = operation_id_of(&stored.operation);
            assert_int_equal(sha256_compare(&id, &read), 0);
            assert_int_equal(stored.state, as);
            assert_true(slice_equal(stored.operation.value,
                                    state_has_value(as) ? operation.value : slice_of(NULL, 0)));
            for (size_t length = 0; length < bytes.length; length++)
                assert_int_equal(
                    stored_decode(slice_of(bytes.bytes, length), SAMPLE_SPACE, &stored),
                    ERR_CORRUPT);
            bytes.bytes[0] = VERSION_STATE_COUNT;
            assert_int_equal(stored_decode(buf_slice(&bytes), SAMPLE_SPACE, &stored), ERR_CORRUPT);
        }
        // A state that does not go with what is there.
        buf_clear(&bytes);
        stored_encode(&bytes, &operation, state_of((enum sample)sample));
        bytes.bytes[0] = VERSION_BARE;
        assert_int_equal(stored_decode(buf_slice(&bytes), SAMPLE_SPACE, &stored), ERR_CORRUPT);
    }
    buf_release(&bytes);
}

static void test_space_store__reads_the_entries_that_it_wrote(void **state)
{
    (void)state;
    static const struct space_entry entries[] = {
        {VERSION_LIVE, true, {1, 1}, 0},
        {VERSION_KEPT, false, {UINT64_MAX, KNOWLEDGE_SEQUENCE_MAX}, UINT64_MAX},
        {VERSION_BARE, true, {7, 300}, 5},
    };
    enum { COUNT = sizeof entries / sizeof entries[0] };
    struct space_entry read;
    struct buf bytes;
    size_t ends[COUNT];
    buf_init(&bytes, 4096);
    for (unsigned i = 0; i < COUNT; i++) {
        space_entry_append(&bytes, &entries[i]);
        ends[i] = bytes.length;
    }
    struct cursor in = cursor_of(buf_slice(&bytes));
    for (unsigned i = 0; i < COUNT; i++) {
        assert_true(space_entry_next(&in, &read));
        assert_true(read.state == entries[i].state && read.id_head == entries[i].id_head);
        assert_true(dot_equal(read.dot, entries[i].dot) && read.expires == entries[i].expires);
    }
    assert_false(space_entry_next(&in, &read));
    assert_false(in.failed);
    for (size_t length = 1; length < bytes.length; length++) {
        in = cursor_of(slice_of(bytes.bytes, length));
        while (space_entry_next(&in, &read))
            ;
        assert_int_equal(in.failed, length != ends[0] && length != ends[1]);
    }
    static const uint8_t no_number[18] = {VERSION_LIVE, 0, 0, 0, 0, 0, 0, 0, 1, 0};
    in = cursor_of(slice_of(no_number, sizeof no_number));
    assert_true(!space_entry_next(&in, &read) && in.failed);
    // A delete does not expire.
    buf_clear(&bytes);
    space_entry_append(&bytes, &(struct space_entry){VERSION_CERTIFICATE, true, {1, 1}, 0});
    in = cursor_of(buf_slice(&bytes));
    assert_true(!space_entry_next(&in, &read) && in.failed);
    buf_release(&bytes);
}

static void test_space_store__reads_the_state_that_it_wrote(void **state)
{
    (void)state;
    struct space_state written = {.clock = OPERATION_COUNTER_MAX,
                                  .origin = 3,
                                  .next = KNOWLEDGE_SEQUENCE_MAX + 1,
                                  .certificates = 5,
                                  .covered = 300,
                                  .damaged = true};
    struct space_state read;
    struct buf bytes;
    buf_init(&bytes, 4096);
    for (unsigned i = 0; i < 2; i++) {
        buf_clear(&bytes);
        space_state_encode(&bytes, &written);
        assert_int_equal(space_state_decode(buf_slice(&bytes), &read), ERR_OK);
        assert_true(read.clock == written.clock && read.origin == written.origin);
        assert_true(read.next == written.next && read.certificates == written.certificates);
        assert_true(read.covered == written.covered && read.damaged == written.damaged);
        assert_true(read.forgetting == written.forgetting);
        for (size_t length = 0; length < bytes.length; length++)
            assert_int_equal(space_state_decode(slice_of(bytes.bytes, length), &read), ERR_CORRUPT);
        written = (struct space_state){.forgetting = true};
    }
    struct space_state bad = {.clock = OPERATION_COUNTER_MAX + 1};
    buf_clear(&bytes);
    space_state_encode(&bytes, &bad);
    assert_int_equal(space_state_decode(buf_slice(&bytes), &read), ERR_CORRUPT);
    bad = (struct space_state){.origin = 1};
    buf_clear(&bytes);
    space_state_encode(&bytes, &bad);
    assert_int_equal(space_state_decode(buf_slice(&bytes), &read), ERR_CORRUPT);
    bytes.bytes[0]++;
    assert_int_equal(space_state_decode(buf_slice(&bytes), &read), ERR_VERSION);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space_store__orders_operations_by_origin_and_number),
        cmocka_unit_test(test_space_store__keeps_the_keys_of_a_slot_together),
        cmocka_unit_test(test_space_store__has_a_range_for_each_space),
        cmocka_unit_test(test_space_store__names_records_by_kind),
        cmocka_unit_test(test_space_store__reads_the_operations_that_it_wrote),
        cmocka_unit_test(test_space_store__reads_the_entries_that_it_wrote),
        cmocka_unit_test(test_space_store__reads_the_state_that_it_wrote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
