// What is answered to a request, and the lists within.
#include "base/check.h"
#include "model/request.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

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

static void fill_versions(struct buf *out)
{
    const struct version_entry first = {{4, 5}, true, 1700000000000, slice_of_text("value")};
    const struct version_entry second = {{1, 2}, false, 0, slice_of_text("")};
    buf_init(out, 1000);
    version_entry_append(out, &first);
    version_entry_append(out, &second);
}

static void test_version_entry__is_taken_one_by_one(void **state)
{
    (void)state;
    struct buf bytes;
    struct version_entry entry;
    fill_versions(&bytes);
    struct cursor in = cursor_of(buf_slice(&bytes));
    assert_true(version_entry_next(&in, &entry));
    assert_int_equal(stamp_compare(entry.stamp, (struct stamp){4, 5}), 0);
    assert_true(entry.is_stable);
    assert_int_equal(entry.expiry_ms, 1700000000000);
    assert_true(slice_equal(entry.value, slice_of_text("value")));
    assert_true(version_entry_next(&in, &entry));
    assert_int_equal(stamp_compare(entry.stamp, (struct stamp){1, 2}), 0);
    assert_false(entry.is_stable);
    assert_int_equal(entry.expiry_ms, 0);
    assert_int_equal(entry.value.length, 0);
    assert_false(version_entry_next(&in, &entry));
    assert_false(in.failed);

    in = cursor_of(slice_of(bytes.bytes, bytes.length - 1));
    assert_true(version_entry_next(&in, &entry));
    assert_false(version_entry_next(&in, &entry));
    assert_true(in.failed);
    buf_release(&bytes);
}

static bool version_is_taken(bool is_stable, struct slice value, uint8_t flag)
{
    struct buf bytes;
    struct version_entry entry = {{4, 5}, is_stable, 0, value};
    buf_init(&bytes, VALUE_BYTES_MAX + 100);
    version_entry_append(&bytes, &entry);
    bytes.bytes[2] = flag; // after a stamp of two small numbers
    struct cursor in = cursor_of(buf_slice(&bytes));
    bool taken = version_entry_next(&in, &entry);
    assert_int_equal(taken, !in.failed);
    buf_release(&bytes);
    return taken;
}

static void test_version_entry__refuses_what_no_node_says(void **state)
{
    (void)state;
    uint8_t *bytes = memory_zeroed(VALUE_BYTES_MAX + 1, 1);
    assert_true(version_is_taken(true, slice_of(bytes, VALUE_BYTES_MAX), 1));
    assert_false(version_is_taken(true, slice_of(bytes, VALUE_BYTES_MAX + 1), 1));
    assert_true(version_is_taken(false, slice_of(bytes, 1), 0));
    assert_false(version_is_taken(false, slice_of(bytes, 1), 2));
    free(bytes);
}

static void test_scan_entry__is_taken_one_by_one(void **state)
{
    (void)state;
    struct buf versions, bytes;
    fill_versions(&versions);
    struct scan_entry entry = {slice_of_text("a"), buf_slice(&versions)};
    buf_init(&bytes, 1000);
    scan_entry_append(&bytes, &entry);
    entry = (struct scan_entry){slice_of_text("b"), slice_of_text("")};
    scan_entry_append(&bytes, &entry);
    struct cursor in = cursor_of(buf_slice(&bytes));
    assert_true(scan_entry_next(&in, &entry));
    assert_true(slice_equal(entry.key, slice_of_text("a")));
    assert_true(slice_equal(entry.versions, buf_slice(&versions)));
    assert_true(scan_entry_next(&in, &entry));
    assert_true(slice_equal(entry.key, slice_of_text("b")));
    assert_int_equal(entry.versions.length, 0);
    assert_false(scan_entry_next(&in, &entry));
    assert_false(in.failed);

    in = cursor_of(slice_of(bytes.bytes, bytes.length - 1));
    assert_true(scan_entry_next(&in, &entry));
    assert_false(scan_entry_next(&in, &entry));
    assert_true(in.failed);

    in = cursor_of(slice_of("\0\0", 2)); // a key that cannot be
    assert_false(scan_entry_next(&in, &entry));
    assert_true(in.failed);
    buf_release(&versions);
    buf_release(&bytes);
}

static void test_reply__comes_back(void **state)
{
    (void)state;
    struct buf entries, versions, bytes;
    struct reply back;
    fill_entries(&entries);
    fill_versions(&versions);
    const struct reply reply = {.error = ERR_MISMATCH,
                                .existed = true,
                                .stamp = {1, 2},
                                .value = slice_of_text("value"),
                                .awaited = UINT64_MAX,
                                .entries = buf_slice(&entries),
                                .cursor = {5, slice_of_text("key")},
                                .is_stable = true,
                                .expiry_ms = 1700000000000,
                                .versions = buf_slice(&versions),
                                .bundle = {300, UINT64_MAX, true}};
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
    assert_true(back.is_stable);
    assert_int_equal(back.expiry_ms, 1700000000000);
    assert_true(slice_equal(back.versions, reply.versions));
    assert_int_equal(back.bundle.operations, 300);
    assert_true(back.bundle.news == UINT64_MAX && back.bundle.closed);
    for (size_t length = 0; length < bytes.length - reply.value.length; length++)
        assert_int_equal(reply_decode(slice_of(bytes.bytes, length), &back), ERR_INVALID);
    buf_release(&entries);
    buf_release(&versions);
    buf_release(&bytes);
}

static struct buf flagged(bool existed, bool is_stable, bool closed)
{
    const struct reply reply = {
        .existed = existed, .is_stable = is_stable, .bundle = {.closed = closed}};
    struct buf bytes;
    buf_init(&bytes, 1000);
    reply_encode(&bytes, &reply);
    return bytes;
}

static void test_reply__takes_flags_of_one_bit_only(void **state)
{
    (void)state;
    for (unsigned flag = 0; flag < 3; flag++) {
        struct buf clear = flagged(false, false, false);
        struct buf set = flagged(flag == 0, flag == 1, flag == 2);
        struct reply back;
        assert_int_equal(set.length, clear.length);
        assert_int_equal(reply_decode(buf_slice(&set), &back), ERR_OK);
        assert_int_equal(back.existed, flag == 0);
        assert_int_equal(back.is_stable, flag == 1);
        assert_int_equal(back.bundle.closed, flag == 2);
        size_t place = 0;
        while (set.bytes[place] == clear.bytes[place])
            place++;
        set.bytes[place] = 2;
        assert_int_equal(reply_decode(buf_slice(&set), &back), ERR_INVALID);
        buf_release(&clear);
        buf_release(&set);
    }
}

static void expect_reply_refused(const struct reply *reply)
{
    struct buf bytes;
    struct reply back;
    buf_init(&bytes, BUNDLE_BYTES_MAX + 4096);
    reply_encode(&bytes, reply);
    assert_false(bytes.overflown);
    assert_int_equal(reply_decode(buf_slice(&bytes), &back), ERR_INVALID);
    buf_release(&bytes);
}

static void test_reply__refuses_what_no_node_says(void **state)
{
    (void)state;
    uint8_t *bytes = memory_zeroed(BUNDLE_BYTES_MAX + 1, 1);
    expect_reply_refused(&(struct reply){.error = ERR_COUNT});
    expect_reply_refused(&(struct reply){.value = slice_of(bytes, BUNDLE_BYTES_MAX + 1)});
    expect_reply_refused(&(struct reply){.cursor = {SLOTS + 1, slice_of(NULL, 0)}});
    expect_reply_refused(&(struct reply){.cursor = {0, slice_of(bytes, KEY_BYTES_MAX + 1)}});
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_entry__is_taken_one_by_one),
        cmocka_unit_test(test_version_entry__is_taken_one_by_one),
        cmocka_unit_test(test_version_entry__refuses_what_no_node_says),
        cmocka_unit_test(test_scan_entry__is_taken_one_by_one),
        cmocka_unit_test(test_reply__comes_back),
        cmocka_unit_test(test_reply__takes_flags_of_one_bit_only),
        cmocka_unit_test(test_reply__refuses_what_no_node_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
